use burn::module::{Module, Param};
use burn::tensor::module::linear;
use burn::tensor::{Device, Tensor};
use rec_core::{Fingerprint, Sequence};
use serde::{Deserialize, Serialize};

use crate::additive::{AdditiveFactors, AdditiveLinear};
use crate::kernel;
use crate::scorer::{Factors, Query, Scorer, best_interest, host, products};

/// The form of the matrix `W` in a [`Bilinear`] model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// `W = I`: the dot product `u · x`, without parameters.
    Identity,
    /// `W = diag(w)`: `sum_d w_d u_d x_d`, generalised matrix factorisation (He et al. 2017).
    Diagonal,
    /// Any `W`, `[d_user, d_item]`.
    Full,
    /// `W = P Q'` with `P` `[d_user, rank]` and `Q` `[d_item, rank]`: `(P'u) · (Q'x)`, two linear towers.
    LowRank {
        /// The number of columns of `P` and `Q`.
        rank: usize,
    },
}

/// What a [`Bilinear`] model is made of.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use rec_core::Sequence;
/// use rec_score::{BilinearConfig, Dot, Form, Scorer};
///
/// let config = BilinearConfig { d_user: 2, d_item: 2, form: Form::Full, bias: true };
/// let device = Device::flex();
/// let users = Sequence::single(Tensor::from_data([[1.0, 2.0]], &device));
/// let items = Sequence::new(Tensor::from_data([[[3.0, -1.0], [0.0, 4.0]]], &device), None);
/// // Untrained, it is the dot product.
/// let logits = |scorer: &dyn Scorer| scorer.logits(&users, &items).into_data().to_vec::<f32>().unwrap();
/// assert_eq!(logits(&config.init(&device)), logits(&Dot));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BilinearConfig {
    /// The number of dimensions of an interest.
    pub d_user: usize,
    /// The number of dimensions of an item.
    pub d_item: usize,
    /// The form of `W`.
    pub form: Form,
    /// Whether the terms `beta · u + gamma · x + b` are added.
    pub bias: bool,
}

impl BilinearConfig {
    /// A model that starts as the dot product: ones on the diagonal of `W`, or of `P` and `Q`, and all biases zero.
    ///
    /// A low rank starts as the dot product of the first `rank` dimensions. No randomness is involved.
    ///
    /// # Panics
    ///
    /// A dimension is zero; `form` is [`Form::Identity`] or [`Form::Diagonal`] and the dimensions differ; or the rank is
    /// zero or exceeds a dimension, in which case [`Form::Full`] is the smaller model.
    #[must_use]
    pub fn init(&self, device: &Device) -> Bilinear {
        let Self { d_user, d_item, form, bias } = *self;
        assert!(d_user > 0 && d_item > 0, "a matrix [{d_user}, {d_item}] has no weights");
        let square = || assert_eq!(d_user, d_item, "{form:?} needs as many user as item dimensions");
        let model = match form {
            Form::Identity => {
                square();
                Bilinear::identity()
            }
            Form::Diagonal => {
                square();
                Bilinear::diagonal(Tensor::ones([d_user], device))
            }
            Form::Full => Bilinear::full(eye(d_user, d_item, device)),
            Form::LowRank { rank } => {
                assert!(
                    (1..=d_user.min(d_item)).contains(&rank),
                    "rank {rank} does not fit [{d_user}, {d_item}]"
                );
                Bilinear::low_rank(eye(d_user, rank, device), eye(d_item, rank, device))
            }
        };
        match bias {
            true => model.with_bias(AdditiveLinear::new(&vec![0.0; d_user], &vec![0.0; d_item], 0.0, device)),
            false => model,
        }
    }
}

/// Ones on the diagonal of a matrix `[rows, columns]`.
fn eye(rows: usize, columns: usize, device: &Device) -> Tensor<2> {
    let size = rows.max(columns);
    Tensor::eye(size, device).slice([0..rows, 0..columns])
}

