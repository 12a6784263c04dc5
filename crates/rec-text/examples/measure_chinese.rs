//! How well Chinese is cut and tagged, against a treebank.
//!
//! `cargo run --release -p rec-text --features chinese --example measure_chinese -- FILE`, where FILE has a word, a tab
//! and its universal tag a line, and a blank line between sentences. You will see the accuracy of tags on the words of
//! the file, precision, recall and F1 of the words that the segmenter finds in the joined sentences, and the same for
//! words that also have the right tag.
#![allow(clippy::print_stdout, reason = "the figures are what this is for")]

use std::collections::BTreeSet;
use std::error::Error;
use std::path::Path;

use rec_text::{ChineseTagger, SegmentKind, Segmenter, Tag, Tagger};

type Sentence = Vec<(String, Tag)>;

/// A word as the characters that it covers, white space not counted, and its tag.
type Span = (usize, usize, Tag);

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: measure_chinese FILE")?;
    let (segmenter, tagger) = (Segmenter::chinese(), ChineseTagger::new());
    let (mut n_words, mut n_found, mut right_tags, mut right_words, mut right_both) = (0, 0, 0, 0, 0);
    let sentences = read(Path::new(&path))?;
    for sentence in &sentences {
        let words: Vec<_> = sentence.iter().map(|(word, _)| word.as_str()).collect();
        let tags = tagger.tag(&words);
        right_tags += tags.iter().zip(sentence).filter(|(tag, (_, gold))| *tag == gold).count();

        let text = join(&words);
        let segments = segmenter.segments(&text).into_iter();
        let found: Vec<_> =
            segments.filter(|piece| piece.kind != SegmentKind::Space).map(|piece| piece.text).collect();
        let found: BTreeSet<Span> = spans(&found, &tagger.tag(&found)).collect();
        let gold: Vec<_> = sentence.iter().map(|&(_, tag)| tag).collect();
        let gold: BTreeSet<Span> = spans(&words, &gold).collect();
        let bare = |spans: &BTreeSet<Span>| -> BTreeSet<_> {
            spans.iter().map(|&(start, end, _)| (start, end)).collect()
        };
        right_words += bare(&found).intersection(&bare(&gold)).count();
        right_both += found.intersection(&gold).count();
        (n_words, n_found) = (n_words + gold.len(), n_found + found.len());
    }

    println!("{} sentences, {n_words} words; {n_found} words found", sentences.len());
    println!("tags on given words: accuracy {:.2} %", percent(right_tags, n_words));
    for (name, right) in [("words", right_words), ("words with tags", right_both)] {
        let (precision, recall) = (percent(right, n_found), percent(right, n_words));
        let f1 = 2.0 * precision * recall / (precision + recall).max(f64::MIN_POSITIVE);
        println!("{name}: precision {precision:.2} %, recall {recall:.2} %, F1 {f1:.2} %");
    }
    Ok(())
}

fn percent(part: usize, whole: usize) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}

fn read(path: &Path) -> Result<Vec<Sentence>, Box<dyn Error>> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut sentences = vec![Sentence::new()];
    for (line, number) in text.lines().zip(1..) {
        if line.is_empty() {
            sentences.push(Sentence::new());
            continue;
        }
        let place = || format!("{}, line {number}", path.display());
        let (word, tag) = line.split_once('\t').ok_or_else(|| format!("{}: no tab", place()))?;
        let tag = tag.parse().map_err(|error| format!("{}: {error}", place()))?;
        if let Some(sentence) = sentences.last_mut() {
            sentence.push((word.to_owned(), tag));
        }
    }
    sentences.retain(|sentence| !sentence.is_empty());
    Ok(sentences)
}

/// The sentence as it is written: spaces stand between words in other letters only.
fn join(words: &[&str]) -> String {
    let mut text = String::new();
    for word in words {
        if text.ends_with(|c: char| c.is_ascii_alphanumeric())
            && word.starts_with(|c: char| c.is_ascii_alphanumeric())
        {
            text.push(' ');
        }
        text.push_str(word);
    }
    text
}

fn spans(words: &[&str], tags: &[Tag]) -> impl Iterator<Item = Span> {
    let mut end = 0;
    let spans = words.iter().zip(tags).map(move |(word, &tag)| {
        let start = end;
        end += word.chars().filter(|c| !c.is_whitespace()).count();
        (start, end, tag)
    });
    spans.collect::<Vec<_>>().into_iter()
}
