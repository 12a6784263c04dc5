//! Learned user encoders against PyTorch, forward and backward, and the laws of padding and of the empty history.
#![allow(clippy::unwrap_used, reason = "helpers of tests, where a panic is a failure")]

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use rec_core::{Fingerprint, HistoryBatch, ItemEmbeddingConfig, ItemSource, Sequence, VectorTable};
use rec_data::{History, Interaction};
use rec_interest::{
    AdaptorConfig, AdditiveAttentionConfig, CapsulesConfig, GatedFusionConfig, LearnedUserEncoder, LongTerm,
    LsturConfig, NrmsConfig, PolyAttentionConfig, SasRecConfig, TrainedUserEncoder, UserEncoder,
};
use rec_testkit::{Fixture, assert_close_relative, assert_gradients, device, fill, max_abs_diff};

/// Relative to the largest value of a tensor: some dozens of roundings of f32, against f64.
const BOUND: f32 = 1e-5;
const D: usize = 8;
const LEN: usize = 5;
/// The lengths and times of `scripts/fixtures/users.py`: seconds before the reference time, oldest first.
const AGES: [&[f64]; 4] = [&[9e5, 4e5, 3.9e5, 3.9e5 - 60.0, 0.0], &[7000.0, 3400.0, 3341.0], &[50.0], &[]];
const ROWS: [usize; 4] = [2, 0, 1, 1];

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.try_into_vec_as().unwrap()
}

/// Histories of these ages whose `i`-th event is item `i`.
fn histories(ages: &[&[f64]], device: &Device) -> HistoryBatch {
    let items = VectorTable::from_rows(
        Fingerprint::declared("test"),
        (0..LEN)
            .map(|i| (i.to_string(), (0..D).map(|d| (i * D + d) as f32 / 40.0 - 0.5).collect::<Vec<_>>())),
    )
    .unwrap();
    let users: Vec<History> = ages
        .iter()
        .map(|ages| {
            let events = ages.iter().enumerate().map(|(i, age)| Interaction::new(i.to_string(), 1e6 - age));
            History::new(events).unwrap().as_of(1e6).unwrap()
        })
        .collect();
    HistoryBatch::new(&items, &users, device).with_users(&ROWS[..ages.len()])
}

/// Output and gradients of a model with the parameters of a fixture are those of the fixture.
fn agrees_with_torch(name: &str, model: impl Fn(&Device) -> Box<dyn Checked>) {
    let (fixture, device) = (Fixture::open(&format!("users/{name}.safetensors")), device().autodiff());
    model(&device).check(name, &fixture, &device);
}

/// Object-safe, so that one list has all models.
trait Checked {
    fn check(&self, name: &str, fixture: &Fixture, device: &Device);
    fn laws(&self, name: &str, device: &Device);
    fn error(&self, fixture: &Fixture, device: &Device) -> f32;
}

impl<M: UserEncoder + Module> Checked for M {
    fn check(&self, name: &str, fixture: &Fixture, device: &Device) {
        let model = fill(self.clone(), fixture);
        let items = fixture.tensor::<3>("items", device).require_grad();
        let output = model.encode(&histories(&AGES, device).with_vectors(items.clone()));
        let output = output.zero_padded();
        let expected = fixture.f32("output");
        assert_eq!(output.dims().to_vec(), expected.0, "{name}");
        assert_close_relative(name, &values(output.clone()), &expected.1, BOUND);

        let gradients = (output * fixture.tensor("weight", device)).sum().backward();
        let of_items = values(items.grad(&gradients).unwrap());
        assert_close_relative(&format!("{name} items"), &of_items, &fixture.f32("grad.items").1, BOUND);
        assert_gradients(&model, &gradients, fixture, BOUND);
    }

    /// The largest difference to the fixture's output, of the largest value.
    fn error(&self, fixture: &Fixture, device: &Device) -> f32 {
        let model = fill(self.clone(), fixture);
        let items = fixture.tensor::<3>("items", device);
        let output = values(model.encode(&histories(&AGES, device).with_vectors(items)).zero_padded());
        let expected = fixture.f32("output").1;
        max_abs_diff(&output, &expected) / expected.iter().fold(0f32, |m, v| m.max(v.abs()))
    }

