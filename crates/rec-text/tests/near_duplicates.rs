//! MinHash and near-duplicates against exact similarities, against probabilities, and against datasketch.

#![allow(clippy::unwrap_used, reason = "fixtures are as their script wrote them")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proptest::prelude::*;
use rec_data::Id;
use rec_text::{Bands, MinHash, NearDuplicateGroups, NearDuplicates, character_shingles, term_shingles};
use serde::Deserialize;

fn jaccard<T: Ord>(a: &BTreeSet<T>, b: &BTreeSet<T>) -> f64 {
    let common = a.intersection(b).count();
    if common == 0 { 0.0 } else { common as f64 / (a.len() + b.len() - common) as f64 }
}

/// Two sets with `common` elements in both and `union` in either, that share none with those of another `name`.
fn pair(name: usize, common: usize, union: usize) -> [Vec<String>; 2] {
    let shingles: Vec<String> = (0..union).map(|i| format!("{name}:{i}")).collect();
    let middle = (union + common) / 2;
    [shingles[..middle].to_vec(), shingles[middle - common..].to_vec()]
}

#[derive(Deserialize)]
struct Estimates {
    n_trials: usize,
    n_hashes: usize,
    cases: Vec<Estimate>,
}

#[derive(Deserialize)]
struct Estimate {
    common: usize,
    union: usize,
    mean: f64,
    root_mean_square_error: f64,
}

/// An estimate is a binomial share: its mean is `s`, its standard error `sqrt(s (1 - s) / n_hashes)`. Over `n` trials the
/// mean has the standard error divided by `sqrt(n)`, and the measured standard error is within `1 / sqrt(2 n)` of it,
/// relatively. Both are allowed four of these.
#[test]
fn estimates_err_as_a_binomial_does_and_as_those_of_datasketch() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/terms/min_hash.json");
    let Estimates { n_trials, n_hashes, cases } =
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    for case in cases {
        let similarity = case.common as f64 / case.union as f64;
        let errors: Vec<f64> = (0..n_trials)
            .map(|trial| {
                let min_hash = MinHash::new(n_hashes, trial as u64 + 1);
                let [a, b] = pair(trial, case.common, case.union).map(|set| min_hash.signature(set));
                a.similarity(&b) - similarity
            })
            .collect();
        let n = n_trials as f64;
        let bias = errors.iter().sum::<f64>() / n;
        let spread = (errors.iter().map(|error| error * error).sum::<f64>() / n).sqrt();
        let expected = (similarity * (1.0 - similarity) / n_hashes as f64).sqrt();
        println!(
            "s = {similarity}: bias {bias:+.4}, error {spread:.4}; datasketch {:+.4}, {:.4}; binomial {expected:.4}",
            case.mean - similarity,
            case.root_mean_square_error
        );
        for (bias, spread) in [(bias, spread), (case.mean - similarity, case.root_mean_square_error)] {
            assert!(bias.abs() < 4.0 * expected / n.sqrt(), "s = {similarity}: bias {bias}");
            assert!(
                (spread / expected - 1.0).abs() < 4.0 / (2.0 * n).sqrt(),
                "s = {similarity}: error {spread}"
            );
        }
    }
}

/// Hash functions of one seed are as independent of each other as the curve of the bands assumes.
#[test]
fn as_many_pairs_are_found_as_the_curve_says() {
    const N: usize = 2000;
    for (bands, common, union) in [
        (Bands::new(4, 6), 16, 20),
        (Bands::new(16, 6), 16, 20),
        (Bands::new(5, 2), 4, 10),
        (Bands::new(10, 1), 1, 9),
    ] {
        let similarity = common as f64 / union as f64;
        let documents = (0..N).flat_map(|name| {
            let [a, b] = pair(name, common, union);
            [(format!("{name}a"), a), (format!("{name}b"), b)]
        });
        let found = NearDuplicates::new(similarity).bands(bands).seed(3).find(documents).unwrap();
        let expected = bands.probability(similarity);
        let share = found.groups().len() as f64 / N as f64;
        let deviation = (expected * (1.0 - expected) / N as f64).sqrt();
        println!("{bands:?}, s = {similarity:.3}: found {share:.4}, expected {expected:.4} ± {deviation:.4}");
        assert!((share - expected).abs() < 4.0 * deviation + 0.5 / N as f64, "{bands:?}: {share}");
        let name = |id: &str| id.trim_end_matches(['a', 'b']).to_owned();
        assert!(found.groups().iter().all(|group| group.len() == 2 && name(&group[0]) == name(&group[1])));
        assert!(found.pairs().iter().all(|pair| pair.similarity == similarity));
    }
}

