//! AdamW against PyTorch, schedules against their formulas, and the trainer's laws: a run that was killed is the run that was not.

#![allow(clippy::unwrap_used, reason = "a helper of tests")]

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use burn::module::{Module, Param};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Tensor, TensorData};
use rec_testkit::{Fixture, assert_close, device};
use rec_train::{
    AdamW, Draw, Error, Gradients, Group, Optimizer, Progress, Schedule, Task, Trainer, TrainerConfig,
    gradients, parameters, train_only,
};

#[derive(Module, Debug)]
struct Two {
    weight: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
}

#[test]
fn adamw_agrees_with_torch() {
    let (fixture, device) = (Fixture::open("objectives/adamw.safetensors"), device());
    let mut module = Two {
        weight: Param::from_tensor(fixture.tensor("start.weight", &device)),
        bias: Param::from_tensor(fixture.tensor("start.bias", &device)),
    }
    .train();
    let bias = Group::new(["bias"]).with_lr_factor(0.3).with_weight_decay(0.0);
    let mut optimizer = Optimizer::new(AdamW::new(0.01).with_weight_decay(0.1).with_group(bias));
    let (weights, biases) =
        (fixture.tensor::<3>("gradients.weight", &device), fixture.tensor::<2>("gradients.bias", &device));
    for step in 0..20 {
        // A loss whose gradients are these.
        let loss = (module.weight.val() * weights.clone().slice_dim(0, step..step + 1).squeeze_dim::<2>(0))
            .sum()
            + (module.bias.val() * biases.clone().slice_dim(0, step..step + 1).squeeze_dim::<1>(0)).sum();
        let gradients = gradients(&module, loss).unwrap();
        module = optimizer.step(module, &gradients, 1.0);
        for (name, values) in [
            ("weight", module.weight.val().into_data().try_to_vec::<f32>().unwrap()),
            ("bias", module.bias.val().into_data().try_to_vec::<f32>().unwrap()),
        ] {
            let expected = fixture.f32(&format!("steps.{name}")).1;
            let n = values.len();
            assert_close(&format!("{name} {step}"), &values, &expected[step * n..(step + 1) * n], 2e-6);
        }
    }
}

#[test]
fn schedules_are_their_formulas() {
    let (schedule, n) = (Schedule::WarmUpCosine { n_warm_up: 10, floor: 0.2 }, 110);
    for step in 0..n {
        let expected = match step {
            0..10 => (step as f64 + 1.0) / 10.0,
            _ => 0.2 + 0.8 * 0.5 * (1.0 + ((step as f64 - 10.0) / 100.0 * std::f64::consts::PI).cos()),
        };
        assert!((schedule.factor(step, n) - expected).abs() < 1e-12);
    }
    assert_eq!(Schedule::WarmUp { n_warm_up: 4 }.factor(1, 9), 0.5);
    assert_eq!(Schedule::WarmUp { n_warm_up: 4 }.factor(8, 9), 1.0);
    assert_eq!(Schedule::Constant.factor(5, 9), 1.0);
    assert_eq!(schedule.factor(0, 0), 0.1);
}

/// A small network learns a function from random points.
struct Fit {
    rows: usize,
}

#[derive(Module, Debug)]
struct Net {
    hidden: Linear,
    output: Linear,
}

impl Net {
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        self.output.forward(self.hidden.forward(x).tanh())
    }
}

fn net() -> Net {
    let device = device();
    let linear = |d_in: usize, d_out: usize| {
        let mut linear = LinearConfig::new(d_in, d_out).init(&device);
        let values: Vec<f32> = (0..d_in * d_out).map(|i| ((i * 7 + 3) as f32).sin() * 0.5).collect();
        linear.weight =
            Param::from_tensor(Tensor::from_data(TensorData::new(values, [d_in, d_out]), &device));
        linear.bias = Some(Param::from_tensor(Tensor::zeros([d_out], &device)));
        linear
    };
    Net { hidden: linear(3, 8), output: linear(8, 1) }
}

fn error(module: &Net, points: &[f32]) -> Tensor<1> {
    let n = points.len() / 3;
    let x = Tensor::<2>::from_data(TensorData::new(points.to_vec(), [n, 3]), &device());
    let y = (x.clone().sum_dim(1) * 2.0).sin();
    (module.forward(x) - y).square().mean()
}

impl Task for Fit {
    type Module = Net;
    type Batch = Vec<f32>;

    fn sample(&self, draw: Draw) -> Vec<f32> {
        let mut random = draw.random();
        (0..3 * self.rows).map(|_| random.normal() as f32).collect()
    }

