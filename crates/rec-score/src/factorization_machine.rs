use burn::module::{Module, Param};
use burn::tensor::module::linear;
use burn::tensor::{Device, Tensor};
use rec_core::Sequence;
use rec_core::nn::{Initializer, ModelConfig, check_sizes};
use serde::{Deserialize, Serialize};

use crate::kernel;
use crate::scorer::{Factors, Query, Scorer, best_interest, host, products};

/// How large a [`FactorizationMachine`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactorizationMachineConfig {
    /// The number of dimensions of an interest.
    pub d_user: usize,
    /// The number of dimensions of an item.
    pub d_item: usize,
    /// The number of factors of a dimension.
    pub rank: usize,
}

impl FactorizationMachineConfig {
    /// A model with factors drawn from a seed and linear terms of zero.
    ///
    /// # Panics
    ///
    /// A size is zero.
    #[must_use]
    pub fn init(&self, device: &Device, seed: u64) -> FactorizationMachine {
        let draw = &mut Initializer::new(seed, device);
        FactorizationMachine {
            w_user: draw.constant([self.d_user], 0.0),
            w_item: draw.constant([self.d_item], 0.0),
            b: draw.constant([1], 0.0),
            v_user: draw.xavier([self.d_user, self.rank]),
            v_item: draw.xavier([self.d_item, self.rank]),
            config: *self,
        }
    }
}

impl ModelConfig for FactorizationMachineConfig {
    type Model = FactorizationMachine;

    const NAME: &'static str = "factorization_machine";

    fn n_values(&self) -> Result<usize, String> {
        let Self { d_user, d_item, rank } = *self;
        check_sizes([("d_user", d_user), ("d_item", d_item), ("rank", rank)])?;
        let dims = d_user.saturating_add(d_item);
        Ok(rank.saturating_add(1).saturating_mul(dims).saturating_add(1))
    }

    fn blank(&self, device: &Device) -> FactorizationMachine {
        self.init(device, 0)
    }
}

/// A factorization machine of second order over `z = [u; x]`: `b + w · z + sum_{i<j} (v_i · v_j) z_i z_j` (Rendle, ICDM 2010,
/// equations 1 and 5).
///
/// The pairs within `u` and within `x` are terms of the user and of the item; those across are `u' V_u V_x' x`, a bilinear form of
/// low rank. So it factors, and any index serves it. The sum over pairs is `1/2 sum_f ((sum_i v_if z_i)^2 - sum_i v_if^2 z_i^2)`.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use rec_core::Sequence;
/// use rec_score::{FactorizationMachineConfig, Scorer};
///
/// let device = Device::flex();
/// let scorer = FactorizationMachineConfig { d_user: 2, d_item: 3, rank: 4 }.init(&device, 1);
/// let interests = Sequence::new(Tensor::ones([1, 1, 2], &device), None);
/// let candidates = Sequence::new(Tensor::ones([1, 5, 3], &device), None);
/// assert_eq!(scorer.logits(&interests, &candidates).dims(), [1, 5]);
/// assert!(scorer.factors().is_some());
/// ```
#[derive(Module, Debug)]
pub struct FactorizationMachine {
    w_user: Param<Tensor<1>>,
    w_item: Param<Tensor<1>>,
    b: Param<Tensor<1>>,
    v_user: Param<Tensor<2>>,
    v_item: Param<Tensor<2>>,
    #[module(skip)]
    config: FactorizationMachineConfig,
}

impl FactorizationMachine {
    /// How large the model is.
    #[must_use]
    pub fn config(&self) -> &FactorizationMachineConfig {
        &self.config
    }

    /// Where the parameters are.
    #[must_use]
    pub fn device(&self) -> Device {
        self.b.val().device()
    }
}

/// `w · z` and the pairs within `z`, `[batch, n, 1]`, and `V'z`, `[batch, n, rank]`.
fn side(z: Tensor<3>, w: &Param<Tensor<1>>, v: &Param<Tensor<2>>) -> (Tensor<3>, Tensor<3>) {
    let sums = linear(z.clone(), v.val(), None);
    let squares = linear(z.clone().square(), v.val().square(), None);
    let pairs = (sums.clone().square() - squares).sum_dim(2).mul_scalar(0.5);
    let first = (z * w.val().reshape([1, 1, -1])).sum_dim(2);
    (first + pairs, sums)
}

impl Scorer for FactorizationMachine {
    fn logits(&self, interests: &Sequence, candidates: &Sequence) -> Tensor<2> {
        let FactorizationMachineConfig { d_user, d_item, .. } = self.config;
        assert!(
            interests.dims()[2] == d_user && candidates.dims()[2] == d_item,
            "interests {:?} and candidates {:?} do not fit [{d_user}, {d_item}]",
            interests.dims(),
            candidates.dims()
        );
        let (user, p) = side(interests.zero_padded(), &self.w_user, &self.v_user); // [batch, k, 1]
        let (item, q) = side(candidates.zero_padded(), &self.w_item, &self.v_item); // [lists, n, 1]
        let b = self.b.val().reshape([1, 1, 1]);
        let logits = products(p, q) + user + item.swap_dims(1, 2) + b;
        best_interest(logits, interests, candidates)
    }

    fn factors(&self) -> Option<Box<dyn Factors>> {
        let rank = self.config.rank;
        let columns = |v: &Param<Tensor<2>>| -> Vec<Vec<f32>> {
            let values = host(v);
            (0..rank).map(|f| values.iter().skip(f).step_by(rank).copied().collect()).collect()
        };
        Some(Box::new(Host {
            w_user: host(&self.w_user),
            w_item: host(&self.w_item),
            b: host(&self.b)[0],
            v_user: columns(&self.v_user),
            v_item: columns(&self.v_item),
        }))
    }

    fn interest_dim(&self, item_dim: usize) -> Option<usize> {
        (item_dim == self.config.d_item).then_some(self.config.d_user)
    }
}

/// The model on the host; factors by columns, one vector a factor.
#[derive(Debug)]
struct Host {
    w_user: Vec<f32>,
    w_item: Vec<f32>,
    b: f32,
    v_user: Vec<Vec<f32>>,
    v_item: Vec<Vec<f32>>,
}

/// `w · z` and the pairs within `z`.
fn bias(z: &[f32], w: &[f32], v: &[Vec<f32>]) -> f32 {
    let pairs = |column: &Vec<f32>| {
        let weighted: Vec<f32> = column.iter().zip(z).map(|(v, z)| v * z).collect();
        let sum: f32 = weighted.iter().sum();
        sum * sum - kernel::dot(&weighted, &weighted)
    };
    kernel::dot(w, z) + 0.5 * v.iter().map(pairs).sum::<f32>()
}

impl Factors for Host {
    fn query(&self, interest: &[f32]) -> Query {
        let mut vector = vec![0.0; self.w_item.len()];
        for (user, item) in self.v_user.iter().zip(&self.v_item) {
            let p = kernel::dot(user, interest);
            vector.iter_mut().zip(item).for_each(|(q, v)| *q += p * v);
        }
        Query { vector, bias: self.b + bias(interest, &self.w_user, &self.v_user) }
    }

    fn item(&self, vector: &mut [f32]) -> f32 {
        bias(vector, &self.w_item, &self.v_item)
    }
}
