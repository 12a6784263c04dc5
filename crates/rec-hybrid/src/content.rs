//! What items are like, as a model among others.

use rec_cf::Recommender;
use rec_data::IdMap;

use crate::error::{Error, Kind};
use crate::source::check_ascending;

/// The score of an item is the cosine of its vector and the weighted mean of the history's.
///
/// Vectors come from anywhere, such as a text encoder; they are scaled to length 1 here, so that long ones do not count more. The
/// zero vector has cosine 0 with everything, and marks an item that nothing is known of. An empty history scores 0. Items need no
/// interactions: this is what finds the new ones. For decay see [`Source::with_decay`](crate::Source::with_decay).
///
/// ```
/// use rec_cf::Recommender;
/// use rec_data::IdMap;
/// use rec_hybrid::ContentModel;
///
/// let items = IdMap::try_from_ids(["dune", "emma", "solaris"])?;
/// let model = ContentModel::new(items, vec![3.0, 4.0, 0.0, 1.0, 1.0, 0.0], 2)?;
/// let list = model.top_k(&[(0, 1.0)], 2)?;
/// assert!(list.iter().map(|hit| hit.id.as_str()).eq(["emma", "solaris"]));
/// assert!((list[0].score - 0.8).abs() < 1e-6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ContentModel {
    items: IdMap,
    dim: usize,
    /// Row-major, of length 1 or 0.
    units: Vec<f32>,
}

impl ContentModel {
    /// The vectors of items, row-major, `dim` values an item, in the order of the items, whose ids ascend.
    ///
    /// # Errors
    ///
    /// The ids do not ascend, there are not `dim` values for each, or a value is not finite ([`Error::is_not_finite`]).
    pub fn new(items: IdMap, vectors: Vec<f32>, dim: usize) -> Result<ContentModel, Error> {
        check_ascending(&items)?;
        let (found, expected) = (vectors.len(), items.len().saturating_mul(dim));
        if found != expected {
            return Err(Kind::Length { what: "the array of vectors", found, expected }.into());
        }
        if let Some(at) = vectors.iter().position(|value| !value.is_finite()) {
            let id = items.id(at / dim).cloned().unwrap_or_else(|| "".into());
            let what = format!("the vector of `{id}`");
            return Err(Kind::NotFinite { what, value: vectors[at].into() }.into());
        }
        let mut units = vectors;
        units.chunks_exact_mut(dim.max(1)).for_each(normalize);
        Ok(ContentModel { items, dim, units })
    }

    /// The cosine of two items.
    ///
    /// # Panics
    ///
    /// One of them is no item.
    #[must_use]
    pub fn similarity(&self, a: usize, b: usize) -> f32 {
        let n_items = self.items.len();
        assert!(a < n_items && b < n_items, "items {a} and {b} of {n_items}");
        dot(self.unit(a), self.unit(b))
    }

    fn unit(&self, item: usize) -> &[f32] {
        &self.units[item * self.dim..(item + 1) * self.dim]
    }

    /// The sum of the history's vectors, and what its length makes of a score; `None` if it has no direction.
    fn interest(&self, history: &[(usize, f32)]) -> Option<(Vec<f32>, f32)> {
        let mut sum = vec![0.0f32; self.dim];
        for &(item, weight) in history {
            sum.iter_mut().zip(self.unit(item)).for_each(|(sum, value)| *sum += weight * value);
        }
        let norm = norm(&sum);
        (norm > 0.0).then(|| (sum, (1.0 / norm) as f32))
    }
}

fn norm(vector: &[f32]) -> f64 {
    vector.iter().map(|&value| f64::from(value) * f64::from(value)).sum::<f64>().sqrt()
}

fn normalize(vector: &mut [f32]) {
    let norm = norm(vector);
    if norm > 0.0 {
        vector.iter_mut().for_each(|value| *value = (f64::from(*value) / norm) as f32);
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

impl Recommender for ContentModel {
    fn items(&self) -> &IdMap {
        &self.items
    }

    fn scores(&self, history: &[(usize, f32)], out: &mut [f32]) {
        assert_eq!(out.len(), self.items.len(), "places for the scores, and items");
        let Some((interest, scale)) = self.interest(history) else { return out.fill(0.0) };
        for (item, score) in out.iter_mut().enumerate() {
            *score = scale * dot(&interest, self.unit(item));
        }
    }

    fn explain(&self, history: &[(usize, f32)], item: usize) -> Option<Vec<f32>> {
        let scale = self.interest(history).map_or(0.0, |(_, scale)| scale);
        let part = |&(seen, weight): &(usize, f32)| scale * weight * dot(self.unit(seen), self.unit(item));
        Some(history.iter().map(part).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_vectors_are_errors_and_parts_add_up() {
        let items = |ids: &[&str]| IdMap::try_from_ids(ids.iter().copied()).unwrap();
        let error = ContentModel::new(items(&["b", "a"]), vec![0.0; 2], 1).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the items are not in the ascending order of their ids: `a` comes too late"
        );
        assert!(error.is_mismatch());
        let error = ContentModel::new(items(&["a"]), vec![0.0; 2], 1).unwrap_err();
        assert_eq!(error.to_string(), "the array of vectors has 2 values, expected 1");
        let error = ContentModel::new(items(&["a", "b"]), vec![0.0, 0.0, f32::NAN, 0.0], 2).unwrap_err();
        assert!(error.is_not_finite() && error.to_string().contains("`b`"));

        let vectors = vec![1.0, 2.0, -1.0, 0.5, 0.0, 3.0];
        let model = ContentModel::new(items(&["a", "b", "c"]), vectors, 2).unwrap();
        let history = [(0, 0.5), (2, 1.0), (0, 1.0)];
        let mut scores = [0.0; 3];
        model.scores(&history, &mut scores);
        let parts = model.explain(&history, 1).unwrap();
        assert!((parts.iter().sum::<f32>() - scores[1]).abs() < 1e-6);
        assert!(scores[0] <= 1.0 && scores[1] < 0.5);
        model.scores(&[], &mut scores);
        assert_eq!(scores, [0.0; 3]);
    }
}
