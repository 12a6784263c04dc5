use burn::tensor::Tensor;
use rec_core::{Fingerprint, FingerprintBuilder, Sequence};
use rec_data::{History, IdMap, Interactions};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::objective::{InBatch, InfoNce, LabelAware, bce, bpr, full_softmax, sampled_softmax};
use crate::{Draw, Random};

/// The loss of a user's next item, from dot products of interests and items.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Objective {
    /// Against all items ([`full_softmax`]).
    FullSoftmax {
        /// What dot products are divided by.
        temperature: f64,
    },
    /// Against items drawn uniformly ([`sampled_softmax`]).
    SampledSoftmax {
        /// Negatives a row.
        n_negatives: usize,
    },
    /// Against the items of the other rows ([`InfoNce`]), corrected by how often each is an item to predict.
    InBatch {
        /// What dot products are divided by.
        temperature: f64,
    },
    /// Pairwise, against items drawn uniformly ([`bpr`]).
    Bpr {
        /// Negatives a row.
        n_negatives: usize,
    },
    /// Each by itself, the item and items drawn uniformly ([`bce`]).
    Bce {
        /// Negatives a row.
        n_negatives: usize,
    },
}

impl Objective {
    pub(super) fn n_negatives(self) -> usize {
        match self {
            Self::FullSoftmax { .. } | Self::InBatch { .. } => 0,
            Self::SampledSoftmax { n_negatives } | Self::Bpr { n_negatives } | Self::Bce { n_negatives } => {
                n_negatives
            }
        }
    }
}

/// Users at a moment, and what they chose next.
#[derive(Debug, Clone)]
pub struct NextBatch {
    /// What each did before.
    pub histories: Vec<History>,
    /// The row of the item that each chose.
    pub targets: Vec<usize>,
    /// Rows of items that each did not choose, as many for everyone.
    pub negatives: Vec<Vec<usize>>,
    /// The seed of what the model draws: its dropout.
    pub seed: u64,
}

/// Where next items are drawn from: every event of a user that has another before it.
#[derive(Debug, Clone)]
pub(super) struct Events {
    pub(super) users: Vec<(History, Vec<usize>)>,
    /// User, and position of the event.
    events: Vec<(usize, usize)>,
    /// `log p` of each item to be a target.
    log_q: Vec<f32>,
    pub(super) n_items: usize,
    pub(super) max_len: usize,
    pub(super) batch_size: usize,
    space: Fingerprint,
}

impl Events {
    pub(super) fn new(log: &Interactions, items: &IdMap, space: Fingerprint) -> Result<Self, Error> {
        let (mut users, mut events, mut counts) = (Vec::new(), Vec::new(), vec![0u32; items.len()]);
        for (_, history) in log.iter() {
            let known = history.interactions().iter().filter(|i| items.row(i.item.as_str()).is_some());
            let Ok(history) = History::new(known.cloned()) else { continue };
            let rows: Vec<usize> = history.items().filter_map(|item| items.row(item.as_str())).collect();
            for (at, &row) in rows.iter().enumerate().skip(1) {
                events.push((users.len(), at));
                counts[row] += 1;
            }
            users.push((history, rows));
        }
        if events.is_empty() {
            return Err(Error::unusable("no user has two events with items that are known"));
        }
        let n = events.len() as f32;
        let log_q = counts.iter().map(|&count| (count.max(1) as f32 / n).ln()).collect();
        Ok(Self { users, events, log_q, n_items: items.len(), max_len: 50, batch_size: 128, space })
    }

    /// Keeps the events at `time` or later.
    pub(super) fn since(&mut self, time: f64) -> Result<(), Error> {
        let users = &self.users;
        self.events.retain(|&(user, at)| users[user].0.interactions()[at].time >= time);
        if self.events.is_empty() {
            return Err(Error::unusable(format!("nothing was chosen at {time} or later")));
        }
        let mut counts = vec![0u32; self.n_items];
        self.events.iter().for_each(|&(user, at)| counts[self.users[user].1[at]] += 1);
        let n = self.events.len() as f32;
        self.log_q = counts.iter().map(|&count| (count.max(1) as f32 / n).ln()).collect();
        Ok(())
    }

    pub(super) fn sample(&self, draw: Draw, n_negatives: usize) -> NextBatch {
        let mut random = draw.random();
        let rows = draw.rows(self.events.len(), self.batch_size);
        let seed = random.below(usize::MAX) as u64;
        let mut batch = NextBatch { histories: Vec::new(), targets: Vec::new(), negatives: Vec::new(), seed };
        for (user, at) in rows.into_iter().map(|row| self.events[row]) {
            let (history, items) = &self.users[user];
            let before = &history.interactions()[at.saturating_sub(self.max_len)..at];
            // Finite before, and so finite now.
            batch.histories.push(History::new(before.iter().cloned()).unwrap_or_default());
            batch.targets.push(items[at]);
            batch.negatives.push(self.negatives(items, n_negatives, &mut random));
        }
        batch
    }

