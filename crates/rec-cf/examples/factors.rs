//! Trains implicit ALS, BPR and SLIM on an interactions file of RecBole, and prints what `scripts/peers/factors` compares with the
//! Python packages implicit and LensKit: HR@10 and nDCG@10 by leave-one-out over five seeds, or the seconds of an iteration.
//!
//!     cargo run --release -p rec-cf --example factors -- quality FILE.inter
//!     cargo run --release -p rec-cf --example factors -- speed FILE.inter
#![allow(clippy::print_stdout, reason = "an example")]

use std::error::Error;
use std::ops::ControlFlow;
use std::time::Instant;

use rayon::prelude::*;
use rec_cf::{
    Aggregation, AlsSolver, Bpr, BprConfig, Confidence, ImplicitAls, ImplicitAlsConfig, InteractionMatrix,
    Negatives, Progress, Recommender, Schedule, SlimConfig,
};
use rec_data::split::{self, Split};
use rec_data::{InteractionFields, Interactions, atomic};

const SEEDS: u64 = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [task, file] = &arguments[..] else { return Err("usage: factors quality|speed FILE.inter".into()) };
    let log = atomic::read_interactions(file, &InteractionFields::default())?;
    match task.as_str() {
        "quality" => quality(&log),
        "speed" => speed(&log),
        _ => Err(format!("no task `{task}`").into()),
    }
}

/// The settings that both sides share.
fn als(solver: AlsSolver) -> ImplicitAlsConfig {
    ImplicitAlsConfig::new()
        .with_factors(64)
        .with_iterations(15)
        .with_regularization(ALS_LAMBDA)
        .with_confidence(Confidence::Proportional { alpha: ALS_ALPHA })
        .with_solver(solver)
}

fn bpr(negatives: Negatives, schedule: Schedule) -> BprConfig {
    BprConfig::new()
        .with_factors(64)
        .with_epochs(BPR_EPOCHS)
        .with_learning_rate(BPR_RATE)
        .with_regularization(BPR_LAMBDA)
        .with_negatives(negatives)
        .with_schedule(schedule)
}

const ALS_ALPHA: f32 = 5.0;
const ALS_LAMBDA: f32 = 10.0;
const BPR_EPOCHS: usize = 100;
const BPR_RATE: f32 = 0.05;
const BPR_LAMBDA: f32 = 0.01;
const SLIM_L1: f64 = 2.0;
const SLIM_L2: f64 = 50.0;

const SOLVERS: [(&str, AlsSolver); 2] =
    [("cholesky", AlsSolver::Cholesky), ("cg", AlsSolver::ConjugateGradient { n_steps: 3 })];
const SCHEDULES: [(&str, Schedule); 2] = [("sequential", Schedule::Sequential), ("blocks", Schedule::Blocks)];
const NEGATIVES: [(&str, Negatives); 2] = [("popular", Negatives::Popular), ("uniform", Negatives::Uniform)];

fn quality(log: &Interactions) -> Result<(), Box<dyn Error>> {
    let split = split::leave_one_out(log);
    let matrix = InteractionMatrix::with_items(&split.train, log.items(), Aggregation::Binary)?;
    let known = |scores: &dyn Fn(usize, &mut [f32])| {
        let mut all = Vec::new();
        for user in 0..matrix.users().len() {
            let mut out = vec![0.0; matrix.items().len()];
            scores(user, &mut out);
            all.push(out);
        }
        evaluate(&split, &matrix, &all)
    };
    let folded = |model: &dyn Recommender| {
        let all: Vec<Vec<f32>> = (0..matrix.users().len())
            .into_par_iter()
            .map(|user| {
                let mut out = vec![0.0; matrix.items().len()];
                model.scores(&matrix.row(user).collect::<Vec<_>>(), &mut out);
                out
            })
            .collect();
        evaluate(&split, &matrix, &all)
    };
    for (name, solver) in SOLVERS {
        let fit = |seed| als(solver).with_seed(seed).fit(&matrix, Progress::ignore);
        let models = (0..SEEDS).map(fit).collect::<Result<Vec<ImplicitAls>, _>>()?;
        print(
            &format!("als {name}, vectors of training"),
            models.iter().map(|m| known(&|u, s| m.user_scores(u, s))),
        );
        print(&format!("als {name}, fold-in"), models.iter().map(|model| folded(model)));
    }
    for (negative, negatives) in NEGATIVES {
        for (name, schedule) in SCHEDULES {
            let fit = |seed| bpr(negatives, schedule).with_seed(seed).fit(&matrix, Progress::ignore);
            let models = (0..SEEDS).map(fit).collect::<Result<Vec<Bpr>, _>>()?;
            let name = format!("bpr {negative} {name}");
            print(
                &format!("{name}, vectors of training"),
                models.iter().map(|m| known(&|u, s| m.user_scores(u, s))),
            );
            print(&format!("{name}, fold-in"), models.iter().map(|model| folded(model)));
        }
    }
    // Nothing is drawn at random here.
    let slim = SlimConfig::new().with_l1(SLIM_L1).with_l2(SLIM_L2).fit(&matrix, Progress::ignore)?;
    print("slim", std::iter::once(folded(&slim)));
    Ok(())
}

