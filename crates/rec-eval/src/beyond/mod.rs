//! What accuracy does not tell: coverage, novelty, diversity, serendipity, satisfaction.

mod concentration;
mod measure;
mod popularity;
mod satisfaction;
mod similarity;

use rec_data::{Id, IdMap, Interactions};

pub(crate) use self::concentration::gini_among;
pub use self::concentration::{entropy_bits, gini};
pub use self::popularity::Popularity;
pub use self::satisfaction::{Satisfaction, SatisfiedHits};
pub use self::similarity::{CoOccurrence, intra_list_diversity, serendipity};

pub(crate) use self::measure::Measure;
use self::measure::Similarity;

/// What to measure besides accuracy, over the first `K` items of each list: everything that the given data allow.
///
/// Of each user's list, and then as the mean over users, where the first `K` items are in question:
///
/// | metric | needs | is |
/// |---|---|---|
/// | `novelty_choice@K` | train | the mean of [`Popularity::novelty_choice`], in bits |
/// | `novelty_user@K` | train | the mean of [`Popularity::novelty_user`], in bits |
/// | `diversity_NAME@K` | a similarity | [`intra_list_diversity`]; undefined for fewer than two items |
/// | `serendipity_NAME@K` | a similarity, train | [`serendipity`] towards the user's distinct training items; undefined without any |
/// | `satisfied_hits@K` | satisfaction | the share of the consumed items whose value reaches the threshold; undefined without any |
/// | `mean_value_of_hits@K` | satisfaction | the mean of their values, in the unit of the values; undefined without any |
///
/// Of all lists together, where `n` is how often an item is recommended:
///
/// | metric | needs | is |
/// |---|---|---|
/// | `coverage_of_catalogue@K` | catalogue | distinct recommended items of the catalogue, divided by the items of the catalogue |
/// | `coverage_of_train@K` | train | distinct recommended items of the training data, divided by its distinct items |
/// | `gini@K` | catalogue | [`gini`] of the `n` of the catalogue, items never recommended included |
/// | `entropy_bits@K`, `entropy_nats@K` | | [`entropy_bits`] of the `n`, and the same in nats |
///
/// Lists count whether or not their user has relevant items; an empty list has no novelty. Where all lists have the same
/// length, the mean novelty over users is that over recommended slots, as others define it.
///
/// ```
/// use rec_data::{Interaction, Interactions};
/// use rec_eval::{BeyondAccuracy, CoOccurrence, Evaluator};
///
/// let train = Interactions::new([("ann", Interaction::new("dune", 0.0))])?;
/// let co_occurrence = CoOccurrence::new(&train);
/// let beyond = BeyondAccuracy::at(10)
///     .with_train(&train)
///     .with_similarity("co_occurrence", |a, b| co_occurrence.cosine(a, b));
/// let names: Vec<String> = Evaluator::new([]).with_beyond_accuracy(beyond).names().collect();
/// assert_eq!(names[..3], ["novelty_choice@10", "novelty_user@10", "diversity_co_occurrence@10"]);
/// # Ok::<(), rec_data::Error>(())
/// ```
#[derive(Debug)]
pub struct BeyondAccuracy<'a> {
    k: usize,
    catalogue: Option<&'a IdMap>,
    train: Option<Train<'a>>,
    similarities: Vec<Similarity<'a>>,
    satisfaction: Option<Satisfaction<'a>>,
}

#[derive(Debug)]
struct Train<'a> {
    interactions: &'a Interactions,
    popularity: Popularity,
}

impl<'a> BeyondAccuracy<'a> {
    /// Looks at the first `k` items of each list.
    ///
    /// # Panics
    ///
    /// If `k` is 0.
    #[must_use]
    pub fn at(k: usize) -> BeyondAccuracy<'a> {
        assert!(k > 0, "a cut-off of 0, expected at least 1");
        BeyondAccuracy { k, catalogue: None, train: None, similarities: Vec::new(), satisfaction: None }
    }

    /// The items that could be recommended.
    #[must_use]
    pub fn with_catalogue(self, items: &'a IdMap) -> BeyondAccuracy<'a> {
        BeyondAccuracy { catalogue: Some(items), ..self }
    }

    /// What the recommender learned from: the base of novelty, and the histories that serendipity leads away from.
    #[must_use]
    pub fn with_train(self, train: &'a Interactions) -> BeyondAccuracy<'a> {
        let popularity = Popularity::new(train);
        BeyondAccuracy { train: Some(Train { interactions: train, popularity }), ..self }
    }

    /// A symmetric similarity of two items under a name of its own, such as `co_occurrence` or `content`.
    ///
    /// [`CoOccurrence::cosine`] is one; the cosine of two item vectors is another. It must not be NaN or infinite, also for
    /// items that it does not know. Each user takes `K (K - 1) / 2` of them, and `K` times the history with training data.
    ///
    /// # Panics
    ///
    /// The name was given before.
    #[must_use]
    pub fn with_similarity(
        mut self,
        name: impl Into<String>,
        similarity: impl Fn(&Id, &Id) -> f64 + Send + Sync + 'a,
    ) -> BeyondAccuracy<'a> {
        let name = name.into();
        let is_new = self.similarities.iter().all(|known| known.name != name);
        assert!(is_new, "two similarities of the name `{name}`");
        self.similarities.push(Similarity { name, of: Box::new(similarity) });
        self
    }

    /// What users made of the items that they consumed.
    #[must_use]
    pub fn with_satisfaction(self, satisfaction: Satisfaction<'a>) -> BeyondAccuracy<'a> {
        BeyondAccuracy { satisfaction: Some(satisfaction), ..self }
    }

    pub(crate) fn k(&self) -> usize {
        self.k
    }

    pub(crate) fn catalogue(&self) -> Option<&'a IdMap> {
        self.catalogue
    }

    pub(crate) fn train_items(&self) -> Option<&IdMap> {
        self.train.as_ref().map(|train| train.popularity.items())
    }

    /// The measures of single lists.
    pub(crate) fn measures(&self) -> Vec<Measure<'_>> {
        let mut measures = Vec::new();
        if let Some(Train { popularity, .. }) = &self.train {
            measures.extend([Measure::NoveltyChoice(popularity), Measure::NoveltyUser(popularity)]);
        }
        for similarity in &self.similarities {
            measures.push(Measure::Diversity(similarity));
            if let Some(Train { interactions, .. }) = &self.train {
                measures.push(Measure::Serendipity(similarity, interactions));
            }
        }
        if let Some(satisfaction) = &self.satisfaction {
            measures.extend([Measure::SatisfiedHits(satisfaction), Measure::MeanValueOfHits(satisfaction)]);
        }
        measures
    }
}
