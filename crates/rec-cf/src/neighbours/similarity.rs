//! What similar means.

use serde::{Deserialize, Serialize};

use crate::sparse::{self, Sparse};

/// Added to every denominator, so that none is 0: `10^-6`, as in RecBole.
const EPSILON: f64 = 1e-6;

/// The similarity of two sparse vectors `a` and `b`: of two items over users, or of two users over items.
///
/// Shrinkage `s` (0 unless set) and 10^-6 are added to the denominator. A similarity of 0 or less makes no neighbours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Similarity {
    /// `a' b / (|a| |b| + s + 10^-6)`.
    #[default]
    Cosine,
    /// `a' b`, without a denominator and so without shrinkage.
    Dot,
    /// `n_ab / (n_a + n_b - n_ab + s + 10^-6)`: the numbers of places where `a`, `b` and both are not 0, whatever the values
    /// and their weighting are.
    Jaccard,
}

impl Similarity {
    /// Of a product of two vectors, where a vector's own is its norm or its number of values, as [`own`](Similarity::own) says.
    pub(crate) fn of(self, product: f64, own_a: f64, own_b: f64, shrinkage: f64) -> f64 {
        let denominator = match self {
            Similarity::Cosine => own_a * own_b + shrinkage + EPSILON,
            Similarity::Dot => 1.0,
            Similarity::Jaccard => own_a + own_b - product + shrinkage + EPSILON,
        };
        product / denominator
    }

    /// What of a vector alone goes into its similarities: its norm, or its number of values.
    pub(crate) fn own(self, square: f64) -> f64 {
        match self {
            Similarity::Cosine => square.sqrt(),
            Similarity::Dot => 1.0,
            // Its values are ones.
            Similarity::Jaccard => square,
        }
    }
}

/// The weighting of values before vectors are compared: vectors are the documents of text search, and what they have values
/// for are its terms. For items, the terms are their users: a user who has many items says little about each.
///
/// The inverse document frequency of a term is `idf = ln(N) - ln(1 + n)`, where `n` of the `N` documents have it. The formulas
/// are those of the `implicit` library (Ben Frederickson). Scores are sums over the history's own values: weighting is only
/// for similarities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Weighting {
    /// Values as they are.
    #[default]
    None,
    /// `sqrt(x) idf`; the root of a negative value is minus that of its opposite.
    TfIdf,
    /// `x (k1 + 1) / (x + k1 (1 - b + b l / mean l)) idf`, where `l` is the sum of a document's values: Okapi BM25. Meant for
    /// values that are not negative; where the denominator is not positive, the weight is 0.
    Bm25 {
        /// How soon large values saturate, 0 or more; 1.2 is usual for text, 100 for play counts.
        k1: f64,
        /// How far the length of a document counts, from 0 to 1.
        b: f64,
    },
}

impl Weighting {
    pub(crate) fn is_valid(self) -> bool {
        match self {
            Weighting::Bm25 { k1, b } => k1.is_finite() && k1 >= 0.0 && (0.0..=1.0).contains(&b),
            Weighting::None | Weighting::TfIdf => true,
        }
    }
}

/// A weighting that has seen all documents.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Weigher {
    weighting: Weighting,
    /// Whether only ones matter.
    ones: bool,
    /// One per term.
    pub(crate) idf: Vec<f64>,
    pub(crate) mean_length: f64,
}

impl Weigher {
    /// Looks at documents, one a row.
    pub(crate) fn new(similarity: Similarity, weighting: Weighting, documents: &Sparse) -> Weigher {
        let mut n = vec![0usize; documents.cols()];
        for &term in documents.indices() {
            n[term as usize] += 1;
        }
        let ln_n = (documents.rows() as f64).ln();
        let idf = n.into_iter().map(|n| ln_n - (n as f64).ln_1p()).collect();
        let sum: f64 = documents.data().iter().map(|&value| f64::from(value)).sum();
        let mean_length = sum / documents.rows().max(1) as f64;
        Weigher::of(similarity, weighting, idf, mean_length)
    }

    /// One that was there before.
    pub(crate) fn of(
        similarity: Similarity,
        weighting: Weighting,
        idf: Vec<f64>,
        mean_length: f64,
    ) -> Weigher {
        Weigher { weighting, ones: similarity == Similarity::Jaccard, idf, mean_length }
    }

    /// The weights of a document's terms.
    pub(crate) fn weigh(&self, document: impl Iterator<Item = (usize, f32)> + Clone) -> Vec<(usize, f32)> {
        if self.ones {
            return document.map(|(term, _)| (term, 1.0)).collect();
        }
        match self.weighting {
            Weighting::None => document.collect(),
            Weighting::TfIdf => document
                .map(|(term, value)| {
                    let value = f64::from(value);
                    (term, (value.abs().sqrt().copysign(value) * self.idf[term]) as f32)
                })
                .collect(),
            Weighting::Bm25 { k1, b } => {
                let length: f64 = document.clone().map(|(_, value)| f64::from(value)).sum();
                // Without any values there is no term either.
                let norm = 1.0 - b + b * length / self.mean_length;
                document
                    .map(|(term, value)| {
                        let value = f64::from(value);
                        let denominator = value + k1 * norm;
                        let weight = value * (k1 + 1.0) / denominator * self.idf[term];
                        (term, if denominator > 0.0 { weight as f32 } else { 0.0 })
                    })
                    .collect()
            }
        }
    }

    /// The weights of all documents.
    pub(crate) fn weigh_all(&self, documents: &Sparse) -> Sparse {
        let values: Vec<f32> = (0..documents.rows())
            .flat_map(|row| self.weigh(sparse::entries(documents, row)).into_iter().map(|(_, weight)| weight))
            .collect();
        let begins = documents.indptr().raw_storage().to_vec();
        Sparse::new((documents.rows(), documents.cols()), begins, documents.indices().to_vec(), values)
    }
}
