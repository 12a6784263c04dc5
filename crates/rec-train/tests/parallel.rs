//! Data-parallel training: ranks that agree bit for bit, with each other, with accumulation and with a run that was killed, and up to
//! rounding with one process on the whole batch.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use rec_core::{Fingerprint, VectorTable};
use rec_data::{Interaction, Interactions};
use rec_interest::{Nrms, NrmsConfig};
use rec_train::parallel::{Communicator, Threads};
use rec_train::user::{NextBatch, NextItem, Objective};
use rec_train::{AdamW, Draw, Error, Progress, Task, Trained, Trainer, TrainerConfig};

const N_ITEMS: usize = 24;
const D: usize = 8;

/// 96 events to learn from.
fn task(batch_size: usize) -> NextItem<Nrms> {
    let row = |i: usize| (0..D).map(|j| ((i * 5 + j * 3 + 1) as f32).sin()).collect::<Vec<f32>>();
    let rows = (0..N_ITEMS).map(|i| (format!("i{i}"), row(i)));
    let items = VectorTable::from_rows(Fingerprint::declared("sines"), rows).unwrap();
    let events = (0..16).flat_map(|user| {
        (0..7).map(move |step| {
            let item = (user * 3 + step * (1 + user % 3)) % N_ITEMS;
            (format!("u{user}"), Interaction::new(format!("i{item}"), step as f64))
        })
    });
    let log = Interactions::new(events).unwrap();
    let task = NextItem::new(items, &log, Objective::FullSoftmax { temperature: 1.0 }).unwrap();
    task.with_batch_size(batch_size)
}

fn model(seed: u64) -> Nrms {
    NrmsConfig { d_item: D, n_heads: 2, d_attention: 8, dropout: 0.0 }.init(&Device::flex(), seed)
}

fn config(accumulate: u64) -> TrainerConfig {
    let optimizer = AdamW::new(0.01);
    TrainerConfig {
        n_steps: 20,
        accumulate,
        optimizer,
        clip: Some(1.0),
        checkpoint_every: 8,
        ..TrainerConfig::default()
    }
}

fn values(module: &Nrms) -> Vec<f32> {
    struct All(Vec<f32>);
    impl burn::module::ModuleVisitor for All {
        fn visit_float<const D: usize>(&mut self, param: &burn::module::Param<Tensor<D>>) {
            self.0.extend(param.val().into_data().try_to_vec::<f32>().unwrap());
        }
    }
    let mut all = All(Vec::new());
    module.visit(&mut all);
    all.0
}

fn bits(module: &Nrms) -> Vec<u32> {
    values(module).into_iter().map(f32::to_bits).collect()
}

/// What each of `n` ranks gives.
fn on_ranks<R: Send>(n: usize, rank: impl Fn(&Threads) -> R + Sync) -> Vec<R> {
    std::thread::scope(|scope| {
        let run = |threads: Threads| {
            let rank = &rank;
            scope.spawn(move || rank(&threads))
        };
        let ranks: Vec<_> = Threads::group(n).into_iter().map(run).collect();
        ranks.into_iter().map(|rank| rank.join().unwrap()).collect()
    })
}

fn parallel(n: usize, batch_size: usize) -> Vec<Vec<f32>> {
    on_ranks(n, |ranks| {
        let trainer = Trainer::new(config(1));
        let trained = trainer.run_parallel(ranks, model(1), &task(batch_size), Progress::ignore);
        values(&trained.unwrap().module)
    })
}

#[test]
fn ranks_are_equal_and_are_accumulation() {
    for n in [2, 4] {
        let ranks = parallel(n, 24 / n);
        assert!(ranks.iter().all(|rank| rank == &ranks[0]));
        assert_eq!(parallel(n, 24 / n), ranks, "a run repeats");

        let one = Trainer::new(config(n as u64)).run(model(1), &task(24 / n), Progress::ignore).unwrap();
        assert_eq!(values(&one.module), ranks[0], "{n} ranks, and {n} batches of one process");
    }
}

#[test]
fn ranks_are_near_to_the_whole_batch() {
    let one = Trainer::new(config(1)).run(model(1), &task(24), Progress::ignore).unwrap();
    let (one, start) = (values(&one.module), values(&model(1)));
    let difference = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    let largest = one.iter().fold(0f32, |largest, value| largest.max(value.abs()));
    for n in [2, 4] {
        let off = difference(&parallel(n, 24 / n)[0], &one) / largest;
        println!(
            "{n} ranks: {off:.1e} of the largest value; training moved {:.1e}",
            difference(&one, &start) / largest
        );
        assert!(off < 1e-5);
    }
}