    /// Items drawn uniformly that are not the user's; after some attempts for a user of nearly all items, any.
    fn negatives(&self, items: &[usize], n: usize, random: &mut Random) -> Vec<usize> {
        let draw = |_| {
            let mut row = random.below(self.n_items);
            for _ in 0..20 {
                if !items.contains(&row) {
                    break;
                }
                row = random.below(self.n_items);
            }
            row
        };
        (0..n).map(draw).collect()
    }

    pub(super) fn describe(&self) -> String {
        let mut hash = FingerprintBuilder::default();
        for (history, rows) in &self.users {
            hash.part("user", &rows.iter().flat_map(|&row| (row as u64).to_le_bytes()).collect::<Vec<u8>>());
            for event in history.interactions() {
                hash.part("time", &event.time.to_le_bytes());
                hash.part("signal", format!("{:?}", event.signal).as_bytes());
            }
        }
        let (len, n) = (self.max_len, self.batch_size);
        format!(
            "{} events {}, items {}, histories of {len}, batches of {n}",
            self.events.len(),
            hash.finish(),
            self.space
        )
    }

    /// The loss, once interests and the vectors of the items that it needs are there.
    pub(super) fn loss(
        &self,
        objective: Objective,
        interests: &Sequence,
        batch: &NextBatch,
        choice: LabelAware,
        vectors: impl Fn(&[usize]) -> Tensor<2>,
    ) -> Tensor<1> {
        let targets = vectors(&batch.targets); // [batch, d]
        let [n, d] = targets.dims();
        let users = choice.choose(interests, targets.clone()); // [batch, d]
        match objective {
            Objective::FullSoftmax { temperature } => {
                let all: Vec<usize> = (0..self.n_items).collect();
                full_softmax(users.div_scalar(temperature), vectors(&all), &batch.targets)
            }
            Objective::InBatch { temperature } => {
                let log_q: Vec<f32> = batch.targets.iter().map(|&row| self.log_q[row]).collect();
                let rows = InBatch { items: &batch.targets, queries: None, log_q: Some(&log_q) };
                InfoNce::new(temperature).loss(users, targets, rows)
            }
            Objective::SampledSoftmax { n_negatives }
            | Objective::Bpr { n_negatives }
            | Objective::Bce { n_negatives } => {
                let positives: Tensor<1> = (users.clone() * targets).sum_dim(1).reshape([n]);
                let negatives = vectors(&batch.negatives.concat()).reshape([n, n_negatives, d]);
                let negatives: Tensor<2> = negatives.matmul(users.unsqueeze_dim::<3>(2)).squeeze_dim(2);
                sampled_loss(objective, positives, negatives)
            }
        }
    }
}

/// The loss of positives beside their negatives, by an objective that samples these.
pub(super) fn sampled_loss(objective: Objective, positives: Tensor<1>, negatives: Tensor<2>) -> Tensor<1> {
    match objective {
        Objective::Bpr { .. } => bpr(positives, negatives),
        Objective::Bce { .. } => {
            let (ones, zeros) = (positives.ones_like(), negatives.zeros_like());
            (bce(positives, ones) + bce(negatives, zeros)).div_scalar(2.0)
        }
        _ => sampled_softmax(positives, negatives),
    }
}

/// Recall at `k` of one item a user, among all items but those that the user has had: the share of users whose item is among the best.
///
/// Of equal scores the item counts as the worst.
pub(super) fn recall(
    held_out: &[(History, usize)],
    k: usize,
    scores: impl Fn(&[History]) -> Result<Vec<f32>, Error>,
    seen: impl Fn(&History) -> Vec<usize>,
) -> Result<Option<f64>, Error> {
    if held_out.is_empty() {
        return Ok(None);
    }
    let mut n_hits = 0usize;
    for users in held_out.chunks(256) {
        let histories: Vec<History> = users.iter().map(|(history, _)| history.clone()).collect();
        let scores = scores(&histories)?;
        let n_items = scores.len() / users.len();
        for ((history, target), scores) in users.iter().zip(scores.chunks_exact(n_items)) {
            let (seen, best) = (seen(history), scores[*target]);
            let n_better =
                (0..n_items).filter(|&i| i != *target && scores[i] >= best && !seen.contains(&i)).count();
            n_hits += usize::from(n_better < k);
        }
    }
    Ok(Some(n_hits as f64 / held_out.len() as f64))
}

/// The logits of all items by the best interest of each user, on the host, row-major.
pub(super) fn logits(interests: &Sequence, items: &Tensor<2>) -> Result<Vec<f32>, Error> {
    let [batch, k, d] = interests.dims();
    let [n, _] = items.dims();
    let values = interests.zero_padded().reshape([batch * k, d]).matmul(items.clone().transpose());
    let candidates = Sequence::new(items.clone().unsqueeze_dim(0), None);
    crate::parameters::values(rec_score::best_interest(values.reshape([batch, k, n]), interests, &candidates))
}
