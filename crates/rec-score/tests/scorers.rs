//! Scorers against reference values and naive loops: parity, padding, broadcasting, and the two routes to a list.
#![allow(clippy::unwrap_used, reason = "helpers of tests, where a panic is a failure")]

use burn::tensor::{Tensor, TensorData};
use proptest::prelude::*;
use rec_core::{Fingerprint, Interests, Sequence, VectorTable};
use rec_data::{Id, RankedList};
use rec_score::{
    AdditiveLinear, Bilinear, BilinearConfig, Cosine, Dot, Filter, FlatIndex, Form, PADDED_LOGIT, Scorer,
    probability, rank,
};
use rec_testkit::{Fixture, assert_close, device};

const D: usize = 6;

fn values<const N: usize>(tensor: Tensor<N>) -> Vec<f32> {
    tensor.try_into_vec_as().unwrap()
}

/// Float64 references from PyTorch; values are of order 10, so f32 rounding of a few ulp is 1e-5.
const PARITY: f32 = 1e-5;

#[test]
fn bilinear_matches_pytorch() {
    let (device, fixture) = (device(), Fixture::open("ops/bilinear.safetensors"));
    let tensor = |name: &str| fixture.tensor::<2>(name, &device);
    let users = Sequence::single(tensor("u"));
    let items = Sequence::new(tensor("x").unsqueeze_dim(0), None);
    let models = [
        ("identity", Bilinear::identity()),
        ("diagonal", Bilinear::diagonal(fixture.tensor("diag", &device))),
        ("full", Bilinear::full(tensor("w"))),
        ("low_rank", Bilinear::low_rank(tensor("p"), tensor("q"))),
    ];
    for (name, model) in models {
        let one = |name: &str| fixture.f32(name).1;
        let model = model.with_bias(AdditiveLinear::new(&one("beta"), &one("gamma"), one("b")[0], &device));
        let logits = model.logits(&users, &items);
        assert_close(name, &values(logits.clone()), &one(&format!("logits.{name}")), PARITY);
        assert_close(name, &values(probability(logits)), &one(&format!("sigmoid.{name}")), PARITY);
    }
}

#[test]
fn cosine_matches_scikit_learn() {
    let (device, fixture) = (device(), Fixture::open("ops/cosine.safetensors"));
    let users = Sequence::single(fixture.tensor("a", &device));
    let items = Sequence::new(fixture.tensor::<2>("b", &device).unsqueeze_dim(0), None);
    let expected = fixture.f32("output").1;
    assert_close("cosine", &values(Cosine.logits(&users, &items)), &expected, 1e-6);
}

#[test]
fn cosine_is_that_of_directions_at_any_length() {
    let device = device();
    for scale in [1e-30f32, 1.0, 1e30] {
        let users = Sequence::single(Tensor::from_data([[3.0 * scale, 4.0 * scale]], &device));
        let items = Tensor::from_data([[[scale, 0.0], [0.0, -scale], [0.0, 0.0]]], &device);
        let logits = Cosine.logits(&users, &Sequence::new(items, None));
        assert_close("cosine", &values(logits), &[0.6, -0.8, 0.0], 1e-6);
    }
}

fn bias() -> AdditiveLinear {
    AdditiveLinear::new(&[0.5, -1.0, 0.25, 0.0, 2.0, 1.0], &[1.0, 0.5, -0.5, 0.0, -1.0, 2.0], 0.75, &device())
}

fn scorers() -> Vec<(&'static str, Box<dyn Scorer>)> {
    let device = device();
    let weights = |rows: usize, columns: usize| {
        let values = (0..rows * columns).map(|i| ((i * 37 + 11) % 17) as f32 / 8.0 - 1.0).collect::<Vec<_>>();
        Tensor::<2>::from_data(TensorData::new(values, [rows, columns]), &device)
    };
    let config = BilinearConfig { d_user: D, d_item: D, form: Form::LowRank { rank: 3 }, bias: true };
    vec![
        ("dot", Box::new(Dot)),
        ("cosine", Box::new(Cosine)),
        ("additive", Box::new(bias())),
        ("identity", Box::new(Bilinear::identity().with_bias(bias()))),
        ("diagonal", Box::new(Bilinear::diagonal(weights(1, D).squeeze_dim(0)))),
        ("full", Box::new(Bilinear::full(weights(D, D)).with_bias(bias()))),
        ("low rank", Box::new(Bilinear::low_rank(weights(D, 2), weights(D, 2)).with_bias(bias()))),
        ("untrained", Box::new(config.init(&device))),
    ]
}

