//! How good are hybrids on a data set whose items have titles and vectors?
//!
//! ```text
//! cargo run --release -p rec-hybrid --example measure -- warm DIR/NAME USERS VECTORS.f32
//! cargo run --release -p rec-hybrid --example measure -- cold DIR/NAME USERS VECTORS.f32
//! cargo run --release -p rec-hybrid --example measure -- front DIR/NAME USERS VECTORS.f32
//! ```
//!
//! `DIR/NAME` is a split in RecBole's atomic files, USERS has a user a line who are judged at the end only, and VECTORS.f32 is
//! little-endian, a row for each line of the items' file. `warm` trains EASE with vectors and SLIT, blends them with a weight chosen on
//! the other users, stacks them with neighbours, text and popularity, and judges all; 16,859 items take some 6 GB. `cold` holds 5 % of
//! the items out of training, and judges text, words, the bilinear model and popularity by the users who took one of them next. `front` re-ranks the
//! lists of item neighbours, for accuracy against diversity.
#![allow(clippy::print_stdout, reason = "the figures are what this is for")]

mod data;

use std::error::Error;
use std::path::Path;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rec_cf::{
    Aggregation, BilinearConfig, EaseConfig, InteractionMatrix, KnnConfig, PopularityConfig, Progress,
    Recency, Recommender, SessionKnnConfig, SlitConfig,
};
use rec_data::{Id, RankedList};
use rec_hybrid::{
    Blend, BoostingConfig, ContentModel, Example, Learner, Lexical, LogisticConfig, Normalization, Source,
    StackingConfig, determinantal,
};
use rec_text::{Analyzer, Bm25, Language};

use crate::data::Data;

const SEED: u64 = 7;
/// Users whose lists choose between settings, and users whose targets a stack learns from.
const N_CHOOSE: usize = 5000;
const N_LEARN: usize = 10_000;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [task, stem, users, vectors] = <[String; 4]>::try_from(args)
        .map_err(|_| "usage: measure warm|cold|front DIR/NAME USERS VECTORS.f32")?;
    let data = Data::read(Path::new(&stem), Path::new(&users), Path::new(&vectors))?;
    match task.as_str() {
        "warm" => warm(&data),
        "cold" => cold(&data),
        "front" => front(&data),
        other => Err(format!("no task `{other}`").into()),
    }
}

fn warm(data: &Data) -> Result<(), Box<dyn Error>> {
    let mut others = data.users(false);
    others.shuffle(&mut ChaCha8Rng::seed_from_u64(SEED));
    let (choose, learn) = (&others[..N_CHOOSE], &others[N_CHOOSE..N_CHOOSE + N_LEARN]);
    let matrix = InteractionMatrix::with_items(&data.train, &data.items, Aggregation::Binary)?;
    let popular = PopularityConfig::new().fit(&matrix, Progress::ignore)?;
    let counts: Vec<f64> = (0..data.items.len()).map(|item| popular.count(item)).collect();
    let ease =
        EaseConfig::new(200.0).fit_with_vectors(&matrix, &data.vectors, data.dim, 20.0, Progress::ignore)?;
    let slit = SlitConfig::new(300.0).with_decay(0.8).fit(&data.train, &data.items, Progress::ignore)?;
    let sessions = SessionKnnConfig::new(500).with_recent(5000).with_recency(Recency::Exponential(0.7));
    let sources = [
        Source::new("ease", ease).with_decay(0.8),
        Source::new("slit", slit).with_decay(0.8),
        Source::new("sessions", sessions.fit(&data.train, &data.items, Progress::ignore)?),
        Source::new("text", ContentModel::new(data.items.clone(), data.vectors.clone(), data.dim)?)
            .with_decay(0.8),
        Source::new("popularity", popular),
    ];
    for source in &sources {
        data.report(source.name(), &single(source)?, &data.train, choose)?;
    }
    let blend = |weight: f32| {
        let weighted = vec![(sources[0].clone(), 1.0 - weight), (sources[1].clone(), weight)];
        Blend::new(weighted, Normalization::ZScore)
    };
    for weight in [0.2, 0.3, 0.4] {
        data.report(&format!("blend, slit {weight}"), &blend(weight)?, &data.train, choose)?;
    }
    let examples = learn.iter().map(|user| example(data, user)).collect::<Result<Vec<_>, _>>()?;
    let examples: Vec<Example> = examples.into_iter().flatten().collect();
    let learners =
        [Learner::Logistic(LogisticConfig::new()), Learner::Boosting(BoostingConfig::new().with_trees(200))];
    for learner in learners {
        let stack = StackingConfig::new(learner).with_seed(SEED).fit(sources.to_vec(), &counts, &examples)?;
        data.report(&format!("stack, {learner:?}"), &stack, &data.train, choose)?;
        stack.coefficients().into_iter().flatten().for_each(|(name, value)| println!("  {name}: {value:.3}"));
    }
    data.report("the users kept apart: blend, slit 0.3", &blend(0.3)?, &data.train, &data.users(true))
}

/// One source as a model, with its decay.
fn single(source: &Source) -> Result<Blend, rec_hybrid::Error> {
    Blend::new(vec![(source.clone(), 1.0)], Normalization::None)
}