/// The bilinear model with bias terms: `logit = u' W x + beta · u + gamma · x + b`.
///
/// `u' W x` is what makes the order of items depend on the user; the rest is the [`AdditiveLinear`] model. `W` has one of
/// four [forms](Form). As a burn module it can be trained and moved between devices; [`save`](Self::save) writes it to a file.
///
/// It factors for every form, with the query `W'u`, so an index over the plain item vectors serves it.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use rec_core::Sequence;
/// use rec_score::{AdditiveLinear, Bilinear, Scorer};
///
/// let device = Device::flex();
/// let w = Tensor::from_data([[1.0, 0.0, 2.0], [0.0, -1.0, 0.0]], &device); // [d_user, d_item]
/// let bias = AdditiveLinear::new(&[1.0, 0.0], &[0.0, 0.0, 1.0], 0.5, &device);
/// let model = Bilinear::full(w).with_bias(bias);
///
/// let user = Sequence::single(Tensor::from_data([[2.0, 3.0]], &device));
/// let items = Sequence::new(Tensor::from_data([[[1.0, 1.0, 1.0], [0.0, 2.0, 0.0]]], &device), None);
/// let logits = model.logits(&user, &items).into_data().to_vec::<f32>().unwrap();
/// // u'W = [2, -3, 4]: 3 + 2 + 1 + 0.5 and -6 + 2 + 0 + 0.5
/// assert_eq!(logits, [6.5, -3.5]);
/// ```
#[derive(Module, Debug)]
pub struct Bilinear {
    /// `None` is the identity.
    pub(crate) weight: Option<Weight>,
    pub(crate) bias: Option<AdditiveLinear>,
    #[module(skip)]
    pub(crate) user_space: Option<Fingerprint>,
}

#[derive(Module, Debug)]
pub(crate) enum Weight {
    Diagonal(Param<Tensor<1>>),
    Full(Param<Tensor<2>>),
    LowRank(LowRank),
}

#[derive(Module, Debug)]
pub(crate) struct LowRank {
    pub(crate) user: Param<Tensor<2>>,
    pub(crate) item: Param<Tensor<2>>,
}

impl Bilinear {
    fn new(weight: Option<Weight>) -> Self {
        Self { weight, bias: None, user_space: None }
    }

    /// `W = I`.
    #[must_use]
    pub fn identity() -> Self {
        Self::new(None)
    }

    /// `W = diag(weights)`.
    #[must_use]
    pub fn diagonal(weights: Tensor<1>) -> Self {
        Self::new(Some(Weight::Diagonal(Param::from_tensor(weights))))
    }

    /// `W` itself, `[d_user, d_item]`.
    #[must_use]
    pub fn full(weights: Tensor<2>) -> Self {
        Self::new(Some(Weight::Full(Param::from_tensor(weights))))
    }

    /// `W = P Q'`: `user` is `P`, `[d_user, rank]`, and `item` is `Q`, `[d_item, rank]`.
    ///
    /// # Panics
    ///
    /// The ranks differ.
    #[must_use]
    pub fn low_rank(user: Tensor<2>, item: Tensor<2>) -> Self {
        assert_eq!(
            user.dims()[1],
            item.dims()[1],
            "user factors {:?} and item factors {:?} differ in rank",
            user.dims(),
            item.dims()
        );
        let factors = LowRank { user: Param::from_tensor(user), item: Param::from_tensor(item) };
        Self::new(Some(Weight::LowRank(factors)))
    }

    /// Adds `beta · u + gamma · x + b`.
    ///
    /// # Panics
    ///
    /// The dimensions are not those of `W`.
    #[must_use]
    pub fn with_bias(mut self, bias: AdditiveLinear) -> Self {
        let (d_user, d_item) = bias.dims();
        let dims = self.weight.as_ref().map_or((d_user, d_user), Weight::dims);
        assert_eq!((d_user, d_item), dims, "biases {:?} do not fit W {dims:?}", (d_user, d_item));
        self.bias = Some(bias);
        self
    }

    /// Says that users do not live in the space of the items but in this one, as those of two towers do.
    #[must_use]
    pub fn with_user_space(mut self, space: Fingerprint) -> Self {
        self.user_space = Some(space);
        self
    }

    /// `(d_user, d_item)`; `None` if any two equal dimensions will do.
    pub(crate) fn dims(&self) -> Option<(usize, usize)> {
        self.weight.as_ref().map(Weight::dims).or_else(|| self.bias.as_ref().map(AdditiveLinear::dims))
    }
}

impl Weight {
    fn dims(&self) -> (usize, usize) {
        match self {
            Self::Diagonal(w) => (w.dims()[0], w.dims()[0]),
            Self::Full(w) => (w.dims()[0], w.dims()[1]),
            Self::LowRank(w) => (w.user.dims()[0], w.item.dims()[0]),
        }
    }

