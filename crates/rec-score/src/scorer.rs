use std::fmt::Debug;

use burn::tensor::{Tensor, activation};
use rec_core::{Fingerprint, Sequence};

/// The logit of a padded candidate: far below any score, and finite.
///
/// A masked or plain softmax gives such a candidate exactly zero beside a real one, [`probability`] gives it exactly zero,
/// and a row of padded candidates only does not become NaN, as it would with minus infinity.
pub const PADDED_LOGIT: f32 = -1e30;

/// From interests and candidates to logits.
///
/// A scorer may [factor](Self::factors), and then any index serves it; otherwise [`rank`](crate::rank) does, block by
/// block. Both give the same list, within rounding.
pub trait Scorer {
    /// The logits of candidates: higher is better, on the scale of the scorer.
    ///
    /// # Shapes
    ///
    /// - `interests`: `[batch, k, d_user]`, one or several interests a user
    /// - `candidates`: `[batch, n, d_item]`, or `[1, n, d_item]` for the same candidates for everyone, which are never
    ///   repeated in memory
    /// - result: `[batch, n]`
    ///
    /// The logit of an item is that of the best interest. Padded interests take no part; a row of padded interests only
    /// counts as one zero vector. Padded candidates get [`PADDED_LOGIT`]. [`best_interest`] does all of this.
    ///
    /// # Panics
    ///
    /// The shapes do not fit each other or the scorer.
    fn logits(&self, interests: &Sequence, candidates: &Sequence) -> Tensor<2>;

    /// The scorer as a query a user and a bias an item, if it can be written that way; by default it cannot.
    ///
    /// Parameters are read from the device, once.
    ///
    /// # Panics
    ///
    /// The device fails.
    fn factors(&self) -> Option<Box<dyn Factors>> {
        None
    }

    /// The number of dimensions of the interests that go with items of `item_dim` dimensions, the same by default; `None`
    /// if the scorer does not take such items.
    fn interest_dim(&self, item_dim: usize) -> Option<usize> {
        Some(item_dim)
    }

    /// The space of the interests that go with items in the space `items`, the same by default.
    fn interest_space(&self, items: Fingerprint) -> Fingerprint {
        items
    }
}

/// A scorer on the host, written as `logit = q · x' + bias(x) + bias(u)`.
///
/// `x'` is the item's vector as an index keeps it, `q` and `bias(u)` are the [`Query`] that an interest becomes.
pub trait Factors: Debug + Send + Sync {
    /// Turns an interest into a query.
    fn query(&self, interest: &[f32]) -> Query;

    /// Turns an item's vector `x` into `x'`, in place, and gives the item's bias.
    ///
    /// Happens once, when the item enters an index. By default `x' = x` and the bias is zero.
    fn item(&self, vector: &mut [f32]) -> f32 {
        let _ = vector;
        0.0
    }
}

/// An interest as an index asks for it: see [`Factors`].
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// The vector that is multiplied with an item's; it has the item's dimensions.
    pub vector: Vec<f32>,
    /// What is added to every item's score: it changes scores, never their order within one interest.
    pub bias: f32,
}

/// Merges the logits of several interests by the best interest for each item, and leaves padding out.
///
/// `logits[b, i] = max_k logits[b, k, i]` over the real interests `k`; a row of padded interests only takes the maximum
/// over all of them, which are zero vectors if the logits were computed from
/// [`zero_padded`](Sequence::zero_padded) interests. Padded candidates get [`PADDED_LOGIT`].
///
/// # Shapes
///
/// `logits` is `[batch, k, n]`, `interests` `[batch, k, _]`, `candidates` `[batch or 1, n, _]`; the result is `[batch, n]`.
///
/// # Panics
///
/// The shapes differ from these.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use rec_core::Sequence;
/// use rec_score::{PADDED_LOGIT, best_interest};
///
/// let device = Device::flex();
/// let interests = Sequence::from_lengths(Tensor::zeros([1, 3, 4], &device), &[2]);
/// let candidates = Sequence::from_lengths(Tensor::zeros([1, 3, 4], &device), &[2]);
/// let logits = Tensor::from_data([[[1.0, 2.0, 9.0], [3.0, 0.0, 9.0], [7.0, 7.0, 7.0]]], &device);
/// let best = best_interest(logits, &interests, &candidates);
/// assert_eq!(best.into_data().to_vec::<f32>().unwrap(), [3.0, 2.0, PADDED_LOGIT]);
/// ```
#[must_use]
pub fn best_interest(logits: Tensor<3>, interests: &Sequence, candidates: &Sequence) -> Tensor<2> {
    let [batch, k, n] = logits.dims();
    let ([users, of_user, _], [lists, of_list, _]) = (interests.dims(), candidates.dims());
    assert!(
        users == batch && of_user == k && of_list == n && (lists == batch || lists == 1),
        "logits {:?} do not fit interests {:?} and candidates {:?}",
        logits.dims(),
        interests.dims(),
        candidates.dims()
    );
    let logits = match interests.mask_pad() {
        Some(mask) => {
            // Where everything is padding, nothing is left out: the maximum is that of zero vectors.
            let some_real = mask.clone().all_dim(1).bool_not().expand([batch, k]);
            let left_out = mask.clone().bool_and(some_real);
            logits.mask_fill(left_out.unsqueeze_dim::<3>(2).expand([batch, k, n]), PADDED_LOGIT)
        }
        None => logits,
    };
    let best: Tensor<2> = logits.max_dim(1).squeeze_dim(1);
    match candidates.mask_pad() {
        Some(mask) => best.mask_fill(mask.clone().expand([batch, n]), PADDED_LOGIT),
        None => best,
    }
}

/// `u · x` of every interest with every candidate: `[batch, k, d]` and `[batch or 1, n, d]` to `[batch, k, n]`.
///
/// Shared candidates are one matrix product with all users' interests; they are not repeated.
pub(crate) fn products(interests: Tensor<3>, candidates: Tensor<3>) -> Tensor<3> {
    let ([batch, k, d_user], [lists, n, d_item]) = (interests.dims(), candidates.dims());
    assert!(
        d_user == d_item && (lists == batch || lists == 1),
        "interests {:?} do not fit candidates {:?}",
        interests.dims(),
        candidates.dims()
    );
    if lists == 1 {
        let candidates: Tensor<2> = candidates.reshape([n, d_item]);
        return interests.reshape([batch * k, d_user]).matmul(candidates.transpose()).reshape([batch, k, n]);
    }
    interests.matmul(candidates.swap_dims(1, 2))
}

/// `sigmoid(logit)`: a probability, if the scorer was fitted to give the logit of one.
///
/// The last step, for showing and calibrating; rank by logits. In `f32` every logit above 17 has the same probability, 1.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use rec_score::probability;
///
/// let p = probability(Tensor::from_data([[0.0, 20.0, -1e30]], &Device::flex()));
/// assert_eq!(p.into_data().to_vec::<f32>().unwrap(), [0.5, 1.0, 0.0]);
/// ```
#[must_use]
pub fn probability(logits: Tensor<2>) -> Tensor<2> {
    activation::sigmoid(logits)
}

/// A parameter's values on the host.
pub(crate) fn host<const D: usize>(parameter: &burn::module::Param<Tensor<D>>) -> Vec<f32> {
    match parameter.val().try_into_vec_as() {
        Ok(values) => values,
        Err(error) => panic!("cannot read a scorer's parameter back from the device: {error}"),
    }
}
