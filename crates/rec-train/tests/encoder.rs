//! Fine-tuning the bundled encoder and the fixtures' one: losses fall, what is frozen stays, and the folder that is saved loads.

#![allow(clippy::unwrap_used, reason = "a helper of tests")]

use rec_encoder::{TextEncoder, TextModel, WeightFormat};
use rec_testkit::{device, fixture_path};
use rec_train::encoder::{DistillationWeights, Distilled, FineTuning, MaskedTokens, TextPairs};
use rec_train::{AdamW, Draw, Joint, Progress, Task, Trained, Trainer, TrainerConfig, parameters};

fn tiny() -> TextEncoder {
    TextEncoder::from_dir(fixture_path("bert/tiny"), &device()).unwrap()
}

const TEXTS: [&str; 8] = [
    "the cat sat",
    "a desert planet",
    "on the mat",
    "sand and worms",
    "a garden",
    "party",
    "the sea",
    "ships",
];

fn pairs() -> TextPairs {
    TextPairs::new(&tiny(), &TEXTS, vec![(0, 2), (1, 3), (4, 5), (6, 7)]).unwrap().with_batch_size(4)
}

fn config(n_steps: u64) -> TrainerConfig {
    TrainerConfig { n_steps, optimizer: AdamW::new(3e-3), checkpoint_every: 4, ..TrainerConfig::default() }
}

fn train<T: Task<Module = TextModel>>(task: &T, how: FineTuning, n: u64) -> (Trained<TextModel>, Vec<f64>) {
    let model = how.apply(tiny().text_model().unwrap()).unwrap();
    let mut losses = Vec::new();
    let trained = Trainer::new(config(n)).run(model, task, |progress| {
        losses.push(progress.metrics.loss);
        Progress::ignore(progress)
    });
    (trained.unwrap(), losses)
}

#[test]
fn every_way_learns_and_saves() {
    let before = tiny().encode(&TEXTS).unwrap();
    for how in
        [FineTuning::Full, FineTuning::TopLayers(1), FineTuning::Lora { rank: 4, alpha: 16.0, seed: 1 }]
    {
        let (trained, losses) = train(&pairs(), how, 25);
        println!("{how:?}: loss {:.3} -> {:.3}", losses[0], losses[24]);
        assert!(losses[24] < 0.6 * losses[0], "{how:?}: {losses:?}");

        let tuned = tiny().with_text_model(&trained.module).unwrap();
        assert_ne!(tuned.space(), tiny().space());
        let vectors = tuned.encode(&TEXTS).unwrap();
        assert_ne!(vectors, before);
        let folder = tempfile::tempdir().unwrap();
        tuned.save(folder.path().join("model"), WeightFormat::F32).unwrap();
        let loaded = TextEncoder::from_dir(folder.path().join("model"), &device()).unwrap();
        assert_eq!(loaded.encode(&TEXTS).unwrap(), vectors);
    }
}

#[test]
fn top_layers_leave_the_rest() {
    let (trained, _) = train(&pairs(), FineTuning::TopLayers(1), 3);
    let states = |model: &TextModel| {
        let encoder = tiny();
        let tokens = encoder.tokenize(&TEXTS[..1]).unwrap();
        let states = model.transformer().hidden_states(&encoder.collate(&tokens));
        states.into_iter().map(|s| s.values().to_data().try_to_vec::<f32>().unwrap()).collect::<Vec<_>>()
    };
    let (before, after) = (states(&tiny().text_model().unwrap()), states(&trained.module));
    assert_eq!(before[..2], after[..2]);
    assert_ne!(before[2], after[2]);
    assert!(FineTuning::TopLayers(3).apply(tiny().text_model().unwrap()).is_err());
}

