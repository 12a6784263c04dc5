//! The tagger: what it learns, what it refuses, and the weights that come with the crate rec-tagger-en.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use rec_text::{PerceptronTagger, Tag, Tagger, TrainingOptions, read_tagged};

type Sentence = Vec<(String, Tag)>;

/// Sentences of a small language, in which words and endings give most tags away and the context the rest: "b" is a noun
/// after "the" and a verb after a noun. `stem` keeps the words of different texts apart.
fn language(stem: &str, n: usize) -> Vec<Sentence> {
    let sentence = |i: usize| {
        let subject = format!("{stem}{i}er");
        let adverb = format!("{stem}{i}ly");
        let words: Vec<(&str, Tag)> = match i % 3 {
            0 => vec![
                ("the", Tag::Determiner),
                ("b", Tag::Noun),
                ("b", Tag::Verb),
                (&adverb, Tag::Adverb),
                (".", Tag::Punctuation),
            ],
            1 => vec![
                ("the", Tag::Determiner),
                (&subject, Tag::Noun),
                ("b", Tag::Verb),
                (".", Tag::Punctuation),
            ],
            _ => vec![("2", Tag::Numeral), (&subject, Tag::Noun), (&adverb, Tag::Adverb), ("b", Tag::Verb)],
        };
        words.into_iter().map(|(word, tag)| (word.to_owned(), tag)).collect()
    };
    (0..n).map(sentence).collect()
}

fn train(options: &TrainingOptions) -> PerceptronTagger {
    PerceptronTagger::train(options, language("x", 60), |_| {})
}

fn small() -> PerceptronTagger {
    train(&TrainingOptions::default())
}

fn n_wrong(tagger: &PerceptronTagger, sentences: &[Sentence]) -> usize {
    let wrong = |sentence: &Sentence| {
        let words: Vec<&str> = sentence.iter().map(|(word, _)| word.as_str()).collect();
        tagger.tag(&words).iter().zip(sentence).filter(|(tag, (_, right))| *tag != right).count()
    };
    sentences.iter().map(wrong).sum()
}

#[test]
fn learns_context_and_endings() {
    assert_eq!(n_wrong(&small(), &language("y", 30)), 0);
}

#[test]
fn learns_any_case_from_one() {
    let mut capitals = language("y", 30);
    for (word, _) in capitals.iter_mut().flatten() {
        *word = word.replacen('b', "B", 1).replacen("the", "The", 1);
    }
    assert_eq!(n_wrong(&small(), &capitals), 0);
}

#[test]
fn training_is_the_same_bytes_for_a_seed() {
    let bytes = |seed| train(&TrainingOptions { seed, ..TrainingOptions::default() }).to_bytes();
    assert_eq!(bytes(1), bytes(1));
    assert_ne!(bytes(1), bytes(2));
}

#[test]
fn progress_counts_every_epoch() {
    let mut seen = Vec::new();
    let options = TrainingOptions {
        epochs: 3,
        shuffles: 2,
        dropout: 0.0,
        recased: false,
        ..TrainingOptions::default()
    };
    let sentences = language("x", 30);
    let n_words: usize = sentences.iter().map(Vec::len).sum();
    let _ = PerceptronTagger::train(&options, sentences, |progress| seen.push(*progress));
    let steps: Vec<_> = seen.iter().map(|progress| (progress.shuffle, progress.epoch)).collect();
    assert_eq!(steps, [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]);
    assert!(seen.iter().all(|progress| progress.n_words == n_words && progress.n_right <= n_words));
    assert!(seen[2].n_right > seen[0].n_right);
}

#[test]
fn any_options_give_a_tagger() {
    let default = TrainingOptions::default();
    for options in [
        TrainingOptions { epochs: 0, ..default.clone() },
        TrainingOptions { shuffles: 0, ..default.clone() },
        TrainingOptions { min_weight: f64::INFINITY, ..default.clone() },
        TrainingOptions { min_weight: f64::NAN, ..default.clone() },
        TrainingOptions { dropout: f64::NAN, ..default.clone() },
        TrainingOptions { dropout: -1.0, ..default.clone() },
        TrainingOptions { dropout: 2.0, ..default.clone() },
        TrainingOptions { min_count: usize::MAX, min_word_count: usize::MAX, ..default.clone() },
        TrainingOptions { min_count: 0, min_word_count: 0, ..default.clone() },
    ] {
        let tagger = train(&options);
        assert_eq!(tagger.tag(&["the", "b"]).len(), 2, "{options:?}");
        let again = PerceptronTagger::from_bytes(&tagger.to_bytes()).unwrap();
        assert_eq!(again.to_bytes(), tagger.to_bytes());
    }
    let nothing = PerceptronTagger::train(&default, [vec![], vec![]], |_| {});
    assert_eq!((nothing.n_features(), nothing.tag(&["b"])), (0, vec![Tag::Adjective]));
    assert_eq!(nothing.tag(&[]), []);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn as_many_tags_as_words(words in prop::collection::vec("\\PC{0,8}|the|b|[0-9’'-]{1,3}", 0..12)) {
        let tagger = small();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let tags = tagger.tag(&words);
        prop_assert_eq!(tags.len(), words.len());
        prop_assert_eq!(tagger.tag(&words), tags);
    }

    #[test]
    fn bytes_are_no_tagger(bytes in prop::collection::vec(any::<u8>(), 0..200), magic in any::<bool>()) {
        let bytes = if magic { [b"RECTAG01".as_slice(), &bytes].concat() } else { bytes };
        prop_assert!(PerceptronTagger::from_bytes(&bytes).is_err());
    }

    #[test]
    fn words_after_the_next_two_change_nothing(rest in prop::collection::vec("[a-z]{1,4}", 0..5)) {
        let tagger = small();
        let first = |rest: &[String]| -> Vec<Tag> {
            let mut words = vec!["the", "b", "b", "x", "y"];
            words.extend(rest.iter().map(String::as_str));
            tagger.tag(&words)[..3].to_vec()
        };
        prop_assert_eq!(first(&rest), first(&[]));
    }
}