fn example(data: &Data, user: &Id) -> Result<Option<Example>, Box<dyn Error>> {
    let history = data.history(&data.train, user)?;
    let target =
        data.valid.get(user).and_then(|history| history.items().next()).and_then(|id| data.items.row(id));
    let is_new = |target: &usize| history.iter().all(|(item, _)| item != target);
    Ok(target.filter(is_new).map(|target| Example { history: history.clone(), target }))
}

fn cold(data: &Data) -> Result<(), Box<dyn Error>> {
    let mut rows: Vec<usize> = (0..data.items.len()).collect();
    // Those of `evaluate --held-out-items 0.05`.
    let n_cold = rows.len().div_ceil(20);
    let (cold, _) = rows.partial_shuffle(&mut ChaCha8Rng::seed_from_u64(0), n_cold);
    let mut is_cold = vec![false; data.items.len()];
    cold.iter().for_each(|&item| is_cold[item] = true);
    let is_held_out = |id: &Id| data.items.row(id).is_some_and(|row| is_cold[row]);
    let train = data.train.filter(|_, interaction| !is_held_out(&interaction.item));
    let matrix = InteractionMatrix::with_items(&train, &data.items, Aggregation::Binary)?;
    let analyzer = Analyzer::fixed(Language::ENGLISH);
    let words = data.items.iter().cloned().zip(data.titles.iter().map(|title| analyzer.terms(title)));
    let sources = [
        Source::new("popularity", PopularityConfig::new().fit(&matrix, Progress::ignore)?),
        Source::new("words (BM25)", Lexical::new(words, Bm25::default())?).with_decay(0.7),
        Source::new("text", ContentModel::new(data.items.clone(), data.vectors.clone(), data.dim)?)
            .with_decay(0.8),
        Source::new(
            "bilinear",
            BilinearConfig::new().fit(&matrix, &data.vectors, data.dim, Progress::ignore)?,
        )
        .with_decay(0.85),
    ];
    let texts =
        Blend::new(vec![(sources[3].clone(), 1.0), (sources[1].clone(), 0.3)], Normalization::ZScore)?;
    let parts = [("others", vec![false]), ("kept apart", vec![true]), ("all", vec![false, true])];
    for (name, parts) in parts {
        let mut users: Vec<Id> = parts.into_iter().flat_map(|kept_apart| data.users(kept_apart)).collect();
        users.retain(|user| data.valid.get(user).is_some_and(|history| history.items().any(&is_held_out)));
        println!("{n_cold} cold items, {} users who took one: {name}", users.len());
        for source in &sources {
            data.report(source.name(), &single(source)?, &train, &users)?;
        }
        data.report("bilinear + 0.3 words", &texts, &train, &users)?;
    }
    Ok(())
}

fn front(data: &Data) -> Result<(), Box<dyn Error>> {
    let matrix = InteractionMatrix::with_items(&data.train, &data.items, Aggregation::Binary)?;
    let knn = KnnConfig::new(100).fit_items(&matrix, Progress::ignore)?;
    let model = Blend::new(vec![(Source::new("knn", knn).with_decay(0.7), 1.0)], Normalization::ZScore)?;
    let text = ContentModel::new(data.items.clone(), data.vectors.clone(), data.dim)?;
    let mut users = data.users(false);
    users.shuffle(&mut ChaCha8Rng::seed_from_u64(SEED));
    users.truncate(N_CHOOSE);
    println!("theta  recall@10  mean distance of pairs");
    let mut lists = Vec::new();
    for user in &users {
        lists.push(model.top_k(&data.history(&data.train, user)?, 50)?);
    }
    for theta in [1.0, 0.9, 0.8, 0.7, 0.5, 0.3] {
        let (mut n_found, mut distance) = (0, 0.0);
        for (user, list) in users.iter().zip(&lists) {
            let similarity = similarities(data, &text, list);
            let picked = determinantal(list, |a, b| similarity[a * list.len() + b], theta, 10)?;
            let target = data.valid.get(user).and_then(|history| history.items().next());
            n_found += usize::from(picked.iter().any(|hit| Some(&hit.id) == target));
            let places: Vec<usize> =
                picked.iter().filter_map(|hit| list.iter().position(|other| other.id == hit.id)).collect();
            let pairs =
                places.iter().flat_map(|&a| places.iter().map(move |&b| (a, b))).filter(|(a, b)| a < b);
            let (sum, n) = pairs
                .fold((0.0, 0usize), |(sum, n), (a, b)| (sum + 1.0 - similarity[a * list.len() + b], n + 1));
            distance += sum / n.max(1) as f64;
        }
        let n = users.len() as f64;
        println!("{theta:<6} {:<10.4} {:.4}", n_found as f64 / n, distance / n);
    }
    Ok(())
}

/// Cosines of the texts of a list, row-major.
fn similarities(data: &Data, text: &ContentModel, list: &RankedList) -> Vec<f64> {
    let rows: Vec<usize> = list.iter().filter_map(|hit| data.items.row(&hit.id)).collect();
    rows.iter().flat_map(|&a| rows.iter().map(move |&b| f64::from(text.similarity(a, b)))).collect()
}
