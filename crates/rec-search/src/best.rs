//! What one query has found so far.

use std::sync::atomic::{AtomicI32, Ordering};

use rec_data::TopK;

use crate::Found;
use crate::error::{Error, Kind};

/// Scores that are compared together with the bar to clear.
const LANES: usize = 16;

/// Visits the scores that may enter a list: those of at least `bar`, NaN and the infinities, and perhaps some others beside
/// them. `visit` is given the place and the score, and gives the new bar, which must not be lower than the last.
///
/// Sixteen scores are compared at a time, so that a long list of low ones costs little.
///
/// ```
/// let mut seen = vec![];
/// let mut scores = [0.1; 100];
/// scores[70] = 0.9;
/// rec_search::visit_reaching(&scores, 0.5, |at, score| {
///     seen.extend((score >= 0.5).then_some(at));
///     0.5
/// });
/// assert_eq!(seen, [70]);
/// ```
pub fn visit_reaching(scores: &[f32], mut bar: f32, mut visit: impl FnMut(usize, f32) -> f32) {
    for (start, chunk) in (0..).step_by(LANES).zip(scores.chunks(LANES)) {
        // Most scores end here. NaN and infinities do not.
        if chunk.iter().fold(true, |all, &score| all & (score < bar) & (score > f32::NEG_INFINITY)) {
            continue;
        }
        for (i, &score) in chunk.iter().enumerate() {
            bar = visit(start + i, score);
        }
    }
}

/// A score that `k` accepted rows have reached, in some part of the rows: lower ones have no place in the list of all.
///
/// Threads share it. How far it has come when a thread looks changes what is left out early, and never a list.
#[derive(Debug)]
pub(crate) struct Bar(AtomicI32);

impl Bar {
    pub(crate) fn new() -> Self {
        Self(AtomicI32::new(ordered(f32::NEG_INFINITY.to_bits().cast_signed())))
    }

    fn get(&self) -> f32 {
        f32::from_bits(ordered(self.0.load(Ordering::Relaxed)).cast_unsigned())
    }

    fn raise(&self, score: f32) {
        let score = ordered(score.to_bits().cast_signed());
        // Reading first: most of the time there is nothing to write.
        if score > self.0.load(Ordering::Relaxed) {
            self.0.fetch_max(score, Ordering::Relaxed);
        }
    }
}

/// The bits of a float as an integer with the same order, and back.
fn ordered(bits: i32) -> i32 {
    bits ^ ((bits >> 31) & i32::MAX)
}

/// The best `k` rows, by score descending and then row ascending, whatever the order in which they are offered.
#[derive(Debug, Clone)]
pub(crate) struct Best {
    top: TopK<usize>,
    /// The smallest accepted row whose score is not a number to rank by.
    overflow: Option<usize>,
}

impl Best {
    pub(crate) fn new(k: usize) -> Self {
        Self { top: TopK::new(k), overflow: None }
    }

    /// Offers the row `row(i)` with the score `scores[i]`, for each `i`; those below `bar` may be left out.
    pub(crate) fn offer(
        &mut self,
        scores: &[f32],
        bar: &Bar,
        row: impl Fn(usize) -> usize,
        accepts: &impl Fn(usize) -> bool,
    ) {
        let shared = bar.get();
        visit_reaching(scores, self.top.threshold().max(shared), |i, score| {
            self.offer_one(score, row(i), accepts);
            self.top.threshold().max(shared)
        });
        bar.raise(self.top.threshold());
    }

    fn offer_one(&mut self, score: f32, row: usize, accepts: &impl Fn(usize) -> bool) {
        let score = if score.is_finite() { score } else { f32::NAN };
        // The filter comes last, because most rows do not get this far.
        if self.top.would_enter(score) && accepts(row) && self.top.push(score, row).is_err() {
            self.overflow = Some(self.overflow.map_or(row, |other| other.min(row)));
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.top.merge(other.top);
        self.overflow = match (self.overflow, other.overflow) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }

    pub(crate) fn into_sorted(self) -> Result<Vec<Found>, Error> {
        match self.overflow {
            Some(row) => Err(Kind::Score(row).into()),
            None => Ok(self.top.into_sorted().into_iter().map(|(score, row)| Found { row, score }).collect()),
        }
    }
}
