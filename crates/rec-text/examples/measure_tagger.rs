//! You will see how often a part-of-speech tagger is right, tag by tag, and how fast it is.
//!
//!     cargo run --release -p rec-text --example measure_tagger -- TAGGER TEST.tsv [TRAIN.tsv]
//!
//! TAGGER is a file of `train_tagger`, or `english` for the one in rec-tagger-en (`--features english-tagger`). With the
//! text that it was trained on, words that do not come there are counted apart.

use std::collections::HashSet;
use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;

use rec_text::{PerceptronTagger, Tag, Tagger, read_tagged};

const USAGE: &str = "measure_tagger TAGGER|english TEST.tsv [TRAIN.tsv]";
const N_TAGS: usize = Tag::ALL.len();
/// Rounds of tagging everything; the fastest one counts.
const N_ROUNDS: usize = 5;

fn main() -> ExitCode {
    match run(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("measure_tagger: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<(), Box<dyn Error>> {
    let (tagger, test, train) = match args {
        [tagger, test] => (tagger, test, None),
        [tagger, test, train] => (tagger, test, Some(train)),
        _ => return Err(USAGE.into()),
    };
    let tagger = load(tagger)?;
    let sentences = read_tagged(test)?;
    let words: Vec<Vec<&str>> =
        sentences.iter().map(|sentence| sentence.iter().map(|(word, _)| word.as_str()).collect()).collect();

    let mut seconds = f64::INFINITY;
    let mut tagged = Vec::new();
    for _ in 0..N_ROUNDS {
        let began = Instant::now();
        tagged = words.iter().map(|words| tagger.tag(words)).collect();
        seconds = seconds.min(began.elapsed().as_secs_f64());
    }

    let pairs: Vec<(&str, Tag, Tag)> = sentences
        .iter()
        .flatten()
        .zip(tagged.iter().flatten())
        .map(|((word, right), tag)| (word.as_str(), *right, *tag))
        .collect();
    let mut out = std::io::stdout().lock();
    writeln!(out, "{tagger:?}")?;
    share(&mut out, "words right", pairs.iter())?;
    let perfect = sentences
        .iter()
        .zip(&tagged)
        .filter(|(sentence, tags)| sentence.iter().zip(*tags).all(|((_, right), tag)| right == tag))
        .count();
    writeln!(out, "sentences without a mistake: {perfect} of {}", sentences.len())?;
    if let Some(train) = train {
        let seen: HashSet<String> = read_tagged(train)?.into_iter().flatten().map(|(word, _)| word).collect();
        share(&mut out, "seen in training", pairs.iter().filter(|(word, ..)| seen.contains(*word)))?;
        share(&mut out, "not seen", pairs.iter().filter(|(word, ..)| !seen.contains(*word)))?;
    }
    writeln!(out, "{:.0} words a second on one thread", pairs.len() as f64 / seconds)?;
    table(&mut out, &pairs)
}

#[cfg(feature = "english-tagger")]
fn load(name: &str) -> Result<PerceptronTagger, rec_text::Error> {
    if name == "english" { PerceptronTagger::english() } else { PerceptronTagger::from_file(name) }
}

#[cfg(not(feature = "english-tagger"))]
fn load(name: &str) -> Result<PerceptronTagger, rec_text::Error> {
    PerceptronTagger::from_file(name)
}

fn share<'a>(
    out: &mut dyn Write,
    name: &str,
    pairs: impl Iterator<Item = &'a (&'a str, Tag, Tag)>,
) -> Result<(), Box<dyn Error>> {
    let (n, right) = pairs.fold((0, 0), |(n, right), pair| (n + 1, right + usize::from(pair.1 == pair.2)));
    Ok(writeln!(out, "{name}: {right} of {n}, {:.2} %", 100.0 * right as f64 / n as f64)?)
}

/// Precision, recall and F1 of each tag, in percent, and what it is most often mistaken for.
fn table(out: &mut dyn Write, pairs: &[(&str, Tag, Tag)]) -> Result<(), Box<dyn Error>> {
    let mut counts = [[0_usize; N_TAGS]; N_TAGS];
    for (_, right, tag) in pairs {
        counts[*right as usize][*tag as usize] += 1;
    }
    writeln!(
        out,
        "\n{:6} {:>6} {:>9} {:>7} {:>7}  mistaken for",
        "tag", "words", "precision", "recall", "F1"
    )?;
    for tag in Tag::ALL {
        let row = &counts[tag as usize];
        let (right, n) = (row[tag as usize], row.iter().sum::<usize>());
        let given: usize = counts.iter().map(|row| row[tag as usize]).sum();
        let percent = |part: usize, whole: usize| 100.0 * part as f64 / whole as f64;
        let (precision, recall) = (percent(right, given), percent(right, n));
        let f1 = percent(2 * right, given + n);
        write!(out, "{tag:6} {n:6} {precision:9.2} {recall:7.2} {f1:7.2} ")?;
        let mut others: Vec<Tag> =
            Tag::ALL.into_iter().filter(|&other| other != tag && row[other as usize] > 0).collect();
        others.sort_by_key(|&other| std::cmp::Reverse(row[other as usize]));
        for other in others.iter().take(3) {
            write!(out, " {other} {}", row[*other as usize])?;
        }
        writeln!(out)?;
    }
    Ok(())
}
