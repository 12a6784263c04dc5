//! What combinations learn from.

use crate::error::{Error, Kind};

/// A history, as rows of items with weights that do not decay, and what the user took next: the row of an item that is not in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// Oldest first, as [`FoldIn`](rec_cf::FoldIn) makes it.
    pub history: Vec<(usize, f32)>,
    /// The item that came next.
    pub target: usize,
}

/// Checks that targets are unseen.
///
/// # Panics
///
/// A row is no item.
pub(crate) fn check_examples(examples: &[Example], n_items: usize) -> Result<(), Error> {
    for (place, example) in examples.iter().enumerate() {
        assert!(example.target < n_items, "example {place} has the target {} of {n_items}", example.target);
        if example.history.iter().any(|&(item, _)| item == example.target) {
            let problem = format!("the target, item {}, is in the history", example.target);
            return Err(Kind::Example { example: place, problem }.into());
        }
    }
    Ok(())
}
