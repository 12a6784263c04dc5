//! Objectives against PyTorch: values, and gradients for every input.

#![allow(clippy::unwrap_used, reason = "a helper of tests")]

use burn::tensor::{Device, Tensor};
use rec_core::Sequence;
use rec_testkit::{Fixture, assert_close, device, max_abs_diff};
use rec_train::objective::*;

/// How far values may be off, relative to the largest of their tensor.
const BOUND: f32 = 1e-5;

struct Case {
    name: &'static str,
    fixture: Fixture,
    device: Device,
}

fn read<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec::<f32>().unwrap()
}

fn assert_relative(name: &str, actual: &[f32], expected: &[f32]) {
    let largest = expected.iter().fold(1e-3, |max: f32, value| max.max(value.abs()));
    assert_close(name, actual, expected, BOUND * largest);
}

impl Case {
    fn open(name: &'static str) -> Self {
        let fixture = Fixture::open(&format!("objectives/{name}.safetensors"));
        Self { name, fixture, device: device().autodiff() }
    }

    fn leaf<const D: usize>(&self, name: &str) -> Tensor<D> {
        self.fixture.tensor::<D>(name, &self.device).require_grad()
    }

    fn rows(&self, name: &str) -> Vec<usize> {
        self.fixture.i64(name).1.into_iter().map(|row| row as usize).collect()
    }

    fn masked(&self, name: &str, values: Tensor<3>) -> Sequence {
        Sequence::new(values, Some(self.fixture.mask::<2>(name, &self.device)))
    }

    /// Compares the loss and the gradients of two inputs. What is twice the loss has twice its gradients.
    fn check<const A: usize, const B: usize>(
        &self,
        (a_name, a): (&str, Tensor<A>),
        (b_name, b): (&str, Tensor<B>),
        loss: Tensor<1>,
    ) {
        let gradients = (loss.clone() * 2.0).backward();
        assert_relative(self.name, &read(loss), &self.fixture.f32("loss").1);
        let half = |gradient: Option<Vec<f32>>, n: usize| -> Vec<f32> {
            gradient.map_or(vec![0.0; n], |values| values.iter().map(|value| value / 2.0).collect())
        };
        for (name, gradient) in [
            (a_name, half(a.grad(&gradients).map(read), a.shape().num_elements())),
            (b_name, half(b.grad(&gradients).map(read), b.shape().num_elements())),
        ] {
            let name = format!("grad.{name}");
            assert_relative(&format!("{} {name}", self.name), &gradient, &self.fixture.f32(&name).1);
        }
    }
}

#[test]
fn rows_of_candidates() {
    for name in ["sampled_softmax", "bpr"] {
        let case = Case::open(name);
        let (positives, negatives) = (case.leaf::<1>("positives"), case.leaf::<2>("negatives"));
        let loss = match name {
            "bpr" => bpr(positives.clone(), negatives.clone()),
            _ => sampled_softmax(positives.clone(), negatives.clone()),
        };
        case.check(("positives", positives), ("negatives", negatives), loss);
    }
}

#[test]
fn binary_cross_entropy() {
    let case = Case::open("bce");
    let (logits, labels) = (case.leaf::<2>("logits"), case.fixture.tensor::<2>("labels", &case.device));
    let loss = bce(logits.clone(), labels);
    case.check(("logits", logits.clone()), ("logits", logits), loss);
}

#[test]
fn whole_catalogue() {
    let case = Case::open("full_softmax");
    let (queries, items, targets) =
        (case.leaf::<2>("queries"), case.leaf::<2>("items"), case.rows("targets"));
    let loss = full_softmax(queries.clone(), items.clone(), &targets);
    case.check(("queries", queries), ("items", items), loss);

    // Masked language modelling is the same over the token table.
    let (states, table) = (case.leaf::<2>("queries"), case.leaf::<2>("items"));
    let tokens: Vec<u32> = targets.iter().map(|&target| target as u32).collect();
    let loss = masked_language(states.clone(), table.clone(), &tokens);
    case.check(("queries", states), ("items", table), loss);
}

