//! Learned scorers against PyTorch, forward and backward, and the laws of padding.
#![allow(clippy::unwrap_used, reason = "helpers of tests, where a panic is a failure")]

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use rec_core::{Fingerprint, Interests, Sequence, VectorTable};
use rec_score::{
    FactorizationMachine, FactorizationMachineConfig, Filter, FlatIndex, MlpScorer, MlpScorerConfig,
    PADDED_LOGIT, Scorer, TargetAttention, TargetAttentionConfig, rank,
};
use rec_testkit::{Fixture, assert_close_relative, assert_gradients, device, fill, max_abs_diff};

/// Relative to the largest value of a tensor: some dozens of roundings of f32, against f64.
const BOUND: f32 = 1e-5;
const D: usize = 8;

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.try_into_vec_as().unwrap()
}

fn check(name: &str, model: &(impl Scorer + Module)) {
    let (fixture, device) = (Fixture::open(&format!("users/{name}.safetensors")), device().autodiff());
    let model = fill(model.clone(), &fixture);
    let leaf = |name: &str| fixture.tensor::<3>(name, &device).require_grad();
    let (items, candidates) = (leaf("items"), leaf("candidates"));
    let interests = Sequence::new(items.clone(), Some(fixture.mask("mask_pad", &device)));
    let logits = model.logits(&interests, &Sequence::new(candidates.clone(), None));
    assert_close_relative(name, &values(logits.clone()), &fixture.f32("output").1, BOUND);
    let gradients = (logits * fixture.tensor("weight", &device)).sum().backward();
    for (side, leaf) in [("items", items), ("candidates", candidates)] {
        let gradient = values(leaf.grad(&gradients).unwrap());
        let expected = fixture.f32(&format!("grad.{side}")).1;
        assert_close_relative(&format!("{name} {side}"), &gradient, &expected, BOUND);
    }
    assert_gradients(&model, &gradients, &fixture, BOUND);
}

/// Padded interests, NaN among them, change nothing, nor do the other users; shared candidates are those repeated.
fn laws(name: &str, model: &impl Scorer, d_item: usize) {
    let device = device();
    let numbers = |n: usize, shape: [usize; 3]| {
        let values: Vec<f32> = (0..n).map(|i| (i as f32 * 0.7).sin()).collect();
        Tensor::<3>::from_data(TensorData::new(values, shape), &device)
    };
    let (three, items) = (numbers(3 * D, [1, 3, D]), numbers(4 * d_item, [1, 4, d_item]));
    let candidates = Sequence::from_lengths(items.clone(), &[3]);
    let alone = values(model.logits(&Sequence::new(three.clone(), None), &candidates));
    assert_eq!(alone[3], PADDED_LOGIT, "{name}");
    let nan = Tensor::full([1, 2, D], f32::NAN, &device);
    let padded = Tensor::cat(vec![three, nan.clone()], 1);
    let other = Tensor::cat(vec![nan, Tensor::full([1, 3, D], f32::NAN, &device)], 1);
    let batch = Sequence::from_lengths(Tensor::cat(vec![padded, other], 0), &[3, 0]);
    let together = values(model.logits(&batch, &candidates));
    let repeated = Sequence::from_lengths(Tensor::cat(vec![items.clone(), items], 0), &[3, 3]);
    let each = values(model.logits(&batch, &repeated));
    for other in [&together[..3], &each[..3]] {
        let diff = max_abs_diff(&alone[..3], other);
        assert!(diff <= 2e-6, "{name}: padding changes {diff:e}");
    }
    assert!(together.iter().all(|value| value.is_finite()), "{name}");
    let zero = Sequence::new(Tensor::zeros([1, 1, D], &device), None);
    let diff = max_abs_diff(&values(model.logits(&zero, &candidates))[..3], &together[4..7]);
    assert!(diff <= 2e-6, "{name}: an empty history is no zero vector, by {diff:e}");
}

