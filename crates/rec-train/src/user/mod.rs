//! Training user models on what users chose next.
//!
//! [`NextItem`] trains any user encoder on the vectors of a table (an encoder that stands still, its catalogue embedded once),
//! [`Sequences`] a causal one together with its items, on all events of a history at once, [`Clicks`] the encoder of the texts
//! together with any, and [`Impressions`] does so on what users were shown and did not click. [`Scoring`] trains a scorer behind a user
//! model that stands still.

mod clicks;
mod impressions;
mod item_texts;
mod next_item;
mod sampled;
mod scoring;
mod sequences;

pub use clicks::{Clicks, TextAndUser};
pub use impressions::Impressions;
pub use next_item::NextItem;
pub use sampled::{NextBatch, Objective};
pub use scoring::Scoring;
pub use sequences::{SequenceBatch, SequenceModel, Sequences};

use rec_core::FingerprintBuilder;
use rec_data::{History, IdMap, Interactions};

/// The history of each user with a held-out item, and the row of the first of these.
fn held_out(items: &IdMap, log: &Interactions, held_out: &Interactions) -> Vec<(History, usize)> {
    let pairs = held_out.iter().filter_map(|(user, next)| {
        let target = next.items().find_map(|item| items.row(item.as_str()))?;
        Some((log.get(user.as_str())?.clone(), target))
    });
    pairs.collect()
}

/// What a metric is of.
fn describe_held_out(held_out: &[(History, usize)], k: usize) -> String {
    let mut hash = FingerprintBuilder::default();
    for (history, target) in held_out {
        history.items().for_each(|item| hash.part("item", item.as_str().as_bytes()));
        hash.part("target", &(*target as u64).to_le_bytes());
    }
    format!("recall at {k} of {} users {}", held_out.len(), hash.finish())
}
