use std::collections::BTreeMap;

use rec_core::{Interests, VectorTable};
use rec_data::{History, RankedList};
use rec_encoder::TextEncoder;
use rec_interest::UserEncoder;
use rec_score::{Filter, FlatIndex, Scorer};

use crate::{EncoderSource, Error, ScoreModel, UserModel};

/// Everything that recommends: item vectors, a model of the user, a scorer with its index, and where texts become vectors an
/// encoder.
///
/// The parts are checked when they are put together and again when they are [loaded](Self::load): every vector meets only
/// vectors of its space. Cloning is cheap, and threads may recommend at the same time.
///
/// ```
/// use rec_core::{Fingerprint, VectorTable};
/// use rec_data::{History, days};
/// use rec_interest::Average;
/// use rec_pipeline::Pipeline;
/// use rec_score::{Cosine, Filter};
///
/// let space = Fingerprint::declared("taste");
/// let rows = [("dune", [1.0, 0.1]), ("solaris", [0.9, 0.2]), ("emma", [0.0, 1.0])];
/// let pipeline = Pipeline::new(VectorTable::from_rows(space, rows)?, Average::new(), Cosine)?;
///
/// let history = History::from_iter([("dune", days(1))]);
/// let list = pipeline.recommend(&history, 2, &Filter::exclude(history.items()))?;
/// assert!(list.iter().map(|hit| &hit.id).eq(["solaris", "emma"]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Pipeline {
    pub(crate) parts: Parts,
    index: FlatIndex,
}

/// What a pipeline is made of, without what follows from it.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    pub(crate) items: VectorTable,
    /// Where histories are looked up, if not in `items`.
    pub(crate) history: Option<VectorTable>,
    pub(crate) user: UserModel,
    pub(crate) scorer: ScoreModel,
    pub(crate) encoder: Option<(TextEncoder, EncoderSource)>,
    pub(crate) provenance: BTreeMap<String, String>,
}

impl Pipeline {
    /// A pipeline that ranks the items of a table for users whose histories are of these items.
    ///
    /// # Errors
    ///
    /// The scorer does not take the interests of the user model beside these items: their spaces
    /// ([`Error::is_space_mismatch`]) or dimensions differ. The message names both.
    pub fn new(
        items: VectorTable,
        user: impl Into<UserModel>,
        scorer: impl Into<ScoreModel>,
    ) -> Result<Self, Error> {
        Self::from_parts(Parts::new(items, None, user.into(), scorer.into()))
    }

