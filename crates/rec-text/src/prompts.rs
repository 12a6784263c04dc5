//! Prompts that pretrained models expect in front of a text.
//!
//! A model that was trained with a prompt gives worse vectors without it. An E5 model reads two: texts that ask (a user's
//! history, a search) are queries, texts that answer (items) are passages; where both sides are of one kind, as items
//! that are compared with items, both are queries (Wang et al. 2022, "Text Embeddings by Weakly-Supervised Contrastive
//! Pre-training", section 3.2, and the cards of the released models).
//!
//! ```
//! use rec_text::{Template, prompts};
//!
//! let items = Template::parse("{title}")?.with_prompt(prompts::E5_PASSAGE);
//! assert_eq!(items.to_string(), "passage: {title}");
//! # Ok::<(), rec_text::Error>(())
//! ```

/// What E5 models expect before a text that asks.
pub const E5_QUERY: &str = "query: ";

/// What E5 models expect before a text that answers.
pub const E5_PASSAGE: &str = "passage: ";
