//! Gradients of the linear models against PyTorch: of every parameter, and of both sides.
#![allow(clippy::unwrap_used, reason = "helpers of tests, where a panic is a failure")]

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Gradients, Tensor};
use rec_core::Sequence;
use rec_score::{AdditiveLinear, Bilinear, Scorer};
use rec_testkit::{Fixture, assert_close, device};

/// Sums of up to twelve products of values of order one, against f64.
const BOUND: f32 = 2e-5;

/// The gradients of a module's parameters, in the order of its fields.
struct Collect<'a> {
    gradients: &'a Gradients,
    found: Vec<Vec<f32>>,
}

impl ModuleVisitor for Collect<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.found.push(param.val().grad(self.gradients).unwrap().try_into_vec_as().unwrap());
    }
}

#[test]
fn linear_models_agree_with_torch() {
    let (fixture, device) = (Fixture::open("ops/bilinear.safetensors"), device().autodiff());
    let tensor = |name: &str| fixture.tensor::<2>(name, &device);
    let one = |name: &str| fixture.f32(name).1;
    let models = [
        ("identity", Bilinear::identity(), &[][..]),
        ("diagonal", Bilinear::diagonal(fixture.tensor("diag", &device)), &["diag"]),
        ("full", Bilinear::full(tensor("w")), &["w"]),
        ("low_rank", Bilinear::low_rank(tensor("p"), tensor("q")), &["p", "q"]),
    ];
    for (form, model, weights) in models {
        let model = model.with_bias(AdditiveLinear::new(&one("beta"), &one("gamma"), one("b")[0], &device));
        let (users, items) = (tensor("u").require_grad(), tensor("x").require_grad());
        let logits = model
            .logits(&Sequence::single(users.clone()), &Sequence::new(items.clone().unsqueeze_dim(0), None));
        let gradients = (logits * tensor("weight")).sum().backward();

        let mut collect = Collect { gradients: &gradients, found: Vec::new() };
        model.visit(&mut collect);
        let names: Vec<&str> = weights.iter().copied().chain(["beta", "gamma", "b"]).collect();
        assert_eq!(collect.found.len(), names.len(), "{form}");
        let sides = [("u", users), ("x", items)]
            .map(|(name, side)| (name, side.grad(&gradients).unwrap().try_into_vec_as::<f32>().unwrap()));
        for (name, gradient) in names.into_iter().zip(collect.found).chain(sides) {
            let name = format!("grad.{form}.{name}");
            assert_close(&name, &gradient, &one(&name), BOUND);
        }
    }
}