/// A generator for test data: the next number below `n`.
fn next(state: &mut u64, n: usize) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    ((*state >> 33) % n as u64) as usize
}

const WORDS: [&str; 20] = [
    "fire", "return", "legend", "king", "star", "edition", "deluxe", "world", "dragon", "quest", "final",
    "red", "战争", "城市", "沙丘", "龙", "war", "city", "night", "2",
];

/// Titles of four to nine words, half of them with a copy that has one character dropped or doubled, or words swapped.
fn titles() -> Vec<String> {
    let mut state = 9;
    let mut titles = Vec::new();
    for i in 0..700 {
        let n = 4 + next(&mut state, 6);
        let words: Vec<&str> = (0..n).map(|_| WORDS[next(&mut state, WORDS.len())]).collect();
        let title = words.join(" ");
        if i % 2 == 0 {
            let mut letters: Vec<char> = title.chars().collect();
            let at = next(&mut state, letters.len());
            match next(&mut state, 3) {
                0 => drop(letters.remove(at)),
                1 => letters.insert(at, letters[at]),
                _ => letters.rotate_left(words[0].chars().count() + 1),
            }
            titles.push(letters.into_iter().collect());
        }
        titles.push(title);
    }
    titles
}

fn find(finder: NearDuplicates, titles: &[String], n: usize) -> NearDuplicateGroups {
    let documents =
        titles.iter().enumerate().map(|(row, title)| (row.to_string(), character_shingles(title, n)));
    finder.find(documents).unwrap()
}

#[test]
fn perturbed_titles_are_found_and_nothing_else() {
    let titles = titles();
    let sets: Vec<BTreeSet<&str>> =
        titles.iter().map(|title| character_shingles(title, 3).collect()).collect();
    for threshold in [0.6, 0.8] {
        let found = find(NearDuplicates::new(threshold), &titles, 3);
        for pair in found.pairs() {
            let [a, b] = [&pair.first, &pair.second].map(|id| &sets[id.parse::<usize>().unwrap()]);
            assert_eq!(pair.similarity, jaccard(a, b));
            assert!(pair.similarity >= threshold);
        }
        let (mut n_similar, mut n_found) = (0, 0);
        for (a, set) in sets.iter().enumerate() {
            for (b, other) in sets.iter().enumerate().skip(a + 1) {
                if jaccard(set, other) >= threshold {
                    n_similar += 1;
                    let group = |row: usize| found.representative(&row.to_string());
                    n_found += usize::from(group(a).is_some() && group(a) == group(b));
                }
            }
        }
        let recall = f64::from(n_found as u32) / f64::from(n_similar);
        println!(
            "threshold {threshold}: {n_found} of {n_similar} similar pairs are in one group: recall {recall:.4}"
        );
        assert!(n_similar > 200 && recall >= 0.99, "threshold {threshold}: recall {recall}");
    }
}

#[test]
fn threads_do_not_change_the_result() {
    let titles = titles();
    let find_on = |n_threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        pool.install(|| find(NearDuplicates::new(0.5).seed(5), &titles, 4))
    };
    let one = find_on(1);
    assert!(one.groups().len() > 50);
    assert_eq!(one, find_on(2));
    assert_eq!(one, find_on(7));
}

#[test]
fn a_catalogue_of_equal_items_is_one_group() {
    let documents = (0..20_000).map(|row| (row.to_string(), ["the", "same", "title"]));
    let found = NearDuplicates::new(0.8).find(documents).unwrap();
    assert_eq!((found.groups().len(), found.pairs().len()), (1, 19_999));
    assert!(found.pairs().iter().all(|pair| pair.first == "0" && pair.similarity == 1.0));
    assert_eq!(found.representative("19999").unwrap(), "0");
}

/// All pairs of these 5000 are candidates: 12.5 million, in most of 16 bands. Compared pair by pair this test would take
/// minutes.
#[test]
fn crowded_buckets_are_searched_in_linear_time() {
    let catalogue = |n_shared: usize, n_own: usize| {
        (0..5000).map(move |row| {
            let shared = (0..n_shared).map(|i| format!("shared {i}"));
            (
                row.to_string(),
                shared.chain((0..n_own).map(move |i| format!("{row}'s {i}"))).collect::<Vec<_>>(),
            )
        })
    };
    // 39 of 41 shingles: all are near-duplicates, and found.
    let similar = NearDuplicates::new(0.8).find(catalogue(39, 1)).unwrap();
    assert_eq!((similar.groups().len(), similar.pairs().len()), (1, 4999));
    // 30 of 38: none are, although two of three pairs agree in some band.
    let dissimilar = NearDuplicates::new(0.8).find(catalogue(30, 4)).unwrap();
    assert!(dissimilar.groups().is_empty());
}

