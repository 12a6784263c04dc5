use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use rec_data::Id;

type Predicate = Arc<dyn Fn(&Id) -> bool + Send + Sync>;

/// Which items may be answered: all conditions must hold.
///
/// Ids that an index does not have are ignored. A short allow list is also fast: only its items are scored. A predicate is
/// called from several threads, in no particular order, and only for some of the items, so it should depend on the id
/// alone. Cloning copies the lists.
///
/// ```
/// use rec_core::{Fingerprint, Interests, VectorTable};
/// use rec_score::{Filter, FlatIndex};
///
/// let space = Fingerprint::declared("one dimension");
/// let items = [("a", [4.0]), ("b", [3.0]), ("c", [2.0]), ("d", [1.0])];
/// let index = FlatIndex::new(VectorTable::from_rows(space, items)?);
/// let user = Interests::new(vec![1.0], 1, space)?;
/// let answer = |filter: Filter| -> String {
///     index.top_k(&user, 10, &filter).unwrap().iter().map(|hit| hit.id.as_str()).collect()
/// };
///
/// assert_eq!(answer(Filter::none()), "abcd");
/// assert_eq!(answer(Filter::exclude(["a", "z"])), "bcd");
/// assert_eq!(answer(Filter::allow(["d", "b", "z"])), "bd");
/// assert_eq!(answer(Filter::allow(["d", "b"]).and_exclude(["d"])), "b");
/// assert_eq!(answer(Filter::exclude(["a"]).with_predicate(|id| id.as_str() < "c")), "b");
/// # Ok::<(), rec_core::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Filter {
    denied: HashSet<Id>,
    allowed: Option<HashSet<Id>>,
    predicates: Vec<Predicate>,
}

impl Filter {
    /// Every item.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Every item but these: what the user has seen, or must not see.
    #[must_use]
    pub fn exclude<I: Into<Id>>(ids: impl IntoIterator<Item = I>) -> Self {
        Self::none().and_exclude(ids)
    }

    /// These items only.
    #[must_use]
    pub fn allow<I: Into<Id>>(ids: impl IntoIterator<Item = I>) -> Self {
        Self { allowed: Some(ids.into_iter().map(Into::into).collect()), ..Self::default() }
    }

    /// And none of these.
    #[must_use]
    pub fn and_exclude<I: Into<Id>>(mut self, ids: impl IntoIterator<Item = I>) -> Self {
        self.denied.extend(ids.into_iter().map(Into::into));
        self
    }

    /// And only those of which `predicate` is true.
    #[must_use]
    pub fn with_predicate(mut self, predicate: impl Fn(&Id) -> bool + Send + Sync + 'static) -> Self {
        self.predicates.push(Arc::new(predicate));
        self
    }

    /// Whether an item may be answered.
    #[must_use]
    pub fn accepts(&self, id: &Id) -> bool {
        !self.denied.contains(id)
            && self.allowed.as_ref().is_none_or(|allowed| allowed.contains(id))
            && self.predicates.iter().all(|predicate| predicate(id))
    }

    /// The allow list, if there is one.
    pub(crate) fn allowed(&self) -> Option<&HashSet<Id>> {
        self.allowed.as_ref()
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Filter")
            .field("denied", &self.denied)
            .field("allowed", &self.allowed)
            .field("predicates", &self.predicates.len())
            .finish()
    }
}
