//! Trains one model on an interactions file of RecBole, ranks the whole catalogue for every user, and prints how long each took
//! and the most memory that the process had, as one line of JSON: what `scripts/peers/cf` compares with other libraries.
//!
//!     cargo run --release -p rec-cf --example peers -- item-knn|als|bpr|slim|ease FILE.inter ITERATIONS USERS
//!
//! Of more than `USERS` users every so many is ranked for, and the seconds are scaled to all.
#![allow(clippy::print_stdout, reason = "an example")]

use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

use rec_cf::{
    Aggregation, BprConfig, Confidence, EaseConfig, ImplicitAlsConfig, InteractionMatrix, KnnConfig,
    Progress, Recommender, SlimConfig,
};
use rec_data::{InteractionFields, RankedList, atomic};

/// The length of lists.
const K: usize = 10;

/// Lists for users of the matrix, by row.
type Lists<'a> = Box<dyn Fn(&[usize]) -> Result<Vec<RankedList>, rec_cf::Error> + 'a>;

fn main() -> ExitCode {
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, file, iterations, n_most] = &arguments[..] else {
        return Err("usage: peers item-knn|als|bpr|slim|ease FILE.inter ITERATIONS USERS".into());
    };
    let (iterations, n_most): (usize, usize) = (iterations.parse()?, n_most.parse()?);
    let log = atomic::read_interactions(file, &InteractionFields::default())?;
    let matrix = &InteractionMatrix::new(&log, Aggregation::Binary)?;
    // The other libraries hold the matrix only, too.
    drop(log);
    let start = Instant::now();
    let lists: Lists<'_> = match model.as_str() {
        "item-knn" => {
            let model = KnnConfig::new(100).fit_items(matrix, Progress::ignore)?;
            Box::new(of_history(matrix, model))
        }
        "ease" => {
            let model = EaseConfig::new(200.0).fit(matrix, Progress::ignore)?;
            Box::new(of_history(matrix, model))
        }
        "slim" => {
            let config = SlimConfig::new().with_l1(2.0).with_l2(50.0).with_candidates(100);
            Box::new(of_history(matrix, config.fit(matrix, Progress::ignore)?))
        }
        // As the other libraries do, with the vectors that the users have from training.
        "als" => {
            let config = ImplicitAlsConfig::new().with_factors(64).with_iterations(iterations);
            let config = config.with_regularization(10.0).with_confidence(Confidence::Linear { alpha: 5.0 });
            let model = config.fit(matrix, Progress::ignore)?;
            Box::new(move |users: &[usize]| model.user_top_k(users, matrix, K))
        }
        "bpr" => {
            let config = BprConfig::new().with_factors(64).with_epochs(iterations);
            let model = config.fit(matrix, Progress::ignore)?;
            Box::new(move |users: &[usize]| model.user_top_k(users, matrix, K))
        }
        _ => return Err(format!("no model `{model}`").into()),
    };
    let train = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let n_users = matrix.users().len();
    let users: Vec<usize> =
        (0..n_users).step_by(n_users.div_ceil(n_most.clamp(1, n_users.max(1))).max(1)).collect();
    // As many lists at a time as the other libraries make.
    let mut n = 0;
    for users in users.chunks(4096) {
        n += lists(users)?.iter().map(|list| list.len()).sum::<usize>();
    }
    let lists = start.elapsed().as_secs_f64() * n_users as f64 / users.len().max(1) as f64;
    println!(
        "{{\"train\": {train:.4}, \"lists\": {lists:.4}, \"peak_mb\": {:.0}, \"n\": {n}, \"n_users\": {n_users}, \
         \"n_items\": {}, \"n_values\": {}}}",
        peak_memory()? / 1e6,
        matrix.items().len(),
        matrix.n_values(),
    );
    Ok(())
}

fn of_history(
    matrix: &InteractionMatrix,
    model: impl Recommender,
) -> impl Fn(&[usize]) -> Result<Vec<RankedList>, rec_cf::Error> {
    move |users| {
        let histories: Vec<Vec<(usize, f32)>> =
            users.iter().map(|&user| matrix.row(user).collect()).collect();
        model.top_k_batch(&histories, K)
    }
}

/// The most bytes that the process had in memory, as Linux counts.
fn peak_memory() -> Result<f64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    let kibibytes: f64 = line.trim_end_matches("kB").trim().parse()?;
    Ok(kibibytes * 1024.0)
}
