use burn::tensor::{Bool, Tensor, TensorData};
use rec_score::PADDED_LOGIT;

/// In-batch InfoNCE: each row's item against the items of the other rows.
///
/// `-log(exp(s_ii) / sum_j exp(s_ij))` with `s_ij = q_i·x_j / t - log p_j`, the mean over rows (van den Oord et al. 2018, equation
/// 4). `p_j` is the share of item `j` among the draws; without this correction popular items are pushed away for being popular (Yi
/// et al. 2019, "Sampling-Bias-Corrected Neural Modeling", equation 3). A row's item that stands in another row, too, is no
/// negative of it: such accidental hits are masked.
///
/// Vectors are taken as they are: normalise them for cosines.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use rec_train::objective::{InBatch, InfoNce};
///
/// let device = Device::flex();
/// let zeros = || Tensor::<2>::zeros([3, 2], &device);
/// // Rows 0 and 2 have the same item, so it is no negative of either.
/// let batch = InBatch { items: &[7, 8, 7], queries: None, log_q: None };
/// let loss = InfoNce::new(0.05).loss(zeros(), zeros(), batch).into_scalar::<f32>();
/// assert!((loss - (2f32.ln() * 2.0 + 3f32.ln()) / 3.0).abs() < 1e-6);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InfoNce {
    temperature: f64,
    symmetric: bool,
}

/// What the items of a batch are, one a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InBatch<'a> {
    /// Equal numbers are equal items.
    pub items: &'a [usize],
    /// Equal numbers are equal queries, whose other items are positives, too; and a query that has the number of an item is that item.
    /// `None` if nothing is known of them.
    pub queries: Option<&'a [usize]>,
    /// `log p_j` of each row's item; `None` if all are drawn alike.
    pub log_q: Option<&'a [f32]>,
}

impl InfoNce {
    /// With a temperature: the smaller, the more only the hardest negatives count.
    ///
    /// # Panics
    ///
    /// The temperature is not a positive number.
    #[must_use]
    pub fn new(temperature: f64) -> Self {
        assert!(
            temperature > 0.0 && temperature.is_finite(),
            "the temperature {temperature} is not positive"
        );
        Self { temperature, symmetric: false }
    }

    /// The mean of this loss and that of items looking for their queries, as for pairs of texts (Radford et al. 2021, "CLIP").
    #[must_use]
    pub fn symmetric(self) -> Self {
        Self { symmetric: true, ..self }
    }

    /// The loss, `[1]`.
    ///
    /// # Shapes
    ///
    /// `queries` and `items` `[batch, d]`: the same row is a positive pair.
    ///
    /// # Panics
    ///
    /// The shapes differ, or `batch` has another number of rows.
    #[must_use]
    pub fn loss(&self, queries: Tensor<2>, items: Tensor<2>, batch: InBatch<'_>) -> Tensor<1> {
        let ([n, _], device) = (queries.dims(), queries.device());
        assert_eq!(queries.dims(), items.dims(), "queries {:?} and items {:?}", queries.dims(), items.dims());
        let n_ids = [Some(batch.items), batch.queries].into_iter().flatten().map(<[usize]>::len);
        assert!(n_ids.clone().all(|ids| ids == n), "{:?} ids for {n} rows", n_ids.collect::<Vec<_>>());
        let mut logits = queries.matmul(items.transpose()).div_scalar(self.temperature); // [n, n]
        if let Some(log_q) = batch.log_q {
            assert_eq!(n, log_q.len(), "{} probabilities for {n} rows", log_q.len());
            logits = logits - Tensor::from_data(TensorData::new(log_q.to_vec(), [1, n]), &device);
        }
        let is_hit = |row: usize, column: usize| {
            let known = |ids: &[usize]| ids[row] == ids[column] || ids[row] == batch.items[column];
            row != column && (batch.items[row] == batch.items[column] || batch.queries.is_some_and(known))
        };
        let hits: Vec<bool> = (0..n * n).map(|at| is_hit(at / n, at % n)).collect();
        if hits.contains(&true) {
            let hits: Tensor<2, Bool> = Tensor::from_data(TensorData::new(hits, [n, n]), &device);
            logits = logits.mask_fill(hits, PADDED_LOGIT);
        }
        let eye: Vec<f32> = (0..n * n).map(|at| if at / n == at % n { 1.0 } else { 0.0 }).collect();
        let eye: Tensor<2> = Tensor::from_data(TensorData::new(eye, [n, n]), &device);
        let positives = (logits.clone() * eye).sum_dim(1); // [n, 1]
        let forward = (super::log_sum_exp(logits.clone()) - positives.clone()).mean();
        match self.symmetric {
            false => forward,
            true => {
                let backward = (super::log_sum_exp(logits.transpose()) - positives).mean();
                (forward + backward).div_scalar(2.0)
            }
        }
    }
}
