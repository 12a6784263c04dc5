use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Gradients, Tensor};

use crate::Fixture;

/// Gives a module the parameters that a fixture has as `param.PATH`, where the path is that of the module's fields.
///
/// # Panics
///
/// A parameter is missing or has another shape.
#[must_use]
pub fn fill<M: Module>(module: M, fixture: &Fixture) -> M {
    module.map(&mut Fill { path: Vec::new(), fixture })
}

/// Compares the gradient of every parameter of a module with `grad.PATH` of a fixture, by [`assert_close_relative`]; one
/// that the fixture lacks must have none.
///
/// # Panics
///
/// A gradient is missing, or too far off.
///
/// [`assert_close_relative`]: crate::assert_close_relative
pub fn assert_gradients(module: &impl Module, gradients: &Gradients, fixture: &Fixture, bound: f32) {
    module.visit(&mut Check { path: Vec::new(), fixture, gradients, bound });
}

struct Fill<'a> {
    path: Vec<String>,
    fixture: &'a Fixture,
}

impl ModuleMapper for Fill<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (name, device) = (format!("param.{}", self.path.join(".")), param.val().device());
        let value: Tensor<D> = self.fixture.tensor(&name, &device);
        assert_eq!(value.dims(), param.dims(), "{name}");
        param.map(|old| value.set_require_grad(old.is_require_grad()))
    }
}

struct Check<'a> {
    path: Vec<String>,
    fixture: &'a Fixture,
    gradients: &'a Gradients,
    bound: f32,
}

impl ModuleVisitor for Check<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let name = format!("grad.{}", self.path.join("."));
        if !self.fixture.has(&name) {
            assert!(param.val().grad(self.gradients).is_none(), "{name}: a gradient that the fixture lacks");
            return;
        }
        let gradient = param.val().grad(self.gradients).map(|gradient| gradient.try_into_vec_as::<f32>());
        let Some(Ok(gradient)) = gradient else { panic!("{name}: no gradient") };
        crate::assert_close_relative(&name, &gradient, &self.fixture.f32(&name).1, self.bound);
    }
}