    /// `W'u` of every interest: `[batch, k, d_user]` to `[batch, k, d_item]`.
    fn queries(&self, interests: Tensor<3>) -> Tensor<3> {
        match self {
            Self::Diagonal(w) => interests * w.val().reshape([1, 1, -1]),
            Self::Full(w) => linear(interests, w.val(), None),
            Self::LowRank(w) => linear(linear(interests, w.user.val(), None), w.item.val().transpose(), None),
        }
    }
}

impl Scorer for Bilinear {
    fn logits(&self, interests: &Sequence, candidates: &Sequence) -> Tensor<2> {
        let (users, items) = (interests.zero_padded(), candidates.zero_padded());
        if let Some((d_user, d_item)) = self.dims() {
            assert!(
                users.dims()[2] == d_user && items.dims()[2] == d_item,
                "interests {:?} and candidates {:?} do not fit W [{d_user}, {d_item}]",
                users.dims(),
                items.dims()
            );
        }
        let queries = match &self.weight {
            Some(weight) => weight.queries(users.clone()),
            None => users.clone(),
        };
        let mut logits = products(queries, items.clone());
        if let Some(bias) = &self.bias {
            let (user, item) = bias.terms(users, items);
            logits = logits + user + item;
        }
        best_interest(logits, interests, candidates)
    }

    fn factors(&self) -> Option<Box<dyn Factors>> {
        let weight = match &self.weight {
            None => HostWeight::Identity,
            Some(Weight::Diagonal(w)) => HostWeight::Diagonal(host(w)),
            Some(Weight::Full(w)) => HostWeight::Full(columns(w)),
            Some(Weight::LowRank(w)) => HostWeight::LowRank { user: columns(&w.user), item: rows(&w.item) },
        };
        Some(Box::new(BilinearFactors { weight, bias: self.bias.as_ref().map(AdditiveLinear::on_host) }))
    }

    fn interest_dim(&self, item_dim: usize) -> Option<usize> {
        match self.dims() {
            Some((d_user, d_item)) => (item_dim == d_item).then_some(d_user),
            None => Some(item_dim),
        }
    }

    fn interest_space(&self, items: Fingerprint) -> Fingerprint {
        self.user_space.unwrap_or(items)
    }
}

/// A matrix on the host, one vector a row.
fn rows(matrix: &Param<Tensor<2>>) -> Vec<Vec<f32>> {
    host(matrix).chunks_exact(matrix.dims()[1]).map(<[f32]>::to_vec).collect()
}

/// A matrix on the host, one vector a column.
fn columns(matrix: &Param<Tensor<2>>) -> Vec<Vec<f32>> {
    let rows = rows(matrix);
    (0..matrix.dims()[1]).map(|column| rows.iter().map(|row| row[column]).collect()).collect()
}

#[derive(Debug)]
struct BilinearFactors {
    weight: HostWeight,
    bias: Option<AdditiveFactors>,
}

#[derive(Debug)]
enum HostWeight {
    Identity,
    Diagonal(Vec<f32>),
    /// The columns of `W`.
    Full(Vec<Vec<f32>>),
    /// The columns of `P` and the rows of `Q`.
    LowRank {
        user: Vec<Vec<f32>>,
        item: Vec<Vec<f32>>,
    },
}

impl Factors for BilinearFactors {
    fn query(&self, interest: &[f32]) -> Query {
        let products = |vectors: &[Vec<f32>], with: &[f32]| -> Vec<f32> {
            vectors.iter().map(|vector| kernel::dot(vector, with)).collect()
        };
        let vector = match &self.weight {
            HostWeight::Identity => interest.to_vec(),
            HostWeight::Diagonal(weights) => interest.iter().zip(weights).map(|(u, w)| u * w).collect(),
            HostWeight::Full(columns) => products(columns, interest),
            HostWeight::LowRank { user, item } => products(item, &products(user, interest)),
        };
        Query { vector, bias: self.bias.as_ref().map_or(0.0, |bias| bias.user_bias(interest)) }
    }

    fn item(&self, vector: &mut [f32]) -> f32 {
        self.bias.as_ref().map_or(0.0, |bias| bias.item(vector))
    }
}
