//! The files of MovieLens in their published formats, with invented contents.
#![allow(clippy::unwrap_used, reason = "helpers of tests, where a panic is a failure")]

use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use rec_data::movielens::{
    Release, read_dir, read_links_from, read_movies_from, read_ratings_from, read_tags_from, read_users_from,
};
use rec_data::{Catalogue, Error, Value};

/// A film and one of which nothing is known, as `u.item` has them, in ISO 8859-1.
const U_ITEM: &[u8] =
    b"1|L\xe9on (1994)|01-Jan-1994||http://example.org/?L%E9on|0|1|0|0|0|0|1|0|1|0|0|0|0|0|0|0|0|0|0\n\
    2|unknown||||1|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0\n\n";

fn write(folder: &Path, files: &[(&str, &[u8])]) {
    for (name, bytes) in files {
        std::fs::write(folder.join(name), bytes).unwrap();
    }
}

fn show(items: &Catalogue, id: &str) -> Vec<String> {
    items.get(id).unwrap().fields().map(|(name, value)| format!("{name}={value}")).collect()
}

#[test]
fn a_folder_of_100k_is_read_whole() {
    let folder = tempfile::tempdir().unwrap();
    let u_data = b"7\t1\t5\t881250949\n8\t2\t3\t881250950\n7\t2\t4\t881250000\n";
    let u_user = b"7|24|M|technician|85711\n8|53|F|other|T8H1N\n";
    write(folder.path(), &[("u.data", u_data), ("u.item", U_ITEM), ("u.user", u_user)]);
    let set = read_dir(folder.path()).unwrap();
    assert_eq!(set.release, Release::Ml100k);
    assert_eq!(
        show(&set.movies, "1"),
        [
            "title=Léon (1994)",
            "year=1994",
            "genres=Action, Crime, Drama",
            "release_date=01-Jan-1994",
            "imdb_url=http://example.org/?L%E9on"
        ]
    );
    assert_eq!(show(&set.movies, "2"), ["title=unknown"]);
    let users = set.users.unwrap();
    assert_eq!(show(&users, "8"), ["age=53", "gender=F", "occupation=other", "zip_code=T8H1N"]);
    let history = set.ratings.get("7").unwrap();
    assert!(history.items().eq(["2", "1"]));
    assert_eq!(history.now(), 881_250_949.0);
    assert!(set.tags.is_empty());
}

#[test]
fn a_folder_of_1m_is_read_whole() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        &[
            ("ratings.dat", b"1::2::5::978300760\n2::3::3::978302109\n"),
            ("movies.dat", b"2::Am\xe9lie: A Tale (2001)::Comedy|Romance\n3::Heat (1995)::Crime\n"),
            ("users.dat", b"1::F::1::10::48067\n2::M::56::16::70072-1234\n"),
        ],
    );
    let set = read_dir(folder.path()).unwrap();
    assert_eq!(set.release, Release::Ml1m);
    assert_eq!(
        show(&set.movies, "2"),
        ["title=Amélie: A Tale (2001)", "year=2001", "genres=Comedy, Romance"]
    );
    assert_eq!(
        show(&set.users.unwrap(), "2"),
        ["gender=M", "age=56", "occupation=16", "zip_code=70072-1234"]
    );
    assert_eq!(set.ratings.n_interactions(), 2);
}

#[test]
fn a_folder_of_10m_is_read_whole() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        &[
            ("ratings.dat", b"1::2::4.5::978300760\n"),
            ("movies.dat", "2::Amélie (2001)::Comedy|Romance\n".as_bytes()),
            ("tags.dat", b"1::2::whimsical::1215184630\n"),
        ],
    );
    let set = read_dir(folder.path()).unwrap();
    assert_eq!((set.release, set.users), (Release::Ml10m, None));
    assert_eq!(show(&set.movies, "2")[0], "title=Amélie (2001)");
    assert_eq!((&*set.tags[0].text, set.tags[0].time), ("whimsical", 1_215_184_630.0));
}

#[test]
fn a_folder_of_a_later_release_is_read_whole_even_if_compressed() {
    let gz = |text: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        &[
            ("ratings.csv.gz", &gz(b"userId,movieId,rating,timestamp\r\n1,3,4.0,964982703\r\n")),
            (
                "movies.csv",
                b"movieId,title,genres\r\n3,\"Heat, The \"\"Film\"\" (1995)\",Crime|IMAX\r\n4,X,(no genres listed)\r\n",
            ),
            ("links.csv", b"movieId,imdbId,tmdbId\r\n3,0113277,949\r\n4,0000001,\r\n"),
            ("tags.csv", b"userId,movieId,tag,timestamp\r\n1,3,\"slow, long\",1445714994\r\n"),
        ],
    );
    let set = read_dir(folder.path()).unwrap();
    assert_eq!(set.release, Release::Csv);
    assert_eq!(
        show(&set.movies, "3"),
        [
            "title=Heat, The \"Film\" (1995)",
            "year=1995",
            "genres=Crime, IMAX",
            "imdb_id=0113277",
            "tmdb_id=949"
        ]
    );
    assert_eq!(show(&set.movies, "4"), ["title=X", "imdb_id=0000001"]);
    assert_eq!(set.ratings.get("1").unwrap().now(), 964_982_703.0);
    assert_eq!(
        (&set.tags[0].user, &set.tags[0].item, &*set.tags[0].text),
        (&"1".into(), &"3".into(), "slow, long")
    );
}

