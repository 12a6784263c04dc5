//! `TokenAttention` against PyTorch: whole tensors, with padded items, padded tokens and a user without a history.

use rec_core::Sequence;
use rec_interest::TokenAttention;
use rec_testkit::{Fixture, assert_close, device};

/// Values of order one and eight products a score: a few roundings of `f32`.
const BOUND: f32 = 1e-6;

#[test]
fn rows_and_pooled_agree_with_torch() {
    let (fixture, device) = (Fixture::open("ops/token_attention.safetensors"), device());
    let sequence = |values, mask| {
        Sequence::new(fixture.tensor::<3>(values, &device), Some(fixture.mask::<2>(mask, &device)))
    };
    let (items, tokens) = (sequence("queries", "query_mask_pad"), sequence("tokens", "token_mask_pad"));
    let rows = TokenAttention.attend(&items, &tokens);
    let pooled = TokenAttention.encode(&items, &tokens);
    for (name, result, dims) in [("rows", rows, [2, 4, 8]), ("pooled", pooled, [2, 1, 8])] {
        assert_eq!(result.dims(), dims);
        match result.values().to_data().try_to_vec::<f32>() {
            Ok(values) => assert_close(name, &values, &fixture.f32(name).1, BOUND),
            Err(error) => panic!("{name}: {error}"),
        }
    }
}
