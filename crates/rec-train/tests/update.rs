//! Updates: rehearsal is a mean of losses and keeps what was learned, a checkpoint is gone on from, and the report counts what moved.

#![allow(clippy::unwrap_used, reason = "a helper of tests")]

use burn::module::{Module, Param};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor, TensorData};
use rec_core::{Fingerprint, HistoryBatch, Pooling, Sequence, VectorTable};
use rec_data::{Interaction, Interactions};
use rec_interest::UserEncoder;
use rec_testkit::{assert_close, device};
use rec_train::update::{DriftReport, Rehearsal, trained};
use rec_train::user::{NextItem, Objective};
use rec_train::{AdamW, Draw, Progress, Task, Trainer, TrainerConfig, gradients};

const N: usize = 12;

/// The newest item, mapped.
#[derive(Module, Debug)]
struct Mapped {
    map: Linear,
}

impl Mapped {
    fn new() -> Self {
        let mut map = LinearConfig::new(N, N).init(&device());
        let values: Vec<f32> = (0..N * N).map(|i| ((i * 7 + 3) as f32).sin() * 0.3).collect();
        map.weight = Param::from_tensor(Tensor::from_data(TensorData::new(values, [N, N]), &device()));
        map.bias = Some(Param::from_tensor(Tensor::zeros([N], &device())));
        Self { map }
    }

    fn weight(&self) -> Vec<f32> {
        self.map.weight.val().try_into_vec_as().unwrap()
    }
}

impl UserEncoder for Mapped {
    fn encode(&self, histories: &HistoryBatch) -> Sequence {
        Sequence::single(self.map.forward(Pooling::LastToken.pool(histories.items())))
    }

    fn device(&self) -> Device {
        self.map.weight.val().device()
    }
}

fn table() -> VectorTable {
    let row = |i: usize| -> Vec<f32> { (0..N).map(|j| if i == j { 1.0 } else { 0.0 }).collect() };
    VectorTable::from_rows(Fingerprint::declared("one-hot"), (0..N).map(|i| (format!("i{i}"), row(i))))
        .unwrap()
}

/// Until time 3 users of even items go on by one; then users of odd items go on by three.
fn log() -> Interactions {
    let path = |user: usize, step: usize, by: usize| format!("i{}", (user + by * step) % N);
    let old = (0..N / 2).flat_map(|u| (0..2).map(move |step| (2 * u, step, 1, step)));
    let new = (0..N / 2).flat_map(|u| (0..2).map(move |step| (2 * u + 1, step, 3, 3 + step)));
    let events = old.chain(new).map(|(user, step, by, time)| {
        (format!("u{user}"), Interaction::new(path(user, step, by), time as f64))
    });
    Interactions::new(events).unwrap()
}

fn task(log: &Interactions) -> NextItem<Mapped> {
    let objective = Objective::FullSoftmax { temperature: 1.0 };
    NextItem::new(table(), log, objective).unwrap().with_batch_size(6)
}

/// The new task and the old one, each validated on what it learns.
fn tasks() -> (NextItem<Mapped>, NextItem<Mapped>) {
    let all = log();
    let held = |is_old: bool| {
        let of = move |interaction: &Interaction| (interaction.time < 3.0) == is_old;
        let first = all.filter(|_, i| of(i) && [0.0, 3.0].contains(&i.time));
        (first, all.filter(|_, i| of(i) && ![0.0, 3.0].contains(&i.time)))
    };
    let (old, new) = (held(true), held(false));
    let old_log = all.filter(|_, interaction| interaction.time < 3.0);
    (
        task(&all).since(3.0).unwrap().with_held_out(&new.0, &new.1, 1),
        task(&old_log).with_held_out(&old.0, &old.1, 1),
    )
}

fn config(n_steps: u64) -> TrainerConfig {
    let optimizer = AdamW::new(0.05).with_weight_decay(0.0);
    TrainerConfig { n_steps, optimizer, ..TrainerConfig::default() }
}

#[test]
fn only_new_events_are_targets_and_their_histories_are_whole() {
    let log =
        Interactions::new((0..6).map(|i| ("ann", Interaction::new(format!("i{i}"), f64::from(i))))).unwrap();
    let task = task(&log).since(4.0).unwrap();
    let batch = task.sample(Draw { seed: 1, index: 0 });
    let mut seen: Vec<_> = batch.targets.iter().zip(&batch.histories).map(|(t, h)| (*t, h.len())).collect();
    seen.sort_unstable();
    assert_eq!(seen, [(4, 4), (5, 5)]);
    assert!(task.since(9.0).is_err());
}

