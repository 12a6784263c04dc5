use burn::tensor::{Device, Tensor, TensorData};
use rec_core::{Interests, Sequence, VectorTable};
use rec_data::{Hit, Id, RankedList, TopK};

use crate::error::Kind;
use crate::{Error, Filter, Scorer};

/// Candidates that travel to the device together.
const BLOCK: usize = 4096;

/// The best `k` items for a user by any scorer, also one that does not [factor](Scorer::factors).
///
/// Items that the filter accepts go to the device in blocks of 4096, and their logits come back; the order is that of
/// every list, score descending and then id ascending. For scorers that factor, an index gives the same list within
/// rounding, and faster.
///
/// # Errors
///
/// The interests live in another space than the scorer takes beside these items, or dimensions do not fit; the logit of an
/// accepted item is not finite; or the device fails.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use rec_core::{Fingerprint, Interests, Sequence, VectorTable};
/// use rec_score::{Filter, Scorer, best_interest, rank};
///
/// /// Minus the squared distance, which has a term in every pair of coordinates only jointly.
/// struct Nearest;
///
/// impl Scorer for Nearest {
///     fn logits(&self, interests: &Sequence, candidates: &Sequence) -> Tensor<2> {
///         let [b, k, d] = interests.dims();
///         let [lists, n, _] = candidates.dims();
///         let u = interests.zero_padded().reshape([b, k, 1, d]);
///         let x = candidates.zero_padded().reshape([lists, 1, n, d]);
///         let distance = (u - x).powi_scalar(2).sum_dim(3).squeeze_dim::<3>(3);
///         best_interest(-distance, interests, candidates)
///     }
/// }
///
/// let space = Fingerprint::declared("position");
/// let items = VectorTable::from_rows(space, [("near", [1.0, 1.0]), ("far", [9.0, 9.0]), ("here", [0.0, 0.0])])?;
/// let user = Interests::new(vec![0.0, 0.1], 2, space)?;
/// let list = rank(&Nearest, &user, &items, 2, &Filter::none(), &Device::flex())?;
/// assert_eq!((list[0].id.as_str(), list[1].id.as_str()), ("here", "near"));
/// # Ok::<(), rec_score::Error>(())
/// ```
pub fn rank(
    scorer: &(impl Scorer + ?Sized),
    user: &Interests,
    items: &VectorTable,
    k: usize,
    filter: &Filter,
    device: &Device,
) -> Result<RankedList, Error> {
    Error::check_space(scorer.interest_space(items.space()), user.space())?;
    let dim = scorer.interest_dim(items.dim()).ok_or(Kind::Items(items.dim()))?;
    Error::check_dim("an interest", dim, user.dim())?;
    if k == 0 {
        return Ok(RankedList::default());
    }

    let values: Vec<f32> = user.iter().flatten().copied().collect();
    let interests = Tensor::from_data(TensorData::new(values, [1, user.len(), dim]), device);
    let interests = Sequence::new(interests, None);

    let accepted: Vec<(usize, &Id)> =
        items.ids().iter().enumerate().filter(|(_, id)| filter.accepts(id)).collect();
    let mut top = TopK::new(k);
    for block in accepted.chunks(BLOCK) {
        let rows: Vec<usize> = block.iter().map(|&(row, _)| row).collect();
        let candidates = items.gather(&rows, device).unsqueeze_dim(0);
        let logits = scorer.logits(&interests, &Sequence::new(candidates, None));
        let logits: Vec<f32> = logits.try_into_vec_as().map_err(|e| Kind::Device(Box::new(e)))?;
        for (&(_, id), score) in block.iter().zip(logits) {
            if !score.is_finite() {
                return Err(Kind::Score { id: id.clone() }.into());
            }
            top.push(score, id)?;
        }
    }
    Ok(RankedList::new(top.into_sorted().into_iter().map(|(score, id)| Hit { id: id.clone(), score }))?)
}