/// HR@10 and nDCG@10: the test item among all items that are neither in train nor valid.
fn evaluate(split: &Split, matrix: &InteractionMatrix, scores: &[Vec<f32>]) -> [f64; 2] {
    let mut sums = [0.0; 2];
    for (row, user) in matrix.users().iter().enumerate() {
        let only = |part: &Interactions| {
            part.get(user).and_then(|history| matrix.items().row(&history.interactions().first()?.item))
        };
        let Some(test) = only(&split.test) else { continue };
        let mut scores = scores[row].clone();
        for item in matrix.row(row).map(|(item, _)| item).chain(only(&split.valid)) {
            scores[item] = f32::NEG_INFINITY;
        }
        let own = scores[test];
        let better = |(item, &score): (usize, &f32)| score > own || (score == own && item < test);
        let rank = scores.iter().enumerate().filter(|&entry| better(entry)).count();
        if rank < 10 {
            sums[0] += 1.0;
            sums[1] += 1.0 / (rank as f64 + 2.0).log2();
        }
    }
    sums.map(|sum| sum / split.test.len() as f64)
}

/// Mean and standard deviation over seeds.
fn print(name: &str, values: impl Iterator<Item = [f64; 2]>) {
    let values: Vec<[f64; 2]> = values.collect();
    let n = values.len() as f64;
    let [hr, ndcg] = [0, 1].map(|metric| {
        let mean = values.iter().map(|value| value[metric]).sum::<f64>() / n;
        let squares = values.iter().map(|value| (value[metric] - mean).powi(2)).sum::<f64>();
        match values.len() {
            1 => format!("{mean:.4}"),
            _ => format!("{mean:.4} ± {:.4}", (squares / (n - 1.0)).sqrt()),
        }
    });
    println!("| {name} | rec-cf | {hr} | {ndcg} |");
}

/// The median of the seconds between two reports, which excludes preparations.
fn speed(log: &Interactions) -> Result<(), Box<dyn Error>> {
    let matrix = InteractionMatrix::new(log, Aggregation::Binary)?;
    for (name, solver) in SOLVERS {
        let timed =
            time(|progress| Ok(als(solver).with_iterations(11).fit(&matrix, progress).map(|_| ())?))?;
        println!("rec-cf   als {name:20} {timed:.4} s an iteration");
    }
    for (negative, negatives) in NEGATIVES {
        for (name, schedule) in SCHEDULES {
            let config = bpr(negatives, schedule).with_epochs(21);
            let timed = time(|progress| Ok(config.fit(&matrix, progress).map(|_| ())?))?;
            println!("rec-cf   bpr {negative} {name:12} {timed:.4} s an epoch");
        }
    }
    let model = als(AlsSolver::Cholesky).with_iterations(1).fit(&matrix, Progress::ignore)?;
    time_histories("als fold-in", &matrix, &model);
    let model = bpr(Negatives::Uniform, Schedule::Blocks).with_epochs(10).fit(&matrix, Progress::ignore)?;
    time_histories("bpr fold-in", &matrix, &model);
    Ok(())
}

type Report<'a> = &'a mut dyn FnMut(Progress) -> ControlFlow<()>;

fn time(train: impl Fn(Report<'_>) -> Result<(), Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let (mut seconds, mut last, mut n_done) = (Vec::new(), Instant::now(), 0);
    train(&mut |progress| {
        if progress.n_done > n_done {
            seconds.push(last.elapsed().as_secs_f64());
            (last, n_done) = (Instant::now(), progress.n_done);
        }
        ControlFlow::Continue(())
    })?;
    // The first includes what comes before the iterations.
    let mut seconds = seconds.split_off(1);
    seconds.sort_by(f64::total_cmp);
    Ok(seconds[seconds.len() / 2])
}

fn time_histories(name: &str, matrix: &InteractionMatrix, model: &dyn Recommender) {
    let n = matrix.users().len().min(200);
    let start = Instant::now();
    let mut out = vec![0.0; matrix.items().len()];
    for user in 0..n {
        model.scores(&matrix.row(user).collect::<Vec<_>>(), &mut out);
    }
    println!("rec-cf   {name:24} {:.4} ms a user", start.elapsed().as_secs_f64() * 1e3 / n as f64);
}
