//! You will see a recommender take in what its users did since yesterday: MovieLens 100K, cut by time.
//!
//! 1. A model of users goes on with the new ratings only, with and without rehearsal of the old, and a report of what drifted.
//! 2. A linear model of clicks (four stars or more) learns from one rating after the other.
//! 3. Its logits become probabilities: Platt scaling and isotonic regression, and their errors on ratings that none of them saw.
//! 4. Bandits choose from the top of the list, and a log with propensities tells what LinUCB would have earned; here the truth is
//!    known, because every film of a list was rated.
//!
//! ```text
//! scripts/fetch ml-100k && cargo run --release -p rec-examples --example update
//! ```

use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use rec_core::{Interests, VectorTable};
use rec_data::decisions::{self, Decision};
use rec_data::{History, Hit, Id, Interaction, Interactions, RankedList, split};
use rec_eval::{Bootstrap, ExpectedReward, ImpressionReport, Impressions, LoggedChoice, OffPolicy};
use rec_examples::films::{self, Films};
use rec_examples::{EncoderArgs, Error, claim, run};
use rec_feedback::{
    Arms, Bandit, EpsilonGreedy, Exploration, FeedbackWeights, IsotonicCalibration, LinearBandit, Numbers,
    PlattScaling, label,
};
use rec_interest::{Average, Decay, SasRec, SasRecConfig, UserEncoder};
use rec_score::{Bilinear, BilinearConfig, Click, Form, OnlineConfig, OnlineLogistic};
use rec_train::update::{DriftReport, Rehearsal};
use rec_train::user::{NextItem, Objective};
use rec_train::{AdamW, Progress, Schedule, Trainer, TrainerConfig};

/// Updates models of MovieLens 100K with its last months
#[derive(Debug, Parser)]
pub(crate) struct Args {
    #[command(flatten)]
    encoder: EncoderArgs,
    /// Steps of the model of users before the update
    #[arg(long, default_value_t = 240)]
    steps: u64,
    /// Steps of the update
    #[arg(long, default_value_t = 80)]
    update_steps: u64,
    /// Take the films' vectors from this file; if it is not there yet, encode the films and write it
    #[arg(long, value_name = "FILE")]
    vectors: Option<PathBuf>,
    /// The folder with ml-100k.item and ml-100k.inter
    #[arg(long, value_name = "DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/ml-100k"))]
    data: PathBuf,
}

fn main() -> ExitCode {
    let args = Args::parse();
    run(|out| update(&args, out))
}

pub(crate) fn update(args: &Args, out: &mut dyn Write) -> Result<(), Error> {
    let films = Films::open(&args.data)?;
    let encoder = args.encoder.load()?;
    let items = films::vectors(&encoder, &films.catalogue, args.vectors.as_deref())?;
    let parts = split::global_time_ratio(&films.ratings, [0.8, 0.1, 0.1]);
    let (old, new, later) = (&parts.train, &parts.valid, &parts.test);
    let n = [old, new, later].map(Interactions::n_interactions);
    writeln!(out, "ratings: {} old, {} new, {} later\n", n[0], n[1], n[2])?;

    drift(args, &items, old, new, out)?;
    // A fifth of the old is enough for a linear model.
    let n_old = n[0] / 5;
    let ratings = Ratings::new(&films.ratings, &items, n_old + n[1] + n[2])?;
    let (frozen, logits) = clicks(&ratings, [n_old, n[1]], out)?;
    calibration(&logits, out)?;
    bandits(&ratings, &frozen, n_old + n[1], out)
}