fn vectors(n: impl Into<prop::collection::SizeRange>) -> impl Strategy<Value = Vec<[f32; D]>> {
    prop::collection::vec(prop::array::uniform(-2.0f32..2.0), n)
}

/// One case on a GPU: every new shape compiles and tunes kernels there.
fn cases() -> u32 {
    if rec_testkit::device_name() == "wgpu" { 1 } else { 12 }
}

fn whole_vectors(n: impl Into<prop::collection::SizeRange>) -> impl Strategy<Value = Vec<[f32; D]>> {
    prop::collection::vec(prop::array::uniform((-3i8..=3).prop_map(f32::from)), n)
}

/// `[1, n, D]`, with `before` and `after` padded rows of NaN around the vectors.
fn padded(vectors: &[[f32; D]], before: usize, after: usize) -> Sequence {
    let len = before + vectors.len() + after;
    let real = before..before + vectors.len();
    let row = |i: usize| if real.contains(&i) { vectors[i - before] } else { [f32::NAN; D] };
    let mask: Vec<bool> = (0..len).map(|i| !real.contains(&i)).collect();
    let values: Vec<f32> = (0..len).flat_map(row).collect();
    let device = device();
    Sequence::new(
        Tensor::from_data(TensorData::new(values, [1, len, D]), &device),
        Some(Tensor::from_data(TensorData::new(mask, [1, len]), &device)),
    )
}

fn plain(vectors: &[[f32; D]]) -> Sequence {
    let data = TensorData::new(vectors.concat(), [1, vectors.len(), D]);
    Sequence::new(Tensor::from_data(data, &device()), None)
}

fn stack(a: &Sequence, b: &Sequence) -> Sequence {
    Sequence::new(Tensor::cat(vec![a.values().clone(), b.values().clone()], 0), None)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn padding_takes_no_part(users in vectors(1..4), items in vectors(1..6), before in 0usize..3, after in 0usize..3) {
        for (name, scorer) in scorers() {
            let expected = values(scorer.logits(&plain(&users), &plain(&items)));
            let mut actual =
                values(scorer.logits(&padded(&users, before, after), &padded(&items, before, after)));
            let (head, tail) = (actual.drain(..before).collect::<Vec<_>>(), actual.split_off(items.len()));
            prop_assert!(head.into_iter().chain(tail).all(|logit| logit == PADDED_LOGIT), "{}", name);
            assert_close(name, &actual, &expected, 1e-5);
        }
    }

    #[test]
    fn a_batch_is_its_rows_and_shared_candidates_are_everyones(
        a in vectors(2), b in vectors(2), items in vectors(1..6), others in vectors(5),
    ) {
        let others = &others[..items.len().min(5)];
        let items = &items[..others.len()];
        for (name, scorer) in scorers() {
            let one = |user: &[[f32; D]], items| values(scorer.logits(&plain(user), &plain(items)));
            let users = stack(&plain(&a), &plain(&b));
            let shared = values(scorer.logits(&users, &plain(items)));
            assert_close(name, &shared, &[one(&a, items), one(&b, items)].concat(), 1e-5);
            let own = values(scorer.logits(&users, &stack(&plain(items), &plain(others))));
            assert_close(name, &own, &[one(&a, items), one(&b, others)].concat(), 1e-5);
        }
    }

    #[test]
    fn the_index_and_the_device_agree(users in vectors(1..4), items in vectors(1..20)) {
        let space = Fingerprint::declared("tests");
        let table = VectorTable::from_rows(space, items.iter().enumerate().map(|(i, x)| (i.to_string(), x))).unwrap();
        let user = Interests::new(users.concat(), D, space).unwrap();
        let filter = Filter::exclude(["0"]);
        for (name, scorer) in scorers() {
            let index = FlatIndex::with_scorer(table.clone(), &*scorer).unwrap();
            let (on_host, on_device) = (
                index.top_k(&user, 100, &filter).unwrap(),
                rank(&*scorer, &user, &table, 100, &filter, &device()).unwrap(),
            );
            prop_assert_eq!(on_host.len(), items.len() - 1);
            let scores = |list: &RankedList| list.iter().map(|hit| hit.score).collect::<Vec<_>>();
            assert_close(name, &scores(&on_host), &scores(&on_device), 1e-5);
            // And item by item, where the order of near ties may differ.
            for hit in &on_host {
                let other = on_device.iter().find(|other| other.id == hit.id).unwrap();
                assert!((hit.score - other.score).abs() <= 1e-5, "{name} {}", hit.id);
            }
        }
    }

    /// Small integers and weights that are multiples of 1/4: no sum rounds, so the order is exact.
    #[test]
    fn the_additive_model_orders_items_alike_for_everyone(users in whole_vectors(2..6), items in whole_vectors(2..20)) {
        let space = Fingerprint::declared("tests");
        let rows = items.iter().enumerate().map(|(i, x)| (i.to_string(), x));
        let index = FlatIndex::with_scorer(VectorTable::from_rows(space, rows).unwrap(), &bias()).unwrap();
        let order = |user: &[f32; D]| -> Vec<Id> {
            let user = Interests::new(user.to_vec(), D, space).unwrap();
            index.top_k(&user, 100, &Filter::none()).unwrap().into_iter().map(|hit| hit.id).collect()
        };
        for user in &users {
            prop_assert_eq!(order(user), order(&users[0]));
        }
    }
}

