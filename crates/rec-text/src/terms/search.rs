use std::collections::BTreeMap;

use rec_data::{Hit, RankedList, TopK};

use super::{Bm25, Idf, TermStatistics};
use crate::Error;

impl TermStatistics {
    /// The `k` documents of the highest BM25 score for a query of weighted terms, among those that have at least one of
    /// its terms; ties go to the smaller id.
    ///
    /// `score = sum over terms of query weight * BM25 weight`. A plain query gives each term the weight 1. A term that
    /// comes twice has the sum of its weights, one that no document has adds nothing, and one whose weight is 0 is as if it
    /// were not there. A negative weight pushes documents down, and such a document still ranks (below zero) although one
    /// without any term of the query does not. Nothing found, or `k = 0`, gives an empty list.
    ///
    /// Exact, in time proportional to the postings of the terms. Sums are `f64` in the order of the terms' texts, and
    /// rounded once.
    ///
    /// A user's history is a query too:
    ///
    /// ```
    /// use rec_text::{Bm25, TermStatistics, TfIdf};
    ///
    /// let films = TermStatistics::from_documents([
    ///     ("1", ["space", "war"]),
    ///     ("2", ["space", "romance"]),
    ///     ("3", ["court", "romance"]),
    ///     ("4", ["space", "court"]),
    /// ])?;
    /// // Liked film 1, disliked film 3 half as much.
    /// let history = [(0, 1.0), (2, -0.5)];
    /// let query = history.into_iter().flat_map(|(row, event)| {
    ///     films.weights(row, TfIdf::default()).into_iter().map(move |(term, weight)| (term, weight * event))
    /// });
    /// let found = films.search(query, 10, Bm25::default())?;
    /// assert_eq!(found.iter().map(|hit| hit.id.as_str()).collect::<Vec<_>>(), ["1", "2", "4", "3"]);
    /// # Ok::<(), rec_text::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A weight that is NaN or infinite ([`Error::is_not_finite`]); the message names the term.
    pub fn search<T: AsRef<str>>(
        &self,
        query: impl IntoIterator<Item = (T, f32)>,
        k: usize,
        bm25: Bm25,
    ) -> Result<RankedList, Error> {
        let (scores, found) = self.accumulate(query, bm25)?;
        let mut top = TopK::new(k);
        for row in found {
            let score = scores[row] as f32;
            if top.would_enter(score)
                && let Some(id) = self.ids.id(row)
            {
                top.push(score, id)?;
            }
        }
        Ok(RankedList::new(top.into_sorted().into_iter().map(|(score, id)| Hit { id: id.clone(), score }))?)
    }

    /// The BM25 score of every document for a query of weighted terms, row by row: what [`search`](Self::search) ranks,
    /// with 0 for a document that has no term of the query.
    ///
    /// ```
    /// use rec_text::{Bm25, TermStatistics};
    ///
    /// let films = TermStatistics::from_documents([("1", ["space"]), ("2", ["court"])])?;
    /// let scores = films.scores([("space", 2.0)], Bm25::default())?;
    /// assert_eq!(scores, [(2.0 * 2.0_f64.ln() / 2.2) as f32, 0.0]);
    /// # Ok::<(), rec_text::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A weight that is NaN or infinite ([`Error::is_not_finite`]); the message names the term.
    pub fn scores<T: AsRef<str>>(
        &self,
        query: impl IntoIterator<Item = (T, f32)>,
        bm25: Bm25,
    ) -> Result<Vec<f32>, Error> {
        let (scores, _) = self.accumulate(query, bm25)?;
        Ok(scores.into_iter().map(|score| score as f32).collect())
    }

    /// The score of each document, and the rows of those that have a term of the query.
    fn accumulate<T: AsRef<str>>(
        &self,
        query: impl IntoIterator<Item = (T, f32)>,
        bm25: Bm25,
    ) -> Result<(Vec<f64>, Vec<usize>), Error> {
        // By text, so that the order of documents and of the query does not change the bits of a sum.
        let mut weights: BTreeMap<&str, (usize, f64)> = BTreeMap::new();
        for (term, weight) in query {
            let term = term.as_ref();
            if !weight.is_finite() {
                return Err(Error::query_weight(term, weight));
            }
            if let Some(row) = self.vocabulary.row(term)
                && let Some(known) = self.vocabulary.id(row)
            {
                weights.entry(known.as_str()).or_insert((row, 0.0)).1 += f64::from(weight);
            }
        }

        let mean_length = self.mean_length();
        let mut scores = vec![0.0; self.n_documents()];
        let mut is_found = vec![false; self.n_documents()];
        let mut found = Vec::new();
        for (term, weight) in weights.into_values().filter(|&(_, weight)| weight != 0.0) {
            let postings = &self.by_term[term];
            if postings.is_empty() {
                continue;
            }
            let factor = weight * Idf::Lucene.value(self.n_documents(), postings.len());
            for posting in postings {
                let document = posting.of as usize;
                scores[document] +=
                    factor * bm25.saturation(posting.count, self.lengths[document], mean_length);
                if !std::mem::replace(&mut is_found[document], true) {
                    found.push(document);
                }
            }
        }
        Ok((scores, found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn films() -> TermStatistics {
        TermStatistics::from_documents([
            ("10", vec!["a", "b"]),
            ("2", vec!["a", "b"]),
            ("1", vec!["c"]),
            ("0", vec![]),
        ])
        .unwrap()
    }

    fn ids(query: &[(&str, f32)], k: usize) -> Vec<String> {
        let found = films().search(query.iter().copied(), k, Bm25::default()).unwrap();
        found.iter().map(|hit| hit.id.to_string()).collect()
    }

    #[test]
    fn ties_go_to_the_smaller_id_and_the_rest_is_left_out() {
        assert_eq!(ids(&[("a", 1.0)], 9), ["2", "10"]);
        assert_eq!(ids(&[("a", 1.0)], 1), ["2"]);
        assert!(ids(&[("a", 1.0)], 0).is_empty());
        assert!(ids(&[("d", 1.0), ("a", 0.0)], 9).is_empty());
        assert!(ids(&[("a", 1.0), ("a", -1.0)], 9).is_empty());
        assert_eq!(ids(&[("a", -1.0), ("c", 1.0)], 9), ["1", "2", "10"]);
    }

    #[test]
    fn weights_that_cancel_leave_a_document_in_the_list() {
        let list = films().search([("a", 1.0), ("b", -1.0)], 9, Bm25::default()).unwrap();
        assert!(list.iter().map(|hit| (hit.id.as_str(), hit.score)).eq([("2", 0.0), ("10", 0.0)]));
    }

    #[test]
    fn weights_are_finite_numbers() {
        let error = films().search([("a", f32::NAN)], 9, Bm25::default()).unwrap_err();
        assert!(error.is_not_finite());
        assert_eq!(error.to_string(), "the weight of the query's term `a` is NaN, not a finite number");
        // Also of terms that no document has.
        assert!(films().scores([("zz", f32::INFINITY)], Bm25::default()).is_err());
        let huge =
            films().scores([("c", f32::MAX), ("c", f32::MAX), ("c", f32::MAX)], Bm25::default()).unwrap();
        assert!(huge[2].is_infinite());
    }

    #[test]
    fn no_documents_find_nothing() {
        assert!(TermStatistics::new().search([("a", 1.0)], 3, Bm25::default()).unwrap().is_empty());
        assert!(TermStatistics::new().scores([("a", 1.0)], Bm25::default()).unwrap().is_empty());
    }
}
