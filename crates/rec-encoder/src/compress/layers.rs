use std::collections::BTreeSet;

use crate::error::{Error, Kind};
use crate::transformer::{Layer, Transformer};

impl Transformer {
    /// The model with these layers only, in their order; 0 is the first. The norm after the last layer stays where a family has
    /// one, unlike in [`first_layers`](Self::first_layers), whose output is a hidden state of the whole model.
    ///
    /// # Errors
    ///
    /// There are no layers in the list, it does not ascend, or it names one that the model has not; or the first layer is not
    /// kept in a family where the layers after it have a norm more (ModernBERT).
    pub fn keep_layers(mut self, layers: &[usize]) -> Result<Self, Error> {
        let fail = |message: String| Err(Error::new(Kind::Config, message));
        let all = self.config.layers.len();
        if layers.is_empty() || !layers.is_sorted_by(|a, b| a < b) || layers.iter().any(|&layer| layer >= all)
        {
            return fail(format!("{layers:?} is not an ascending list of layers from 0 to {}", all - 1));
        }
        let kept: Vec<Layer> = layers.iter().map(|&layer| self.config.layers[layer]).collect();
        // Layers may share a block; those that are used are numbered again.
        let used: BTreeSet<usize> = kept.iter().map(|layer| layer.block).collect();
        let norms = &self.config.norms;
        if norms.input && !norms.first_input && !used.contains(&0) {
            return fail(
                "the first layer of this family must be kept: it is built unlike the others".to_owned(),
            );
        }
        let renumber = |layer: Layer| Layer { block: used.range(..layer.block).count(), ..layer };
        self.config.layers = kept.into_iter().map(renumber).collect();
        self.blocks = used.iter().map(|&block| self.blocks[block].clone()).collect();
        Ok(self)
    }
}