/// 1. A model of users, trained on the old, goes on with the new.
fn drift(
    args: &Args,
    items: &VectorTable,
    old: &Interactions,
    new: &Interactions,
    out: &mut dyn Write,
) -> Result<(), Error> {
    const LEN: usize = 20;
    let times = new.iter().flat_map(|(_, history)| history.interactions()).map(|rating| rating.time);
    let since = times.fold(f64::INFINITY, f64::min);
    // Of each user and period, the last film is what is to be found.
    let (old, new) = (split::leave_one_out(old), split::leave_one_out(new));
    let seen = |split: &split::Split| split.train.merged(&split.valid);
    let (old_log, new_log) = (seen(&old), seen(&new));
    let all = old_log.merged(&new_log);
    let task = |log: &Interactions| -> Result<NextItem<SasRec>, Error> {
        let task = NextItem::new(items.clone(), log, Objective::FullSoftmax { temperature: 1.0 })?;
        Ok(task.with_batch_size(64).with_max_len(LEN))
    };
    let old_task = task(&old_log)?.with_held_out(&old_log, &old.test, 10);
    let new_task = task(&all)?.since(since)?.with_held_out(&all, &new.test, 10);
    let trainer = |n_steps, lr| {
        let schedule = Schedule::WarmUpCosine { n_warm_up: n_steps / 10, floor: 0.05 };
        let optimizer = AdamW::new(lr);
        Trainer::new(TrainerConfig {
            n_steps,
            optimizer,
            schedule,
            clip: Some(1.0),
            ..TrainerConfig::default()
        })
    };
    let config = SasRecConfig {
        d_item: items.dim(),
        n_layers: 1,
        n_heads: 4,
        d_inner: items.dim(),
        n_positions: LEN,
        from_oldest: false,
        n_time_buckets: 0,
        dropout: 0.1,
    };
    let before = config.init(&rec_core::device::host(), 1);
    let before = trainer(args.steps, 1e-3).run(before, &old_task, Progress::ignore)?.module;

    let histories: Vec<_> = old_log.iter().map(|(_, history)| history.last_n(LEN)).collect();
    let histories: Vec<_> = histories.iter().collect();
    let vectors = |model: &SasRec| -> Result<Vec<f32>, Error> {
        Ok(model
            .try_interests(items, &histories)?
            .iter()
            .flat_map(|user| user.iter().flatten().copied())
            .collect())
    };
    let vectors_before = vectors(&before)?;
    for share in [0.0, 0.3] {
        let task = Rehearsal::new(new_task.clone(), old_task.clone(), share)?;
        let after = trainer(args.update_steps, 5e-4).run(before.clone(), &task, Progress::ignore)?.module;
        let report = DriftReport::new(&before, &after)?
            .with_metric("recall@10, old", &old_task, &before, &after)?
            .with_metric("recall@10, new", &new_task, &before, &after)?
            .with_vectors("users", &vectors_before, &vectors(&after)?, items.dim());
        writeln!(out, "updated with a share of {share} of old events\n{report}")?;
    }
    Ok(())
}

/// Ratings in the order of time, and the vectors that a linear model sees.
struct Ratings {
    items: VectorTable,
    events: Vec<Rating>,
}

struct Rating {
    user: Id,
    /// From what the user rated before.
    interests: Interests,
    item: Id,
    /// How many ratings the film had before.
    n_before: usize,
    /// Against three stars: 1 for five, -1 for one.
    weight: f32,
}

impl Rating {
    fn is_click(&self) -> bool {
        label(self.weight).0
    }
}

