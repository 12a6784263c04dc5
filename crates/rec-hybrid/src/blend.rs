//! Several models as one, by weights.

use rec_cf::Recommender;
use rec_data::IdMap;

use crate::error::{Error, Kind};
use crate::normalization::Normalization;
use crate::source::{Source, common_items, unseen};

/// A weighted sum of the normalised scores of several sources; a [`Recommender`] itself.
///
/// The score of item `j` is `sum_s weight_s * normalized_s(j)`. Normalisation looks at the items that are not in the history,
/// because these are ranked; an item of the history gets the score of the worst of them. With
/// [`Normalization::ReciprocalRank`] and weights of 1 this is reciprocal rank fusion of complete rankings.
///
/// ```
/// use rec_cf::{Aggregation, EaseConfig, FoldIn, InteractionMatrix, PopularityConfig, Progress, Recommender};
/// use rec_data::{Interaction, Interactions};
/// use rec_hybrid::{Blend, Normalization, Source};
///
/// let log = [("ann", "dune"), ("ann", "solaris"), ("bob", "dune"), ("bob", "solaris"), ("cid", "emma"), ("dan", "emma")];
/// let log = Interactions::new(log.map(|(user, item)| (user, Interaction::new(item, 0.0))))?;
/// let matrix = InteractionMatrix::new(&log, Aggregation::Binary)?;
/// let ease = Source::new("EASE", EaseConfig::new(0.5).fit(&matrix, Progress::ignore)?).with_decay(0.7);
/// let popular = Source::new("popularity", PopularityConfig::new().fit(&matrix, Progress::ignore)?);
///
/// let model = Blend::new(vec![(ease, 1.0), (popular, 0.1)], Normalization::ZScore)?;
/// let dune = model.items().row("dune").unwrap();
/// assert_eq!(model.top_k(&[(dune, 1.0)], 1)?[0].id, "solaris");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Blend {
    sources: Vec<Source>,
    weights: Vec<f32>,
    normalization: Normalization,
}

impl Blend {
    /// A blend of sources, each with its weight, which may be negative.
    ///
    /// # Errors
    ///
    /// There are no sources, two have one name, they score different items ([`Error::is_mismatch`]), or a weight is not finite.
    pub fn new(sources: Vec<(Source, f32)>, normalization: Normalization) -> Result<Blend, Error> {
        let (sources, weights): (Vec<Source>, Vec<f32>) = sources.into_iter().unzip();
        common_items(&sources)?;
        for (source, &weight) in sources.iter().zip(&weights) {
            if !weight.is_finite() {
                let what = format!("the weight of `{}`", source.name());
                return Err(Kind::NotFinite { what, value: weight.into() }.into());
            }
        }
        Ok(Blend { sources, weights, normalization })
    }

    /// The sources with their weights.
    pub fn sources(&self) -> impl ExactSizeIterator<Item = (&Source, f32)> {
        self.sources.iter().zip(self.weights.iter().copied())
    }
}

impl Recommender for Blend {
    fn items(&self) -> &IdMap {
        self.sources[0].model().items()
    }

    fn scores(&self, history: &[(usize, f32)], out: &mut [f32]) {
        assert_eq!(out.len(), self.items().len(), "places for the scores, and items");
        let unseen = unseen(out.len(), history);
        let mut sums = vec![0.0f64; unseen.iter().filter(|&&unseen| unseen).count()];
        for (source, &weight) in self.sources.iter().zip(&self.weights) {
            source.scores(history, out);
            let mut scores: Vec<f32> =
                out.iter().zip(&unseen).filter(|&(_, &unseen)| unseen).map(|(&score, _)| score).collect();
            self.normalization.apply(&mut scores);
            sums.iter_mut().zip(scores).for_each(|(sum, score)| *sum += f64::from(weight) * f64::from(score));
        }
        spread(&sums, &unseen, out);
    }
}

/// Writes the scores of the unseen items to their rows; those that were seen get the worst of them.
pub(crate) fn spread(scores: &[f64], unseen: &[bool], out: &mut [f32]) {
    let worst = scores.iter().copied().fold(f64::INFINITY, f64::min);
    let worst = if worst.is_finite() { worst as f32 } else { 0.0 };
    let mut scores = scores.iter();
    for (score, &unseen) in out.iter_mut().zip(unseen) {
        *score = if unseen { scores.next().map_or(worst, |&score| score as f32) } else { worst };
    }
}
