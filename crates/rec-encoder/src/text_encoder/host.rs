//! The fast forward pass on a CPU: `rec-kernels` over packed rows. The burn modules stay as its oracle, and as what is trained,
//! saved, and run on every other device.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use burn::module::Param;
use burn::nn::Linear;
use burn::tensor::{DType, Device, Tensor, TensorData};
use rec_core::Sequence;
use rec_kernels as kernels;
use rec_text::{PaddingSide, TokenBatch};

use super::host_embeddings::HostEmbeddings;
use crate::TokenEncoder;
use crate::error::{Error, Kind};
use crate::transformer::block::{Block, BranchNorms};
use crate::transformer::norm::Norm;
use crate::transformer::{Activation, Transformer};

/// The blocks of a transformer, with weights packed for the kernels: as much memory again as the blocks have.
struct HostEncoder {
    embeddings: HostEmbeddings,
    encoder: kernels::Encoder,
}

/// A transformer, and what the kernels made of it when they were first asked.
#[derive(Clone)]
pub(super) struct Hosted {
    model: Transformer,
    /// Of this model and no other: whoever changes a model makes a new one of these.
    packed: Arc<OnceLock<Option<HostEncoder>>>,
    precision: Precision,
}

/// What linear maps compute in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Precision {
    #[default]
    Float,
    /// Bytes: the kernels' own, which no other device has.
    Int8,
}

impl From<Transformer> for Hosted {
    fn from(model: Transformer) -> Self {
        Self { model, packed: Arc::default(), precision: Precision::Float }
    }
}

impl Deref for Hosted {
    type Target = Transformer;

    fn deref(&self) -> &Transformer {
        &self.model
    }
}

impl Hosted {
    pub(super) fn into_inner(self) -> Transformer {
        self.model
    }

    /// Another model in the place of this, computed alike.
    pub(super) fn replaced(&self, model: Transformer) -> Self {
        Self { model, packed: Arc::default(), precision: self.precision }
    }

    pub(super) fn precision(&self) -> Precision {
        self.precision
    }

    /// The same model in eight bits.
    pub(super) fn int8(self) -> Result<Self, Error> {
        if !HostEncoder::runs(&self.model) {
            let message = "linear maps compute in eight bits on the device `flex` with weights in `f32`, and nowhere else";
            return Err(Error::new(Kind::Device, message));
        }
        Ok(Self { packed: Arc::default(), precision: Precision::Int8, ..self })
    }

    /// The states of a batch, by the kernels where they compute and by burn elsewhere. The texts of an encoder have at most
    /// `max_len` tokens.
    pub(super) fn encode(&self, tokens: &TokenBatch, max_len: usize) -> Result<Sequence, Error> {
        let packed = match self.packed.get() {
            Some(packed) => packed,
            None => {
                let packed = HostEncoder::new(&self.model, max_len, self.precision)?;
                self.packed.get_or_init(|| packed)
            }
        };
        match packed {
            Some(host) if tokens.len() <= max_len => host.encode(&self.model, tokens),
            // Not without notice in another space.
            _ if self.precision == Precision::Int8 => {
                let message = format!("{} tokens of at most {max_len}, in eight bits", tokens.len());
                Err(Error::new(Kind::Device, message))
            }
            _ => Ok(TokenEncoder::encode(&self.model, tokens)),
        }
    }
}

/// A norm's kind, epsilon, weight and bias.
pub(super) type OwnedNorm = (kernels::NormKind, f32, Vec<f32>, Option<Vec<f32>>);

/// A linear map's weight and bias.
type OwnedLinear = (Vec<f32>, Option<Vec<f32>>);

