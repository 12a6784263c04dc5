//! Names of items and users, and their dense numbering.

use std::cmp::Ordering;
use std::fmt;
use std::hash::Hash;
use std::ops::Deref;
use std::sync::Arc;

use indexmap::{Equivalent, IndexSet};

use crate::error::{Error, Kind};

/// The name of an item, a user or an event type: any text, cheap to clone, shared between threads.
///
/// # Order
///
/// `Id` has the one id order of the project, which breaks ties in every ranked list. Canonical decimal integers (digits
/// only, no sign, no leading zero except in `0` itself, of any length) come first, by value; all other ids follow in the
/// order of their Unicode scalar values. So catalogues numbered 1 to n are in numeric order, and the order is total for
/// any mixture.
///
/// This is not the order of `str`, which is why `Id` does not implement `Borrow<str>`.
///
/// ```
/// use rec_data::Id;
///
/// let mut ids = ["abc", "10", "07", "2", ""].map(Id::from);
/// ids.sort();
/// assert_eq!(ids, ["2", "10", "", "07", "abc"]);
/// assert_eq!(format!("[{:<4}]", ids[0]), "[2   ]");
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Id(Arc<str>);

impl Id {
    /// The text of the id.
    ///
    /// ```
    /// assert_eq!(rec_data::Id::from("dune").as_str(), "dune");
    /// ```
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether `text` is a decimal integer in the only way to write it.
fn is_canonical_integer(text: &str) -> bool {
    match text.as_bytes() {
        [b'0'] => true,
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

impl Ord for Id {
    fn cmp(&self, other: &Id) -> Ordering {
        let (a, b) = (self.as_str(), other.as_str());
        match (is_canonical_integer(a), is_canonical_integer(b)) {
            // Without leading zeros the longer integer is the greater one, at any length.
            (true, true) => a.len().cmp(&b.len()).then_with(|| a.cmp(b)),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            // UTF-8 sorts bytewise as its scalar values do.
            (false, false) => a.cmp(b),
        }
    }
}

impl PartialOrd for Id {
    fn partial_cmp(&self, other: &Id) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl From<&str> for Id {
    fn from(text: &str) -> Id {
        Id(text.into())
    }
}

impl From<String> for Id {
    fn from(text: String) -> Id {
        Id(text.into())
    }
}

impl From<&Id> for Id {
    fn from(id: &Id) -> Id {
        id.clone()
    }
}

impl Deref for Id {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Id {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for Id {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Id {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// Distinct ids, numbered 0, 1, 2, … in the order of their arrival.
///
/// The number of an id is its *row*: the row of its vector in a table, of its values in a catalogue. Two maps are equal if
/// they give the same rows to the same ids.
///
/// ```
/// use rec_data::IdMap;
///
/// let mut items = IdMap::new();
/// assert_eq!(items.insert("dune"), (0, true));
/// assert_eq!(items.insert("emma"), (1, true));
/// assert_eq!(items.insert("dune"), (0, false));
///
/// assert_eq!(items.row("emma"), Some(1));
/// assert_eq!(items.row("ulysses"), None);
/// assert_eq!(items.id(0).unwrap(), "dune");
/// assert!(items.id(2).is_none());
/// ```
#[derive(Clone, Default)]
pub struct IdMap {
    ids: IndexSet<Id>,
}

/// A borrowed key: hashes as `Id` does, and compares by text.
#[derive(Hash)]
struct Key<'a>(&'a str);

impl Equivalent<Id> for Key<'_> {
    fn equivalent(&self, id: &Id) -> bool {
        *id == *self.0
    }
}

impl IdMap {
    /// A map without ids.
    #[must_use]
    pub fn new() -> IdMap {
        IdMap::default()
    }

    /// A map without ids, with room for `capacity` of them.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> IdMap {
        IdMap { ids: IndexSet::with_capacity(capacity) }
    }

    /// Numbers ids that must be distinct: the row of an id is its position.
    ///
    /// # Errors
    ///
    /// An id that comes twice; the message names it and both positions, counted from 0.
    ///
    /// ```
    /// use rec_data::IdMap;
    ///
    /// let users = IdMap::try_from_ids(["ann", "bob"])?;
    /// assert_eq!(users.row("bob"), Some(1));
    /// assert!(IdMap::try_from_ids(["ann", "ann"]).unwrap_err().is_duplicate());
    /// # Ok::<(), rec_data::Error>(())
    /// ```
    pub fn try_from_ids<I: Into<Id>>(ids: impl IntoIterator<Item = I>) -> Result<IdMap, Error> {
        let ids = ids.into_iter();
        let mut map = IdMap::with_capacity(ids.size_hint().0);
        for (position, id) in ids.enumerate() {
            let id = id.into();
            if let (first, false) = map.insert(&id) {
                return Err(Kind::DuplicateId { id, first, second: position }.into());
            }
        }
        Ok(map)
    }

    /// The row of `id`, a new one if the id is new, and whether it is new.
    pub fn insert(&mut self, id: impl Into<Id>) -> (usize, bool) {
        self.ids.insert_full(id.into())
    }

    /// The row of the id `text` and the one shared copy of it; allocates only if the id is new.
    pub(crate) fn intern(&mut self, text: &str) -> (usize, &Id) {
        let row = match self.row(text) {
            Some(row) => row,
            None => self.insert(text).0,
        };
        (row, &self.ids[row])
    }

    /// The row of an id; `None` if the map does not have it.
    #[must_use]
    pub fn row(&self, id: &str) -> Option<usize> {
        self.ids.get_index_of(&Key(id))
    }

    /// The id of a row; `None` past the end.
    #[must_use]
    pub fn id(&self, row: usize) -> Option<&Id> {
        self.ids.get_index(row)
    }

    /// Whether the map has an id.
    #[must_use]
    pub fn contains(&self, id: &str) -> bool {
        self.ids.contains(&Key(id))
    }

    /// The number of ids.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are no ids.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The ids in the order of their rows.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Id> + DoubleEndedIterator + Clone {
        self.ids.iter()
    }
}

// Not derived: the equality of an `IndexSet` ignores the order, and here the order is the meaning.
impl PartialEq for IdMap {
    fn eq(&self, other: &IdMap) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for IdMap {}

impl fmt::Debug for IdMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_come_first_and_by_value() {
        let sorted = [
            "0",
            "2",
            "10",
            "99999999999999999999",
            "100000000000000000000",
            "+1",
            "-1",
            "00",
            "1a",
            "é",
            "😀",
        ];
        for (i, a) in sorted.iter().enumerate() {
            for (j, b) in sorted.iter().enumerate() {
                assert_eq!(Id::from(*a).cmp(&Id::from(*b)), i.cmp(&j), "{a} against {b}");
            }
        }
    }

    #[test]
    fn display_honours_width_and_precision() {
        let id = Id::from("été");
        assert_eq!(format!("{id:>5}|{id:<5}|{id:.1}"), "  été|été  |é");
        assert_eq!(format!("{id:?}"), "\"été\"");
    }

    #[test]
    fn equality_of_maps_is_equality_of_rows() {
        let map = |ids: &[&str]| IdMap::try_from_ids(ids.iter().copied()).unwrap();
        assert_eq!(map(&["a", "b"]), map(&["a", "b"]));
        assert_ne!(map(&["a", "b"]), map(&["b", "a"]));
        assert_ne!(map(&["a", "b"]), map(&["a"]));
    }
}
