//! Which tensor of a file is which parameter: one table for a family, read by loading and saving alike.

use burn::nn::{Embedding, Linear};

use crate::error::Error;
use crate::transformer::Transformer;
use crate::transformer::block::{Block, BranchNorms};
use crate::transformer::norm::Norm;

/// The tensor names of a family, without `.weight` and `.bias`. Empty where it has no such part.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names {
    pub(crate) tokens: &'static str,
    pub(crate) positions: &'static str,
    pub(crate) types: &'static str,
    pub(crate) embedding_norm: &'static str,
    pub(crate) projection: &'static str,
    pub(crate) relative_bias: &'static str,
    pub(crate) last_norm: &'static str,
    /// What stands before the names of a block, `{}` for its number.
    pub(crate) block: &'static str,
    /// Queries, keys and values: three tensors or one.
    pub(crate) qkv: &'static [&'static str],
    pub(crate) query_norm: &'static str,
    pub(crate) key_norm: &'static str,
    pub(crate) output: &'static str,
    /// Input, output, sum, as [`BranchNorms`] has them.
    pub(crate) attention_norms: [&'static str; 3],
    /// Gate and linear map: two tensors, or one that holds both or needs no gate.
    pub(crate) up: &'static [&'static str],
    pub(crate) down: &'static str,
    /// Input, output, sum.
    pub(crate) feed_forward_norms: [&'static str; 3],
}

impl Names {
    pub(crate) const NONE: Self = Self {
        tokens: "",
        positions: "",
        types: "",
        embedding_norm: "",
        projection: "",
        relative_bias: "",
        last_norm: "",
        block: "",
        qkv: &[],
        query_norm: "",
        key_norm: "",
        output: "",
        attention_norms: [""; 3],
        up: &[],
        down: "",
        feed_forward_norms: [""; 3],
    };
}

/// One of the tensors that a linear map is made of: its name and how many of the outputs it gives.
pub(crate) type Part = (String, usize);

/// Does something with every parameter of a model under its name in the file.
pub(crate) trait Walk {
    /// `parts` together give all outputs, in order.
    fn linear(&mut self, linear: &mut Linear, d_in: usize, parts: &[Part]) -> Result<(), Error>;
    fn norm(&mut self, norm: &mut Norm, d: usize, name: &str) -> Result<(), Error>;
    fn table(&mut self, table: &mut Embedding, shape: [usize; 2], name: &str) -> Result<(), Error>;
}

/// Everything but the blocks.
pub(crate) fn walk_outside(
    model: &mut Transformer,
    names: &Names,
    walk: &mut impl Walk,
) -> Result<(), Error> {
    let (config, embeddings) = (&model.config, &mut model.embeddings);
    let d = config.d_embedding;
    walk.table(&mut embeddings.tokens, [config.vocab_size, d], names.tokens)?;
    if let (Some(table), Some(positions)) = (&mut embeddings.positions, config.positions) {
        walk.table(table, [positions.n_rows, d], names.positions)?;
    }
    if let Some(table) = &mut embeddings.types {
        walk.table(table, [config.n_token_types, d], names.types)?;
    }
    if let Some(norm) = &mut embeddings.norm {
        walk.norm(norm, d, names.embedding_norm)?;
    }
    if let Some(projection) = &mut embeddings.projection {
        walk.linear(projection, d, &[(names.projection.to_owned(), config.d_model)])?;
    }
    if let (Some(table), Some(bias)) = (&mut model.relative_bias, config.relative_bias) {
        walk.table(table, [bias.n_buckets, config.attention.n_heads], names.relative_bias)?;
    }
    if let Some(norm) = &mut model.last_norm {
        walk.norm(norm, config.d_model, names.last_norm)?;
    }
    Ok(())
}

/// The block number `index`.
pub(crate) fn walk_block(
    block: &mut Block,
    index: usize,
    model: &Transformer,
    names: &Names,
    walk: &mut impl Walk,
) -> Result<(), Error> {
    let config = &model.config;
    let (d, attention, feed_forward) = (config.d_model, &config.attention, &config.feed_forward);
    let prefix = names.block.replace("{}", &index.to_string());
    let at = |name: &str| format!("{prefix}{name}");
    let parts = |names: &[&str], sizes: &[usize]| -> Vec<Part> {
        match names {
            [one] => vec![(at(one), sizes.iter().sum())],
            several => several.iter().zip(sizes).map(|(name, size)| (at(name), *size)).collect(),
        }
    };
    let (q, kv) = (attention.n_heads * attention.d_head, attention.n_kv_heads * attention.d_head);
    walk.linear(&mut block.attention.qkv, d, &parts(names.qkv, &[q, kv, kv]))?;
    for (norm, name) in
        [(&mut block.attention.query_norm, names.query_norm), (&mut block.attention.key_norm, names.key_norm)]
    {
        if let Some(norm) = norm {
            walk.norm(norm, attention.d_head, &at(name))?;
        }
    }
    walk.linear(&mut block.attention.output, q, &[(at(names.output), d)])?;
    let mut norms = |norms: &mut BranchNorms, names: &[&str; 3]| {
        for (norm, name) in [&mut norms.input, &mut norms.output, &mut norms.sum].into_iter().zip(names) {
            if let Some(norm) = norm {
                walk.norm(norm, d, &at(name))?;
            }
        }
        Ok::<(), Error>(())
    };
    norms(&mut block.attention_norms, &names.attention_norms)?;
    norms(&mut block.feed_forward_norms, &names.feed_forward_norms)?;
    let d_ff = feed_forward.d_ff;
    let up: &[usize] = if feed_forward.gated { &[d_ff, d_ff] } else { &[d_ff] };
    walk.linear(&mut block.feed_forward.up, d, &parts(names.up, up))?;
    walk.linear(&mut block.feed_forward.down, d_ff, &[(at(names.down), d)])
}