    fn laws(&self, name: &str, device: &Device) {
        let encode = |ages: &[&[f64]]| self.encode(&histories(ages, device)).zero_padded();
        // Alone, a user has no padding; beside a longer history, whatever stands at padding, NaN included, does not matter.
        let padded = histories(&[AGES[1], AGES[0], AGES[3]], device);
        let mask = padded.items().mask_pad_full().unwrap();
        let poisoned = padded.items().values().clone().mask_fill(mask, f32::NAN);
        let together = self.encode(&padded.with_vectors(poisoned)).zero_padded();
        let [_, k, d] = together.dims();
        // The first two users have the rows of the user table that they have alone, so compare the first.
        let alone = values(encode(&[AGES[1]]));
        let beside = values(together.clone().slice([0..1, 0..k, 0..d]));
        let (diff, largest) = (max_abs_diff(&alone, &beside), alone.iter().fold(0f32, |m, v| m.max(v.abs())));
        assert!(largest > 0.0 && diff <= 1e-6 * largest, "{name}: padding changes {diff:e} of {largest:e}");
        assert!(values(together.slice([2..3, 0..k, 0..d])).iter().all(|&value| value == 0.0), "{name}");

        // Nothing but empty histories: zero interests, and zero gradients, whatever stands in the row.
        let nothing = histories(&[AGES[3], AGES[3]], device);
        let nan = Tensor::full(nothing.items().dims(), f32::NAN, device);
        let nan = if device.is_autodiff() { nan.require_grad() } else { nan };
        let empty = self.encode(&nothing.with_vectors(nan.clone())).zero_padded();
        assert!(values(empty.clone()).iter().all(|&value| value == 0.0), "{name}");
        if !device.is_autodiff() {
            return;
        }
        let gradients = (empty.clone() * (empty + 1.0)).sum().backward();
        if let Some(gradient) = nan.grad(&gradients) {
            assert!(values(gradient).iter().all(|&value| value == 0.0), "{name}");
        }
        self.visit(&mut ZeroGradients { name, gradients: &gradients });
    }
}

struct ZeroGradients<'a> {
    name: &'a str,
    gradients: &'a burn::tensor::Gradients,
}

impl burn::module::ModuleVisitor for ZeroGradients<'_> {
    fn visit_float<const D: usize>(&mut self, param: &burn::module::Param<Tensor<D>>) {
        if let Some(gradient) = param.val().grad(self.gradients) {
            assert!(values(gradient).iter().all(|&value| value == 0.0), "{}", self.name);
        }
    }
}

fn sasrec(n_positions: usize) -> SasRecConfig {
    SasRecConfig {
        d_item: D,
        n_layers: 2,
        n_heads: 2,
        d_inner: 12,
        n_positions,
        from_oldest: false,
        n_time_buckets: 6,
        dropout: 0.2,
    }
}

fn poly_attention(n_positions: usize) -> PolyAttentionConfig {
    PolyAttentionConfig { d_item: D, d_attention: 6, n_interests: 3, n_positions }
}

const NRMS: NrmsConfig = NrmsConfig { d_item: D, n_heads: 2, d_attention: 6, dropout: 0.2 };

const CAPSULES: CapsulesConfig =
    CapsulesConfig { d_item: D, n_interests: 3, n_iterations: 3, n_positions: 5 };

fn lstur(long_term: LongTerm) -> LsturConfig {
    LsturConfig { d_item: D, n_users: 3, long_term, user_dropout: 0.5 }
}

