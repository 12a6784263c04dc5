use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, activation};
use rec_core::ItemSource;
use rec_core::nn::{Initializer, Linear, ModelConfig, check_sizes, linear};
use serde::{Deserialize, Serialize};

/// How large an [`Adaptor`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdaptorConfig {
    /// The number of dimensions of a text vector.
    pub d_text: usize,
    /// The number of dimensions of an item afterwards; 300 in the paper.
    pub d_item: usize,
    /// The number of experts; 8 in the paper.
    pub n_experts: usize,
}

impl AdaptorConfig {
    /// An adaptor with values drawn from a seed; shifts are zero, and the gate weighs all experts alike.
    ///
    /// # Panics
    ///
    /// A size is zero.
    #[must_use]
    pub fn init(&self, device: &Device, seed: u64) -> Adaptor {
        let Self { d_text, d_item, n_experts } = *self;
        let draw = &mut Initializer::new(seed, device);
        let bound = (6.0 / (d_text + d_item) as f32).sqrt();
        Adaptor {
            gate: Linear::new(d_text, n_experts, false, draw),
            shifts: draw.constant([n_experts, d_text], 0.0),
            maps: draw.uniform([n_experts, d_text, d_item], bound),
            config: *self,
        }
    }
}

impl ModelConfig for AdaptorConfig {
    type Model = Adaptor;

    const NAME: &'static str = "adaptor";

    fn n_values(&self) -> Result<usize, String> {
        let Self { d_text, d_item, n_experts } = *self;
        check_sizes([("d_text", d_text), ("d_item", d_item), ("n_experts", n_experts)])?;
        // Per expert a gate and a shift of `d_text`, and a map.
        Ok(d_item.saturating_add(2).saturating_mul(d_text).saturating_mul(n_experts))
    }

    fn blank(&self, device: &Device) -> Adaptor {
        self.init(device, 0)
    }
}

/// Text vectors to item vectors by a mixture of whitening experts: UniSRec's adaptor (Hou et al., KDD 2022, section 2.1.2,
/// equations 3 to 5).
///
/// `v = sum_k g_k W_k' (x - b_k)`, `g = softmax(G' x)`: each expert shifts and turns the text vectors, which language models crowd
/// into a cone, and the gate picks experts by the text. The noise that the paper adds to the gate in training is left out: nothing
/// here is random.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use rec_interest::AdaptorConfig;
///
/// let device = Device::flex();
/// let adaptor = AdaptorConfig { d_text: 6, d_item: 4, n_experts: 3 }.init(&device, 1);
/// assert_eq!(adaptor.forward(Tensor::ones([5, 6], &device)).dims(), [5, 4]);
/// ```
#[derive(Module, Debug)]
pub struct Adaptor {
    gate: Linear,
    shifts: Param<Tensor<2>>,
    maps: Param<Tensor<3>>,
    #[module(skip)]
    config: AdaptorConfig,
}

impl Adaptor {
    /// How large the adaptor is.
    #[must_use]
    pub fn config(&self) -> &AdaptorConfig {
        &self.config
    }

    /// `[n, d_text]` to `[n, d_item]`.
    ///
    /// # Panics
    ///
    /// The dimension is not `d_text`.
    #[must_use]
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let ([n, d_text], AdaptorConfig { n_experts, d_item, .. }) = (x.dims(), self.config);
        assert_eq!(
            d_text,
            self.config.d_text,
            "vectors {:?} are not of {} dimensions",
            x.dims(),
            self.config.d_text
        );
        let gate = activation::softmax(self.gate.forward(x.clone()), 1); // [n, experts]
        // All experts in one product: W'(x - b) = W'x - W'b.
        let (maps, shifts) = (self.maps.val(), self.shifts.val());
        let shifts =
            shifts.reshape([n_experts, 1, d_text]).matmul(maps.clone()).reshape([n_experts * d_item]);
        let maps = maps.swap_dims(0, 1).reshape([d_text, n_experts * d_item]);
        let experts = linear(x, maps, Some(shifts.neg())).reshape([n, n_experts, d_item]);
        (experts * gate.reshape([n, n_experts, 1])).sum_dim(1).squeeze_dim(1)
    }

    /// An item source whose vectors go through this adaptor.
    ///
    /// # Panics
    ///
    /// The source's vectors are not of `d_text` dimensions.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use rec_core::{Fingerprint, FrozenItems, ItemEmbeddingConfig, ItemSource, Sum, VectorTable};
    /// use rec_interest::AdaptorConfig;
    ///
    /// // UniSRec's transductive setting: adapted text, plus what is learned of each item.
    /// let device = Device::flex();
    /// let text = VectorTable::from_rows(Fingerprint::declared("text"), [("a", [1.0; 6]), ("b", [2.0; 6])])?;
    /// let adaptor = AdaptorConfig { d_text: 6, d_item: 4, n_experts: 3 }.init(&device, 1);
    /// let ids = ItemEmbeddingConfig { n_items: 2, dim: 4 }.init(&device, 2);
    /// let source = Sum::new(adaptor.after(FrozenItems::new(text, &device)), ids);
    /// assert_eq!(source.rows(&[1, 0, 1]).dims(), [3, 4]);
    /// # Ok::<(), rec_core::Error>(())
    /// ```
    #[must_use]
    pub fn after<S: Module + ItemSource>(self, source: S) -> Adapted<S> {
        let (given, taken) = (source.dim(), self.config.d_text);
        assert_eq!(given, taken, "vectors of {given} dimensions do not go into an adaptor of {taken}");
        Adapted { source, adaptor: self }
    }
}

/// An item source behind an [`Adaptor`].
#[derive(Module, Debug)]
pub struct Adapted<S: Module> {
    source: S,
    adaptor: Adaptor,
}

impl<S: Module + ItemSource> ItemSource for Adapted<S> {
    fn rows(&self, rows: &[usize]) -> Tensor<2> {
        self.adaptor.forward(self.source.rows(rows))
    }

    fn all(&self, n: usize) -> Tensor<2> {
        self.adaptor.forward(self.source.all(n))
    }

    fn dim(&self) -> usize {
        self.adaptor.config.d_item
    }

    fn describe(&self) -> String {
        self.source.describe()
    }
}
