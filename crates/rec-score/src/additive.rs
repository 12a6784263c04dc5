use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use rec_core::{Fingerprint, Sequence};

use crate::kernel;
use crate::scorer::{Factors, Query, Scorer, best_interest, host};

/// The additive linear model: `logit = beta · u + gamma · x + b`, of which the probability is `sigmoid(logit)`.
///
/// **It does not personalise.** For one user `beta · u + b` is the same for every item, and the sigmoid is increasing, so
/// *every user gets the same order of items*, that of `gamma · x`. What it learns is a base rate for each user and a
/// popularity for each item: good for calibrated click probabilities, and for the bias terms of a [`Bilinear`] model, which
/// does personalise.
///
/// [`Bilinear`]: crate::Bilinear
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use rec_core::Sequence;
/// use rec_score::{AdditiveLinear, Scorer, probability};
///
/// let device = Device::flex();
/// let model = AdditiveLinear::new(&[0.5, -0.2], &[0.3, 0.1], 0.1, &device);
/// let users = Sequence::single(Tensor::from_data([[1.0, 0.0], [0.0, 1.0]], &device));
/// let items = Sequence::new(Tensor::from_data([[[1.0, 1.0], [2.0, 0.0]]], &device), None);
/// let logits = model.logits(&users, &items);
/// let rows = logits.clone().into_data().to_vec::<f32>().unwrap();
/// // 0.5 + 0.4 + 0.1, 0.5 + 0.6 + 0.1; -0.2 + 0.4 + 0.1, -0.2 + 0.6 + 0.1
/// for (actual, expected) in rows.iter().zip([1.0, 1.2, 0.3, 0.5]) {
///     assert!((actual - expected).abs() < 1e-6);
/// }
/// let first: f32 = probability(logits).slice([0..1, 0..1]).into_scalar();
/// assert!((first - 0.731_058_6).abs() < 1e-6);
/// ```
#[derive(Module, Debug)]
pub struct AdditiveLinear {
    pub(crate) beta: Param<Tensor<1>>,
    pub(crate) gamma: Param<Tensor<1>>,
    pub(crate) b: Param<Tensor<1>>,
    #[module(skip)]
    pub(crate) user_space: Option<Fingerprint>,
}

impl AdditiveLinear {
    /// A model with given weights: `beta` for the user's dimensions, `gamma` for the item's.
    ///
    /// # Panics
    ///
    /// `beta` or `gamma` is empty.
    #[must_use]
    pub fn new(beta: &[f32], gamma: &[f32], b: f32, device: &Device) -> Self {
        assert!(
            !beta.is_empty() && !gamma.is_empty(),
            "beta [{}] and gamma [{}] need at least one weight each",
            beta.len(),
            gamma.len()
        );
        let parameter = |values: &[f32]| Param::from_tensor(Tensor::from_data(values, device));
        Self { beta: parameter(beta), gamma: parameter(gamma), b: parameter(&[b]), user_space: None }
    }

    /// Says that users do not live in the space of the items but in this one.
    #[must_use]
    pub fn with_user_space(mut self, space: Fingerprint) -> Self {
        self.user_space = Some(space);
        self
    }

    /// `(d_user, d_item)`.
    pub(crate) fn dims(&self) -> (usize, usize) {
        (self.beta.dims()[0], self.gamma.dims()[0])
    }

    /// `beta · u + b`, `[batch, k, 1]`, and `gamma · x`, `[batch or 1, 1, n]`.
    pub(crate) fn terms(&self, interests: Tensor<3>, candidates: Tensor<3>) -> (Tensor<3>, Tensor<3>) {
        let fits = (interests.dims()[2], candidates.dims()[2]) == self.dims();
        assert!(
            fits,
            "interests {:?} and candidates {:?} do not fit beta {:?} and gamma {:?}",
            interests.dims(),
            candidates.dims(),
            self.beta.dims(),
            self.gamma.dims()
        );
        let weigh = |vectors: Tensor<3>, weights: &Param<Tensor<1>>| {
            (vectors * weights.val().reshape([1, 1, -1])).sum_dim(2)
        };
        let user = weigh(interests, &self.beta) + self.b.val().reshape([1, 1, 1]);
        (user, weigh(candidates, &self.gamma).swap_dims(1, 2))
    }

    /// The same on the host.
    pub(crate) fn on_host(&self) -> AdditiveFactors {
        AdditiveFactors { beta: host(&self.beta), gamma: host(&self.gamma), b: host(&self.b)[0] }
    }
}

impl Scorer for AdditiveLinear {
    fn logits(&self, interests: &Sequence, candidates: &Sequence) -> Tensor<2> {
        let (user, item) = self.terms(interests.zero_padded(), candidates.zero_padded());
        best_interest(user + item, interests, candidates)
    }

    fn factors(&self) -> Option<Box<dyn Factors>> {
        Some(Box::new(self.on_host()))
    }

    fn interest_dim(&self, item_dim: usize) -> Option<usize> {
        let (d_user, d_item) = self.dims();
        (item_dim == d_item).then_some(d_user)
    }

    fn interest_space(&self, items: Fingerprint) -> Fingerprint {
        self.user_space.unwrap_or(items)
    }
}

/// The bias terms on the host; as a scorer of their own their query is the zero vector.
#[derive(Debug)]
pub(crate) struct AdditiveFactors {
    beta: Vec<f32>,
    gamma: Vec<f32>,
    b: f32,
}

impl AdditiveFactors {
    /// `beta · u + b`.
    pub(crate) fn user_bias(&self, interest: &[f32]) -> f32 {
        kernel::dot(&self.beta, interest) + self.b
    }
}

impl Factors for AdditiveFactors {
    fn query(&self, interest: &[f32]) -> Query {
        Query { vector: vec![0.0; self.gamma.len()], bias: self.user_bias(interest) }
    }

    fn item(&self, vector: &mut [f32]) -> f32 {
        kernel::dot(&self.gamma, vector)
    }
}
