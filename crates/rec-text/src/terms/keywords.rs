use std::cmp::Reverse;

use rec_data::rank_order;

use super::{Idf, TermStatistics, Weighting};

impl TermStatistics {
    /// What the distinct terms of a document weigh, in the order of [`terms`](Self::terms): a row of the TF-IDF or BM25
    /// matrix.
    ///
    /// Computed in `f64` and rounded once. A document without terms has no weights.
    ///
    /// # Panics
    ///
    /// `document` is not below [`n_documents`](Self::n_documents).
    ///
    /// ```
    /// use rec_text::{TermStatistics, TfIdf};
    ///
    /// let films = TermStatistics::from_documents([("1", ["dune", "part", "two"]), ("2", ["part", "two", "ii"])])?;
    /// let weights = films.weights(0, TfIdf::default());
    /// assert_eq!(weights.iter().map(|(term, _)| *term).collect::<Vec<_>>(), ["dune", "part", "two"]);
    /// let norm: f32 = weights.iter().map(|(_, weight)| weight * weight).sum();
    /// assert!((norm - 1.0).abs() < 1e-6);
    /// # Ok::<(), rec_text::Error>(())
    /// ```
    #[must_use]
    pub fn weights(&self, document: usize, weighting: impl Into<Weighting>) -> Vec<(&str, f32)> {
        let weights = self.numbered_weights(document, weighting.into());
        weights.map(|(term, weight)| (self.term(term), weight as f32)).collect()
    }

    /// The `k` terms that characterise a document best, and their weights: those of the greatest weight, ties in the order
    /// of Unicode.
    ///
    /// A document of fewer distinct terms gives all of them.
    ///
    /// # Panics
    ///
    /// `document` is not below [`n_documents`](Self::n_documents).
    ///
    /// ```
    /// use rec_text::{Bm25, TermStatistics};
    ///
    /// let films = TermStatistics::from_documents([("1", vec!["日本", "沈没", "日本"]), ("2", vec!["日本"])])?;
    /// let (keyword, _) = films.keywords(0, 1, Bm25::default())[0];
    /// assert_eq!(keyword, "沈没");
    /// # Ok::<(), rec_text::Error>(())
    /// ```
    #[must_use]
    pub fn keywords(&self, document: usize, k: usize, weighting: impl Into<Weighting>) -> Vec<(&str, f32)> {
        heaviest(self.weights(document, weighting), k)
    }

    /// The `k` terms of the greatest mean weight over all documents, and that mean; a document without the term counts as
    /// weight 0. Ties in the order of Unicode.
    ///
    /// By TF-IDF these are the subjects of a catalogue: frequent, but not in every document.
    ///
    /// ```
    /// use rec_text::{Idf, TermStatistics, TfIdf};
    ///
    /// let films = TermStatistics::from_documents([("1", ["film", "war"]), ("2", ["film", "war"]), ("3", ["film", "art"])])?;
    /// let subjects = films.corpus_keywords(1, TfIdf::new().idf(Idf::Plain));
    /// assert_eq!(subjects, [("war", 2.0 / 3.0)]);
    /// # Ok::<(), rec_text::Error>(())
    /// ```
    #[must_use]
    pub fn corpus_keywords(&self, k: usize, weighting: impl Into<Weighting>) -> Vec<(&str, f32)> {
        let weighting = weighting.into();
        let mut sums = vec![0.0; self.n_terms()];
        for document in 0..self.n_documents() {
            for (term, weight) in self.numbered_weights(document, weighting) {
                sums[term as usize] += weight;
            }
        }
        let n = self.n_documents() as f64;
        heaviest(self.terms().zip(sums).map(|(term, sum)| (term, (sum / n) as f32)).collect(), k)
    }

    /// The `k` terms that the most documents have, and how many: candidates for a list of stop words. Ties in the order of
    /// Unicode.
    ///
    /// ```
    /// use rec_text::TermStatistics;
    ///
    /// let films = TermStatistics::from_documents([("1", ["the", "war"]), ("2", ["the", "the"]), ("3", ["war", "art"])])?;
    /// assert_eq!(films.top_terms(2), [("the", 2), ("war", 2)]);
    /// # Ok::<(), rec_text::Error>(())
    /// ```
    #[must_use]
    pub fn top_terms(&self, k: usize) -> Vec<(&str, usize)> {
        let mut terms: Vec<_> = self.terms().zip(self.by_term.iter().map(Vec::len)).collect();
        terms.sort_unstable_by_key(|&(term, document_frequency)| (Reverse(document_frequency), term));
        terms.truncate(k);
        terms
    }

    /// The numbers of the terms of a document, with their weights.
    fn numbered_weights(&self, document: usize, weighting: Weighting) -> impl Iterator<Item = (u32, f64)> {
        let postings = self.postings(document);
        let (length, mean_length) = (self.lengths[document], self.mean_length());
        let weight = move |term: u32, count: u32| match weighting {
            Weighting::TfIdf(tf_idf) => tf_idf.term_frequency(count) * self.idf_of(term, tf_idf.idf),
            Weighting::Bm25(bm25) => {
                bm25.saturation(count, length, mean_length) * self.idf_of(term, Idf::Lucene)
            }
        };
        let weights = postings.iter().map(move |posting| (posting.of, weight(posting.of, posting.count)));
        let squares: f64 = match weighting {
            Weighting::TfIdf(tf_idf) if tf_idf.normalized => weights.clone().map(|(_, w)| w * w).sum(),
            _ => 1.0,
        };
        // All weights are zero where the norm is.
        let norm = if squares > 0.0 { squares.sqrt() } else { 1.0 };
        weights.map(move |(term, weight)| (term, weight / norm))
    }
}

fn heaviest(mut weights: Vec<(&str, f32)>, k: usize) -> Vec<(&str, f32)> {
    weights.sort_unstable_by(|(a_term, a), (b_term, b)| rank_order(*a, *a_term, *b, *b_term));
    weights.truncate(k);
    weights
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bm25, TfIdf};

    #[test]
    fn ties_are_in_the_order_of_unicode() {
        let one = TermStatistics::from_documents([("1", ["b", "10", "2", "é", "a"])]).unwrap();
        let terms =
            |k| one.keywords(0, k, TfIdf::default()).into_iter().map(|(term, _)| term).collect::<Vec<_>>();
        assert_eq!(terms(9), ["10", "2", "a", "b", "é"]);
        assert_eq!(terms(2), ["10", "2"]);
        assert!(terms(0).is_empty());
    }

    #[test]
    fn documents_without_weights_stay_finite() {
        let films = TermStatistics::from_documents([("1", vec![]), ("2", vec!["dune"])]).unwrap();
        assert!(films.keywords(0, 3, Bm25::default()).is_empty());
        let same = TermStatistics::from_documents([("1", vec!["a"]), ("2", vec!["a"])]).unwrap();
        assert_eq!(same.weights(0, TfIdf::new().idf(Idf::Plain)), [("a", 0.0)]);
        assert!(TermStatistics::new().corpus_keywords(3, TfIdf::default()).is_empty());
        assert!(TermStatistics::new().top_terms(3).is_empty());
    }

    #[test]
    #[should_panic(expected = "document 1 of the statistics of 1 documents")]
    fn rows_past_the_end_panic() {
        let _ = TermStatistics::from_documents([("1", ["a"])]).unwrap().weights(1, TfIdf::default());
    }
}
