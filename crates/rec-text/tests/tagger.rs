//! The tagger: what it learns, what it refuses, and the weights that come with the crate rec-tagger-en.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use rec_text::{PerceptronTagger, Tag, TrainingOptions, read_tagged};

const TEXT: &str =
    "The\tDET\nworm\tNOUN\nsleeps\tVERB\n.\tPUNCT\n\nA\tDET\nfox\tNOUN\nruns\tVERB\n.\tPUNCT\n";

fn sentences(text: &str) -> Vec<Vec<(String, Tag)>> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    read_tagged(file.path()).unwrap()
}

fn small() -> PerceptronTagger {
    let options = TrainingOptions { min_count: 1, ..TrainingOptions::default() };
    PerceptronTagger::train(&options, sentences(TEXT), |_| {})
}

#[test]
fn training_is_the_same_bytes_for_a_seed() {
    assert_eq!(small().to_bytes(), small().to_bytes());
}

#[test]
fn files_round_trip_and_damage_is_an_error_or_a_tagger() {
    use rec_text::Tagger;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small.tagger");
    small().save(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(PerceptronTagger::from_file(&path).unwrap().to_bytes(), bytes);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    for end in 0..bytes.len() {
        assert!(PerceptronTagger::from_bytes(&bytes[..end]).is_err(), "{end} of {} bytes", bytes.len());
    }
    for (at, flip) in (0..bytes.len()).flat_map(|at| [1, 0x80, 0xff].map(|flip| (at, flip))) {
        let mut damaged = bytes.clone();
        damaged[at] ^= flip;
        if let Ok(tagger) = PerceptronTagger::from_bytes(&damaged) {
            assert_eq!(tagger.tag(&["The", "fox"]).len(), 2);
        }
    }
    let error = PerceptronTagger::from_file(folder.path().join("none.tagger")).unwrap_err();
    assert!(error.is_read() && error.to_string().contains("none.tagger"), "{error}");
}

#[test]
fn tagged_text_names_file_and_line() {
    assert_eq!(sentences(TEXT).len(), 2);
    assert_eq!(sentences("").len(), 0);
    for (text, line) in [("The DET\n", 1), ("The\tDET\nfox\tNOUNS\n", 2), ("\n\n\tDET\n", 3)] {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let message = read_tagged(file.path()).unwrap_err().to_string();
        assert!(message.contains(&format!("{}, line {line}:", file.path().display())), "{message}");
    }
}

#[cfg(feature = "english-tagger")]
#[test]
fn english_sentences_are_tagged() {
    use Tag::{Adjective, Adposition, Auxiliary, Determiner, Noun, Pronoun, ProperNoun, Punctuation, Verb};
    use rec_text::Tagger;
    let tagger = PerceptronTagger::english().unwrap();
    for (words, tags) in [
        (
            &["The", "quick", "fox", "jumped", "over", "a", "lazy", "dog", "."][..],
            &[Determiner, Adjective, Noun, Verb, Adposition, Determiner, Adjective, Noun, Punctuation][..],
        ),
        (
            &["She", "is", "reading", "a", "book", "about", "London", "."],
            &[Pronoun, Auxiliary, Verb, Determiner, Noun, Adposition, ProperNoun, Punctuation],
        ),
    ] {
        assert_eq!(tagger.tag(words), tags);
    }
    assert!(tagger.tag(&[]).is_empty());
    // Whatever comes: as many tags as words.
    let odd = ["", " ", "\u{0}", "我爱Rust", "😀", "a".repeat(100_000).as_str()].map(str::to_owned);
    let odd: Vec<&str> = odd.iter().map(String::as_str).collect();
    assert_eq!(tagger.tag(&odd).len(), odd.len());
}