#[test]
fn a_user_without_interests_is_one_zero_vector() {
    for (name, scorer) in scorers() {
        let items = plain(&[[1.0, -2.0, 0.5, 3.0, 0.0, 1.0]]);
        let zero = values(scorer.logits(&plain(&[[0.0; D]]), &items));
        assert_eq!(values(scorer.logits(&padded(&[], 2, 0), &items)), zero, "{name}");
    }
}

#[test]
fn users_may_live_in_their_own_space() {
    let (items_space, users_space) = (Fingerprint::declared("items"), Fingerprint::declared("users"));
    let device = device();
    let w = Tensor::from_data([[1.0, 0.0, 2.0], [0.0, -1.0, 0.0]], &device);
    let model = Bilinear::full(w).with_user_space(users_space);
    let items =
        VectorTable::from_rows(items_space, [("a", [1.0, 1.0, 0.0]), ("b", [0.0, 0.0, 1.0])]).unwrap();
    let index = FlatIndex::with_scorer(items.clone(), &model).unwrap();
    let user = |space| Interests::new(vec![1.0, 1.0], 2, space).unwrap();
    let list = index.top_k(&user(users_space), 2, &Filter::none()).unwrap();
    assert_eq!((list[0].id.as_str(), list[0].score, list[1].score), ("b", 2.0, 0.0));
    assert_eq!(rank(&model, &user(users_space), &items, 2, &Filter::none(), &device).unwrap(), list);
    assert!(index.top_k(&user(items_space), 2, &Filter::none()).unwrap_err().is_space_mismatch());

    let narrow = VectorTable::from_rows(items_space, [("a", [1.0])]).unwrap();
    let error = FlatIndex::with_scorer(narrow, &model).unwrap_err();
    assert_eq!(error.to_string(), "the scorer does not take items of 1 dimensions");
}

#[test]
fn a_scorer_that_does_not_factor_has_no_index() {
    struct Opaque;
    impl Scorer for Opaque {
        fn logits(&self, interests: &Sequence, candidates: &Sequence) -> Tensor<2> {
            Dot.logits(interests, candidates)
        }
    }
    let items = VectorTable::from_rows(Fingerprint::declared("a"), [("a", [1.0])]).unwrap();
    assert!(FlatIndex::with_scorer(items, &Opaque).unwrap_err().is_not_factored());
}

#[test]
fn configurations_survive_json() {
    let config = BilinearConfig { d_user: 4, d_item: 3, form: Form::LowRank { rank: 2 }, bias: false };
    let text = serde_json::to_string(&config).unwrap();
    assert_eq!(text, r#"{"d_user":4,"d_item":3,"form":{"low_rank":{"rank":2}},"bias":false}"#);
    assert_eq!(serde_json::from_str::<BilinearConfig>(&text).unwrap(), config);
}

#[test]
#[should_panic(expected = "interests [1, 1, 6] do not fit candidates [2, 1, 6]")]
fn candidates_of_another_batch_panic() {
    let one = plain(&[[0.0; D]]);
    let _ = Dot.logits(&one, &stack(&one, &one));
}

#[test]
#[should_panic(expected = "rank 9 does not fit [4, 3]")]
fn a_rank_beyond_the_dimensions_panics() {
    let config = BilinearConfig { d_user: 4, d_item: 3, form: Form::LowRank { rank: 9 }, bias: false };
    let _ = config.init(&device());
}
