//! Gradients of `TokenAttention` against PyTorch, and where there is nothing but padding.

use burn::tensor::{Tensor, TensorData};
use rec_core::Sequence;
use rec_interest::TokenAttention;
use rec_testkit::{Fixture, assert_close, device};

fn values<const D: usize>(tensor: Option<Tensor<D>>) -> Vec<f32> {
    match tensor.map(|tensor| tensor.into_data().try_to_vec::<f32>()) {
        Some(Ok(values)) => values,
        other => panic!("no gradient: {other:?}"),
    }
}

#[test]
fn attention_agrees_with_torch() {
    let (fixture, device) = (Fixture::open("ops/token_attention.safetensors"), device().autodiff());
    let leaf = |name: &str| fixture.tensor::<3>(name, &device).require_grad();
    let mask = |name: &str| Some(fixture.mask::<2>(name, &device));
    for loss in ["rows", "pooled"] {
        let (queries, tokens) = (leaf("queries"), leaf("tokens"));
        let items = Sequence::new(queries.clone(), mask("query_mask_pad"));
        let states = Sequence::new(tokens.clone(), mask("token_mask_pad"));
        let (result, weight) = match loss {
            "rows" => (TokenAttention.attend(&items, &states), fixture.tensor::<3>("weight.rows", &device)),
            _ => {
                let weight = fixture.tensor::<2>("weight.pooled", &device);
                (TokenAttention.encode(&items, &states), weight.unsqueeze_dim(1))
            }
        };
        let gradients = (result.values().clone() * weight).sum().backward();
        for (name, leaf) in [("queries", queries), ("tokens", tokens)] {
            let name = format!("grad.{loss}.{name}");
            // A gradient sums up to 4 rows of values of order one: a few roundings more than the values themselves.
            assert_close(&name, &values(leaf.grad(&gradients)), &fixture.f32(&name).1, 2e-6);
        }
    }
}

#[test]
fn a_user_without_tokens_has_zero_gradients() {
    let device = device().autodiff();
    let leaf = |shape| {
        Tensor::<3>::from_data(TensorData::new(vec![2.0f32, f32::NAN], shape), &device).require_grad()
    };
    let (items, tokens) = (leaf([1, 2, 1]), leaf([1, 2, 1]));
    let pooled = TokenAttention
        .encode(&Sequence::from_lengths(items.clone(), &[1]), &Sequence::from_lengths(tokens.clone(), &[0]));
    let gradients = pooled.values().clone().sum().backward();
    assert_eq!(values(items.grad(&gradients)), [0.0, 0.0]);
    assert_eq!(values(tokens.grad(&gradients)), [0.0, 0.0]);
}