#[test]
fn folders_without_a_data_set_or_without_its_movies_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let shown = folder.path().display();
    assert_eq!(
        read_dir(folder.path()).unwrap_err().to_string(),
        format!("{shown}: no data set here, which would have u.data, ratings.dat or ratings.csv")
    );
    write(folder.path(), &[("u.data", b"7\t1\t5\t881250949\n")]);
    let error = read_dir(folder.path()).unwrap_err();
    assert!(error.is_io());
    assert!(error.to_string().ends_with("u.item: cannot open the file"), "{error}");
}

#[test]
fn malformed_lines_name_file_line_and_field() {
    let flags = "|0".repeat(18);
    let items = |text: &str| read_movies_from(text.as_bytes(), "f", Release::Ml100k).map(drop);
    let movies = |text: &str| read_movies_from(text.as_bytes(), "f", Release::Ml1m).map(drop);
    let listed = |text: &str| read_movies_from(text.as_bytes(), "f", Release::Csv).map(drop);
    let ratings = |text: &str| read_ratings_from(text.as_bytes(), "f", Release::Ml100k).map(drop);
    let users = |text: &str| read_users_from(text.as_bytes(), "f", Release::Ml100k).map(drop);
    let tags = |text: &str| read_tags_from(text.as_bytes(), "f", Release::Ml10m).map(drop);
    let links = |text: &str| read_links_from(text.as_bytes(), "f").map(drop);
    let cases: [(Result<(), Error>, &str); 17] = [
        (items(&format!("1|a|||{flags}")), "f:1: 23 fields, expected 24"),
        (items(&format!("1|a||||2{flags}")), "f:1: field `unknown`: `2` is neither 0 nor 1"),
        (items(&format!("|a||||0{flags}")), "f:1: field `movie_id`: the value is missing"),
        (
            items(&format!("1|a||||0{flags}\n1|b||||0{flags}\n")),
            "f:2: field `movie_id`: duplicate id `1`, first on line 1",
        ),
        (movies("1::Heat (1995)\n"), "f:1: 2 fields, expected 3"),
        (movies("1::a::b\n\n1::a::b"), "f:3: field `movie_id`: duplicate id `1`, first on line 1"),
        (listed("id,title,genres\n"), "f:1: field `movieId`: no such column"),
        (listed("movieId,title,genres\n,x,y\n"), "f:2: field `movieId`: the value is missing"),
        (ratings("1\t2\t3\n"), "f:1: 3 fields, expected 4"),
        (ratings("1\t2\t3\t4\n1\t2\tNaN\t4\n"), "f:2: field `rating`: `NaN` is not a finite number"),
        (ratings("1\t2\t3\t4x\n"), "f:1: field `timestamp`: `4x` is not a finite number"),
        (ratings("\t2\t3\t4\n"), "f:1: field `user_id`: the value is missing"),
        (users("1|old|M|x|y\n"), "f:1: field `age`: `old` is not a finite number"),
        (users("1|2|M|x\n"), "f:1: 4 fields, expected 5"),
        (tags("1::2::a\n"), "f:1: 3 fields, expected 4"),
        (tags("1::2::a::\n"), "f:1: field `timestamp`: the value is missing"),
        (links("movieId,imdbId\n"), "f:1: field `tmdbId`: no such column"),
    ];
    for (result, message) in cases {
        let error = result.unwrap_err();
        assert!(error.is_malformed());
        assert_eq!(error.to_string(), message);
    }
    let error = read_movies_from(&b"1::\xe9::x\n"[..], "f", Release::Ml10m).unwrap_err();
    assert_eq!(error.to_string(), "f:1: field number 2: invalid UTF-8");
}

#[test]
#[should_panic(expected = "Csv has no file of users")]
fn users_of_a_release_without_them_panic() {
    let _ = read_users_from(&b""[..], "f", Release::Csv);
}

#[test]
fn empty_files_are_empty() {
    assert!(read_ratings_from(&b""[..], "f", Release::Ml1m).unwrap().is_empty());
    let movies = read_movies_from(&b""[..], "f", Release::Ml100k).unwrap();
    assert_eq!((movies.len(), movies.columns().len()), (0, 6));
    assert!(read_tags_from(&b""[..], "f", Release::Ml10m).unwrap().is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_give_a_table_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let pieces = [&bytes[..], b"::", U_ITEM].concat();
        for bytes in [&bytes[..], &pieces] {
            for release in [Release::Ml100k, Release::Ml1m, Release::Ml10m, Release::Csv] {
                for result in [
                    read_movies_from(bytes, "f", release).map(drop),
                    read_ratings_from(bytes, "f", release).map(drop),
                ] {
                    if let Err(error) = result {
                        prop_assert!(error.is_malformed());
                        prop_assert!(error.to_string().starts_with("f:"));
                    }
                }
            }
        }
    }

    #[test]
    fn every_byte_of_latin_1_is_the_character_of_its_number(bytes in prop::collection::vec(any::<u8>(), 1..40)) {
        let title: Vec<u8> = bytes.into_iter().filter(|byte| !matches!(byte, b'\n' | b'\r' | b':')).collect();
        let file = [b"1::", &*title, b"::Drama\n"].concat();
        let movies = read_movies_from(&*file, "f", Release::Ml1m).unwrap();
        let expected: String = title.iter().map(|byte| char::from(*byte)).collect();
        let found = movies.item(0).get("title");
        prop_assert_eq!(found, Some(Value::Token(&expected)).filter(|_| !expected.is_empty()));
    }
}
