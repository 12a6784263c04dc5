use burn::module::Module;
use burn::tensor::{Device, Tensor, activation};
use rec_core::Sequence;
use rec_core::nn::{Initializer, Linear, ModelConfig};
use serde::{Deserialize, Serialize};

use crate::scorer::{Scorer, best_interest};

/// Affine maps with `max(x, 0)` between them.
#[derive(Module, Debug)]
pub(crate) struct Mlp {
    layers: Vec<Linear>,
}

impl Mlp {
    /// From `d_in` dimensions through hidden ones to a single number.
    pub(crate) fn new(d_in: usize, hidden: &[usize], draw: &mut Initializer) -> Self {
        let sizes: Vec<usize> = [d_in].iter().chain(hidden).chain(&[1]).copied().collect();
        Self { layers: sizes.windows(2).map(|pair| Linear::new(pair[0], pair[1], true, draw)).collect() }
    }

    /// `[.., d_in]` to `[.., 1]`.
    pub(crate) fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        match self.layers.split_first() {
            Some((first, _)) => {
                let x = first.forward(x);
                self.rest(x)
            }
            None => x,
        }
    }

    /// What follows the first map.
    fn rest<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        self.layers[1..].iter().fold(x, |x, layer| layer.forward(activation::relu(x)))
    }

    /// The perceptron of `[h; x; h * x; h - x]` for every pair: `[batch, len, d]` and `[batch, n, d]` to `[batch, len, n]`.
    ///
    /// The first map is taken apart, `(W_1 + W_4)'h + (W_2 - W_4)'x + (diag(h) W_3)'x + b`, so that no tensor of pairs with `4 d`
    /// values each is made.
    pub(crate) fn pairs(&self, h: Tensor<3>, x: Tensor<3>) -> Tensor<3> {
        let ([batch, len, d], n) = (h.dims(), x.dims()[1]);
        let first = &self.layers[0];
        let weight = first.weight();
        let out = weight.dims()[1];
        let part = |i: usize| weight.clone().slice([i * d..(i + 1) * d, 0..out]); // [d, out]
        let linear = burn::tensor::module::linear::<3>;
        let of_h = linear(h.clone(), part(0) + part(3), first.bias()); // [batch, len, out]
        let of_x = linear(x.clone(), part(1) - part(3), None); // [batch, n, out]
        let product = h.reshape([batch, len, d, 1]) * part(2).reshape([1, 1, d, out]);
        let of_both = x.reshape([batch, 1, n, d]).expand([batch, len, n, d]).matmul(product);
        let hidden = of_both + of_h.reshape([batch, len, 1, out]) + of_x.reshape([batch, 1, n, out]);
        self.rest(hidden).squeeze_dim(3)
    }

    pub(crate) fn device(&self) -> Device {
        self.layers[0].device()
    }
}

/// The number of values of an [`Mlp`] over four vectors of `d` dimensions.
pub(crate) fn mlp_values(d: usize, hidden: &[usize]) -> Result<usize, String> {
    let sizes: Vec<usize> = [d.saturating_mul(4)].iter().chain(hidden).chain(&[1]).copied().collect();
    if sizes.contains(&0) {
        return Err(format!("one of the dimensions {sizes:?} is zero"));
    }
    let layer = |pair: &[usize]| pair[0].saturating_add(1).saturating_mul(pair[1]);
    Ok(sizes.windows(2).map(layer).fold(0, usize::saturating_add))
}

/// `[u; x; u * x; |u - x|]`, side by side in the last dimension; the shapes broadcast.
pub(crate) fn comparison(u: Tensor<4>, x: Tensor<4>) -> Tensor<4> {
    let (product, difference) = (u.clone() * x.clone(), (u.clone() - x.clone()).abs());
    let dims = product.dims();
    Tensor::cat(vec![u.expand(dims), x.expand(dims), product, difference], 3)
}

/// How large a [`MlpScorer`] is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MlpScorerConfig {
    /// The number of dimensions of an interest and of an item.
    pub d_item: usize,
    /// The numbers of dimensions between input and logit.
    pub hidden: Vec<usize>,
}

impl MlpScorerConfig {
    /// A model with values drawn from a seed.
    ///
    /// # Panics
    ///
    /// A dimension is zero.
    #[must_use]
    pub fn init(&self, device: &Device, seed: u64) -> MlpScorer {
        let mlp = Mlp::new(4 * self.d_item, &self.hidden, &mut Initializer::new(seed, device));
        MlpScorer { mlp, config: self.clone() }
    }
}

impl ModelConfig for MlpScorerConfig {
    type Model = MlpScorer;

    const NAME: &'static str = "mlp";

    fn n_values(&self) -> Result<usize, String> {
        mlp_values(self.d_item, &self.hidden)
    }

    fn blank(&self, device: &Device) -> MlpScorer {
        self.init(device, 0)
    }
}

/// A multilayer perceptron over `[u; x; u * x; |u - x|]`, with `max(x, 0)` between the layers.
///
/// The features are those by which Conneau et al. (EMNLP 2017, section 3.1) compare two sentences. It can learn what no product of
/// vectors can, and it does not factor: [`rank`](crate::rank) serves it, with a cost of the whole network an item. Of several
/// interests the best counts for each item.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use rec_core::Sequence;
/// use rec_score::{MlpScorerConfig, Scorer};
///
/// let device = Device::flex();
/// let scorer = MlpScorerConfig { d_item: 2, hidden: vec![8, 4] }.init(&device, 1);
/// let interests = Sequence::new(Tensor::ones([3, 2, 2], &device), None); // three users with two interests
/// let candidates = Sequence::new(Tensor::ones([1, 5, 2], &device), None); // the same five items for all
/// assert_eq!(scorer.logits(&interests, &candidates).dims(), [3, 5]);
/// ```
#[derive(Module, Debug)]
pub struct MlpScorer {
    mlp: Mlp,
    #[module(skip)]
    config: MlpScorerConfig,
}

impl MlpScorer {
    /// How large the model is.
    #[must_use]
    pub fn config(&self) -> &MlpScorerConfig {
        &self.config
    }

    /// Where the parameters are.
    #[must_use]
    pub fn device(&self) -> Device {
        self.mlp.device()
    }
}

impl Scorer for MlpScorer {
    fn logits(&self, interests: &Sequence, candidates: &Sequence) -> Tensor<2> {
        let ([batch, k, d], [lists, n, d_item]) = (interests.dims(), candidates.dims());
        assert!(
            d == self.config.d_item && d_item == d,
            "interests {:?} and candidates {:?} do not fit {} dimensions",
            interests.dims(),
            candidates.dims(),
            self.config.d_item
        );
        let u = interests.zero_padded().reshape([batch, k, 1, d]);
        let x = candidates.zero_padded().reshape([lists, 1, n, d]);
        let logits = self.mlp.forward(comparison(u, x)).squeeze_dim(3); // [batch, k, n]
        best_interest(logits, interests, candidates)
    }

    fn interest_dim(&self, item_dim: usize) -> Option<usize> {
        (item_dim == self.config.d_item).then_some(item_dim)
    }
}