#[test]
fn rehearsal_is_a_mean_of_losses() {
    let (new, old) = tasks();
    let module = Mapped::new().train();
    let mixed = Rehearsal::new(new.clone(), old.clone(), 0.25).unwrap();
    let batch = mixed.sample(Draw { seed: 3, index: 5 });
    let gradient = |loss| {
        let gradients = gradients(&module, loss).unwrap();
        gradients.get("map.weight").unwrap().clone().try_into_vec_as::<f32>().unwrap()
    };
    let of_new = gradient(new.loss(&module, &batch.new).unwrap());
    let of_old = gradient(old.loss(&module, batch.old.as_ref().unwrap()).unwrap());
    let expected: Vec<f32> = of_new.iter().zip(&of_old).map(|(n, o)| 0.75 * n + 0.25 * o).collect();
    assert_close("gradient", &gradient(mixed.loss(&module, &batch).unwrap()), &expected, 1e-6);
    for share in [-0.1, 1.0, f64::NAN] {
        assert!(Rehearsal::new(new.clone(), old.clone(), share).is_err());
    }
}

#[test]
fn without_a_share_it_is_the_new_task_bit_for_bit() {
    let (new, old) = tasks();
    let trainer = Trainer::new(config(5));
    let alone = trainer.run(Mapped::new(), &new, Progress::ignore).unwrap().module;
    let none = Rehearsal::new(new, old, 0.0).unwrap();
    let with_none = trainer.run(Mapped::new(), &none, Progress::ignore).unwrap().module;
    assert_eq!(alone.weight(), with_none.weight());
}

#[test]
fn rehearsal_keeps_what_was_learned() {
    let (new, old) = tasks();
    // All bits of a module learn from both: without rehearsal the old is pushed out.
    let before = Trainer::new(config(150)).run(Mapped::new(), &old, Progress::ignore).unwrap().module;
    assert_eq!(old.validate(&before).unwrap(), Some(1.0));
    let update = |share: f64| {
        let task = Rehearsal::new(new.clone(), old.clone(), share).unwrap();
        let after = Trainer::new(config(300)).run(before.clone(), &task, Progress::ignore).unwrap().module;
        let loss = |task: &NextItem<Mapped>| -> f32 {
            task.loss(&after, &task.sample(Draw { seed: 0, index: 0 })).unwrap().into_scalar()
        };
        let report = DriftReport::new(&before, &after).unwrap();
        let report = report.with_metric("old", &old, &before, &after).unwrap();
        (report.with_metric("new", &new, &before, &after).unwrap(), loss(&old))
    };
    let ((without, forgot), (with, kept)) = (update(0.0), update(0.5));
    println!("loss of the old: {forgot} without rehearsal, {kept} with\n{without}{with}");
    assert!(kept < 0.5 * forgot);
    for report in [&without, &with] {
        assert_eq!(report.metrics[1].after, 1.0, "the new is learned");
        let drift = &report.parameters[0];
        assert_eq!((drift.group.as_str(), drift.n_values), ("map", N * N + N));
        assert!(drift.moved > 0.0 && drift.largest <= drift.moved);
    }
    assert_eq!(with.metrics[0].after, 1.0, "the old is kept");
}

#[test]
fn a_module_comes_back_from_its_checkpoint() {
    let (_, old) = tasks();
    let folder = tempfile::tempdir().unwrap();
    let config = TrainerConfig { validate_every: Some(5), ..config(20) };
    let run =
        Trainer::new(config).in_folder(folder.path()).run(Mapped::new(), &old, Progress::ignore).unwrap();
    let found = trained(folder.path(), Mapped::new()).unwrap();
    assert_eq!(found.module.weight(), run.module.weight());
    assert_eq!((found.n_steps, found.best), (run.n_steps, run.best));
    let report = DriftReport::new(&run.module, &found.module).unwrap();
    assert_eq!((report.parameters[0].moved, report.parameters[0].largest), (0.0, 0.0));

    let error = trained(folder.path(), LinearConfig::new(N, N).init(&device())).unwrap_err();
    assert!(error.is_other_run(), "{error}");
    let empty = tempfile::tempdir().unwrap();
    assert!(trained(empty.path(), Mapped::new()).unwrap_err().to_string().ends_with("has no checkpoint"));
    let other = LinearConfig::new(N, N + 1).init(&device());
    assert!(DriftReport::new(&LinearConfig::new(N, N).init(&device()), &other).is_err());
}
