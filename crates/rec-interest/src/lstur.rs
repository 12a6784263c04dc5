use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, activation};
use rec_core::nn::{Dropout, Initializer, Linear, ModelConfig, check_rate, check_sizes};
use rec_core::{HistoryBatch, Sequence};
use serde::{Deserialize, Serialize};

use crate::UserEncoder;

/// How the long-term vector of a user and the recent history of [`Lstur`] meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LongTerm {
    /// The user's vector is the first state of the recurrent network (LSTUR-ini).
    Initial,
    /// The user's vector stands beside the last state, each with half of the dimensions (LSTUR-con).
    Beside,
}

/// How large an [`Lstur`] is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LsturConfig {
    /// The number of dimensions of an item, and so of the interest; even for [`LongTerm::Beside`].
    pub d_item: usize,
    /// The number of users with a vector of their own.
    pub n_users: usize,
    /// How the two meet.
    pub long_term: LongTerm,
    /// The probability with which training leaves a user's vector out; 0.5 does well in the paper.
    #[serde(default)]
    pub user_dropout: f32,
}

impl LsturConfig {
    fn d_state(&self) -> usize {
        match self.long_term {
            LongTerm::Initial => self.d_item,
            LongTerm::Beside => self.d_item / 2,
        }
    }

    /// A model with values drawn from a seed.
    ///
    /// # Panics
    ///
    /// A size is zero, or `d_item` is odd where the vectors stand beside each other.
    #[must_use]
    pub fn init(&self, device: &Device, seed: u64) -> Lstur {
        let even = self.long_term == LongTerm::Initial || self.d_item.is_multiple_of(2);
        assert!(even, "{} dimensions have no two halves", self.d_item);
        let (draw, d) = (&mut Initializer::new(seed, device), self.d_state());
        Lstur {
            users: draw.uniform([self.n_users, d], 0.02 * 3f32.sqrt()),
            input: Linear::new(self.d_item, 3 * d, true, draw),
            state: Linear::new(d, 3 * d, true, draw),
            config: *self,
        }
    }
}

impl ModelConfig for LsturConfig {
    type Model = Lstur;

    const NAME: &'static str = "lstur";

    fn n_values(&self) -> Result<usize, String> {
        let (d, s) = (self.d_item, self.d_state());
        check_sizes([("d_item", d), ("half of d_item", s), ("n_users", self.n_users)])?;
        check_rate(self.user_dropout)?;
        if self.long_term == LongTerm::Beside && !d.is_multiple_of(2) {
            return Err(format!("{d} dimensions have no two halves"));
        }
        // Three gates with a map of the item, a map of the state and two biases each.
        let gates = d.saturating_add(s).saturating_add(2).saturating_mul(s).saturating_mul(3);
        Ok(self.n_users.saturating_mul(s).saturating_add(gates))
    }

    fn blank(&self, device: &Device) -> Lstur {
        self.init(device, 0)
    }
}

/// Long- and short-term interest: a gated recurrent unit over the history and a vector a user (LSTUR, An et al., ACL 2019, section
/// 3.2).
///
/// `r = sigmoid(W_r x + U_r h)`, `z = sigmoid(W_z x + U_z h)`, `n = tanh(W_n x + b_n + r * (U_n h + c_n))`, `h = (1 - z) * n + z *
/// h` from the oldest event to the newest, every map with its biases as PyTorch has them. The user's vector is chosen by
/// [`HistoryBatch::users`]; without them it is zero, which is what training with `user_dropout` prepares for. Ages and event weights
/// are not seen. A history without a known item gives zero and zero gradients, also for a user with a vector.
///
/// One step an event: the cost of a long history is in its length, and no two steps run at once.
///
/// ```
/// use burn::tensor::Device;
/// use rec_core::{Fingerprint, HistoryBatch, VectorTable};
/// use rec_data::{History, days};
/// use rec_interest::{LongTerm, LsturConfig, UserEncoder};
///
/// let device = Device::flex();
/// let config = LsturConfig { d_item: 2, n_users: 9, long_term: LongTerm::Initial, user_dropout: 0.5 };
/// let model = config.init(&device, 1);
/// let items = VectorTable::from_rows(Fingerprint::declared("d"), [("a", [1.0, 0.0])])?;
/// let history = [History::from_iter([("a", days(1))])];
/// let encode = |batch: HistoryBatch| model.encode(&batch).values().to_data();
/// let unknown = encode(HistoryBatch::new(&items, &history, &device));
/// assert_ne!(encode(HistoryBatch::new(&items, &history, &device).with_users(&[7])), unknown);
/// # Ok::<(), rec_core::Error>(())
/// ```
#[derive(Module, Debug)]
pub struct Lstur {
    users: Param<Tensor<2>>,
    input: Linear,
    state: Linear,
    #[module(skip)]
    config: LsturConfig,
}

