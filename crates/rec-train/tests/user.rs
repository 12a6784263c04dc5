//! Training user models: every objective learns, on a table and end to end.

#![allow(clippy::unwrap_used, reason = "a helper of tests")]

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor, TensorData};
use rec_core::{Fingerprint, HistoryBatch, Pooling, Sequence, VectorTable};
use rec_data::mind::{self, Impression};
use rec_data::{Interaction, Interactions};
use rec_encoder::TextEncoder;
use rec_interest::{EachItem, UserEncoder};
use rec_score::{FactorizationMachineConfig, MlpScorerConfig, Scorer, TargetAttentionConfig};
use rec_testkit::{device, fixture_path};
use rec_train::encoder::FineTuning;
use rec_train::user::{Clicks, Impressions, NextItem, Objective, Scoring, TextAndUser};
use rec_train::{AdamW, Draw, Progress, Task, Trainer, TrainerConfig};

/// The newest item, mapped.
#[derive(Module, Debug)]
struct Mapped {
    map: Linear,
}

impl Mapped {
    fn new(d: usize) -> Self {
        let mut map = LinearConfig::new(d, d).init(&device());
        let values: Vec<f32> = (0..d * d).map(|i| ((i * 7 + 3) as f32).sin() * 0.3).collect();
        map.weight =
            burn::module::Param::from_tensor(Tensor::from_data(TensorData::new(values, [d, d]), &device()));
        Self { map }
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

const N: usize = 12;

/// Everyone goes from item i to item i + 1.
fn log() -> Interactions {
    let events = (0..20).flat_map(|user| {
        (0..6).map(move |step| {
            (format!("u{user}"), Interaction::new(format!("i{}", (user + step) % N), step as f64))
        })
    });
    Interactions::new(events).unwrap()
}

fn next() -> Interactions {
    let events =
        (0..20).map(|user| (format!("u{user}"), Interaction::new(format!("i{}", (user + 6) % N), 9.0)));
    Interactions::new(events).unwrap()
}

fn table() -> VectorTable {
    let row = |i: usize| -> Vec<f32> { (0..N).map(|j| if i == j { 1.0 } else { 0.0 }).collect() };
    VectorTable::from_rows(Fingerprint::declared("one-hot"), (0..N).map(|i| (format!("i{i}"), row(i))))
        .unwrap()
}

fn config(n_steps: u64, lr: f64) -> TrainerConfig {
    let optimizer = AdamW::new(lr).with_weight_decay(0.0);
    TrainerConfig { n_steps, optimizer, validate_every: Some(n_steps), ..TrainerConfig::default() }
}

#[test]
fn every_objective_learns_what_comes_next() {
    for objective in [
        Objective::FullSoftmax { temperature: 1.0 },
        Objective::SampledSoftmax { n_negatives: 4 },
        Objective::InBatch { temperature: 1.0 },
        Objective::Bpr { n_negatives: 4 },
        Objective::Bce { n_negatives: 4 },
    ] {
        let task = NextItem::<Mapped>::new(table(), &log(), objective).unwrap().with_batch_size(32);
        let task = task.with_held_out(&log(), &next(), 1);
        let before = task.validate(&Mapped::new(N)).unwrap().unwrap();
        let trained = Trainer::new(config(80, 0.1)).run(Mapped::new(N), &task, Progress::ignore).unwrap();
        let recall = trained.best.unwrap().metric;
        println!("{objective:?}: recall at 1 {before} -> {recall}");
        assert!(before < 0.5 && recall == 1.0, "{objective:?}: {before} -> {recall}");
    }
    assert!(NextItem::<Mapped>::new(table(), &log(), Objective::Bpr { n_negatives: 0 }).is_err());
    assert!(
        NextItem::<Mapped>::new(table(), &Interactions::default(), Objective::Bpr { n_negatives: 1 })
            .is_err()
    );
}

#[test]
fn batches_are_of_the_past_and_of_items_not_had() {
    let task = NextItem::<Mapped>::new(table(), &log(), Objective::Bpr { n_negatives: 3 }).unwrap();
    let batch = task.sample(Draw { seed: 3, index: 0 });
    let row = |item: &rec_data::Id| table().ids().row(item.as_str()).unwrap();
    for ((history, target), negatives) in batch.histories.iter().zip(&batch.targets).zip(&batch.negatives) {
        let last = history.items().last().map(row).unwrap();
        assert_eq!((last + 1) % N, *target);
        let first = history.items().next().map(row).unwrap();
        // A user has six items in a row.
        assert!(negatives.iter().all(|n| (n + N - first) % N >= 6));
    }
}

#[test]
fn clicks_reach_the_encoder() {
    let encoder = TextEncoder::from_dir(fixture_path("bert/tiny"), &device()).unwrap();
    let words = ["the", "cat", "sat", "on", "mat", "a", "planet", "sand", "sea", "ship", "garden", "worm"];
    let items = (0..N).map(|i| (format!("i{i}"), format!("{} {}", words[i], words[(i * 5 + 1) % N])));
    let objective = Objective::SampledSoftmax { n_negatives: 3 };
    let task = Clicks::<Mapped>::new(&encoder, items, &log(), objective).unwrap().with_sizes(16, 4);
    let text = FineTuning::Full.apply(encoder.text_model().unwrap()).unwrap();
    let module = TextAndUser { text, user: Mapped::new(32) };
    let mut losses = Vec::new();
    let trained = Trainer::new(config(40, 3e-3)).run(module, &task, |progress| {
        losses.push(progress.metrics.loss);
        Progress::ignore(progress)
    });
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    println!("clicks: loss {:.3} -> {:.3}", mean(&losses[..5]), mean(&losses[35..]));
    assert!(mean(&losses[35..]) < 0.8 * mean(&losses[..5]));
    let tuned = encoder.clone().with_text_model(&trained.unwrap().module.text).unwrap();
    assert_ne!(tuned.space(), encoder.space());
}

#[test]
fn validation_end_to_end_is_that_of_the_vectors() {
    let encoder = TextEncoder::from_dir(fixture_path("bert/tiny"), &device()).unwrap();
    let texts: Vec<(String, String)> =
        (0..N).map(|i| (format!("i{i}"), "the cat sat on a mat ".repeat(1 + i))).collect();
    let objective = Objective::SampledSoftmax { n_negatives: 3 };
    let clicks = Clicks::<Mapped>::new(&encoder, texts.clone(), &log(), objective).unwrap();
    let clicks = clicks.with_sizes(16, 4).with_held_out(&log(), &next(), 3);
    let vectors = encoder.embed(texts).unwrap();
    let frozen = NextItem::<Mapped>::new(vectors, &log(), objective).unwrap().with_max_len(4);
    let frozen = frozen.with_held_out(&log(), &next(), 3);
    let module = TextAndUser { text: encoder.text_model().unwrap(), user: Mapped::new(32) };
    let metric = clicks.validate(&module).unwrap();
    println!("recall@3 {metric:?}");
    assert!(metric.is_some() && metric == frozen.validate(&module.user).unwrap());
}

#[test]
fn every_scorer_learns_what_comes_next() {
    fn learns<U: UserEncoder + Copy, S: Scorer + Module>(user: U, scorer: &S, lr: f64, lowest: f64) {
        for objective in [
            Objective::SampledSoftmax { n_negatives: 4 },
            Objective::Bpr { n_negatives: 4 },
            Objective::Bce { n_negatives: 4 },
        ] {
            let task = Scoring::<U, S>::new(user, table(), &log(), objective).unwrap().with_sizes(32, 1);
            let task = task.with_held_out(&log(), &next(), 1);
            let before = task.validate(scorer).unwrap().unwrap();
            let trained = Trainer::new(config(120, lr)).run(scorer.clone(), &task, Progress::ignore).unwrap();
            let recall = trained.best.unwrap().metric;
            println!("{}, {objective:?}: recall at 1 {before} -> {recall}", std::any::type_name::<S>());
            assert!(before < 0.5 && recall >= lowest, "{objective:?}: {before} -> {recall}");
        }
    }
    let mlp = MlpScorerConfig { d_item: N, hidden: vec![32] }.init(&device(), 1);
    learns(Pooling::LastToken, &mlp, 0.02, 1.0);
    let machine = FactorizationMachineConfig { d_user: N, d_item: N, rank: 16 }.init(&device(), 1);
    learns(Pooling::LastToken, &machine, 0.05, 1.0);
    let attention = TargetAttentionConfig { d_item: N, unit: vec![16], hidden: vec![32] }.init(&device(), 1);
    learns(EachItem, &attention, 0.02, 1.0);
}

#[test]
fn impressions_have_negatives_of_their_own() {
    let encoder = TextEncoder::from_dir(fixture_path("bert/tiny"), &device()).unwrap();
    let items = || (0..N).map(|i| (format!("i{i}"), "a cat"));
    let impressions = |text: &str| -> Vec<Impression> {
        mind::behaviors_from(text.as_bytes(), "behaviors.tsv").collect::<Result<_, _>>().unwrap()
    };
    let time = "1/1/2020 8:00:00 AM";
    let shown = impressions(&format!(
        "1\tann\t{time}\ti0 i1\ti2-1 i3-0 i4-1 i5-0 gone-0\n2\tbob\t{time}\t\ti6-1 i7-0\n3\tcid\t{time}\ti1\ti8-0\n4\tdee\t{time}\ti1\ti9-1\n"
    ));
    let task = Impressions::<Mapped>::new(&encoder, items(), &shown, 3).unwrap().with_sizes(3, 1);
    let batch = task.sample(Draw { seed: 1, index: 0 });
    let mut targets = batch.targets.clone();
    targets.sort_unstable();
    assert_eq!(targets, [2, 4, 6], "cid clicked nothing, and dee saw nothing else");
    for ((history, target), negatives) in batch.histories.iter().zip(&batch.targets).zip(&batch.negatives) {
        let (among, last): (&[usize], &[&str]) = if *target == 6 { (&[7], &[]) } else { (&[3, 5], &["i1"]) };
        assert!(negatives.len() == 3 && among.iter().all(|row| negatives.contains(row)));
        assert!(negatives.iter().all(|row| among.contains(row)));
        assert!(history.items().map(rec_data::Id::as_str).eq(last.iter().copied()));
    }
    // All texts are one: every pair of scores is equal, and the AUC a half.
    let module = TextAndUser { text: encoder.text_model().unwrap(), user: Mapped::new(32) };
    assert_eq!(task.with_held_out(&shown).validate(&module).unwrap(), Some(0.5));

    let nothing = impressions(&format!("3\tcid\t{time}\ti1\ti8-0\n"));
    assert!(Impressions::<Mapped>::new(&encoder, items(), &nothing, 1).is_err());
    assert!(Impressions::<Mapped>::new(&encoder, items(), &shown, 0).is_err());
}
