use burn::module::Module;
use burn::tensor::Tensor;

use crate::error::Error;
use crate::random::Draw;

/// What is learned: where batches come from, what their loss is, and how good a module is.
pub trait Task {
    /// What is trained.
    type Module: Module;
    /// What one step sees.
    type Batch;

    /// A batch: a pure function of the draw, so that a resumed run needs no state of a sampler.
    fn sample(&self, draw: Draw) -> Self::Batch;

    /// The loss of a batch, `[1]`.
    ///
    /// Tensors that are made here may be on the plain device: beside the module's they count as constants.
    ///
    /// # Errors
    ///
    /// What the task's own parts cannot do.
    fn loss(&self, module: &Self::Module, batch: &Self::Batch) -> Result<Tensor<1>, Error>;

    /// How good a module is, **higher being better**: for a loss, return it negated. The module is on a device without gradients.
    /// By default there is nothing to say, and then training neither stops early nor knows a best step.
    ///
    /// # Errors
    ///
    /// What the task's own parts cannot do.
    fn validate(&self, module: &Self::Module) -> Result<Option<f64>, Error> {
        let _ = module;
        Ok(None)
    }

    /// What distinguishes this task from others: sizes, settings, a fingerprint of its data. A checkpoint keeps it, and is not
    /// resumed by a task that says something else.
    fn describe(&self) -> String {
        String::new()
    }

    /// What distinguishes a module from others besides its parameters, such as a table that it reads: kept and compared as
    /// [`describe`](Self::describe) is.
    fn describe_module(&self, module: &Self::Module) -> String {
        let _ = module;
        String::new()
    }

    /// Bytes that one batch's forward pass keeps for the backward pass, if the task can tell.
    fn activation_bytes(&self, module: &Self::Module) -> Option<u64> {
        let _ = module;
        None
    }
}
