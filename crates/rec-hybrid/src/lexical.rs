//! The words of items, as a model among others.

use rec_cf::Recommender;
use rec_data::IdMap;
use rec_text::{Bm25, TermStatistics, TfIdf};

use crate::error::Error;
use crate::source::check_ascending;

/// The score of an item is the BM25 score of its text for the query that the history is: each term of an item there, with its
/// TF-IDF weight times the weight of the event.
///
/// An empty history, and an item that shares no term with it, score 0.
///
/// ```
/// use rec_cf::Recommender;
/// use rec_data::IdMap;
/// use rec_hybrid::Lexical;
/// use rec_text::Bm25;
///
/// let films = [("1", vec!["space", "war"]), ("2", vec!["court", "drama"]), ("3", vec!["space", "drama"])];
/// let model = Lexical::new(films, Bm25::default())?;
/// assert_eq!(model.top_k(&[(0, 1.0)], 1)?[0].id, "3");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Lexical {
    statistics: TermStatistics,
    bm25: Bm25,
    /// The terms of each item with their weights in a query.
    terms: Vec<Vec<(Box<str>, f32)>>,
}

impl Lexical {
    /// Takes in items with the terms of their texts; ids ascend.
    ///
    /// # Errors
    ///
    /// An id comes twice, ids do not ascend, or there are more than `2^32 - 1` items or terms.
    pub fn new<D, T>(
        items: impl IntoIterator<Item = (impl Into<rec_data::Id>, D)>,
        bm25: Bm25,
    ) -> Result<Lexical, Error>
    where
        D: IntoIterator<Item = T>,
        T: AsRef<str>,
    {
        let statistics = TermStatistics::from_documents(items)?;
        check_ascending(statistics.ids())?;
        let of_item = |item: usize| {
            let weights = statistics.weights(item, TfIdf::default());
            weights.into_iter().map(|(term, weight)| (term.into(), weight)).collect()
        };
        let terms = (0..statistics.n_documents()).map(of_item).collect();
        Ok(Lexical { statistics, bm25, terms })
    }
}

impl Recommender for Lexical {
    fn items(&self) -> &IdMap {
        self.statistics.ids()
    }

    fn scores(&self, history: &[(usize, f32)], out: &mut [f32]) {
        assert_eq!(out.len(), self.terms.len(), "places for the scores, and items");
        let query = history.iter().flat_map(|&(item, event)| {
            self.terms[item].iter().map(move |(term, weight)| (term, weight * event))
        });
        match self.statistics.scores(query, self.bm25) {
            Ok(scores) => out.copy_from_slice(&scores),
            // A weight of the history that is not finite: `top_k` reports the NaN.
            Err(_) => out.fill(f32::NAN),
        }
    }
}
