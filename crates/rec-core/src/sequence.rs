use burn::tensor::{Bool, Device, Tensor, TensorData};

/// A padded batch of vectors `[batch, len, d_model]` with its padding mask `[batch, len]`.
///
/// Words in an item, items in a history, interests of a user and candidates of an impression are all a `Sequence`, so
/// one masked softmax, one pooling and one set of laws serve all four. In the mask `true` marks padding. No mask means
/// that nothing is padded, which is faster and common: batches are made of texts of like length.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use rec_core::{Pooling, Sequence};
///
/// let device = Device::flex();
/// let values = Tensor::from_data([[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [9.0, 9.0]]], &device);
/// let batch = Sequence::from_lengths(values, &[2, 1]);
/// let pooled = Pooling::Mean.pool(&batch);
/// assert_eq!(pooled.into_data().to_vec::<f32>().unwrap(), [2.0, 3.0, 5.0, 6.0]);
/// ```
#[derive(Debug, Clone)]
pub struct Sequence {
    values: Tensor<3>,
    mask_pad: Option<Tensor<2, Bool>>,
}

impl Sequence {
    /// A batch with its padding mask, `true` = padding.
    ///
    /// # Panics
    ///
    /// The mask is not `[batch, len]` of the values.
    #[must_use]
    pub fn new(values: Tensor<3>, mask_pad: Option<Tensor<2, Bool>>) -> Self {
        if let Some(mask) = &mask_pad {
            let [batch, len, _] = values.dims();
            assert_eq!(
                mask.dims(),
                [batch, len],
                "mask_pad {:?} does not fit values {:?}",
                mask.dims(),
                values.dims()
            );
        }
        Self { values, mask_pad }
    }

    /// A batch padded on the right: row `i` has `lengths[i]` real vectors. Drops the mask if nothing is padded.
    ///
    /// # Panics
    ///
    /// There is not one length a row, or a length exceeds `len`.
    #[must_use]
    pub fn from_lengths(values: Tensor<3>, lengths: &[usize]) -> Self {
        let [batch, len, _] = values.dims();
        assert_eq!(lengths.len(), batch, "{} lengths for values {:?}", lengths.len(), values.dims());
        assert!(lengths.iter().all(|&n| n <= len), "lengths {lengths:?} exceed values {:?}", values.dims());
        let mask_pad = mask_from_lengths(lengths, len, &values.device());
        Self { values, mask_pad }
    }

    /// One row a batch: `[batch, d_model]` seen as `[batch, 1, d_model]`.
    #[must_use]
    pub fn single(vectors: Tensor<2>) -> Self {
        Self { values: vectors.unsqueeze_dim(1), mask_pad: None }
    }

    /// The vectors, `[batch, len, d_model]`. What stands at padded positions is unspecified.
    #[must_use]
    pub fn values(&self) -> &Tensor<3> {
        &self.values
    }

    /// The padding mask `[batch, len]`, `true` = padding; `None` when nothing is padded.
    #[must_use]
    pub fn mask_pad(&self) -> Option<&Tensor<2, Bool>> {
        self.mask_pad.as_ref()
    }

    /// The padding mask spread over the vectors, `[batch, len, d_model]`.
    #[must_use]
    pub fn mask_pad_full(&self) -> Option<Tensor<3, Bool>> {
        self.mask_pad.clone().map(|mask| mask.unsqueeze_dim::<3>(2).expand(self.values.dims()))
    }

    /// The vectors with zeros at padded positions, whatever stood there, NaN included.
    #[must_use]
    pub fn zero_padded(&self) -> Tensor<3> {
        match self.mask_pad_full() {
            Some(mask) => self.values.clone().mask_fill(mask, 0.0),
            None => self.values.clone(),
        }
    }

    /// `[batch, len, d_model]`.
    #[must_use]
    pub fn dims(&self) -> [usize; 3] {
        self.values.dims()
    }

    /// Where the tensors live.
    #[must_use]
    pub fn device(&self) -> Device {
        self.values.device()
    }
}

/// The mask `[batch, len]` of rows padded on the right, or `None` when every row is full.
#[must_use]
pub fn mask_from_lengths(lengths: &[usize], len: usize, device: &Device) -> Option<Tensor<2, Bool>> {
    if lengths.iter().all(|&n| n == len) {
        return None;
    }
    let mask: Vec<bool> = lengths.iter().flat_map(|&n| (0..len).map(move |i| i >= n)).collect();
    Some(Tensor::from_data(TensorData::new(mask, [lengths.len(), len]), device))
}