impl Lstur {
    /// How large the model is.
    #[must_use]
    pub fn config(&self) -> &LsturConfig {
        &self.config
    }

    fn forward(&self, histories: &HistoryBatch, mut dropout: Dropout) -> Sequence {
        let (items, d) = (histories.items(), self.config.d_state());
        let ([batch, len, _], device) = (items.dims(), items.device());
        let user = match histories.users() {
            Some(rows) => {
                // A whole vector is dropped or kept, and kept as it is.
                let rate = self.config.user_dropout;
                let kept = dropout.apply(Tensor::<2>::ones([batch, 1], &device), rate).greater_elem(0.0);
                self.users.val().select(0, rows.clone()) * kept.float()
            }
            None => Tensor::zeros([batch, d], &device),
        };

        let mapped = self.input.forward(items.zero_padded()); // [batch, len, 3 d]
        let mut h = match self.config.long_term {
            LongTerm::Initial => user.clone(),
            LongTerm::Beside => Tensor::zeros([batch, d], &device),
        };
        for i in 0..len {
            let x: Tensor<2> = mapped.clone().slice([0..batch, i..i + 1, 0..3 * d]).squeeze_dim(1);
            let next = self.step(&x, h.clone(), d);
            h = match items.mask_pad() {
                Some(mask) => {
                    let padded = mask.clone().slice([0..batch, i..i + 1]).expand([batch, d]);
                    next.mask_where(padded, h)
                }
                None => next,
            };
        }
        let interest = match self.config.long_term {
            LongTerm::Initial => h,
            LongTerm::Beside => Tensor::cat(vec![h, user], 1),
        };
        let interest = match items.mask_pad() {
            Some(mask) => {
                let empty = mask.clone().all_dim(1).expand(interest.dims());
                interest.mask_fill(empty, 0.0)
            }
            None => interest,
        };
        Sequence::single(interest)
    }

    /// One step: the mapped item `[batch, 3 d]` and the state `[batch, d]` to the next state.
    fn step(&self, x: &Tensor<2>, h: Tensor<2>, d: usize) -> Tensor<2> {
        let mapped = self.state.forward(h.clone()); // [batch, 3 d]
        let part = |of: &Tensor<2>, i: usize| {
            let batch = of.dims()[0];
            of.clone().slice([0..batch, i * d..(i + 1) * d])
        };
        let reset = activation::sigmoid(part(x, 0) + part(&mapped, 0));
        let update = activation::sigmoid(part(x, 1) + part(&mapped, 1));
        let new = (part(x, 2) + reset * part(&mapped, 2)).tanh();
        new.clone() + update * (h - new)
    }
}

impl UserEncoder for Lstur {
    fn encode(&self, histories: &HistoryBatch) -> Sequence {
        self.forward(histories, Dropout::off())
    }

    fn encode_training(&self, histories: &HistoryBatch, seed: u64) -> Sequence {
        self.forward(histories, Dropout::seeded(seed))
    }

    fn device(&self) -> Device {
        self.input.device()
    }
}
