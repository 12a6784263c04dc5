use std::collections::BTreeSet;

use rec_core::VectorTable;
use rec_data::{Hit, Id, RankedList, TopK};

use crate::error::Kind;
use crate::{Error, kernel};

/// Why an item was recommended, in terms that a user knows: the `n` items of the history nearest to it, by cosine.
///
/// History items without a vector are left out, and so is the item itself; an item that comes several times counts once.
/// The list is empty if nothing remains. The zero vector has cosine 0 with everything.
///
/// # Errors
///
/// The recommended item has no vector ([`Error::is_unknown_item`]).
///
/// ```
/// use rec_core::{Fingerprint, VectorTable};
/// use rec_data::{History, days};
/// use rec_score::reasons;
///
/// let items = VectorTable::from_rows(
///     Fingerprint::declared("genre"),
///     [("dune", [1.0, 0.2]), ("emma", [0.0, 1.0]), ("solaris", [0.9, 0.1])],
/// )?;
/// let history = History::from_iter([("emma", days(1)), ("dune", days(9)), ("gone", days(10))]);
/// let because = reasons(&"solaris".into(), history.items(), &items, 1)?;
/// assert_eq!(because[0].id, "dune");
/// # Ok::<(), rec_score::Error>(())
/// ```
pub fn reasons<'a>(
    item: &Id,
    history: impl IntoIterator<Item = &'a Id>,
    items: &VectorTable,
    n: usize,
) -> Result<RankedList, Error> {
    let vector = items.get(item).ok_or_else(|| Kind::Unknown(item.clone()))?;
    let target = kernel::normalised(&vector);
    let distinct: BTreeSet<&Id> = history.into_iter().filter(|&id| id != item).collect();
    let mut top = TopK::new(n);
    for id in distinct {
        if let Some(vector) = items.get(id) {
            top.push(kernel::dot(&target, &kernel::normalised(&vector)), id)?;
        }
    }
    Ok(RankedList::new(top.into_sorted().into_iter().map(|(score, id)| Hit { id: id.clone(), score }))?)
}