#[test]
fn adapters_change_nothing_at_first_and_repeat() {
    let adapted =
        |seed| FineTuning::Lora { rank: 2, alpha: 4.0, seed }.apply(tiny().text_model().unwrap()).unwrap();
    let same = tiny().with_text_model(&adapted(1)).unwrap();
    assert_eq!(same.encode(&TEXTS).unwrap(), tiny().encode(&TEXTS).unwrap());
    let after = |seed| {
        let trained = Trainer::new(config(3)).run(adapted(seed), &pairs(), Progress::ignore).unwrap();
        tiny().with_text_model(&trained.module).unwrap().space()
    };
    assert_eq!(after(1), after(1));
    assert_ne!(after(1), after(2));
    let trained = parameters(&adapted(1)).into_iter().filter(|p| p.is_trained);
    assert!(trained.clone().all(|p| p.path.contains(".lora.")) && trained.count() == 2 * 2 * 4);
}

#[test]
fn an_encoder_resumes_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let how = FineTuning::Lora { rank: 2, alpha: 4.0, seed: 1 };
    let model = || how.apply(tiny().text_model().unwrap()).unwrap();
    let trainer = Trainer::new(config(10)).in_folder(folder.path());
    let stopped = trainer.run(model(), &pairs(), |progress| match progress.metrics.step {
        6 => std::ops::ControlFlow::Break(()),
        _ => std::ops::ControlFlow::Continue(()),
    });
    assert!(stopped.unwrap_err().is_interrupted());
    let resumed = trainer.run(model(), &pairs(), Progress::ignore).unwrap();
    let whole = Trainer::new(config(10)).run(model(), &pairs(), Progress::ignore).unwrap();
    let space = |trained: &Trained<TextModel>| tiny().with_text_model(&trained.module).unwrap().space();
    assert_eq!(space(&resumed), space(&whole));
}

#[test]
fn hidden_tokens_are_learned() {
    let task = MaskedTokens::new(&tiny(), &TEXTS).unwrap().with_batch_size(8);
    let (_, losses) = train(&task, FineTuning::Full, 60);
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    let (first, last) = (mean(&losses[..5]), mean(&losses[55..]));
    println!("masked tokens: loss {first:.3} -> {last:.3}");
    assert!(last < 0.8 * first);

    // The metric is the same each time it is asked, and better after training.
    let task = task.with_held_out(3);
    let model = tiny().text_model().unwrap();
    assert_eq!(task.validate(&model).unwrap(), task.validate(&model).unwrap());
}

#[test]
fn a_model_of_another_encoder_is_refused() {
    let other = TextEncoder::from_dir(fixture_path("bert/tiny-dense"), &device()).unwrap();
    assert!(tiny().with_text_model(&other.text_model().unwrap()).is_err());
    // One's own, unchanged, computes the same.
    let again = other.clone().with_text_model(&other.text_model().unwrap()).unwrap();
    assert_eq!(again.encode(&TEXTS).unwrap(), other.encode(&TEXTS).unwrap());
}

#[test]
fn a_student_becomes_like_its_teacher() {
    let teacher = tiny();
    let student = teacher.clone().keep_layers(&[0]).unwrap();
    let task = Distilled::new(&teacher, &student, &TEXTS).unwrap().with_batch_size(6);
    let task = task.with_hidden_states(&teacher, vec![(2, 1)]).unwrap().with_held_out(2);
    let model = FineTuning::Full.apply(student.text_model().unwrap()).unwrap();
    let before = task.validate(&student.text_model().unwrap()).unwrap().unwrap();
    let config = TrainerConfig { validate_every: Some(30), ..config(60) };
    let trained = Trainer::new(config).run(model, &task, Progress::ignore).unwrap();
    let after = trained.best.unwrap().metric;
    println!("cosine of held-out texts {before:.3} -> {after:.3}");
    assert!(after > before + 0.02 * (1.0 - before));

    // The teacher itself has nothing to learn.
    let own = Distilled::new(&teacher, &teacher, &TEXTS).unwrap();
    let own = own.with_hidden_states(&teacher, vec![(0, 0), (2, 2)]).unwrap();
    let loss = own.loss(&teacher.text_model().unwrap(), &vec![0, 3, 5]).unwrap().into_scalar::<f32>();
    assert!(loss.abs() < 1e-4, "{loss}");
    assert!(
        (own.with_held_out(4).validate(&teacher.text_model().unwrap()).unwrap().unwrap() - 1.0).abs() < 1e-5
    );
}

