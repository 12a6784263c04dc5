use burn::tensor::{Device, Int, Tensor, TensorData};
use rec_data::{EventWeights, History};

use crate::{Fingerprint, Sequence, VectorTable};

/// Histories looked up in a [`VectorTable`]: a [`Sequence`] of item vectors, and what is known of each event.
///
/// Events stand oldest first and are padded on the right. Items that the table does not have are left out and
/// [counted](Self::unknown). A history without a known item is a row of padding.
///
/// ```
/// use burn::tensor::Device;
/// use rec_core::{Fingerprint, HistoryBatch, VectorTable};
/// use rec_data::{History, days};
///
/// let items = VectorTable::from_rows(Fingerprint::declared("d"), [("a", [1.0, 0.0]), ("b", [0.0, 1.0])])?;
/// let users = [
///     History::from_iter([("b", days(1)), ("a", days(3)), ("gone", days(2))]),
///     History::default(),
/// ];
/// let batch = HistoryBatch::new(&items, &users, &Device::flex());
/// assert_eq!(batch.items().dims(), [2, 2, 2]); // two users, at most two known events, two dimensions
/// assert_eq!(batch.unknown(), [1, 0]);
/// assert_eq!(batch.rows()[0], [0, 1]); // `a` is older
/// let ages = batch.ages().to_data().to_vec::<f32>().unwrap();
/// assert_eq!(ages, [3.0 * 86400.0, 86400.0, 0.0, 0.0]);
/// # Ok::<(), rec_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct HistoryBatch {
    items: Sequence,
    ages: Tensor<2>,
    steps: Tensor<2>,
    weights: Tensor<2>,
    is_weighted: bool,
    rows: Vec<Vec<usize>>,
    unknown: Vec<usize>,
    users: Option<Tensor<1, Int>>,
    space: Fingerprint,
}

impl HistoryBatch {
    /// Looks histories up, every event type weighing 1.
    ///
    /// # Panics
    ///
    /// There are no histories.
    #[must_use]
    pub fn new<'a>(
        items: &VectorTable,
        histories: impl IntoIterator<Item = &'a History>,
        device: &Device,
    ) -> Self {
        Self::with_event_weights(items, histories, &EventWeights::default(), device)
    }

    /// Looks histories up and weighs their events.
    ///
    /// # Panics
    ///
    /// There are no histories.
    #[must_use]
    pub fn with_event_weights<'a>(
        items: &VectorTable,
        histories: impl IntoIterator<Item = &'a History>,
        event_weights: &EventWeights,
        device: &Device,
    ) -> Self {
        struct Event {
            row: usize,
            age: f32,
            weight: f32,
        }
        let mut unknown = Vec::new();
        let mut users: Vec<Vec<Event>> = Vec::new();
        for history in histories {
            let known: Vec<Event> = history
                .interactions()
                .iter()
                .zip(history.ages())
                .filter_map(|(interaction, age)| {
                    let row = items.ids().row(interaction.item.as_str())?;
                    Some(Event { row, age: age as f32, weight: event_weights.of(interaction) })
                })
                .collect();
            unknown.push(history.len() - known.len());
            users.push(known);
        }
        assert!(!users.is_empty(), "a batch has at least one history");

        // A tensor needs at least one position, so a batch of empty histories is one column of padding.
        let (batch, dim) = (users.len(), items.dim());
        let len = users.iter().map(Vec::len).max().unwrap_or(0).max(1);
        let mut vectors = vec![0.0; batch * len * dim];
        let (mut ages, mut steps, mut weights) =
            (vec![0.0; batch * len], vec![0.0; batch * len], vec![0.0; batch * len]);
        for (b, user) in users.iter().enumerate() {
            for (i, event) in user.iter().enumerate() {
                let at = b * len + i;
                vectors[at * dim..(at + 1) * dim].copy_from_slice(&items.row(event.row));
                ages[at] = event.age;
                steps[at] = (user.len() - 1 - i) as f32;
                weights[at] = event.weight;
            }
        }
        let lengths: Vec<usize> = users.iter().map(Vec::len).collect();
        let is_weighted = users.iter().flatten().any(|event| event.weight != 1.0);
        let vectors = Tensor::from_data(TensorData::new(vectors, [batch, len, dim]), device);
        let per_event = |values| Tensor::from_data(TensorData::new(values, [batch, len]), device);
        Self {
            items: Sequence::from_lengths(vectors, &lengths),
            ages: per_event(ages),
            steps: per_event(steps),
            weights: per_event(weights),
            is_weighted,
            rows: users.iter().map(|user| user.iter().map(|event| event.row).collect()).collect(),
            unknown,
            users: None,
            space: items.space(),
        }
    }

    /// Adds a row number per user, for models with user embeddings or profiles.
    ///
    /// # Panics
    ///
    /// There is not one row a user.
    #[must_use]
    pub fn with_users(mut self, rows: &[usize]) -> Self {
        assert_eq!(rows.len(), self.rows.len(), "{} user rows for {} histories", rows.len(), self.rows.len());
        let rows: Vec<i64> = rows.iter().map(|&row| row as i64).collect();
        let n = rows.len();
        self.users = Some(Tensor::from_data(TensorData::new(rows, [n]), &self.items.device()));
        self
    }

    /// The same events with other vectors, as an [`ItemSource`](crate::ItemSource) gives them: mask, ages, steps and weights stay.
    ///
    /// # Shapes
    ///
    /// `[batch, len, d]`, with `batch` and `len` those of the [items](Self::items).
    ///
    /// # Panics
    ///
    /// The batch or the length differs.
    #[must_use]
    pub fn with_vectors(mut self, vectors: Tensor<3>) -> Self {
        let ([batch, len, _], [b, n, _]) = (self.items.dims(), vectors.dims());
        assert_eq!(
            [batch, len],
            [b, n],
            "vectors {:?} do not fit items {:?}",
            vectors.dims(),
            self.items.dims()
        );
        self.items = Sequence::new(vectors, self.items.mask_pad().cloned());
        self
    }

    /// The item vectors, `[batch, len, d_item]`, oldest first.
    #[must_use]
    pub fn items(&self) -> &Sequence {
        &self.items
    }

    /// Seconds between each event and the history's reference time, `[batch, len]`; 0 at padding.
    #[must_use]
    pub fn ages(&self) -> &Tensor<2> {
        &self.ages
    }

    /// Steps from the end, `[batch, len]`: 0 for the newest event; 0 at padding.
    #[must_use]
    pub fn steps(&self) -> &Tensor<2> {
        &self.steps
    }

    /// What each event weighs, `[batch, len]`: negative for negative feedback; 0 at padding.
    #[must_use]
    pub fn weights(&self) -> &Tensor<2> {
        &self.weights
    }

    /// Whether any event has another weight than 1: known without asking the device.
    #[must_use]
    pub fn is_weighted(&self) -> bool {
        self.is_weighted
    }

    /// The row of each event's item in the table, per user, oldest first.
    #[must_use]
    pub fn rows(&self) -> &[Vec<usize>] {
        &self.rows
    }

    /// How many events of each user the table has no vector for.
    #[must_use]
    pub fn unknown(&self) -> &[usize] {
        &self.unknown
    }

    /// A row number per user, `[batch]`, if the caller gave them.
    #[must_use]
    pub fn users(&self) -> Option<&Tensor<1, Int>> {
        self.users.as_ref()
    }

    /// The space of the item vectors.
    #[must_use]
    pub fn space(&self) -> Fingerprint {
        self.space
    }

    /// The number of users.
    #[must_use]
    pub fn batch(&self) -> usize {
        self.rows.len()
    }
}
