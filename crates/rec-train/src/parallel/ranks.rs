use std::collections::BTreeMap;

use burn::module::Module;
use burn::tensor::{Tensor, TensorData};
use rec_core::FingerprintBuilder;

use super::Communicator;
use crate::error::Error;
use crate::gradients::Gradients;
use crate::parameters::{device, parameters, snapshot, values};

/// Values that are gathered at once: what a rank holds of all others' is this many times their number.
const BUCKET: usize = 1 << 20;

/// What the ranks of a training do together.
#[derive(Clone, Copy)]
pub(crate) struct Ranks<'a>(pub(crate) &'a dyn Communicator);

impl Ranks<'_> {
    pub(crate) fn n(self) -> u64 {
        self.0.n_ranks() as u64
    }

    pub(crate) fn rank(self) -> u64 {
        self.0.rank() as u64
    }

    pub(crate) fn is_first(self) -> bool {
        self.0.rank() == 0
    }

    fn is_alone(self) -> bool {
        self.0.n_ranks() == 1
    }

    /// What succeeded everywhere. Where it failed the error says why, and elsewhere it names the rank: nobody waits for one that is
    /// gone.
    pub(crate) fn agree<T>(self, mine: Result<T, Error>) -> Result<T, Error> {
        if self.is_alone() {
            return mine;
        }
        let all = self.0.all_gather(&[u8::from(mine.is_ok())])?;
        let mine = mine?;
        match all.iter().position(|&ok| ok == 0) {
            Some(rank) => Err(Error::unusable(format!("rank {rank} of the training failed"))),
            None => Ok(mine),
        }
    }

    /// Whether it is so on any rank.
    pub(crate) fn any(self, mine: bool) -> Result<bool, Error> {
        if self.is_alone() {
            return Ok(mine);
        }
        Ok(self.0.all_gather(&[u8::from(mine)])?.contains(&1))
    }

    /// A number that the first rank knows.
    pub(crate) fn of_first(self, number: Option<f64>) -> Result<Option<f64>, Error> {
        if self.is_alone() {
            return Ok(number);
        }
        let mut bytes = [0; 9];
        bytes[0] = u8::from(number.is_some());
        bytes[1..].copy_from_slice(&number.unwrap_or(0.0).to_le_bytes());
        let all = self.0.all_gather(&bytes)?;
        Ok((all[0] == 1).then(|| f64s(&all[1..9]).next()).flatten())
    }

    /// The sum of everyone's gradients and losses, added in the order of the ranks; a parameter without a gradient somewhere counts as
    /// zero there.
    pub(crate) fn sum<M: Module>(self, module: &M, mine: Gradients) -> Result<Gradients, Error> {
        if self.is_alone() {
            return Ok(mine);
        }
        let Some(device) = device(module).map(burn::tensor::Device::without_autodiff) else {
            return Ok(mine);
        };
        let trained: Vec<_> =
            parameters(module).into_iter().filter(|parameter| parameter.is_trained).collect();
        let n_ranks = self.0.n_ranks();

        // Who has which.
        let has: Vec<u8> = trained.iter().map(|p| u8::from(mine.get(&p.path).is_some())).collect();
        let have = self.0.all_gather(&has)?;
        let losses = self.0.all_gather(&mine.loss().to_le_bytes())?;
        let loss = f64s(&losses).reduce(|sum, loss| sum + loss).unwrap_or(0.0);

        let mut by_path = BTreeMap::new();
        for (at, parameter) in trained.iter().enumerate() {
            let ranks: Vec<usize> =
                (0..n_ranks).filter(|rank| have[rank * trained.len() + at] == 1).collect();
            if ranks.is_empty() {
                continue;
            }
            let n = parameter.n_values();
            let own = match mine.get(&parameter.path) {
                Some(gradient) => values(gradient.clone())?,
                None => vec![0.0; n],
            };
            let mut sum = Vec::with_capacity(n);
            for bucket in own.chunks(BUCKET) {
                let bytes: Vec<u8> = bucket.iter().flat_map(|value| value.to_le_bytes()).collect();
                let all = self.0.all_gather(&bytes)?;
                let of_rank = |rank: usize| f32s(&all[rank * bytes.len()..(rank + 1) * bytes.len()]);
                let mut bucket: Vec<f32> = of_rank(ranks[0]).collect();
                for &rank in &ranks[1..] {
                    bucket.iter_mut().zip(of_rank(rank)).for_each(|(sum, value)| *sum += value);
                }
                sum.append(&mut bucket);
            }
            by_path.insert(parameter.path.clone(), Tensor::from_data(TensorData::new(sum, [n]), &device));
        }
        Ok(Gradients::new(loss, by_path))
    }

    /// That all ranks have the same parameters.
    ///
    /// # Errors
    ///
    /// One has others than the first rank.
    pub(crate) fn check_equal<M: Module>(self, module: &M, n_done: u64) -> Result<(), Error> {
        if self.is_alone() {
            return Ok(());
        }
        let mut hash = FingerprintBuilder::default();
        for (path, tensor) in snapshot(module, true)? {
            let bytes: Vec<u8> = tensor.values.iter().flat_map(|value| value.to_le_bytes()).collect();
            hash.part(&path, &bytes);
        }
        self.same(&hash.finish().to_string(), &format!("other parameters after step {n_done}"))
    }

    /// That all ranks say the same; `otherwise` is what it means if they do not.
    pub(crate) fn same(self, text: &str, otherwise: &str) -> Result<(), Error> {
        if self.is_alone() {
            return Ok(());
        }
        let mut hash = FingerprintBuilder::default();
        hash.part("text", text.as_bytes());
        let hash = hash.finish().to_string();
        let all = self.0.all_gather(hash.as_bytes())?;
        match all.chunks(hash.len()).position(|other| other != &all[..hash.len()]) {
            Some(rank) => Err(Error::unusable(format!("rank {rank} has {otherwise} than rank 0"))),
            None => Ok(()),
        }
    }
}

fn f32s(bytes: &[u8]) -> impl Iterator<Item = f32> {
    bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes))
}

fn f64s(bytes: &[u8]) -> impl Iterator<Item = f64> {
    bytes.as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes))
}
