use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};

use super::Activation;
use super::attention::affine;
use super::config::FeedForwardConfig;

/// `down(f(up(x)))`, or with a gate `down(f(gate(x)) * up(x))`.
#[derive(Module, Debug)]
pub(crate) struct FeedForward {
    /// `d_model` to `d_ff`; with a gate to twice that, the gate first: one product instead of two.
    pub(crate) up: Linear,
    pub(crate) down: Linear,
    #[module(skip)]
    activation: Activation,
    #[module(skip)]
    gated: bool,
}

impl FeedForward {
    pub(super) fn new(config: &FeedForwardConfig, d_model: usize, device: &Device) -> Self {
        let linear = |d_in, d_out| LinearConfig::new(d_in, d_out).with_bias(config.bias).init(device);
        Self {
            up: linear(d_model, config.d_ff * (1 + usize::from(config.gated))),
            down: linear(config.d_ff, d_model),
            activation: config.activation,
            gated: config.gated,
        }
    }

    pub(super) fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let up = affine(&self.up, x);
        let hidden = if self.gated {
            let [rows, both] = up.dims();
            let half = |from: usize| up.clone().slice([0..rows, from..from + both / 2]);
            self.activation.forward(half(0)) * half(both / 2)
        } else {
            self.activation.forward(up)
        };
        affine(&self.down, hidden)
    }
}
