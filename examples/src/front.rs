//! What diversity and calibration cost: lists in another order, by three methods and at several settings.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use rayon::prelude::*;
use rec_cf::{Aggregation, FoldIn};
use rec_core::VectorTable;
use rec_data::{Catalogue, Hit, Id, RankedList};
use rec_eval::plot::FrontPoint;
use rec_eval::{Bootstrap, Estimate, plot};
use rec_hybrid::{Calibration, Source, category_distribution, determinantal};
use rec_score::mmr;

use crate::evaluation::Experiment;
use crate::{Error, films};

/// Candidates that are put in another order, and how many of them are shown.
const CANDIDATES: usize = 50;
const K: usize = 10;
/// What is tried, from the list as it is on.
const SETTINGS: [f64; 6] = [1.0, 0.9, 0.8, 0.7, 0.5, 0.3];

type Point = (String, f64, f64, Estimate);

/// Re-ranks the best films of a model by MMR, by a determinantal point process and by calibration to the genres of the history, prints
/// for each setting the nDCG, the mean distance of the pairs of a list and how far its genres are from those of the history, and draws
/// the first against both, as `diversity.svg` and `calibration.svg`.
///
/// # Errors
///
/// The output or a file cannot be written.
pub fn front(
    experiment: &Experiment,
    model: &Source,
    vectors: &VectorTable,
    plots: Option<&Path>,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let users = experiment.users();
    let genres = Genres::new(experiment.catalogue());
    let tasks: Vec<Task> =
        users.par_iter().map(|user| Task::new(experiment, model, &genres, user)).collect::<Result<_, _>>()?;
    writeln!(
        out,
        "\nThe best {CANDIDATES} of {} in another order: accuracy, the mean of 1 - cos of the texts over the pairs of a list, and \
         Steck's divergence of its genres from those of the history:\n",
        model.name()
    )?;
    writeln!(out, "{:<24}{:<26}{:<12}divergence", "order", "ndcg@10", "distance")?;
    let mut methods: Vec<(&'static str, Vec<Point>)> = Vec::new();
    for (name, rerank) in METHODS {
        let mut points = Vec::new();
        for setting in SETTINGS {
            let judged: Vec<[f64; 3]> = tasks
                .par_iter()
                .map(|task| task.judge(&rerank(task, vectors, setting)?, vectors, &genres))
                .collect::<Result<_, Error>>()?;
            let of = |metric: usize| judged.iter().map(move |values| values[metric]).collect::<Vec<f64>>();
            let mean = |metric: usize| of(metric).iter().sum::<f64>() / judged.len().max(1) as f64;
            let accuracy = of(0);
            let ndcg = Estimate { value: Some(mean(0)), interval: Bootstrap::new(0).mean(&accuracy) };
            let (distance, divergence) = (mean(1), mean(2));
            writeln!(
                out,
                "{:<24}{:<26}{distance:<12.4}{divergence:.4}",
                format!("{name} {setting}"),
                ndcg.to_string()
            )?;
            points.push((setting.to_string(), distance, divergence, ndcg));
        }
        methods.push((name, points));
    }
    let Some(folder) = plots else { return Ok(()) };
    let series = |at: fn(&Point) -> f64| -> Vec<(&str, Vec<FrontPoint<String>>)> {
        let of = |(name, points): &'_ (&'static str, Vec<Point>)| {
            (*name, points.iter().map(|point| (point.0.clone(), at(point), point.3)).collect())
        };
        methods.iter().map(of).collect()
    };
    let title = format!("{}, {} users", experiment.name(), users.len());
    let distance = ("mean distance of the pairs of a list, by text", "ndcg@10");
    plot::front(folder.join("diversity.svg"), &title, distance, &series(|point| point.1))?;
    let divergence = ("divergence of the genres of a list from those of the history", "ndcg@10");
    plot::front(folder.join("calibration.svg"), &title, divergence, &series(|point| point.2))?;
    Ok(())
}

type Rerank = fn(&Task, &VectorTable, f64) -> Result<Vec<Hit>, Error>;