/// Pairs of duplicates among thousands of others in the same buckets: the order within a bucket brings them together.
#[test]
fn duplicates_are_found_in_crowded_buckets() {
    let documents = (0..2000).flat_map(|name| {
        let shared = (0..28).map(|i| format!("shared {i}"));
        let a: Vec<String> = shared.chain((0..7).map(|i| format!("{name}'s {i}"))).collect();
        let mut b = a.clone();
        b.push(format!("{name}'s other"));
        [(format!("{name}a"), a), (format!("{name}b"), b)]
    });
    // Within a pair 35 of 36 shingles are shared, across pairs 28 of 42 or more.
    let found = NearDuplicates::new(0.8).find(documents).unwrap();
    let share = found.groups().len() as f64 / 2000.0;
    println!("in crowded buckets {share} of the pairs were found");
    assert!(share >= 0.99, "{share}");
    assert!(found.groups().iter().all(|group| group.len() == 2));
}

#[test]
fn ids_are_distinct_and_no_documents_are_no_groups() {
    let error = NearDuplicates::new(0.8).find([("a", ["x"]), ("b", ["x"]), ("a", ["y"])]).unwrap_err();
    assert!(error.is_duplicate());
    assert_eq!(error.to_string(), "document 2: the id `a` is that of document 0");
    let nothing: [(&str, [&str; 1]); 0] = [];
    assert_eq!(NearDuplicates::new(0.8).find(nothing).unwrap(), NearDuplicateGroups::default());
}

#[test]
fn terms_in_another_order_are_other_shingles() {
    let (a, b) = (["a", "rose", "is", "a", "rose"], ["is", "a", "rose", "a", "rose"]);
    let sets = |n| [a, b].map(|terms| term_shingles(terms, n).into_iter().collect::<BTreeSet<_>>());
    let [a1, b1] = sets(1);
    let [a2, b2] = sets(2);
    assert_eq!(jaccard(&a1, &b1), 1.0);
    assert_eq!(jaccard(&a2, &b2), 0.5);
}

/// The connected components of two and more documents that are at least so similar, by their smallest ids.
fn naive_groups(documents: &[BTreeSet<String>], threshold: f64) -> Vec<Vec<Id>> {
    let mut group_of: Vec<usize> = (0..documents.len()).collect();
    for a in 0..documents.len() {
        for b in 0..a {
            if jaccard(&documents[a], &documents[b]) >= threshold {
                let (from, to) = (group_of[a].max(group_of[b]), group_of[a].min(group_of[b]));
                group_of.iter_mut().filter(|group| **group == from).for_each(|group| *group = to);
            }
        }
    }
    let mut groups: BTreeMap<usize, Vec<Id>> = BTreeMap::new();
    for (row, group) in group_of.into_iter().enumerate() {
        groups.entry(group).or_default().push(row.to_string().into());
    }
    groups.into_values().filter(|group| group.len() > 1).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// With 150 bands of one row a pair at the threshold is missed with the probability 0.7^150 at most, which is 1e-23.
    #[test]
    fn groups_are_components_of_similar_documents(
        documents in prop::collection::vec(prop::collection::btree_set("[a-f]", 0..6), 0..30),
        threshold in 0.3..=1.0,
        seed in any::<u64>(),
    ) {
        let finder = NearDuplicates::new(threshold).bands(Bands::new(150, 1)).seed(seed);
        let numbered = documents.iter().enumerate().map(|(row, set)| (row.to_string(), set));
        let found = finder.find(numbered).unwrap();
        let expected = naive_groups(&documents, threshold);
        prop_assert_eq!(found.groups(), &expected[..]);
        prop_assert_eq!(found.pairs().len(), expected.iter().map(|group| group.len() - 1).sum::<usize>());
        for row in 0..documents.len() {
            let id = row.to_string();
            let group = expected.iter().find(|group| group.iter().any(|member| *member == *id));
            prop_assert_eq!(found.representative(&id), group.map(|group| &group[0]));
        }
    }

    #[test]
    fn character_shingles_are_windows_of_characters(text in ".{0,12}", n in 1_usize..6) {
        let letters: Vec<char> = text.chars().collect();
        let expected: Vec<String> = if letters.is_empty() {
            Vec::new()
        } else {
            letters.windows(n.min(letters.len())).map(|window| window.iter().collect()).collect()
        };
        prop_assert!(character_shingles(&text, n).eq(expected));
    }
}
