//! The measures of single lists, as data: which there are, their names and their values.

use std::fmt;

use rec_data::{Id, IdMap, Interactions};

use crate::beyond::similarity::mean;
use crate::beyond::{Popularity, Satisfaction, intra_list_diversity, serendipity};
use crate::error::{Error, Kind};
use crate::relevance::Relevant;

type SimilarityOf<'a> = dyn Fn(&Id, &Id) -> f64 + Send + Sync + 'a;

/// A similarity of items, with the name that it has in the names of measures.
pub(crate) struct Similarity<'a> {
    pub(crate) name: String,
    pub(crate) of: Box<SimilarityOf<'a>>,
}

impl fmt::Debug for Similarity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Similarity").field(&self.name).finish()
    }
}

/// A measure of one user's list.
pub(crate) enum Measure<'b> {
    NoveltyChoice(&'b Popularity),
    NoveltyUser(&'b Popularity),
    Diversity(&'b Similarity<'b>),
    Serendipity(&'b Similarity<'b>, &'b Interactions),
    SatisfiedHits(&'b Satisfaction<'b>),
    MeanValueOfHits(&'b Satisfaction<'b>),
}

impl Measure<'_> {
    pub(crate) fn name(&self, k: usize) -> String {
        match self {
            Measure::NoveltyChoice(_) => format!("novelty_choice@{k}"),
            Measure::NoveltyUser(_) => format!("novelty_user@{k}"),
            Measure::Diversity(similarity) => format!("diversity_{}@{k}", similarity.name),
            Measure::Serendipity(similarity, _) => format!("serendipity_{}@{k}", similarity.name),
            Measure::SatisfiedHits(_) => format!("satisfied_hits@{k}"),
            Measure::MeanValueOfHits(_) => format!("mean_value_of_hits@{k}"),
        }
    }

    /// Whether it skips users without relevant items.
    pub(crate) fn needs_truth(&self) -> bool {
        matches!(self, Measure::Serendipity(..))
    }

    /// The value for the first items of a list, or `None` if it is undefined.
    pub(crate) fn value(&self, user: &Id, items: &[Id], relevant: &Relevant) -> Result<Option<f64>, Error> {
        let finite = |value: Option<f64>, similarity: &Similarity| match value {
            Some(value) if !value.is_finite() => {
                Err(Kind::NotFiniteSimilarity { name: similarity.name.clone(), user: user.clone() }.into())
            }
            _ => Ok(value),
        };
        match self {
            Measure::NoveltyChoice(popularity) => {
                Ok(mean(items.iter().filter_map(|item| popularity.novelty_choice(item))))
            }
            Measure::NoveltyUser(popularity) => {
                Ok(mean(items.iter().filter_map(|item| popularity.novelty_user(item))))
            }
            Measure::Diversity(similarity) => finite(intra_list_diversity(items, &similarity.of), similarity),
            Measure::Serendipity(..) if relevant.is_empty() => Ok(None),
            Measure::Serendipity(similarity, train) => {
                let history: IdMap =
                    distinct(train.get(user).into_iter().flat_map(|history| history.items()));
                let history: Vec<Id> = history.iter().cloned().collect();
                let is_relevant = |item: &Id| relevant.contains(item);
                finite(serendipity(items, is_relevant, &history, &similarity.of), similarity)
            }
            Measure::SatisfiedHits(satisfaction) => {
                Ok(satisfaction.of_list(user, items).map(|hits| hits.share_satisfied))
            }
            Measure::MeanValueOfHits(satisfaction) => {
                Ok(satisfaction.of_list(user, items).map(|hits| hits.mean_value))
            }
        }
    }
}

fn distinct<'a>(ids: impl Iterator<Item = &'a Id>) -> IdMap {
    let mut distinct = IdMap::new();
    ids.for_each(|id| {
        distinct.insert(id);
    });
    distinct
}
