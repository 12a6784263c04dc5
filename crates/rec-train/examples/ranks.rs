//! You will see a user model trained by the ranks of an MPI program, and that they did what one process would have done.
//!
//!     cargo build -p rec-train --example ranks --features mpi
//!     mpirun -n 4 target/debug/examples/ranks
//!
//! Each rank samples a part of every batch; the gradients of all are gathered and added in the order of the ranks.

use std::error::Error;
use std::io::Write;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};
use rec_core::{Fingerprint, VectorTable};
use rec_data::{Interaction, Interactions};
use rec_interest::{SasRec, SasRecConfig};
use rec_train::parallel::{Communicator, Mpi};
use rec_train::user::{NextItem, Objective};
use rec_train::{AdamW, Progress, Trainer, TrainerConfig};

/// Rows of a step's batch, over all ranks; 480 events are ten of them.
const BATCH: usize = 48;
const N_STEPS: u64 = 50;

fn main() -> Result<(), Box<dyn Error>> {
    let world = Mpi::start()?;
    let n = world.n_ranks();
    let train =
        |ranks: Option<&Mpi>, batch_size: usize, accumulate: u64| -> Result<Vec<f32>, Box<dyn Error>> {
            let config = TrainerConfig {
                n_steps: N_STEPS,
                accumulate,
                optimizer: AdamW::new(0.003),
                clip: Some(1.0),
                checkpoint_every: 10,
                ..TrainerConfig::default()
            };
            let (trainer, task) = (Trainer::new(config), task(batch_size)?);
            let trained = match ranks {
                Some(ranks) => trainer.run_parallel(ranks, model(), &task, Progress::ignore),
                None => trainer.run(model(), &task, Progress::ignore),
            };
            Ok(values(&trained?.module))
        };
    let together = train(Some(&world), BATCH / n, 1)?;
    // Every rank compares for itself; one that differs ends with an error, and the program with it.
    let claim = |holds: bool, what: &str| match holds {
        true => Ok(()),
        false => Err(format!("rank {}: {what}", world.rank())),
    };
    claim(train(Some(&world), BATCH / n, 1)? == together, "a second run has other bits")?;
    claim(train(None, BATCH / n, n as u64)? == together, "accumulated batches have other bits")?;
    let whole = train(None, BATCH, 1)?;
    let largest = whole.iter().fold(0f32, |largest, value| largest.max(value.abs()));
    let off = whole.iter().zip(&together).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / largest;
    claim(off < 1e-3, "the whole batch leads elsewhere")?;
    if world.rank() == 0 {
        let hash = together.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, value| {
            (hash ^ u64::from(value.to_bits())).wrapping_mul(0x0100_0000_01b3)
        });
        writeln!(
            std::io::stdout(),
            "{n} ranks, {N_STEPS} steps: parameters {hash:016x}, {off:.1e} from one process"
        )?;
    }
    Ok(())
}

fn model() -> SasRec {
    let config = SasRecConfig {
        d_item: 32,
        n_layers: 2,
        n_heads: 2,
        d_inner: 64,
        n_positions: 20,
        from_oldest: false,
        n_time_buckets: 0,
        dropout: 0.0,
    };
    config.init(&Device::flex(), 1)
}

/// Users who walk through 100 items, each in strides of their own.
fn task(batch_size: usize) -> Result<NextItem<SasRec>, Box<dyn Error>> {
    let row = |i: usize| (0..32).map(|j| ((i * 7 + j * 3 + 1) as f32).sin()).collect::<Vec<f32>>();
    let items =
        VectorTable::from_rows(Fingerprint::declared("sines"), (0..100).map(|i| (i.to_string(), row(i))))?;
    let log = Interactions::new((0..60usize).flat_map(|user| {
        let item = move |step: usize| ((user * 11 + step * (1 + user % 4)) % 100).to_string();
        (0..9).map(move |step| (user.to_string(), Interaction::new(item(step), step as f64)))
    }))?;
    Ok(NextItem::new(items, &log, Objective::FullSoftmax { temperature: 1.0 })?.with_batch_size(batch_size))
}

fn values(module: &SasRec) -> Vec<f32> {
    struct All(Vec<f32>);
    impl ModuleVisitor for All {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0.extend(param.val().try_into_vec_as::<f32>().unwrap_or_default());
        }
    }
    let mut all = All(Vec::new());
    module.visit(&mut all);
    all.0
}