    /// A pipeline that looks histories up in another table than the one that it ranks: one that still has the items that are
    /// sold out, or the vectors that a learned user model reads.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    ///
    /// ```
    /// use rec_core::{Fingerprint, VectorTable};
    /// use rec_data::{History, days};
    /// use rec_interest::Average;
    /// use rec_pipeline::Pipeline;
    /// use rec_score::{Cosine, Filter};
    ///
    /// let space = Fingerprint::declared("taste");
    /// let all = VectorTable::from_rows(space, [("sold out", [1.0, 0.0]), ("a", [0.9, 0.1]), ("b", [0.0, 1.0])])?;
    /// let on_sale = VectorTable::from_rows(space, [("a", [0.9, 0.1]), ("b", [0.0, 1.0])])?;
    /// let pipeline = Pipeline::with_history_table(all, on_sale, Average::new(), Cosine)?;
    /// let list = pipeline.recommend(&History::from_iter([("sold out", days(1))]), 9, &Filter::none())?;
    /// assert!(list.iter().map(|hit| &hit.id).eq(["a", "b"]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_history_table(
        history: VectorTable,
        items: VectorTable,
        user: impl Into<UserModel>,
        scorer: impl Into<ScoreModel>,
    ) -> Result<Self, Error> {
        Self::from_parts(Parts::new(items, Some(history), user.into(), scorer.into()))
    }

    pub(crate) fn from_parts(parts: Parts) -> Result<Self, Error> {
        parts.check()?;
        let index = FlatIndex::with_scorer(parts.items.clone(), &parts.scorer)?;
        Ok(Self { parts, index })
    }

    /// Adds the encoder that made the vectors, for the texts that come later, and says where a saved pipeline finds it.
    ///
    /// A prompt and windows are no part of a vector space: the encoder of a loaded pipeline reads texts as the one from its
    /// source does.
    ///
    /// # Errors
    ///
    /// The encoder's space is that of no table.
    pub fn with_encoder(mut self, encoder: TextEncoder, source: EncoderSource) -> Result<Self, Error> {
        self.parts.encoder = Some((encoder, source));
        self.parts.check_encoder()?;
        Ok(self)
    }

    /// Records one fact about how the pipeline came about, for people: template, cleaner, data.
    #[must_use]
    pub fn with_provenance(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.parts.provenance.insert(key.into(), value.into());
        self
    }

    /// The best `k` items for a user, of those that the filter accepts; to leave out what the user has seen, say so in the
    /// filter.
    ///
    /// With `k = 0` the list is empty, and with `k` beyond the number of items it has all of them. A history without a known
    /// item gives the zero interest, by which no item is better than another: answer such users by other means.
    ///
    /// # Errors
    ///
    /// An interest or a score overflows, or the device fails.
    pub fn recommend(&self, history: &History, k: usize, filter: &Filter) -> Result<RankedList, Error> {
        let mut lists = self.recommend_batch(&[history], k, std::slice::from_ref(filter))?;
        Ok(lists.pop().unwrap_or_default())
    }

    /// [`recommend`](Self::recommend) for many users, each with a filter: faster, and the same lists within rounding.
    ///
    /// # Errors
    ///
    /// As for `recommend`, if any user has one.
    ///
    /// # Panics
    ///
    /// There is not one filter a user.
    pub fn recommend_batch(
        &self,
        histories: &[&History],
        k: usize,
        filters: &[Filter],
    ) -> Result<Vec<RankedList>, Error> {
        Ok(self.index.top_k_batch(&self.interests(histories)?, k, filters)?)
    }

    /// The interests of users, in the order of their histories.
    ///
    /// # Errors
    ///
    /// An interest overflows, or the device fails.
    pub fn interests(&self, histories: &[&History]) -> Result<Vec<Interests>, Error> {
        Ok(self.parts.user.try_interests(self.history_table(), histories)?)
    }

    /// The index that answers. A clone of it takes new items without changing the pipeline.
    #[must_use]
    pub fn index(&self) -> &FlatIndex {
        &self.index
    }

    /// The vectors of the items that are ranked.
    #[must_use]
    pub fn items(&self) -> &VectorTable {
        &self.parts.items
    }

    /// The vectors that histories are looked up in.
    #[must_use]
    pub fn history_table(&self) -> &VectorTable {
        self.parts.history.as_ref().unwrap_or(&self.parts.items)
    }

    /// The model of the user.
    #[must_use]
    pub fn user(&self) -> &UserModel {
        &self.parts.user
    }

    /// The scorer.
    #[must_use]
    pub fn scorer(&self) -> &ScoreModel {
        &self.parts.scorer
    }

    /// The encoder, if the pipeline has one.
    #[must_use]
    pub fn encoder(&self) -> Option<&TextEncoder> {
        self.parts.encoder.as_ref().map(|(encoder, _)| encoder)
    }

    /// How the pipeline came about, for people.
    #[must_use]
    pub fn provenance(&self) -> &BTreeMap<String, String> {
        &self.parts.provenance
    }
}

impl Parts {
    pub(crate) fn new(
        items: VectorTable,
        history: Option<VectorTable>,
        user: UserModel,
        scorer: ScoreModel,
    ) -> Self {
        Self { items, history, user, scorer, encoder: None, provenance: BTreeMap::new() }
    }

    /// The tables by what they are called.
    fn tables(&self) -> impl Iterator<Item = (&'static str, &VectorTable)> {
        self.history
            .iter()
            .map(|table| ("the table `history`", table))
            .chain([("the table `items`", &self.items)])
    }

    /// Whether the scorer takes the interests that the user model gives.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let (user, scorer) = (self.user.name(), self.scorer.name());
        let Some((looked_up, history)) = self.tables().next() else { return Ok(()) };
        let given = format!("what the user model `{user}` makes of {looked_up}");
        let taken = format!("what the scorer `{scorer}` takes beside the table `items`");
        if let Some(dim) = self.user.item_dim() {
            let found = (looked_up, history.dim());
            Error::check_dims((found.0.to_owned(), found.1), (format!("the items of `{user}`"), dim))?;
        }
        let spaces = (self.user.space(history.space()), self.scorer.interest_space(self.items.space()));
        Error::check_spaces((&*given, spaces.0), (&*taken, spaces.1))?;
        // A scorer that does not take such items at all is refused by the index, with these dimensions.
        if let Some(dim) = self.scorer.interest_dim(self.items.dim()) {
            // Every user model gives interests of as many dimensions as its items have.
            Error::check_dims((given, history.dim()), (taken, dim))?;
        }
        Ok(())
    }

    /// Whether the encoder writes into the space of a table.
    pub(crate) fn check_encoder(&self) -> Result<(), Error> {
        let Some((encoder, _)) = &self.encoder else { return Ok(()) };
        let name = format!("the encoder `{}`", encoder.name());
        let mut fits = Ok(());
        for (table_name, table) in self.tables() {
            fits = Error::check_spaces((&*name, encoder.space()), (table_name, table.space()));
            if fits.is_ok() {
                return Error::check_dims((name, encoder.dim()), (table_name, table.dim()));
            }
        }
        fits
    }
}
