//! Training user models on what users chose next.
//!
//! [`NextItem`] trains any user encoder on the vectors of a table (an encoder that stands still, its catalogue embedded once);
//! [`Clicks`] trains the encoder of the texts together with it.

mod clicks;
mod next_item;
mod sampled;

pub use clicks::{Clicks, TextAndUser};
pub use next_item::NextItem;
pub use sampled::{NextBatch, Objective};
