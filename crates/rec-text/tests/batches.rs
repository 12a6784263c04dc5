//! Laws of batching: every row once, within the budget, and padding that can be taken off again.

use proptest::prelude::*;
use rec_text::{Buckets, Encoding, PaddingSide, TokenBatch};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_holds_every_row_once_within_the_budget(
        lengths in prop::collection::vec(0_usize..70, 0..80),
        max_tokens in 0_usize..300,
        multiple in 1_usize..20,
        max_len in prop::option::of(1_usize..80),
    ) {
        let mut buckets = Buckets::new(max_tokens).multiple_of(multiple);
        if let Some(max_len) = max_len {
            buckets = buckets.max_len(max_len);
        }
        let plan = buckets.plan(&lengths);
        prop_assert_eq!(&plan, &buckets.plan(&lengths));

        let mut rows: Vec<_> = plan.iter().flat_map(|batch| batch.rows.clone()).collect();
        rows.sort_unstable();
        prop_assert_eq!(rows, (0..lengths.len()).collect::<Vec<_>>());
        for batch in &plan {
            let longest = batch.rows.iter().map(|&row| lengths[row]).max().unwrap().max(1);
            prop_assert!(batch.rows.len() * batch.len <= max_tokens || batch.rows.len() == 1);
            prop_assert!(batch.len >= longest && batch.len < longest + multiple);
            prop_assert!(batch.len.is_multiple_of(multiple) || max_len.is_some_and(|max_len| batch.len >= max_len));
        }
        prop_assert!(plan.is_sorted_by(|a, b| a.len >= b.len));
    }

    #[test]
    fn padding_comes_off_again(
        rows in prop::collection::vec(prop::collection::vec((1_u32..99, 0_u32..2), 0..9), 0..6),
        left in any::<bool>(),
        more in 0_usize..4,
    ) {
        let encodings: Vec<_> = rows
            .iter()
            .map(|row| {
                let (ids, type_ids) = row.iter().copied().unzip();
                Encoding { ids, type_ids, n_truncated: 0 }
            })
            .collect();
        let longest = rows.iter().map(Vec::len).max().unwrap_or(0);
        let side = if left { PaddingSide::Left } else { PaddingSide::Right };
        let batch = TokenBatch::collate(&encodings, 0, side, Some(longest + more));

        let mask = batch.mask_pad();
        prop_assert_eq!(mask.len(), batch.batch() * batch.len());
        prop_assert_eq!(batch.n_tokens(), mask.iter().filter(|&&pad| !pad).count());
        prop_assert_eq!(batch.has_padding(), mask.contains(&true));
        for (row, expected) in rows.iter().enumerate() {
            let at = row * batch.len()..(row + 1) * batch.len();
            let tokens: Vec<_> = at
                .clone()
                .filter(|&i| !mask[i])
                .map(|i| (batch.ids()[i], batch.type_ids()[i]))
                .collect();
            prop_assert_eq!(&tokens, expected);
            for i in at.filter(|&i| mask[i]) {
                prop_assert_eq!((batch.ids()[i], batch.type_ids()[i]), (0, 0));
            }
        }
    }
}