impl HostEncoder {
    /// Packs the blocks of a model for texts of at most `max_len` tokens; `None` where the kernels do not compute, which is
    /// everywhere but on `flex` in `f32`.
    fn new(model: &Transformer, max_len: usize, precision: Precision) -> Result<Option<Self>, Error> {
        if !Self::runs(model) {
            return Ok(None);
        }
        let config = &model.config;
        let eps = config.norms.eps as f32;
        let blocks: Vec<OwnedBlock> =
            model.blocks.iter().map(|block| OwnedBlock::new(block, eps)).collect::<Result<_, Error>>()?;
        let last_norm = model.last_norm.as_ref().map(|norm| owned_norm(norm, eps)).transpose()?;
        let bias = match (&model.relative_bias, config.relative_bias) {
            (Some(table), Some(bias)) => {
                let values = values(&table.weight)?;
                Some(bias.by_offset(&values, config.attention.n_heads, max_len))
            }
            _ => None,
        };
        let spans = config.spans.iter().map(|span| kernels::Span {
            reach: span.reach,
            rotary: span
                .rotary
                .map(|rotary| kernels::RotaryTable::new(&rotary.speeds(config.attention.d_head), max_len)),
        });
        let attention = kernels::Attention {
            n_heads: config.attention.n_heads,
            n_kv_heads: config.attention.n_kv_heads,
            d_head: config.attention.d_head,
            scale: config.attention.scale as f32,
            is_causal: config.causal,
        };
        let feed_forward = kernels::FeedForward {
            d_ff: config.feed_forward.d_ff,
            activation: activation(config.feed_forward.activation),
            is_gated: config.feed_forward.gated,
        };
        let layers =
            config.layers.iter().map(|layer| kernels::Layer { block: layer.block, span: layer.span });
        let pack = match precision {
            Precision::Float => kernels::Encoder::new,
            Precision::Int8 => kernels::Encoder::int8,
        };
        let encoder = pack(&kernels::Model {
            d_model: config.d_model,
            attention,
            feed_forward,
            blocks: blocks.iter().map(OwnedBlock::view).collect(),
            spans: spans.collect(),
            layers: layers.collect(),
            relative_bias: bias.as_ref().map(|values| kernels::RelativeBias { values, max_len }),
            last_norm: last_norm.as_ref().map(norm_view),
        });
        Ok(Some(Self { embeddings: HostEmbeddings::new(model, max_len, eps)?, encoder }))
    }

    /// Whether the kernels compute there.
    fn runs(model: &Transformer) -> bool {
        let table = model.embeddings.tokens.weight.val();
        is_flex(&table.device()) && table.dtype() == DType::F32
    }

    /// What [`Transformer::encode`](crate::TokenEncoder::encode) computes, for a batch padded on the right; zeros at padding.
    fn encode(&self, model: &Transformer, tokens: &TokenBatch) -> Result<Sequence, Error> {
        assert_eq!(tokens.side(), PaddingSide::Right, "rows begin with their tokens");
        let (batch, len, d) = (tokens.batch(), tokens.len(), self.encoder.d_model());
        let mut offsets = vec![0];
        for (row, &length) in tokens.lengths().iter().enumerate() {
            offsets.push(offsets[row] + length);
        }
        let mut states = self.embeddings.forward(model, tokens, &offsets)?;
        self.encoder.forward(&mut states, &offsets);
        if offsets[batch] < batch * len {
            self.pad(&mut states, &offsets, len);
        }
        let device = model.embeddings.tokens.weight.val().device();
        let values = Tensor::from_data(TensorData::new(states, [batch, len, d]), &device);
        Ok(Sequence::from_lengths(values, tokens.lengths()))
    }

    /// Rows of `len` positions, with zeros after a text's own.
    fn pad(&self, states: &mut Vec<f32>, offsets: &[usize], len: usize) {
        let (batch, d) = (offsets.len() - 1, self.encoder.d_model());
        states.resize(batch * len * d, 0.0);
        // From the last row on, so that none is overwritten before it has moved.
        for row in (0..batch).rev() {
            let length = offsets[row + 1] - offsets[row];
            let (from, to) = (offsets[row] * d, row * len * d);
            states.copy_within(from..from + length * d, to);
            states[to + length * d..to + len * d].fill(0.0);
        }
    }
}

