use burn::tensor::{Tensor, TensorData};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Dropout whose masks are drawn on the host from the seed of a training step (Srivastava et al., 2014).
///
/// A forward pass takes one and [applies](Self::apply) it where the model says, in a fixed order: the same seed and batch give
/// the same masks on every device. [`Dropout::off`] changes nothing. A mask depends on the shape of the batch: with dropout,
/// padding changes which values are dropped, and only then.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use rec_core::nn::Dropout;
///
/// let x = Tensor::<2>::ones([1, 1000], &Device::flex());
/// let dropped = |mut dropout: Dropout| dropout.apply(x.clone(), 0.25).into_data().to_vec::<f32>().unwrap();
/// assert_eq!(dropped(Dropout::off()), vec![1.0; 1000]);
/// let kept = dropped(Dropout::seeded(3)).iter().filter(|&&value| value == 1.0 / 0.75).count();
/// assert!((700..800).contains(&kept));
/// assert_eq!(dropped(Dropout::seeded(3)), dropped(Dropout::seeded(3)));
/// ```
#[derive(Debug)]
pub struct Dropout(Option<ChaCha8Rng>);

impl Dropout {
    /// No dropout: the model as it answers.
    #[must_use]
    pub fn off() -> Self {
        Self(None)
    }

    /// The dropout of one step of training.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Some(ChaCha8Rng::seed_from_u64(seed)))
    }

    /// Sets values to zero, each with probability `rate`, and divides the others by `1 - rate`. A rate of zero draws nothing.
    ///
    /// # Panics
    ///
    /// The rate is not in `[0, 1)`.
    #[must_use]
    pub fn apply<const D: usize>(&mut self, x: Tensor<D>, rate: f32) -> Tensor<D> {
        assert!((0.0..1.0).contains(&rate), "a dropout rate is in [0, 1), not {rate}");
        let Some(random) = self.0.as_mut().filter(|_| rate > 0.0) else { return x };
        let (dims, kept) = (x.dims(), 1.0 / (1.0 - rate));
        let n = dims.iter().product();
        let mask: Vec<f32> = (0..n).map(|_| if random.random::<f32>() < rate { 0.0 } else { kept }).collect();
        let mask = Tensor::from_data(TensorData::new(mask, dims), &x.device());
        x * mask
    }
}
