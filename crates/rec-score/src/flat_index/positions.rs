use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use rec_data::Id;

const SHARDS: usize = 64;

/// Where each item stands. A clone shares all shards, and an update copies one of them at most.
#[derive(Clone)]
pub(super) struct Positions(Vec<Arc<HashMap<Id, usize>>>);

impl Positions {
    fn shard(id: &Id) -> usize {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(id);
        (hash % SHARDS as u64) as usize
    }

    pub(super) fn get(&self, id: &Id) -> Option<usize> {
        self.0[Self::shard(id)].get(id).copied()
    }

    pub(super) fn insert(&mut self, id: Id, position: usize) {
        Arc::make_mut(&mut self.0[Self::shard(&id)]).insert(id, position);
    }

    pub(super) fn remove(&mut self, id: &Id) -> Option<usize> {
        let shard = &mut self.0[Self::shard(id)];
        // An unknown id must not copy the shard.
        shard.contains_key(id).then(|| Arc::make_mut(shard).remove(id)).flatten()
    }
}

impl FromIterator<(Id, usize)> for Positions {
    fn from_iter<T: IntoIterator<Item = (Id, usize)>>(items: T) -> Self {
        let mut positions = Self(vec![Arc::default(); SHARDS]);
        // `vec!` repeats one empty shard; each becomes its own with its first item.
        for (id, position) in items {
            positions.insert(id, position);
        }
        positions
    }
}