type Case = (&'static str, fn(&Device) -> Box<dyn Checked>);

const CASES: &[Case] = &[
    ("additive", |device| Box::new(AdditiveAttentionConfig { d_item: D, d_attention: 6 }.init(device, 1))),
    ("nrms", |device| Box::new(NRMS.init(device, 1))),
    ("sasrec", |device| Box::new(sasrec(5).init(device, 1))),
    ("sasrec_short", |device| Box::new(sasrec(3).init(device, 1))),
    ("comirec", |device| Box::new(poly_attention(4).init(device, 1))),
    ("poly_attention", |device| Box::new(poly_attention(0).init(device, 1))),
    ("capsules", |device| Box::new(CAPSULES.init(device, 1))),
    ("lstur_initial", |device| Box::new(lstur(LongTerm::Initial).init(device, 1))),
    ("lstur_beside", |device| Box::new(lstur(LongTerm::Beside).init(device, 1))),
];

#[test]
fn outputs_and_gradients_agree_with_torch() {
    CASES.iter().for_each(|&(name, model)| agrees_with_torch(name, model));
}

#[test]
fn padding_changes_nothing_and_nothing_gives_zero() {
    // Where gradients are recorded, attention is composed; elsewhere it is one operation of the device.
    for device in [device().autodiff(), device()] {
        CASES.iter().for_each(|(name, model)| model(&device).laws(name, &device));
    }
}

#[test]
fn seeds_decide_values_and_dropout() {
    let device = device();
    let batch = histories(&AGES, &device);
    let model = |seed| sasrec(5).init(&device, seed);
    let encode = |seed| values(model(seed).encode(&batch).values().clone());
    assert_eq!(encode(1), encode(1));
    assert_ne!(encode(1), encode(2));
    let step = |seed| values(model(1).encode_training(&batch, seed).values().clone());
    assert_eq!(step(1), step(1));
    assert_ne!(step(1), step(2));
    assert_ne!(step(1), encode(1));
}

#[test]
fn a_state_knows_no_later_event() {
    let device = device();
    let model = sasrec(5).init(&device, 1);
    let batch = histories(&[AGES[0]], &device);
    let states = |items: Tensor<3>| {
        let states: Sequence = model.states(&batch.clone().with_vectors(items), rec_core::nn::Dropout::off());
        values(states.values().clone().slice([0..1, 0..3, 0..D]))
    };
    let items = batch.items().values().clone();
    let changed = items.clone().slice_assign([0..1, 3..5, 0..D], Tensor::ones([1, 2, D], &device));
    assert_eq!(states(items), states(changed));
}

#[test]
fn the_adaptor_agrees_with_torch() {
    let (fixture, device) = (Fixture::open("users/adaptor.safetensors"), device().autodiff());
    let adaptor = fill(AdaptorConfig { d_text: D, d_item: 5, n_experts: 3 }.init(&device, 1), &fixture);
    let items = fixture.tensor::<3>("items", &device).require_grad();
    let output = adaptor.forward(items.clone().squeeze_dim(0));
    assert_close_relative("adaptor", &values(output.clone()), &fixture.f32("output").1, BOUND);
    let weight = fixture.tensor::<3>("weight", &device).squeeze_dim(0);
    let gradients = (output * weight).sum().backward();
    let of_items = values(items.grad(&gradients).unwrap());
    assert_close_relative("adaptor items", &of_items, &fixture.f32("grad.items").1, BOUND);
    assert_gradients(&adaptor, &gradients, &fixture, BOUND);
}

#[test]
fn gated_fusion_agrees_with_torch() {
    let (fixture, device) = (Fixture::open("users/gated.safetensors"), device().autodiff());
    let fusion = fill(GatedFusionConfig { d_model: D, n_features: 5 }.init(&device, 1), &fixture);
    let items = fixture.tensor::<3>("items", &device).require_grad();
    let features = fixture.tensor::<2>("features", &device).require_grad();
    let output = fusion.fuse(&Sequence::new(items.clone(), None), features.clone()).values().clone();
    assert_close_relative("gated", &values(output.clone()), &fixture.f32("output").1, BOUND);
    let gradients = (output * fixture.tensor("weight", &device)).sum().backward();
    let (of_items, of_features) = (items.grad(&gradients).unwrap(), features.grad(&gradients).unwrap());
    assert_close_relative("gated items", &values(of_items), &fixture.f32("grad.items").1, BOUND);
    assert_close_relative("gated features", &values(of_features), &fixture.f32("grad.features").1, BOUND);
    assert_gradients(&fusion, &gradients, &fixture, BOUND);
}

fn trained(device: &Device) -> Vec<TrainedUserEncoder> {
    let models: [LearnedUserEncoder; 7] = [
        AdditiveAttentionConfig { d_item: D, d_attention: 6 }.init(device, 1).into(),
        NRMS.init(device, 1).into(),
        sasrec(3).init(device, 1).into(),
        poly_attention(4).init(device, 1).into(),
        CAPSULES.init(device, 1).into(),
        lstur(LongTerm::Initial).init(device, 1).into(),
        lstur(LongTerm::Beside).init(device, 1).into(),
    ];
    models.map(|model| TrainedUserEncoder::new(model, Fingerprint::declared("test"))).into()
}

#[test]
fn what_is_written_is_read() {
    let (folder, device) = (tempfile::TempDir::new().unwrap(), device());
    let batch = histories(&AGES, &device);
    for model in trained(&device) {
        let path = folder.path().join(model.name());
        model.save(&path).unwrap();
        let loaded = TrainedUserEncoder::load(&path, &device).unwrap();
        assert_eq!((loaded.name(), loaded.items(), loaded.dim()), (model.name(), model.items(), D));
        let encode = |model: &TrainedUserEncoder| values(model.encode(&batch).zero_padded());
        assert_eq!(encode(&loaded), encode(&model), "{}", model.name());
        let (own, other) = (batch.space(), Fingerprint::declared("other"));
        assert_eq!(loaded.space(own), own);
        assert_ne!(loaded.space(other), other);
    }
}

#[test]
fn damage_is_an_error_and_never_a_panic() {
    let (folder, device) = (tempfile::TempDir::new().unwrap(), device());
    for model in trained(&device) {
        let path = folder.path().join(model.name());
        model.save(&path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        for end in (0..bytes.len()).step_by(397) {
            std::fs::write(&path, &bytes[..end]).unwrap();
            assert!(TrainedUserEncoder::load(&path, &device).is_err(), "{} {end} bytes", model.name());
        }
        for at in (0..header).step_by(11) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << (at % 6);
            std::fs::write(&path, damaged).unwrap();
            // Another dropout rate or number of iterations is another model, and no damage.
            let _ = TrainedUserEncoder::load(&path, &device);
        }
        let mut damaged = bytes.clone();
        damaged[header..header + 4].copy_from_slice(&f32::NAN.to_le_bytes());
        std::fs::write(&path, damaged).unwrap();
        let error = TrainedUserEncoder::load(&path, &device).unwrap_err().to_string();
        assert!(error.contains(model.name()) && error.contains("not finite"), "{error}");
    }
}

#[test]
fn the_fused_attention_agrees_with_torch() {
    let device = device();
    for (name, model) in CASES {
        let error = model(&device).error(&Fixture::open(&format!("users/{name}.safetensors")), &device);
        assert!(error <= BOUND, "{name}: {error:e}");
    }
}

#[test]
fn the_bound_catches_other_models_of_the_same_shapes() {
    let device = device();
    let others: [Case; 4] = [
        ("nrms", |device| Box::new(NrmsConfig { n_heads: 4, ..NRMS }.init(device, 1))),
        ("sasrec", |device| Box::new(SasRecConfig { n_heads: 4, ..sasrec(5) }.init(device, 1))),
        ("capsules", |device| Box::new(CapsulesConfig { n_iterations: 2, ..CAPSULES }.init(device, 1))),
        ("capsules", |device| Box::new(CapsulesConfig { n_iterations: 4, ..CAPSULES }.init(device, 1))),
    ];
    for (name, model) in others {
        let error = model(&device).error(&Fixture::open(&format!("users/{name}.safetensors")), &device);
        assert!(error > 100.0 * BOUND, "{name}: {error:e}");
    }
}

#[test]
fn gradients_reach_the_items_that_were_met_and_no_others() {
    let device = device().autodiff();
    let items = ItemEmbeddingConfig { n_items: LEN, dim: D }.init(&device, 3);
    let model = sasrec(5).init(&device, 1);
    // Items 0 to 2, and padding, which must not count as item 0.
    let batch = items.look_up(&histories(&[AGES[1], AGES[2], AGES[3]], &device));
    assert_eq!(batch.items().dims(), [3, 3, D]);
    let rows = values(items.rows(&[0, 1, 2]));
    assert_eq!(values(batch.items().values().clone().slice([0..1, 0..3, 0..D])), rows);
    let interest = model.encode(&batch).values().clone();
    let gradients = (interest.clone() * interest.slice([0..3, 0..1, 0..D]).exp()).sum().backward();
    let mut gradient = Vec::new();
    items.visit(&mut Collect { gradients: &gradients, found: &mut gradient });
    let met: Vec<bool> = gradient.chunks(D).map(|row| row.iter().any(|&value| value != 0.0)).collect();
    assert_eq!(met, [true, true, true, false, false]);

    // Nobody met anything: there is nothing to ask the source for.
    let nobody = items.look_up(&histories(&[AGES[3]], &device));
    assert!(values(model.encode(&nobody).values().clone()).iter().all(|&value| value == 0.0));
}

struct Collect<'a> {
    gradients: &'a burn::tensor::Gradients,
    found: &'a mut Vec<f32>,
}

impl burn::module::ModuleVisitor for Collect<'_> {
    fn visit_float<const D: usize>(&mut self, param: &burn::module::Param<Tensor<D>>) {
        self.found.extend(values(param.val().grad(self.gradients).unwrap()));
    }
}