    fn loss(&self, module: &Net, batch: &Vec<f32>) -> Result<Tensor<1>, Error> {
        Ok(error(module, batch))
    }

    fn validate(&self, module: &Net) -> Result<Option<f64>, Error> {
        let points = self.sample(Draw { seed: 999, index: 0 });
        Ok(Some(-f64::from(error(module, &points).into_scalar::<f32>())))
    }

    fn describe(&self) -> String {
        format!("{} rows", self.rows)
    }
}

fn config() -> TrainerConfig {
    TrainerConfig {
        n_steps: 30,
        accumulate: 2,
        seed: 5,
        optimizer: AdamW::new(0.03).with_group(Group::new(["bias"]).with_weight_decay(0.0)),
        schedule: Schedule::WarmUpCosine { n_warm_up: 5, floor: 0.0 },
        clip: Some(0.5),
        validate_every: Some(4),
        patience: None,
        checkpoint_every: 7,
    }
}

fn bits(module: &Net) -> Vec<u32> {
    let tensors = [&module.hidden, &module.output].map(|linear| {
        let weight = linear.weight.val().into_data().try_to_vec::<f32>().unwrap();
        let bias = linear.bias.as_ref().unwrap().val().into_data().try_to_vec::<f32>().unwrap();
        [weight, bias].concat()
    });
    tensors.concat().into_iter().map(f32::to_bits).collect()
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(folder)
        .unwrap()
        .flat_map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            match path.is_dir() {
                true => {
                    files(&path).into_iter().map(|(file, bytes)| (format!("{name}/{file}"), bytes)).collect()
                }
                false => vec![(name, fs::read(path).unwrap())],
            }
        })
        .collect()
}

/// Everything that a run in a folder leaves, and its weights.
fn whole() -> (BTreeMap<String, Vec<u8>>, Vec<u32>) {
    let folder = tempfile::tempdir().unwrap();
    let trained =
        Trainer::new(config()).in_folder(folder.path()).run(net(), &Fit { rows: 6 }, Progress::ignore);
    (files(folder.path()), bits(&trained.unwrap().module))
}

#[test]
fn an_interrupted_run_is_the_whole_one() {
    let (expected, weights) = whole();
    for stop in [1, 7, 17, 29] {
        let folder = tempfile::tempdir().unwrap();
        let trainer = Trainer::new(config()).in_folder(folder.path());
        let stopped = trainer.run(net(), &Fit { rows: 6 }, |progress| match progress.metrics.step == stop {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        });
        assert!(stopped.unwrap_err().is_interrupted());
        let mut first = None;
        let resumed = trainer.run(net(), &Fit { rows: 6 }, |progress| {
            first.get_or_insert(progress.metrics.step);
            ControlFlow::Continue(())
        });
        assert_eq!(first, Some(stop + 1));
        assert_eq!(bits(&resumed.unwrap().module), weights);
        assert_eq!(files(folder.path()), expected);
    }
}

/// A panic ends the process of a test no better than a signal: nothing is written after it.
#[test]
fn a_killed_run_is_the_whole_one() {
    let (expected, weights) = whole();
    for killed in [3, 17] {
        let folder = tempfile::tempdir().unwrap();
        let trainer = Trainer::new(config()).in_folder(folder.path());
        let ended = std::panic::catch_unwind(|| {
            trainer.run(net(), &Fit { rows: 6 }, |progress| {
                assert!(progress.metrics.step != killed, "killed");
                ControlFlow::Continue(())
            })
        });
        assert!(ended.is_err());
        // Killed in the middle of a line of metrics, and in the middle of a checkpoint.
        let metrics = folder.path().join("metrics.jsonl");
        let mut lines = fs::read_to_string(&metrics).unwrap();
        lines.push_str("{\"step\":18,\"lo");
        fs::write(&metrics, lines).unwrap();
        let half = folder.path().join(".writing-x");
        fs::create_dir(&half).unwrap();
        fs::write(half.join("state.json"), "{\"run\":").unwrap();

        let mut first = None;
        let resumed = trainer.run(net(), &Fit { rows: 6 }, |progress| {
            first.get_or_insert(progress.metrics.step);
            ControlFlow::Continue(())
        });
        assert_eq!(first, Some(killed / 7 * 7 + 1));
        assert_eq!(bits(&resumed.unwrap().module), weights);
        assert_eq!(files(folder.path()), expected);
    }
}

