//! Term statistics against scikit-learn, bm25s, the `bm25` crate and the obvious loop.

#![allow(clippy::unwrap_used, reason = "fixtures are as their script wrote them")]

use std::collections::BTreeMap;
use std::path::Path;

use bm25::{EmbedderBuilder, Scorer, Tokenizer};
use proptest::prelude::*;
use rec_data::{Id, rank_order};
use rec_text::{Bm25, Idf, TermStatistics, TfIdf, Weighting};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// The references are `f64`, and ours are rounded to `f32` once (6e-8); sums of a few dozen terms add nothing to that.
const TOLERANCE: f64 = 1e-6;

fn fixture<T: DeserializeOwned>(name: &str) -> T {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/terms").join(name);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn statistics(documents: &[Vec<String>]) -> TermStatistics {
    let documents = documents.iter().enumerate().map(|(row, terms)| (row.to_string(), terms));
    TermStatistics::from_documents(documents).unwrap()
}

fn corpus() -> (Vec<Vec<String>>, TermStatistics) {
    let documents: Vec<Vec<String>> = fixture("documents.json");
    let statistics = statistics(&documents);
    (documents, statistics)
}

/// The greatest relative error; absolute where the reference is below 1e-3.
fn error(ours: impl IntoIterator<Item = f64>, reference: impl IntoIterator<Item = f64>) -> f64 {
    ours.into_iter().zip(reference).map(|(a, b)| (a - b).abs() / b.abs().max(1e-3)).fold(0.0, f64::max)
}

#[derive(Deserialize)]
struct Bm25Fixture {
    queries: Vec<Vec<String>>,
    parameters: Vec<Bm25Scores>,
}

#[derive(Deserialize)]
struct Bm25Scores {
    k1: f64,
    b: f64,
    /// By query and document.
    scores: Vec<Vec<f64>>,
}

fn plain(query: &[String]) -> impl Iterator<Item = (&str, f32)> + Clone {
    query.iter().map(|term| (term.as_str(), 1.0))
}

/// The error over the whole matrix; panics if the terms are not the same.
fn tf_idf_error(variant: &str, weights: impl Fn(usize) -> BTreeMap<String, f64>) -> f64 {
    let matrices: BTreeMap<String, Vec<BTreeMap<String, f64>>> = fixture("tf_idf.json");
    let rows = matrices[variant].iter().enumerate().map(|(row, reference)| {
        let ours = weights(row);
        assert!(ours.keys().eq(reference.keys()), "{variant}, document {row}");
        error(ours.into_values(), reference.values().copied())
    });
    rows.fold(0.0, f64::max)
}

#[test]
fn tf_idf_is_that_of_scikit_learn() {
    let (_, films) = corpus();
    let weights = |row, tf_idf: TfIdf| -> BTreeMap<String, f64> {
        let weights = films.weights(row, tf_idf).into_iter();
        weights.map(|(term, weight)| (term.to_owned(), f64::from(weight))).collect()
    };
    let settings = [
        ("default", TfIdf::default()),
        ("sublinear", TfIdf::new().sublinear(true)),
        ("not_normalized", TfIdf::new().normalized(false)),
    ];
    for (variant, tf_idf) in settings {
        let error = tf_idf_error(variant, |row| weights(row, tf_idf));
        println!("TF-IDF, {variant}: {error:.1e}");
        assert!(error < TOLERANCE, "{variant}: {error}");
    }

    // scikit-learn adds 1 to the plain idf, and so the count to the weight.
    let plain = TfIdf::new().idf(Idf::Plain).normalized(false);
    let error = tf_idf_error("not_smooth", |row| {
        let counts = films.frequencies(row).map(|(_, count)| count as f64);
        let counted = films.weights(row, plain).into_iter().zip(counts);
        counted.map(|((term, weight), count)| (term.to_owned(), f64::from(weight) + count)).collect()
    });
    println!("TF-IDF, plain idf: {error:.1e}");
    assert!(error < TOLERANCE, "{error}");

    // The bound tells variants apart.
    for wrong in [TfIdf::new().sublinear(true), TfIdf::new().idf(Idf::Plain), TfIdf::new().idf(Idf::Lucene)] {
        assert!(tf_idf_error("default", |row| weights(row, wrong)) > 1e3 * TOLERANCE, "{wrong:?}");
    }
}

