//! Smaller models from one that is loaded: what each way does to the transformer and to the tokenizer's file.
//! [`TextEncoder`](crate::TextEncoder) puts the parts together.

mod heads;
mod layers;
mod magnitude;
pub(crate) mod vocabulary;