/// The settings of all three run from 1, the list as it is, downwards.
const METHODS: [(&str, Rerank); 3] = [
    ("MMR", |task, vectors, lambda| Ok(mmr(&task.list, vectors, lambda as f32, K)?)),
    ("DPP", |task, vectors, theta| {
        let similarity = similarities(&task.list, vectors);
        Ok(determinantal(&task.list, |a, b| similarity[a * task.list.len() + b], theta, K)?)
    }),
    ("calibration", |task, _, accuracy| {
        Ok(Calibration::new(1.0 - accuracy).rerank(&task.list, &task.genres, &task.liked, K)?)
    }),
];

/// A user with the candidates, the genres of each, those of the history, and what is to be found.
struct Task {
    list: RankedList,
    genres: Vec<Vec<(usize, f64)>>,
    liked: Vec<f64>,
    targets: Vec<Id>,
}

impl Task {
    fn new(experiment: &Experiment, model: &Source, genres: &Genres, user: &Id) -> Result<Task, Error> {
        let items = model.model().items();
        let none = Default::default();
        let history = experiment.histories().get(user).unwrap_or(&none);
        let rows = FoldIn::new(Aggregation::Binary).rows(items, history)?;
        let list = model.model().top_k(&rows, CANDIDATES)?;
        let of = |id: &Id| genres.of.get(id).cloned().unwrap_or_default();
        let seen: Vec<Vec<(usize, f64)>> = history.items().map(of).collect();
        let liked = category_distribution(seen.iter().map(|genres| (1.0, &genres[..])), genres.n);
        let targets = experiment.relevance().and_then(|all| all.get(user));
        let targets = targets.into_iter().flat_map(|relevant| relevant.iter().map(|(id, _)| id.clone()));
        let genres = list.iter().map(|hit| of(&hit.id)).collect();
        Ok(Task { genres, liked, targets: targets.collect(), list })
    }

    /// nDCG for one target, mean distance, divergence.
    fn judge(&self, picked: &[Hit], vectors: &VectorTable, genres: &Genres) -> Result<[f64; 3], Error> {
        let rank = picked.iter().position(|hit| self.targets.contains(&hit.id));
        let ndcg = rank.map_or(0.0, |rank| 1.0 / (rank as f64 + 2.0).log2());
        let (list, n) = (RankedList::new(picked.iter().cloned())?, picked.len());
        let similarity = similarities(&list, vectors);
        let pairs = (0..n).flat_map(|a| (0..a).map(move |b| (a, b)));
        let distances: Vec<f64> = pairs.map(|(a, b)| 1.0 - similarity[a * n + b]).collect();
        let mean = distances.iter().sum::<f64>() / distances.len().max(1) as f64;
        let of: Vec<_> = picked.iter().filter_map(|hit| genres.of.get(&hit.id)).collect();
        let shown = category_distribution(of.iter().map(|genres| (1.0, &genres[..])), genres.n);
        Ok([ndcg, mean, Calibration::new(0.5).divergence(&self.liked, &shown)])
    }
}

/// The genres of films, each of a film with the same share.
struct Genres {
    of: BTreeMap<Id, Vec<(usize, f64)>>,
    n: usize,
}

impl Genres {
    fn new(catalogue: &Catalogue) -> Genres {
        let mut names: BTreeMap<String, usize> = BTreeMap::new();
        let mut of = BTreeMap::new();
        for film in catalogue.iter() {
            let genres = films::genres(catalogue, film.id());
            let genres: Vec<&str> = genres.split_whitespace().collect();
            let share = 1.0 / genres.len().max(1) as f64;
            let place = |genre: &&str| {
                let next = names.len();
                (*names.entry((*genre).to_owned()).or_insert(next), share)
            };
            of.insert(film.id().clone(), genres.iter().map(place).collect());
        }
        Genres { of, n: names.len() }
    }
}

/// Cosines of the texts of a list, row-major.
fn similarities(list: &RankedList, vectors: &VectorTable) -> Vec<f64> {
    let units: Vec<Vec<f64>> = list
        .iter()
        .map(|hit| {
            let vector: Vec<f64> =
                vectors.get(&hit.id).map_or_else(Vec::new, |v| v.iter().map(|&x| x.into()).collect());
            let norm = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
            vector.into_iter().map(|x| if norm > 0.0 { x / norm } else { 0.0 }).collect()
        })
        .collect();
    let cosine = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum();
    units.iter().flat_map(|a| units.iter().map(move |b| cosine(a, b))).collect()
}
