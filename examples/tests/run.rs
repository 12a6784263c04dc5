//! The examples check their own claims; here they run, printing into memory.

use clap::Parser;

#[path = "../compress.rs"]
#[expect(dead_code, reason = "its `main` is not ours")]
mod compress;
#[path = "../hybrid.rs"]
#[expect(dead_code, reason = "its `main` is not ours")]
mod hybrid;
#[path = "../movielens.rs"]
#[expect(dead_code, reason = "its `main` is not ours")]
mod movielens;
#[path = "../own_parts.rs"]
#[expect(dead_code, reason = "its `main` is not ours")]
mod own_parts;
#[path = "../paper.rs"]
#[expect(dead_code, reason = "its `main` is not ours")]
mod paper;
#[path = "../pipeline.rs"]
#[expect(dead_code, reason = "its `main` is not ours")]
mod pipeline;
#[path = "../recommend.rs"]
#[expect(dead_code, reason = "its `main` is not ours")]
mod recommend;
#[path = "../update.rs"]
#[expect(dead_code, reason = "its `main` is not ours")]
mod update;

#[test]
fn paper_holds() {
    let mut out = Vec::new();
    paper::paper(&mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains("0.26     0.37") && text.contains("0.35     0.46"), "{text}");
}

#[test]
fn recommend_holds() {
    let mut out = Vec::new();
    recommend::recommend(&recommend::Args::parse_from(["recommend"]), &mut out).unwrap();
    assert!(String::from_utf8(out).unwrap().contains("Finn, who is new"));
}

#[test]
fn pipeline_holds() {
    let mut out = Vec::new();
    pipeline::pipeline(&pipeline::Args::parse_from(["pipeline"]), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains("pipeline.json") && text.contains("do not belong together"), "{text}");
}

#[test]
fn own_parts_hold() {
    let mut out = Vec::new();
    own_parts::own_parts(&own_parts::Args::parse_from(["own_parts"]), &mut out).unwrap();
    assert!(String::from_utf8(out).unwrap().contains("20 is nearest to 30"));
}

#[test]
fn movielens_tells_how_to_get_its_data() {
    let args = movielens::Args::parse_from(["movielens", "--data", "no/such/folder"]);
    let error = movielens::movielens(&args, &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("scripts/fetch ml-100k"), "{error}");
}

#[test]
fn hybrid_tells_how_to_get_its_data() {
    let args = hybrid::Args::parse_from(["hybrid", "--data", "no/such/folder"]);
    let error = hybrid::hybrid(&args, &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("scripts/fetch ml-100k"), "{error}");
}

#[test]
fn update_tells_how_to_get_its_data() {
    let args = update::Args::parse_from(["update", "--data", "no/such/folder"]);
    let error = update::update(&args, &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("scripts/fetch ml-100k"), "{error}");
}

#[test]
fn compress_tells_how_to_get_its_data() {
    let args = compress::Args::parse_from(["compress", "no/model", "out", "--data", "no/such/folder"]);
    let error = compress::compress(&args, rec_examples::cost::measure, &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("scripts/fetch ml-100k"), "{error}");
}

#[test]
fn compress_reports_on_what_it_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let mut films = "item_id:token\tmovie_title:token_seq\tclass:token_seq\n".to_owned();
    for i in 0..12 {
        let (title, class) = [("desert planet", "Drama"), ("garden party", "Comedy Romance")][i % 2];
        films.push_str(&format!("{i}\t{title} {i}\t{class}\n"));
    }
    std::fs::write(folder.path().join("ml-100k.item"), films).unwrap();
    let (model, out) = (rec_testkit::fixture_path("bert/tiny"), folder.path().join("out"));
    let item = folder.path().join("ml-100k.item");
    let args = ["compress".as_ref(), model.as_os_str(), out.as_os_str()];
    let options = ["--format", "f16", "--keep-layers", "0", "--heads", "1", "--magnitude", "0.1", "--data"];
    let args = args.into_iter().chain(options.map(AsRef::as_ref)).chain([
        folder.path().as_os_str(),
        "--vocabulary".as_ref(),
        item.as_os_str(),
    ]);
    let args = compress::Args::parse_from(args);
    let mut text = Vec::new();
    compress::compress(&args, rec_examples::cost::measure, &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    for row in ["bytes on disk", "time to load", "rank correlation", "nDCG@10"] {
        assert!(text.contains(row), "{text}");
    }
    assert!(compress::compress(&args, rec_examples::cost::measure, &mut Vec::new()).is_err(), "OUT is there");
}