#[test]
fn in_batch() {
    for (name, objective) in
        [("info_nce", InfoNce::new(0.5)), ("info_nce_symmetric", InfoNce::new(0.5).symmetric())]
    {
        let case = Case::open(name);
        let (queries, items, ids) = (case.leaf::<2>("queries"), case.leaf::<2>("items"), case.rows("ids"));
        let log_q = case.fixture.f32("log_q").1;
        let batch = InBatch { items: &ids, queries: None, log_q: Some(&log_q) };
        let loss = objective.loss(queries.clone(), items.clone(), batch);
        case.check(("queries", queries.clone()), ("items", items.clone()), loss);

        // Another temperature, uncorrected, or with each row an item of its own, is another loss.
        let expected = case.fixture.f32("loss").1;
        let rows: Vec<usize> = (0..6).collect();
        for (objective, batch) in [
            (InfoNce::new(0.6), batch),
            (objective, InBatch { log_q: None, ..batch }),
            (objective, InBatch { items: &rows, ..batch }),
        ] {
            let other = read(objective.loss(queries.clone(), items.clone(), batch));
            assert!(max_abs_diff(&other, &expected) > 100.0 * BOUND * expected[0]);
        }
    }
}

#[test]
fn known_positives_are_no_negatives() {
    // Query 5 stands in two rows, and is the item of the third.
    let zeros = || Tensor::<2>::zeros([3, 2], &device());
    let batch = InBatch { items: &[1, 2, 5], queries: Some(&[5, 5, 9]), log_q: None };
    let loss = read(InfoNce::new(1.0).loss(zeros(), zeros(), batch));
    // Rows 0 and 1 have nothing but their positive; row 2 has both others.
    assert_close("loss", &loss, &[3f32.ln() / 3.0], 1e-6);
}

#[test]
fn distillation() {
    for name in ["soft_labels", "mean_squared", "margin_mse"] {
        let case = Case::open(name);
        let (student, teacher) = (case.leaf::<2>("student"), case.leaf::<2>("teacher"));
        let loss = match name {
            "soft_labels" => soft_labels(student.clone(), teacher.clone(), 2.5),
            "mean_squared" => mean_squared(student.clone(), teacher.clone()),
            _ => margin_mse(student.clone(), teacher.clone()),
        };
        case.check(("student", student), ("teacher", teacher), loss);
    }
}

#[test]
fn several_interests() {
    let case = Case::open("disagreement");
    let interests = case.leaf::<3>("interests");
    let loss = disagreement(&case.masked("mask_pad", interests.clone()));
    case.check(("interests", interests.clone()), ("interests", interests), loss);

    for (name, choice) in [
        ("label_aware_1", LabelAware::Attention(1)),
        ("label_aware_2", LabelAware::Attention(2)),
        ("label_aware_3", LabelAware::Attention(3)),
        ("label_aware_best", LabelAware::Best),
    ] {
        let case = Case::open(name);
        let (interests, targets) = (case.leaf::<3>("interests"), case.leaf::<2>("targets"));
        let chosen = choice.choose(&case.masked("mask_pad", interests.clone()), targets.clone());
        assert_relative(name, &read(chosen.clone()), &case.fixture.f32("chosen").1);
        case.check(("interests", interests), ("targets", targets), chosen.square().sum());
    }
}

#[test]
fn a_user_without_interests_is_no_nan() {
    let device = device().autodiff();
    let interests = Tensor::<3>::zeros([1, 2, 3], &device).require_grad();
    let padded = Sequence::from_lengths(interests.clone(), &[0]);
    for choice in [LabelAware::Best, LabelAware::Attention(2)] {
        let chosen = choice.choose(&padded, Tensor::ones([1, 3], &device));
        let loss = chosen.square().sum() + disagreement(&padded);
        let gradient = interests.grad(&loss.backward()).map_or(vec![0.0; 6], read);
        assert_eq!(gradient, [0.0; 6]);
    }
}