#[test]
fn a_run_that_is_done_is_not_run_again() {
    let folder = tempfile::tempdir().unwrap();
    let trainer = Trainer::new(config()).in_folder(folder.path());
    let first = trainer.run(net(), &Fit { rows: 6 }, Progress::ignore).unwrap();
    let again = trainer.run(net(), &Fit { rows: 6 }, |_| panic!("a step")).unwrap();
    assert_eq!((bits(&first.module), first.best), (bits(&again.module), again.best));
    // The module is that of the best validation.
    let best = first.best.unwrap();
    assert_eq!(Fit { rows: 6 }.validate(&first.module).unwrap(), Some(best.metric));
}

#[test]
fn another_run_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let trainer = Trainer::new(config()).in_folder(folder.path());
    trainer.run(net(), &Fit { rows: 6 }, Progress::ignore).unwrap();
    let refused = |config: TrainerConfig, module: Net, rows: usize| {
        let trainer = Trainer::new(config).in_folder(folder.path());
        let error = trainer.run(module, &Fit { rows }, Progress::ignore).unwrap_err();
        assert!(error.is_other_run(), "{error}");
        error.to_string()
    };
    assert!(refused(config(), net(), 7).contains("7 rows"));
    refused(TrainerConfig { seed: 6, ..config() }, net(), 6);
    refused(config(), train_only(net(), |path| path.starts_with("output")), 6);
    for name in ["module.safetensors", "optimizer.safetensors", "state.json"] {
        let file = folder.path().join(format!("step-{:012}", 30)).join(name);
        let bytes = fs::read(&file).unwrap();
        fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
        assert!(refused(config(), net(), 6).contains(name));
        fs::write(&file, bytes).unwrap();
    }
}

#[test]
fn what_is_frozen_stays_and_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let top = || train_only(net(), |path| path.starts_with("output"));
    let trainer = Trainer::new(config()).in_folder(folder.path());
    let trained = trainer.run(top(), &Fit { rows: 6 }, Progress::ignore).unwrap().module;
    let (before, after) = (bits(&net()), bits(&trained));
    assert_eq!(before[..32], after[..32]);
    assert_ne!(before[32..], after[32..]);
    let mut other = top();
    other.hidden.weight = other.hidden.weight.map(|w| w * 2.0);
    let error = trainer.run(other, &Fit { rows: 6 }, Progress::ignore).unwrap_err();
    assert!(error.is_other_run() && error.to_string().contains("not trained"), "{error}");
}

#[test]
fn patience_ends_a_run() {
    // At this rate nothing gets better.
    let config = TrainerConfig {
        optimizer: AdamW::new(3.0),
        clip: None,
        validate_every: Some(1),
        patience: Some(3),
        n_steps: 1000,
        ..config()
    };
    let trained = Trainer::new(config).run(net(), &Fit { rows: 6 }, Progress::ignore).unwrap();
    let best = trained.best.unwrap();
    assert_eq!(trained.n_steps, best.step + 3);
}

#[test]
fn parts_of_a_batch_are_the_batch() {
    let module = net().train();
    let points = Fit { rows: 6 }.sample(Draw { seed: 1, index: 0 });
    let whole = gradients(&module, error(&module, &points)).unwrap();
    let parts = points.chunks(6).map(|part| gradients(&module, error(&module, part)).unwrap());
    let mean = Gradients::mean(parts).unwrap();
    assert!((whole.loss() - mean.loss()).abs() < 1e-6);
    for (path, gradient) in whole.iter() {
        let values = |tensor: &Tensor<1>| tensor.to_data().try_to_vec::<f32>().unwrap();
        assert_close(path, &values(mean.get(path).unwrap()), &values(gradient), 1e-6);
    }
}

#[test]
fn a_loss_that_is_no_number_ends_the_run() {
    struct Broken;
    impl Task for Broken {
        type Module = Net;
        type Batch = ();
        fn sample(&self, _: Draw) {}
        fn loss(&self, module: &Net, (): &()) -> Result<Tensor<1>, Error> {
            Ok(error(module, &[f32::NAN; 3]))
        }
    }
    let error = Trainer::new(config()).run(net(), &Broken, Progress::ignore).unwrap_err();
    assert!(error.is_not_finite() && error.to_string().contains("step 1"), "{error}");
}

#[test]
fn memory_is_known_before() {
    let memory = Trainer::new(config()).memory(&net(), &Fit { rows: 6 });
    assert_eq!(parameters(&net()).iter().map(|p| p.n_values()).sum::<usize>(), 41);
    assert_eq!((memory.parameters, memory.gradients, memory.moments, memory.best), (164, 328, 328, 164));
    let top = train_only(net(), |path| path.starts_with("output"));
    assert_eq!(Trainer::new(config()).memory(&top, &Fit { rows: 6 }).moments, 72);
}