/// The weights of a block on the host.
struct OwnedBlock {
    /// qkv, output, up, down.
    linears: [OwnedLinear; 4],
    query_norm: Option<OwnedNorm>,
    key_norm: Option<OwnedNorm>,
    attention_norms: [Option<OwnedNorm>; 3],
    feed_forward_norms: [Option<OwnedNorm>; 3],
}

impl OwnedBlock {
    fn new(block: &Block, eps: f32) -> Result<Self, Error> {
        let linear = |linear: &Linear| -> Result<OwnedLinear, Error> {
            Ok((values(&linear.weight)?, linear.bias.as_ref().map(values).transpose()?))
        };
        let norm = |norm: &Option<Norm>| norm.as_ref().map(|norm| owned_norm(norm, eps)).transpose();
        let norms = |norms: &BranchNorms| -> Result<[Option<OwnedNorm>; 3], Error> {
            Ok([norm(&norms.input)?, norm(&norms.output)?, norm(&norms.sum)?])
        };
        Ok(Self {
            linears: [
                linear(&block.attention.qkv)?,
                linear(&block.attention.output)?,
                linear(&block.feed_forward.up)?,
                linear(&block.feed_forward.down)?,
            ],
            query_norm: norm(&block.attention.query_norm)?,
            key_norm: norm(&block.attention.key_norm)?,
            attention_norms: norms(&block.attention_norms)?,
            feed_forward_norms: norms(&block.feed_forward_norms)?,
        })
    }

    fn view(&self) -> kernels::Block<'_> {
        let [qkv, output, up, down] =
            self.linears.each_ref().map(|(weight, bias)| kernels::Linear { weight, bias: bias.as_deref() });
        kernels::Block {
            qkv,
            output,
            query_norm: self.query_norm.as_ref().map(norm_view),
            key_norm: self.key_norm.as_ref().map(norm_view),
            attention_norms: norms_view(&self.attention_norms),
            up,
            down,
            feed_forward_norms: norms_view(&self.feed_forward_norms),
        }
    }
}

fn norms_view(norms: &[Option<OwnedNorm>; 3]) -> kernels::BranchNorms<'_> {
    let [input, output, sum] = norms.each_ref().map(|norm| norm.as_ref().map(norm_view));
    kernels::BranchNorms { input, output, sum }
}

pub(super) fn owned_norm(norm: &Norm, eps: f32) -> Result<OwnedNorm, Error> {
    Ok(match norm {
        Norm::Layer(layer) => {
            let bias = layer.beta.as_ref().map(values).transpose()?;
            (kernels::NormKind::Layer, eps, values(&layer.gamma)?, bias)
        }
        Norm::Rms(rms) => (kernels::NormKind::Rms, eps, values(&rms.gamma)?, None),
    })
}

pub(super) fn norm_view((kind, eps, weight, bias): &OwnedNorm) -> kernels::Norm<'_> {
    kernels::Norm { kind: *kind, eps: *eps, weight, bias: bias.as_deref() }
}

pub(super) fn values<const D: usize>(param: &Param<Tensor<D>>) -> Result<Vec<f32>, Error> {
    let read = |e| Error::new(Kind::Device, "cannot read a parameter").caused_by(e);
    param.val().try_into_vec_as().map_err(read)
}

fn activation(activation: Activation) -> kernels::Activation {
    match activation {
        Activation::Identity => kernels::Activation::Identity,
        Activation::Gelu => kernels::Activation::Gelu,
        Activation::GeluTanh => kernels::Activation::GeluTanh,
        Activation::Relu => kernels::Activation::Relu,
        Activation::Silu => kernels::Activation::Silu,
        Activation::Tanh => kernels::Activation::Tanh,
        Activation::Sigmoid => kernels::Activation::Sigmoid,
    }
}

/// Whether a device is plain `flex`: on one that records gradients, every step is recorded.
fn is_flex(device: &Device) -> bool {
    #[cfg(feature = "flex")]
    return *device == Device::flex();
    #[cfg(not(feature = "flex"))]
    {
        let _ = device;
        false
    }
}
