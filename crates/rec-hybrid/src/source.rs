//! What is combined.

use std::sync::Arc;

use rec_cf::Recommender;
use rec_data::IdMap;

use crate::error::{Error, Kind};

/// A model that takes part in a combination: a name, any [`Recommender`], and how fast it forgets.
///
/// Models want histories at different decays, so a combination takes histories whose weights do not decay yet
/// ([`FoldIn`](rec_cf::FoldIn) without decay), and each source multiplies the weights by its own `decay^step`, where the newest
/// event has the step 0.
///
/// ```
/// use rec_cf::{Aggregation, EaseConfig, InteractionMatrix, Progress};
/// use rec_data::{Interaction, Interactions};
/// use rec_hybrid::Source;
///
/// let log = [("ann", "dune"), ("ann", "solaris"), ("bob", "dune"), ("bob", "solaris"), ("cid", "emma")];
/// let log = Interactions::new(log.map(|(user, item)| (user, Interaction::new(item, 0.0))))?;
/// let matrix = InteractionMatrix::new(&log, Aggregation::Binary)?;
/// let ease = EaseConfig::new(0.5).fit(&matrix, Progress::ignore)?;
///
/// let source = Source::new("EASE", ease.clone()).with_decay(0.5);
/// let (dune, emma, solaris) = (0, 1, 2);
/// let mut scores = [0.0; 3];
/// source.scores(&[(dune, 1.0), (emma, 1.0)], &mut scores);
/// assert_eq!(scores[solaris], 0.5 * ease.weight(dune, solaris));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Source {
    name: Box<str>,
    model: Arc<dyn Recommender>,
    decay: f32,
}

impl Source {
    /// A model under a name, without decay.
    #[must_use]
    pub fn new(name: impl Into<Box<str>>, model: impl Recommender + 'static) -> Source {
        Source::shared(name, Arc::new(model))
    }

    /// A model that others use, too.
    #[must_use]
    pub fn shared(name: impl Into<Box<str>>, model: Arc<dyn Recommender>) -> Source {
        Source { name: name.into(), model, decay: 1.0 }
    }

    /// Multiplies the weight of an event by `decay` for each step that it is away from the end of the history.
    ///
    /// # Panics
    ///
    /// `decay` is not from 0 to 1.
    #[must_use]
    pub fn with_decay(self, decay: f32) -> Source {
        assert!((0.0..=1.0).contains(&decay), "a decay of {decay}, which is not from 0 to 1");
        Source { decay, ..self }
    }

    /// The name, which reports and errors use.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &dyn Recommender {
        &*self.model
    }

    /// The scores of the model for the decayed history.
    ///
    /// # Panics
    ///
    /// As [`Recommender::scores`].
    pub fn scores(&self, history: &[(usize, f32)], out: &mut [f32]) {
        self.model.scores(&self.decayed(history), out);
    }

    /// What each event contributes to the score of an item, as [`Recommender::explain`] has it for the decayed history.
    ///
    /// # Panics
    ///
    /// As [`Recommender::explain`].
    #[must_use]
    pub fn explain(&self, history: &[(usize, f32)], item: usize) -> Option<Vec<f32>> {
        self.model.explain(&self.decayed(history), item)
    }

    fn decayed(&self, history: &[(usize, f32)]) -> Vec<(usize, f32)> {
        let n = history.len();
        let decayed = |(place, &(item, weight)): (usize, &(usize, f32))| {
            (item, weight * self.decay.powi(i32::try_from(n - 1 - place).unwrap_or(i32::MAX)))
        };
        history.iter().enumerate().map(decayed).collect()
    }
}

/// The items that all sources score.
pub(crate) fn common_items(sources: &[Source]) -> Result<&IdMap, Error> {
    let first = sources.first().ok_or(Kind::NoSources)?;
    for (place, source) in sources.iter().enumerate() {
        if sources[..place].iter().any(|other| other.name == source.name) {
            return Err(Kind::SourceName { name: source.name.clone() }.into());
        }
        if source.model.items() != first.model.items() {
            let (first, second) = (first.name.clone(), source.name.clone());
            return Err(Kind::Items { first, second }.into());
        }
    }
    Ok(first.model.items())
}

/// Whether a row is not in the history, for each row.
///
/// # Panics
///
/// The history has a row that is no item.
pub(crate) fn unseen(n_items: usize, history: &[(usize, f32)]) -> Vec<bool> {
    let mut unseen = vec![true; n_items];
    for &(item, _) in history {
        assert!(item < n_items, "the history has item {item} of {n_items}");
        unseen[item] = false;
    }
    unseen
}

/// A check of [`Recommender::items`]: rows must ascend as ids do, because they break ties.
pub(crate) fn check_ascending(items: &IdMap) -> Result<(), Error> {
    let late = items.iter().zip(items.iter().skip(1)).find(|(id, next)| id >= next);
    late.map_or(Ok(()), |(_, next)| Err(Kind::Unordered { id: next.clone() }.into()))
}
