use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::attention::Attention;
use super::config::{Norms, TransformerConfig};
use super::feed_forward::FeedForward;
use super::norm::Norm;
use super::span::View;

/// One block: attention, then the feed-forward part, each beside a residual connection.
#[derive(Module, Debug)]
pub(crate) struct Block {
    pub(crate) attention: Attention,
    pub(crate) attention_norms: BranchNorms,
    pub(crate) feed_forward: FeedForward,
    pub(crate) feed_forward_norms: BranchNorms,
}

/// The norms around a branch `f`: `sum(x + output(f(input(x))))`. A family has one of them, or two.
#[derive(Module, Debug)]
pub(crate) struct BranchNorms {
    pub(crate) input: Option<Norm>,
    pub(crate) output: Option<Norm>,
    pub(crate) sum: Option<Norm>,
}

impl BranchNorms {
    fn new(norms: &Norms, d_model: usize, input: bool, device: &Device) -> Self {
        let norm = |there: bool| there.then(|| Norm::new(norms, d_model, device));
        Self { input: norm(input), output: norm(norms.output), sum: norm(norms.sum) }
    }

    fn around(&self, x: Tensor<2>, f: impl FnOnce(Tensor<2>) -> Tensor<2>) -> Tensor<2> {
        let apply = |norm: &Option<Norm>, x: Tensor<2>| match norm {
            Some(norm) => norm.forward(x),
            None => x,
        };
        let branch = apply(&self.output, f(apply(&self.input, x.clone())));
        apply(&self.sum, x + branch)
    }
}

impl Block {
    /// The block number `index` of a model, with random weights that take memory only once they are used.
    pub(crate) fn new(config: &TransformerConfig, index: usize, device: &Device) -> Self {
        let (d_model, norms) = (config.d_model, &config.norms);
        let first = norms.input && (index > 0 || norms.first_input);
        Self {
            attention: Attention::new(&config.attention, norms, d_model, device),
            attention_norms: BranchNorms::new(norms, d_model, first, device),
            feed_forward: FeedForward::new(&config.feed_forward, d_model, device),
            feed_forward_norms: BranchNorms::new(norms, d_model, norms.input, device),
        }
    }

    pub(super) fn forward(&self, x: Tensor<2>, shape: [usize; 2], view: &View) -> Tensor<2> {
        let x = self.attention_norms.around(x, |x| self.attention.forward(x, shape, view));
        self.feed_forward_norms.around(x, |x| self.feed_forward.forward(x))
    }
}