impl Ratings {
    /// The latest `n` ratings.
    fn new(log: &Interactions, items: &VectorTable, n: usize) -> Result<Self, Error> {
        // Unit vectors, so that the untrained model is a cosine.
        let unit = |vector: &[f32]| -> Vec<f32> {
            let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
            vector.iter().map(|x| x / norm).collect()
        };
        let space = items.space().derive("unit", &[]);
        let items =
            VectorTable::from_rows(space, items.iter().map(|(id, vector)| (id.clone(), unit(&vector))))?;
        let log = FeedbackWeights::new(Numbers::Ratings { neutral: 3.0, scale: 2.0 }).of_log(log)?;
        let mut ratings: Vec<(&Id, &Interaction)> = log
            .iter()
            .flat_map(|(user, history)| history.interactions().iter().map(move |rating| (user, rating)))
            .collect();
        ratings.sort_by(|(_, a), (_, b)| a.time.total_cmp(&b.time));
        let (before, latest) = ratings.split_at(ratings.len() - n.min(ratings.len()));
        let mut n_before: HashMap<&Id, usize> = HashMap::new();
        for (_, rating) in before {
            *n_before.entry(&rating.item).or_default() += 1;
        }
        // What came at the same second is not known yet.
        let past = |(user, rating): &(&Id, &Interaction)| -> Result<History, Error> {
            let history = log.get(user).cloned().unwrap_or_default();
            Ok(history.as_of(rating.time - 1.0)?.last_n(30))
        };
        let pasts = latest.iter().map(past).collect::<Result<Vec<_>, _>>()?;
        let model = Average::with_decay(Decay::geometric(0.9));
        let interests = model.try_interests(&items, &pasts.iter().collect::<Vec<_>>())?;
        let events = latest.iter().zip(interests).map(|((user, rating), interests)| {
            let count = n_before.entry(&rating.item).or_default();
            *count += 1;
            let (user, item, n_before) = ((*user).clone(), rating.item.clone(), *count - 1);
            Rating { user, interests, item, n_before, weight: films::stars(&rating.signal) }
        });
        Ok(Self { events: events.collect(), items })
    }

    /// A rating as a click: four stars or more.
    fn click<'a>(&'a self, event: &'a Rating, vector: &'a [f32]) -> Click<'a> {
        Click { interests: &event.interests, item: vector, clicked: event.is_click(), weight: 1.0 }
    }

    fn vector(&self, item: &Id) -> Vec<f32> {
        self.items.get(item.as_str()).unwrap_or_default().into_owned()
    }
}

/// A logit and what happened.
struct Judged {
    user: Id,
    item: Id,
    logit: f64,
    clicked: bool,
}

fn report(of: &[Judged], probability: impl Fn(f64) -> f64) -> Result<ImpressionReport, Error> {
    let mut impressions = Impressions::new().with_probabilities().with_global_auc();
    for Judged { user, item, logit, clicked } in of {
        impressions.add(user, std::slice::from_ref(item), &[probability(*logit) as f32], &[*clicked])?;
    }
    Ok(impressions.into_report(None))
}

