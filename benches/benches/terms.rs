//! Term statistics, search by terms, and near-duplicates, on synthetic titles.
//!
//! Throughput is in texts: those that statistics are built of, that are searched, or among which duplicates are found.
#![allow(missing_docs)]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use rand::RngExt;
use rec_benches::{measuring, random};
use rec_text::{Bm25, NearDuplicates, TermStatistics, TfIdf, character_shingles};

const SIZES: [usize; 3] = [1_000, 17_000, 100_000];

/// Titles of 3 to 9 words from a vocabulary of about the number of titles, the frequent words far more often; one of twenty
/// titles is an earlier one with a letter more.
fn titles(n: usize) -> Vec<String> {
    let mut rng = random(8);
    let mut titles: Vec<String> = Vec::with_capacity(n);
    for row in 0..n {
        if row > 0 && row % 20 == 0 {
            titles.push(format!("{}s", titles[rng.random_range(0..row)]));
            continue;
        }
        let n_words = rng.random_range(3..10);
        let words = (0..n_words).map(|_| {
            let rank = (n as f64).powf(rng.random_range(0.0..1.0)) as u64;
            // The digits of a number that is scrambled, for words that look as different as words do.
            format!("{:x}", rank.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 36)
        });
        titles.push(words.collect::<Vec<_>>().join(" "));
    }
    titles
}

fn sizes() -> impl Iterator<Item = usize> {
    SIZES.into_iter().take(if measuring() { SIZES.len() } else { 1 })
}

fn statistics(titles: &[String]) -> TermStatistics {
    let documents = titles.iter().enumerate().map(|(row, title)| (row.to_string(), title.split(' ')));
    TermStatistics::from_documents(documents).unwrap_or_else(|error| panic!("{error}"))
}

fn term_statistics(c: &mut Criterion) {
    let mut group = c.benchmark_group("term_statistics");
    for n in sizes() {
        let titles = titles(n);
        let statistics = statistics(&titles);
        group.throughput(Throughput::Elements(n as u64));
        group.bench_function(format!("build/n={n}"), |bencher| bencher.iter(|| self::statistics(&titles)));

        let mut row = 0;
        group.bench_function(format!("search/n={n}/k=10"), |bencher| {
            bencher.iter_batched(
                || {
                    row = (row + 1) % n;
                    statistics.weights(row, TfIdf::default())
                },
                |query| statistics.search(query, 10, Bm25::default()).map(|list| assert!(!list.is_empty())),
                BatchSize::SmallInput,
            )
        });
    }
    group.finish();
}

fn near_duplicates(c: &mut Criterion) {
    let mut group = c.benchmark_group("near_duplicates");
    for n in sizes() {
        let titles = titles(n);
        let find = || {
            let documents =
                titles.iter().enumerate().map(|(row, title)| (row.to_string(), character_shingles(title, 3)));
            NearDuplicates::new(0.8).find(documents).unwrap_or_else(|error| panic!("{error}"))
        };
        // Nearly every copy is within the threshold of its original.
        assert!(find().pairs().len() > n / 30);

        group.throughput(Throughput::Elements(n as u64));
        group.bench_function(format!("find/n={n}"), |bencher| bencher.iter(find));
    }
    group.finish();
}

criterion_group! { name = benches; config = rec_benches::criterion(); targets = term_statistics, near_duplicates }
criterion_main!(benches);