#[test]
fn the_loss_of_a_student_is_its_parts() {
    let teacher = tiny();
    let student = teacher.clone().keep_layers(&[1]).unwrap();
    let rows = vec![1, 4, 6];
    let loss = |vectors, similarities| {
        let weights = DistillationWeights { vectors, similarities, temperature: 0.5, hidden_states: 0.0 };
        let task = Distilled::new(&teacher, &student, &TEXTS).unwrap().with_weights(weights).unwrap();
        f64::from(task.loss(&student.text_model().unwrap(), &rows).unwrap().into_scalar::<f32>())
    };
    let texts: Vec<&str> = rows.iter().map(|&row| TEXTS[row]).collect();
    let unit = |encoder: &TextEncoder| -> Vec<Vec<f64>> {
        let unit = |row: &[f32]| {
            let norm = row.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
            row.iter().map(|x| f64::from(*x) / norm).collect()
        };
        encoder.encode(&texts).unwrap().rows().map(unit).collect()
    };
    let (t, s) = (unit(&teacher), unit(&student));
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let vectors = (0..3).map(|i| 2.0 - 2.0 * dot(&t[i], &s[i])).sum::<f64>() / 3.0;
    assert!((loss(1.0, 0.0) - vectors).abs() < 1e-5, "{} {vectors}", loss(1.0, 0.0));
    let softmax = |x: &[Vec<f64>], i: usize| -> Vec<f64> {
        let e: Vec<f64> = (0..3).filter(|&j| j != i).map(|j| (dot(&x[i], &x[j]) / 0.5).exp()).collect();
        e.iter().map(|value| value / e.iter().sum::<f64>()).collect()
    };
    let divergence =
        |i: usize| -> f64 { softmax(&t, i).iter().zip(softmax(&s, i)).map(|(p, q)| p * (p / q).ln()).sum() };
    let similarities = (0..3).map(divergence).sum::<f64>() / 3.0;
    assert!((loss(0.0, 1.0) - similarities).abs() < 1e-5, "{} {similarities}", loss(0.0, 1.0));
    assert!((loss(0.5, 2.0) - (0.5 * vectors + 2.0 * similarities)).abs() < 1e-4);

    let task = Distilled::new(&teacher, &student, &TEXTS).unwrap();
    assert!(task.clone().with_hidden_states(&teacher, vec![(3, 1)]).is_err());
    let weights =
        DistillationWeights { vectors: -1.0, similarities: 1.0, temperature: 1.0, hidden_states: 1.0 };
    assert!(task.with_weights(weights).is_err());
    assert!(Distilled::new(&teacher, &student, &TEXTS[..1]).is_err());
}

#[test]
fn pairs_and_hidden_tokens_are_learned_together() {
    let tokens = MaskedTokens::new(&tiny(), &TEXTS).unwrap().with_batch_size(8);
    let joint = Joint::new(pairs(), tokens.clone(), 0.5).unwrap();
    let sum = |model: &TextModel| -> f32 {
        let losses = (0..5).map(|index| {
            let batch = joint.sample(Draw { seed: 9, index });
            joint.loss(model, &batch).unwrap().into_scalar::<f32>()
        });
        losses.sum()
    };
    let model = FineTuning::Full.apply(tiny().text_model().unwrap()).unwrap();
    let before = sum(&model);
    let trained = Trainer::new(config(40)).run(model, &joint, Progress::ignore).unwrap();
    let after = sum(&trained.module);
    println!("joint loss {before:.3} -> {after:.3}");
    assert!(after < 0.7 * before);
    assert!(Joint::new(pairs(), tokens, f64::NAN).is_err());
}