#[test]
fn bm25_is_that_of_bm25s() {
    let (_, films) = corpus();
    let fixture: Bm25Fixture = fixture("bm25.json");
    let error_of = |parameters: &Bm25Scores, bm25: Bm25| {
        let errors = fixture.queries.iter().zip(&parameters.scores).map(|(query, reference)| {
            let ours = films.scores(plain(query), bm25).unwrap();
            assert_eq!(ours.len(), reference.len());
            error(ours.into_iter().map(f64::from), reference.iter().copied())
        });
        errors.fold(0.0, f64::max)
    };
    for parameters in &fixture.parameters {
        let (k1, b) = (parameters.k1, parameters.b);
        let error = error_of(parameters, Bm25::new(k1, b));
        println!("BM25, k1 = {k1}, b = {b}: {error:.1e}");
        assert!(error < TOLERANCE, "k1 = {k1}, b = {b}: {error}");
        assert!(error_of(parameters, Bm25::new(k1 + 0.01, b)) > 1e2 * TOLERANCE, "k1 = {k1}, b = {b}");
    }
}

#[test]
fn bm25_is_that_of_the_bm25_crate_but_for_a_constant() {
    struct Words;
    impl Tokenizer for Words {
        fn tokenize(&self, text: &str) -> Vec<String> {
            text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
        }
    }
    let (documents, films) = corpus();
    let texts: Vec<String> = documents.iter().map(|terms| terms.join(" ")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let embedder = EmbedderBuilder::<u32, Words>::with_tokenizer_and_fit_to_corpus(Words, &texts).build();
    let mut scorer = Scorer::new();
    for (row, text) in texts.iter().enumerate() {
        scorer.upsert(&row, embedder.embed(text));
    }

    let fixture: Bm25Fixture = fixture("bm25.json");
    for query in &fixture.queries {
        let embedded = embedder.embed(&query.join(" "));
        // Its query embedding has weights, which its scorer does not use.
        let theirs: Vec<f64> =
            (0..texts.len()).map(|row| f64::from(scorer.score(&row, &embedded).unwrap())).collect();
        let ours = films.scores(plain(query), Bm25::default()).unwrap();
        // It multiplies by k1 + 1, and adds up to 40 terms in f32.
        let error = error(ours.into_iter().map(|score| 2.2 * f64::from(score)), theirs);
        println!("bm25 crate, {} terms: {error:.1e}", query.len());
        assert!(error < 5e-6, "{query:?}: {error}");
    }
}

#[test]
fn keywords_and_search_agree_with_weights() {
    let (documents, films) = corpus();
    for (row, terms) in documents.iter().enumerate() {
        for weighting in [Weighting::from(TfIdf::default()), Weighting::from(Bm25::default())] {
            let mut weights = films.weights(row, weighting);
            weights.sort_by(|(a_term, a), (b_term, b)| b.total_cmp(a).then(a_term.cmp(b_term)));
            weights.truncate(3);
            assert_eq!(films.keywords(row, 3, weighting), weights);
        }
        // The score of one term is its weight.
        for (term, weight) in films.weights(row, Bm25::default()) {
            assert_eq!(films.scores([(term, 1.0)], Bm25::default()).unwrap()[row], weight);
        }
        assert_eq!(films.length(row), terms.len());
        assert_eq!(films.frequencies(row).map(|(_, count)| count).sum::<usize>(), terms.len());
    }
}

#[test]
fn corpus_keywords_are_means() {
    let (documents, films) = corpus();
    let mut sums: BTreeMap<&str, f64> = BTreeMap::new();
    for row in 0..documents.len() {
        for (term, weight) in films.weights(row, TfIdf::default()) {
            *sums.entry(term).or_default() += f64::from(weight);
        }
    }
    let keywords = films.corpus_keywords(usize::MAX, TfIdf::default());
    assert_eq!(keywords.len(), films.n_terms());
    assert!(keywords.is_sorted_by(|a, b| rank_order(a.1, a.0, b.1, b.0).is_le()));
    for (term, mean) in keywords {
        assert!((f64::from(mean) - sums[term] / documents.len() as f64).abs() < TOLERANCE, "{term}");
    }
}

#[test]
fn one_document_of_one_term_a_million_times() {
    let long = std::iter::repeat_n("dune", 1_000_000);
    let mut films = TermStatistics::from_documents([("1", long)]).unwrap();
    films.add("2", ["dune"]).unwrap();
    assert_eq!((films.n_postings(), films.collection_frequency("dune")), (2, 1_000_001));
    let list = films.search([("dune", 1.0)], 2, Bm25::default()).unwrap();
    assert!(list.iter().map(|hit| hit.id.as_str()).eq(["1", "2"]));
}

#[test]
fn a_document_that_is_refused_changes_nothing() {
    let mut films = statistics(&[vec!["a".to_owned()]]);
    assert!(films.add("0", ["b", "c"]).unwrap_err().is_duplicate());
    assert_eq!((films.n_documents(), films.n_terms(), films.n_postings()), (1, 1, 1));
}

/// Terms from an alphabet of eight, so that documents share some.
fn terms(max: usize) -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("[a-f]|日|é", 0..max)
}

