//! Models that are a dense matrix of weights.

use rayon::prelude::*;
use rec_data::IdMap;

use crate::error::Error;
use crate::file::{ModelReader, ModelWriter};
use crate::recommender::{check_explained, check_shapes};

/// What an event of each item adds to the score of each item: `4 n^2` bytes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DenseWeights {
    items: IdMap,
    /// Row-major, a row for each item of a history.
    weights: Vec<f32>,
}

impl DenseWeights {
    /// `write(item, row)` writes into zeros.
    pub(crate) fn from_rows(items: &IdMap, write: impl Fn(usize, &mut [f32]) + Sync) -> DenseWeights {
        let n = items.len();
        let mut weights = vec![0.0; n * n];
        weights.par_chunks_mut(n.max(1)).enumerate().for_each(|(item, row)| write(item, row));
        DenseWeights { items: items.clone(), weights }
    }

    pub(crate) fn items(&self) -> &IdMap {
        &self.items
    }

    pub(crate) fn get(&self, i: usize, j: usize) -> f32 {
        assert!(j < self.items.len(), "item {j} of {}", self.items.len());
        self.row(i)[j]
    }

    fn row(&self, item: usize) -> &[f32] {
        let n = self.items.len();
        &self.weights[item * n..(item + 1) * n]
    }

    pub(crate) fn scores(&self, history: &[(usize, f32)], out: &mut [f32]) {
        check_shapes(self.items.len(), history, out);
        out.fill(0.0);
        for &(seen, event) in history {
            for (score, weight) in out.iter_mut().zip(self.row(seen)) {
                *score += event * weight;
            }
        }
    }

    pub(crate) fn explain(&self, history: &[(usize, f32)], item: usize) -> Vec<f32> {
        check_explained(self.items.len(), history, item);
        history.iter().map(|&(seen, event)| event * self.get(seen, item)).collect()
    }

    pub(crate) fn write<'a>(&'a self, file: ModelWriter<'a>) -> ModelWriter<'a> {
        file.ids("items", &self.items).array("weights", &self.weights)
    }

    pub(crate) fn read(file: &mut ModelReader) -> Result<DenseWeights, Error> {
        let items = file.ids("items")?;
        let weights = file.finite("weights", items.len().saturating_mul(items.len()))?;
        Ok(DenseWeights { items, weights })
    }
}