/// A task that fails at a batch.
struct Fails(NextItem<Nrms>, u64);

impl Task for Fails {
    type Module = Nrms;
    type Batch = (u64, NextBatch);

    fn sample(&self, draw: Draw) -> Self::Batch {
        (draw.index, self.0.sample(draw))
    }

    fn loss(&self, module: &Nrms, batch: &Self::Batch) -> Result<Tensor<1>, Error> {
        let loss = self.0.loss(module, &batch.1)?;
        // What no device with gradients knows is refused by the trainer.
        Ok(if batch.0 == self.1 { Tensor::from_data([1.0], &Device::flex()) } else { loss })
    }
}

#[test]
fn where_one_rank_fails_all_end() {
    let failed = on_ranks(3, |ranks| {
        // The second batch of step 2.
        let task = Fails(task(8), 4);
        Trainer::new(config(1))
            .run_parallel(ranks, model(1), &task, Progress::ignore)
            .unwrap_err()
            .to_string()
    });
    assert!(failed[1].contains("no parameter"), "{failed:?}");
    assert!(failed[0].contains("rank 1") && failed[2].contains("rank 1"), "{failed:?}");

    let differ = on_ranks(2, |ranks| {
        let seed = ranks.rank() as u64;
        Trainer::new(config(1))
            .run_parallel(ranks, model(seed), &task(8), Progress::ignore)
            .unwrap_err()
            .to_string()
    });
    assert!(differ.iter().all(|error| error.contains("rank 1 has other parameters")), "{differ:?}");

    let batches = on_ranks(2, |ranks| {
        let task = task(8 + ranks.rank());
        Trainer::new(config(1))
            .run_parallel(ranks, model(1), &task, Progress::ignore)
            .unwrap_err()
            .to_string()
    });
    assert!(batches.iter().all(|error| error.contains("rank 1 has other settings")), "{batches:?}");

    // A rank that never comes.
    let alone = on_ranks(2, |ranks| {
        let trainer = Trainer::new(config(1));
        (ranks.rank() == 0)
            .then(|| trainer.run_parallel(ranks, model(1), &task(8), Progress::ignore).is_err())
    });
    assert_eq!(alone, [Some(true), None]);
}

#[test]
fn ranks_go_on_where_they_were_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let run = |n: usize, folder: Option<&Path>, stop_at: u64| -> Vec<Result<Vec<u32>, Error>> {
        let told = AtomicBool::new(false);
        on_ranks(n, |ranks| {
            let config = TrainerConfig { validate_every: Some(5), ..config(1) };
            let trainer = Trainer::new(config);
            let trainer = folder.map_or(trainer.clone(), |folder| trainer.in_folder(folder));
            let next = task(12).with_held_out(&log(), &next(), 3);
            let trained: Result<Trained<Nrms>, Error> =
                trainer.run_parallel(ranks, model(1), &next, |progress| {
                    // One rank wants to stop.
                    match progress.metrics.step == stop_at
                        && ranks.rank() == 1
                        && !told.swap(true, Ordering::SeqCst)
                    {
                        true => ControlFlow::Break(()),
                        false => ControlFlow::Continue(()),
                    }
                });
            trained.map(|trained| bits(&trained.module))
        })
    };
    let stopped = run(2, Some(folder.path()), 11);
    assert!(stopped.iter().all(|rank| rank.as_ref().is_err_and(Error::is_interrupted)));
    let other = run(4, Some(folder.path()), 0);
    assert!(other.iter().all(|rank| rank.as_ref().is_err_and(Error::is_other_run)), "{other:?}");
    let resumed: Vec<_> = run(2, Some(folder.path()), 0).into_iter().map(Result::unwrap).collect();
    let whole: Vec<_> = run(2, None, 0).into_iter().map(Result::unwrap).collect();
    assert_eq!(resumed, whole);
    let lines = std::fs::read_to_string(folder.path().join("metrics.jsonl")).unwrap();
    assert_eq!((lines.lines().count(), lines.matches("metric").count()), (20, 4));
}

fn log() -> Interactions {
    Interactions::new([("a", Interaction::new("i1", 1.0)), ("b", Interaction::new("i2", 1.0))]).unwrap()
}

fn next() -> Interactions {
    Interactions::new([("a", Interaction::new("i4", 2.0)), ("b", Interaction::new("i7", 2.0))]).unwrap()
}