#[test]
fn logits_and_gradients_agree_with_torch() {
    let device = device().autodiff();
    let mlp = |device: &Device| MlpScorerConfig { d_item: D, hidden: vec![6, 5] }.init(device, 1);
    check("mlp", &mlp(&device));
    let attention = TargetAttentionConfig { d_item: D, unit: vec![6], hidden: vec![6] }.init(&device, 1);
    check("target_attention", &attention);
    let machine = FactorizationMachineConfig { d_user: D, d_item: 5, rank: 3 }.init(&device, 1);
    check("factorization_machine", &machine);
}

#[test]
fn padding_changes_nothing() {
    let device = device();
    laws("mlp", &MlpScorerConfig { d_item: D, hidden: vec![6, 5] }.init(&device, 1), D);
    let attention = TargetAttentionConfig { d_item: D, unit: vec![6], hidden: vec![6] };
    laws("target attention", &attention.init(&device, 1), D);
    laws("machine", &FactorizationMachineConfig { d_user: D, d_item: 5, rank: 3 }.init(&device, 1), 5);
}

#[test]
fn an_index_serves_the_factorization_machine() {
    let (fixture, device) = (Fixture::open("users/factorization_machine.safetensors"), device());
    let config = FactorizationMachineConfig { d_user: D, d_item: 5, rank: 3 };
    let model = fill(config.init(&device, 1), &fixture);
    let (items, users) = (fixture.f32("candidates").1, fixture.f32("items").1);
    let space = Fingerprint::declared("test");
    let rows = items.chunks(5).enumerate().map(|(i, row)| (i.to_string(), row.to_vec()));
    let items = VectorTable::from_rows(space, rows).unwrap();
    let user = Interests::new(users[..D].to_vec(), D, space).unwrap();
    let slow = rank(&model, &user, &items, 12, &Filter::none(), &device).unwrap();
    let fast = FlatIndex::with_scorer(items, &model).unwrap().top_k(&user, 12, &Filter::none()).unwrap();
    assert_eq!(fast.len(), 12);
    for (fast, slow) in fast.iter().zip(slow.iter()) {
        assert_eq!(fast.id, slow.id);
        assert!((fast.score - slow.score).abs() <= 1e-5 * slow.score.abs().max(1.0));
    }
}

#[test]
fn what_is_written_is_read_and_nothing_else() {
    let (folder, device) = (tempfile::TempDir::new().unwrap(), device());
    let path = folder.path().join("scorer.safetensors");
    let mlp = MlpScorerConfig { d_item: D, hidden: vec![6, 5] }.init(&device, 1);
    let attention = TargetAttentionConfig { d_item: D, unit: vec![6], hidden: vec![6] }.init(&device, 1);
    let machine = FactorizationMachineConfig { d_user: D, d_item: D, rank: 3 }.init(&device, 1);
    let sequence = Sequence::new(Tensor::full([1, 2, D], 0.3, &device), None);
    let logits = |scorer: &dyn Scorer| values(scorer.logits(&sequence, &sequence));
    attention.save(&path).unwrap();
    assert_eq!(logits(&TargetAttention::load(&path, &device).unwrap()), logits(&attention));
    machine.save(&path).unwrap();
    assert_eq!(logits(&FactorizationMachine::load(&path, &device).unwrap()), logits(&machine));
    mlp.save(&path).unwrap();
    assert_eq!(logits(&MlpScorer::load(&path, &device).unwrap()), logits(&mlp));

    let error = TargetAttention::load(&path, &device).unwrap_err().to_string();
    assert!(
        error.contains("scorer.safetensors") && error.contains("`mlp`, not `target_attention`"),
        "{error}"
    );
    let bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(5).position(|window| window == b"[6,5]").unwrap();
    for (sizes, what) in [(b"[5,6]", "values of parameters"), (b"[6,0]", "zero"), (b"[6.5]", "config")] {
        let mut edited = bytes.clone();
        edited[at..at + 5].copy_from_slice(sizes);
        std::fs::write(&path, edited).unwrap();
        let error = MlpScorer::load(&path, &device).unwrap_err().to_string();
        assert!(error.contains("scorer.safetensors") && error.contains(what), "{error}");
    }
}