#[test]
fn time_is_linear() {
    let tagger = small();
    let began = Instant::now();
    let long_word = "ab-".repeat(1_000_000);
    assert_eq!(tagger.tag(&[&long_word]).len(), 1);
    assert_eq!(tagger.tag(&vec!["the"; 100_000]).len(), 100_000);
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[test]
fn saves_the_whole_file_or_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small.tagger");
    fs::write(&path, "older").unwrap();
    let tagger = small();
    tagger.save(&path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), tagger.to_bytes());
    assert_eq!(PerceptronTagger::from_file(&path).unwrap().to_bytes(), tagger.to_bytes());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");

    // A folder stands where the file should: the temporary file goes away.
    let taken = folder.path().join("taken");
    fs::create_dir_all(taken.join("inner")).unwrap();
    let error = tagger.save(&taken).unwrap_err().to_string();
    assert!(error.contains("taken"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    assert!(tagger.save(folder.path().join("no/such/folder")).is_err());
    assert!(tagger.save("").is_err());
}

#[test]
fn errors_name_file_and_byte() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.tagger");
    let bytes = small().to_bytes();
    fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    let error = PerceptronTagger::from_file(&path).unwrap_err();
    assert!(!error.is_read());
    assert!(error.to_string().contains("cut.tagger, byte 8: "), "{error}");
    let error = PerceptronTagger::from_file(folder.path().join("none.tagger")).unwrap_err();
    assert!(error.is_read() && error.to_string().contains("none.tagger"), "{error}");
}

#[test]
fn tagged_text_names_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text.tsv");
    let read = |text: &[u8]| {
        fs::write(&path, text).unwrap();
        read_tagged(&path).map_err(|error| error.to_string())
    };
    assert_eq!(read(b"").unwrap(), Vec::<Sentence>::new());
    assert_eq!(read(b"\n\n").unwrap(), Vec::<Sentence>::new());
    let word = |word: &str| (word.to_owned(), Tag::Other);
    assert_eq!(
        read(b"\na\tX\r\nb c\tX\r\n\r\n\nd\tX").unwrap(),
        [vec![word("a"), word("b c")], vec![word("d")]]
    );
    for (text, line) in [
        (b"a\tX\n\tX\n".as_slice(), 2),
        (b"a\tX\tX\n", 1),
        (b"a\tX\n\na X\n", 3),
        (b"a\tx\n", 1),
        (b"a\tX\na\xff\tX\n", 2),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.contains(&format!("text.tsv, line {line}: ")), "{error}");
    }
    assert!(read_tagged(folder.path().join("missing")).unwrap_err().is_read());
}

#[cfg(feature = "english-tagger")]
mod english {
    use super::*;

    #[test]
    fn fits_into_a_megabyte() {
        let bytes = PerceptronTagger::english().unwrap().to_bytes();
        assert_eq!(bytes, rec_tagger_en::WEIGHTS);
        assert!(bytes.len() < 1_000_000);
    }

    #[test]
    fn damage_is_found_wherever_it_is() {
        let whole = rec_tagger_en::WEIGHTS;
        for position in (0..whole.len()).step_by(whole.len() / 97).chain(0..32) {
            let mut damaged = whole.to_vec();
            damaged[position] ^= 1 << (position % 8);
            assert!(PerceptronTagger::from_bytes(&damaged).is_err(), "byte {position}");
            assert!(PerceptronTagger::from_bytes(&whole[..position]).is_err(), "cut at {position}");
        }
    }

    /// Sentences and titles of our own, as a check that file and features belong together: with other features few would
    /// be right.
    #[test]
    fn text_and_titles_are_tagged() {
        let text = "The/DET quick/ADJ fox/NOUN jumped/VERB over/ADP a/DET lazy/ADJ dog/NOUN ./PUNCT\n\
                    She/PRON is/AUX reading/VERB a/DET book/NOUN about/ADP London/PROPN ./PUNCT\n\
                    We/PRON want/VERB to/PART know/VERB if/SCONJ it/PRON works/VERB on/ADP two/NUM consoles/NOUN ./PUNCT\n\
                    Ms./PROPN Garcia/PROPN moved/VERB to/ADP Madrid/PROPN and/CCONJ rarely/ADV complains/VERB ./PUNCT\n\
                    Heavy/ADJ Duty/NOUN Gloves/NOUN for/ADP Small/ADJ Gardens/NOUN\n\
                    wireless/ADJ controller/NOUN with/ADP a/DET black/ADJ cover/NOUN";
        let tagger = PerceptronTagger::english().unwrap();
        for line in text.lines() {
            let words: Vec<&str> =
                line.split_whitespace().filter_map(|pair| pair.split('/').next()).collect();
            let tagged = words.iter().zip(tagger.tag(&words)).map(|(word, tag)| format!("{word}/{tag}"));
            assert_eq!(tagged.collect::<Vec<_>>().join(" "), line.trim());
        }
    }

    #[test]
    fn any_text_is_tagged() {
        let tagger = PerceptronTagger::english().unwrap();
        let long = "a".repeat(100_000);
        let odd = ["", " ", "\u{0}", "我爱Rust", "😀", &long];
        assert_eq!(tagger.tag(&odd).len(), odd.len());
        assert!(tagger.tag(&[]).is_empty());
    }
}
