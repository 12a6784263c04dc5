use rec_core::{HistoryBatch, Sequence};

use crate::UserEncoder;

/// Every item of the history as an interest of its own, oldest first: for scorers that attend to the history themselves, such as
/// target-aware attention (DIN).
///
/// With a scorer that takes the best interest, an item scores as high as with the most similar item of the history. A history
/// without a known item has no interests, which counts as one zero vector.
///
/// ```
/// use rec_core::{Fingerprint, VectorTable};
/// use rec_data::{History, days};
/// use rec_interest::{EachItem, UserEncoder};
///
/// let items = VectorTable::from_rows(Fingerprint::declared("d"), [("a", [1.0, 2.0]), ("b", [3.0, 4.0])])?;
/// let user = EachItem.interest(&items, &History::from_iter([("b", days(1)), ("a", days(2))]));
/// assert!(user.iter().eq([[1.0, 2.0], [3.0, 4.0]]));
/// # Ok::<(), rec_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EachItem;

impl UserEncoder for EachItem {
    fn encode(&self, histories: &HistoryBatch) -> Sequence {
        histories.items().clone()
    }
}