/// What [`TermStatistics::search`] says it computes, from the documents each time.
fn naive_search(
    documents: &[Vec<String>],
    query: &[(String, f32)],
    k: usize,
    k1: f64,
    b: f64,
) -> Vec<(Id, f32)> {
    let n = documents.len() as f64;
    let mean_length = documents.iter().map(Vec::len).sum::<usize>() as f64 / n;
    let mut weights: BTreeMap<&str, f64> = BTreeMap::new();
    for (term, weight) in query {
        *weights.entry(term).or_default() += f64::from(*weight);
    }
    let mut scored = Vec::new();
    for (row, document) in documents.iter().enumerate() {
        let (mut score, mut found) = (0.0, false);
        for (&term, &weight) in weights.iter().filter(|(_, weight)| **weight != 0.0) {
            let tf = document.iter().filter(|other| *other == term).count() as f64;
            let df = documents.iter().filter(|other| other.iter().any(|other| other == term)).count() as f64;
            if tf > 0.0 {
                let idf = (1.0 + (n - df + 0.5) / (df + 0.5)).ln();
                let norm = k1 * (1.0 - b + b * document.len() as f64 / mean_length);
                score += weight * idf * (tf / (tf + norm));
                found = true;
            }
        }
        if found {
            scored.push((Id::from(row.to_string()), score as f32));
        }
    }
    scored.sort_by(|a, b| rank_order(a.1, &a.0, b.1, &b.0));
    scored.truncate(k);
    scored
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn search_is_exact(
        documents in prop::collection::vec(terms(8), 1..14),
        query in prop::collection::vec(("[a-g]|日|é", -2_i8..3), 0..8),
        k in 0_usize..16,
        k1 in 0.0..3.0,
        b in 0.0..=1.0,
    ) {
        let query: Vec<(String, f32)> = query.into_iter().map(|(term, weight)| (term, f32::from(weight))).collect();
        let found = statistics(&documents).search(query.iter().map(|(t, w)| (t, *w)), k, Bm25::new(k1, b)).unwrap();
        let found: Vec<(Id, f32)> = found.into_iter().map(|hit| (hit.id, hit.score)).collect();
        prop_assert_eq!(found, naive_search(&documents, &query, k, k1, b));
    }

    #[test]
    fn order_of_documents_and_query_does_not_change_a_bit(
        documents in prop::collection::vec(terms(8), 1..10),
        query in terms(6),
        by in 0_usize..10,
    ) {
        let mut numbered: Vec<_> = documents.into_iter().enumerate().map(|(row, terms)| (row.to_string(), terms)).collect();
        let search = |documents: &[(String, Vec<String>)], query: Vec<String>| {
            let statistics = TermStatistics::from_documents(documents.iter().map(|(id, terms)| (id.as_str(), terms))).unwrap();
            statistics.search(query.into_iter().map(|term| (term, 0.3)), 10, Bm25::default()).unwrap()
        };
        let before = search(&numbered, query.clone());
        let by = by % numbered.len();
        numbered.rotate_left(by);
        prop_assert_eq!(before, search(&numbered, query.into_iter().rev().collect()));
    }

    #[test]
    fn adding_later_is_building_at_once(documents in prop::collection::vec(terms(8), 1..10), at in 0_usize..10) {
        let at = at.min(documents.len());
        let whole = statistics(&documents);
        let mut grown = statistics(&documents[..at]);
        for (row, terms) in documents.iter().enumerate().skip(at) {
            prop_assert_eq!(grown.add(row.to_string(), terms).unwrap(), row);
        }
        prop_assert_eq!(grown.mean_length(), whole.mean_length());
        prop_assert!(grown.terms().eq(whole.terms()));
        for row in 0..documents.len() {
            prop_assert_eq!(grown.weights(row, TfIdf::default()), whole.weights(row, TfIdf::default()));
            prop_assert_eq!(grown.weights(row, Bm25::default()), whole.weights(row, Bm25::default()));
        }
    }
}