fn sigmoid(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

/// 2. A linear model learns from the old ratings; on the new ones it stays as it is, or goes on learning, each judged before it learns.
fn clicks(
    ratings: &Ratings,
    [n_old, n_new]: [usize; 2],
    out: &mut dyn Write,
) -> Result<(Bilinear, Vec<Judged>), Error> {
    let dim = ratings.items.dim();
    let start = BilinearConfig { d_user: dim, d_item: dim, form: Form::Diagonal, bias: true };
    let config = OnlineConfig { rate: 0.02, ..OnlineConfig::default() };
    let mut online = OnlineLogistic::bilinear(&start.init(&rec_core::device::host()), config);
    for event in &ratings.events[..n_old] {
        online.update(ratings.click(event, &ratings.vector(&event.item)))?;
    }
    let frozen = online.model();
    let stays = OnlineLogistic::bilinear(&frozen, config);
    let (mut still, mut learning) = (Vec::new(), Vec::new());
    for event in &ratings.events[n_old..n_old + n_new] {
        let vector = ratings.vector(&event.item);
        let judged = |logit| Judged {
            user: event.user.clone(),
            item: event.item.clone(),
            logit,
            clicked: event.is_click(),
        };
        still.push(judged(stays.logit(&event.interests, &vector)?));
        learning.push(judged(online.update(ratings.click(event, &vector))?));
    }
    writeln!(out, "clicks of the new ratings, judged before they are learned from")?;
    writeln!(out, "{:<20} {:>10} {:>10}", "", "log loss", "AUC")?;
    let mut losses = Vec::new();
    for (name, judged) in [("as it was", &still), ("learning online", &learning)] {
        let report = report(judged, sigmoid)?;
        let value = |estimate: rec_eval::Estimate| estimate.value.unwrap_or(f64::NAN);
        let (loss, auc) = (value(report.log_loss), value(report.global_auc.unwrap_or_default()));
        writeln!(out, "{name:<20} {loss:>10.4} {auc:>10.4}")?;
        losses.push(loss);
    }
    claim(losses[1] < losses[0], "learning from clicks lowers the log loss")?;
    Ok((frozen, still))
}

/// 3. Learned on the first half of the new ratings, judged on the second.
fn calibration(logits: &[Judged], out: &mut dyn Write) -> Result<(), Error> {
    let (first, second) = logits.split_at(logits.len() / 2);
    let (scores, labels): (Vec<f64>, Vec<bool>) = first.iter().map(|j| (j.logit, j.clicked)).unzip();
    let platt = PlattScaling::fit(&scores, &labels)?;
    let isotonic = IsotonicCalibration::fit(&scores, &labels)?;
    writeln!(out, "\nprobabilities of the model as it was, calibrated on the first half of the new ratings")?;
    writeln!(out, "{:<20} {:>10} {:>10} {:>10}", "", "error", "Brier", "log loss")?;
    let methods: [(&str, &dyn Fn(f64) -> f64); 3] = [
        ("raw", &sigmoid),
        ("Platt", &|logit| platt.probability(logit)),
        ("isotonic", &|logit| isotonic.probability(logit)),
    ];
    for (name, method) in methods {
        let report = report(second, method)?;
        let error = report.calibration_error.unwrap_or(f64::NAN);
        let value = |estimate: rec_eval::Estimate| estimate.value.unwrap_or(f64::NAN);
        writeln!(
            out,
            "{name:<20} {error:>10.4} {:>10.4} {:>10.4}",
            value(report.brier),
            value(report.log_loss)
        )?;
        for bin in report.calibration.iter().filter(|_| name != "isotonic") {
            let (predicted, observed) = (bin.predicted, bin.observed);
            writeln!(
                out,
                "    predicted {predicted:.2}, happened {observed:.2}, {} times",
                bin.n_candidates
            )?;
        }
    }
    Ok(())
}

/// Ten films that a user rated, as the model ranks them.
struct Top {
    user: Id,
    list: RankedList,
    items: Vec<Id>,
    features: Vec<f64>,
    /// Whether each was liked: a log knows only that of the film that it chose.
    rewards: Vec<f64>,
}

fn tops(ratings: &Ratings, frozen: &Bilinear, from: usize) -> Result<Vec<Top>, Error> {
    let scorer = OnlineLogistic::bilinear(frozen, OnlineConfig::default());
    let mut by_user: Vec<(&Id, Vec<&Rating>)> = Vec::new();
    let mut rows = HashMap::new();
    for event in &ratings.events[from..] {
        let row = *rows.entry(&event.user).or_insert_with(|| {
            by_user.push((&event.user, Vec::new()));
            by_user.len() - 1
        });
        by_user[row].1.push(event);
    }
    let mut tops = Vec::new();
    for (user, rated) in by_user {
        for ten in rated.chunks_exact(10) {
            // What the user was like before the first of them.
            let interests = &ten[0].interests;
            let mut hits = Vec::new();
            for event in ten {
                let logit = scorer.logit(interests, &ratings.vector(&event.item))?;
                hits.push(Hit { id: event.item.clone(), score: logit as f32 });
            }
            let list = RankedList::new(hits)?;
            let of = |hit: &Hit| ten.iter().find(|event| event.item == hit.id);
            let events: Vec<_> = list.iter().filter_map(of).collect();
            // A constant, the model's logit, and how known the film is.
            let features = list.iter().zip(&events).flat_map(|(hit, event)| {
                [1.0, f64::from(hit.score), (1.0 + event.n_before as f64).ln() / 3.0]
            });
            tops.push(Top {
                user: user.clone(),
                items: list.iter().map(|hit| hit.id.clone()).collect(),
                features: features.collect(),
                rewards: events.iter().map(|event| f64::from(u8::from(event.is_click()))).collect(),
                list,
            });
        }
    }
    Ok(tops)
}

/// 4. What bandits earn while they learn, and what a log says of one of them.
fn bandits(ratings: &Ratings, frozen: &Bilinear, from: usize, out: &mut dyn Write) -> Result<(), Error> {
    let tops = tops(ratings, frozen, from)?;
    let dim = 3;
    writeln!(out, "\n{} lists of ten films; the share of first places that are liked", tops.len())?;
    let random = tops.iter().flat_map(|top| &top.rewards).sum::<f64>() / (10 * tops.len()) as f64;
    writeln!(out, "{:<28} {random:.4}", "any film of the list")?;
    let mut policies: [(&str, Box<dyn Bandit>); 4] = [
        ("the first of the list", Box::new(EpsilonGreedy::new(0.0))),
        ("epsilon-greedy, 0.1", Box::new(LinearBandit::new(dim, Exploration::Greedy).with_epsilon(0.1))),
        ("LinUCB, alpha 0.5", Box::new(LinearBandit::new(dim, Exploration::Ucb { alpha: 0.5 }))),
        ("Thompson, v 0.2", Box::new(LinearBandit::new(dim, Exploration::Thompson { v: 0.2, n_draws: 200 }))),
    ];
    for (name, bandit) in &mut policies {
        let mut earned = 0.0;
        for (seed, top) in (0..).zip(&tops) {
            let arms = Arms::new(&top.items, &top.features)?;
            let (shown, choice) = bandit.rerank(&top.list, &arms, seed);
            earned += top.rewards[choice.arm];
            bandit.update(&shown[0].id, arms.features(choice.arm), top.rewards[choice.arm])?;
        }
        writeln!(out, "{name:<28} {:.4}", earned / tops.len() as f64)?;
    }

    // A log of the ranker, half of it explored, goes through a file.
    let ranker = EpsilonGreedy::new(0.5);
    let mut log = Vec::new();
    for (seed, top) in (0..).zip(&tops) {
        let choice = ranker.choose(&Arms::new(&top.items, &top.features)?, seed);
        let (user, items) = (top.user.clone(), top.items.clone());
        log.push(Decision::new(user, items, choice.arm, choice.propensity, top.rewards[choice.arm])?);
    }
    let file = tempfile::NamedTempFile::with_suffix(".jsonl")?;
    decisions::write(file.path(), &log)?;
    let log = decisions::read(file.path())?.collect::<Result<Vec<_>, _>>()?;

    // LinUCB and a model of rewards learn from the first third of it; the rest judges them.
    let n_learned = log.len() / 3;
    let mut policy = LinearBandit::new(dim, Exploration::Ucb { alpha: 0.5 }).with_epsilon(0.1);
    let mut expects = LinearBandit::new(dim, Exploration::Greedy);
    for (decision, top) in log.iter().zip(&tops).take(n_learned) {
        let features = Arms::new(&top.items, &top.features)?.features(decision.chosen());
        policy.update(decision.item(), features, decision.reward())?;
        expects.update(decision.item(), features, decision.reward())?;
    }
    let (mut estimates, mut truth) = (OffPolicy::new(), 0.0);
    for (seed, (decision, top)) in (0..).zip(log.iter().zip(&tops).skip(n_learned)) {
        let arms = Arms::new(&top.items, &top.features)?;
        let (p, q) = (policy.probabilities(&arms, seed), expects.expected(&arms));
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        truth += dot(&p, &top.rewards) / (log.len() - n_learned) as f64;
        estimates.add(
            decision.user(),
            LoggedChoice {
                reward: decision.reward(),
                propensity: decision.propensity(),
                target: p[decision.chosen()],
                expected: Some(ExpectedReward { of_choice: q[decision.chosen()], of_policy: dot(&p, &q) }),
            },
        )?;
    }
    let report = estimates.into_report(Some(&Bootstrap::new(7)));
    writeln!(out, "\nLinUCB by the log of another policy; what it really earns is {truth:.4}\n{report}")?;
    let holds =
        |estimate: rec_eval::Estimate| estimate.interval.is_some_and(|interval| interval.contains(truth));
    let doubly_robust = report.doubly_robust.unwrap_or_default();
    claim(holds(report.ips) && holds(report.snips) && holds(doubly_robust), "the intervals hold the truth")
}
