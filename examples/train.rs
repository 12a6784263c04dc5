//! You will see a user model trained on anything that is written as RecBole's atomic files, from one JSON file of settings.
//!
//! The items' texts become vectors once; the model that the settings name learns on them what users choose next. Each user's last item
//! is for the test, the one before it for early stopping.
//!
//!     scripts/fetch ml-100k
//!     cargo run --release -p rec-examples --example train -- examples/data/train.json OUT
//!
//! `OUT` has checkpoints, `metrics.jsonl` and `curves.svg`; killed and started again, the program goes on from there. `OUT/model` has
//! the model as `user.safetensors`, the vectors of its items as `items.safetensors`, and the settings as `settings.json`; `evaluate
//! --method trained --trained OUT/model` judges it. `examples/data/models.json` has a model of every kind.

use std::fs;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;

use burn::module::Module;
use burn::tensor::Device;
use clap::Parser;
use indicatif::ProgressBar;
use rec_core::VectorTable;
use rec_core::nn::ModelConfig;
use rec_data::split::Split;
use rec_data::{InteractionFields, Interactions, atomic, split};
use rec_examples::evaluation::Learned;
use rec_examples::{EncoderArgs, Error, claim, curves};
use rec_interest::{
    AdditiveAttentionConfig, CapsulesConfig, LearnedUserEncoder, LsturConfig, NrmsConfig,
    PolyAttentionConfig, SasRecConfig, TrainedUserEncoder, UserEncoder,
};
use rec_text::Template;
use rec_train::objective::LabelAware;
use rec_train::user::{NextItem, Objective};
use rec_train::{Task, Trainer, TrainerConfig};
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Debug, Parser)]
pub(crate) struct Args {
    /// The settings
    config: PathBuf,
    /// The folder of checkpoints, metrics and the model
    out: PathBuf,
    #[command(flatten)]
    encoder: EncoderArgs,
}

/// What the file says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The `.item` file.
    items: PathBuf,
    /// The `.inter` file.
    interactions: PathBuf,
    /// The text of an item.
    template: String,
    /// Columns that are text, whatever their header says.
    #[serde(default)]
    text_columns: Vec<String>,
    /// The user model: its `name`, and its config without `d_item`, which is the encoder's.
    model: Map<String, Value>,
    objective: Objective,
    /// Of several interests: how much their likeness adds to the loss.
    #[serde(default)]
    disagreement: f64,
    /// Events a batch.
    batch_size: usize,
    /// The latest events of a history.
    max_len: usize,
    trainer: TrainerConfig,
}

fn main() -> ExitCode {
    let args = Args::parse();
    rec_examples::run(|out| train(&args, out))
}

pub(crate) fn train(args: &Args, out: &mut dyn Write) -> Result<(), Error> {
    let file = args.config.display();
    let text = fs::read(&args.config).map_err(|error| format!("{file}: {error}"))?;
    let settings: Settings = serde_json::from_slice(&text).map_err(|error| format!("{file}: {error}"))?;
    if settings.batch_size == 0 || settings.max_len == 0 {
        return Err(format!("{file}: `batch_size` and `max_len` are at least 1").into());
    }
    let template = Template::parse(&settings.template).map_err(|error| format!("{file}: {error}"))?;
    let columns: Vec<&str> = settings.text_columns.iter().map(String::as_str).collect();
    let catalogue = atomic::read_catalogue(&settings.items)?.with_text_columns(columns)?;
    let log = atomic::read_interactions(&settings.interactions, &InteractionFields::default())?;
    // That somebody chose an item is what counts, not how many stars it got.
    let log = Interactions::new(log.iter().flat_map(|(user, history)| {
        history.interactions().iter().map(move |event| (user, event.clone().with_weight(1.0)))
    }))?;
    let split = split::leave_one_out(&log);
    let encoder = args.encoder.load()?;
    let items = encoder.embed(catalogue.iter().map(|item| (item.id().clone(), template.render(&item))))?;
    writeln!(out, "{} items, {} users, {} events", items.len(), log.len(), split.train.n_interactions())?;

    let device = encoder.device();
    let job = Job { args, settings: &settings, items, split, device };
    let name = settings.model.get("name").and_then(Value::as_str).unwrap_or_default();
    match name {
        AdditiveAttentionConfig::NAME => job.run(AdditiveAttentionConfig::init, out),
        NrmsConfig::NAME => job.run(NrmsConfig::init, out),
        LsturConfig::NAME => job.run(LsturConfig::init, out),
        SasRecConfig::NAME => job.run(SasRecConfig::init, out),
        PolyAttentionConfig::NAME => job.run(PolyAttentionConfig::init, out),
        CapsulesConfig::NAME => job.run(CapsulesConfig::init, out),
        _ => Err(format!("{file}: the `name` of the model is `{name}`, and not one of {}", NAMES.join(", "))
            .into()),
    }
}

pub(crate) const NAMES: [&str; 6] = [
    AdditiveAttentionConfig::NAME,
    NrmsConfig::NAME,
    LsturConfig::NAME,
    SasRecConfig::NAME,
    PolyAttentionConfig::NAME,
    CapsulesConfig::NAME,
];

/// What any model learns from.
struct Job<'a> {
    args: &'a Args,
    settings: &'a Settings,
    items: VectorTable,
    split: Split,
    device: Device,
}

impl Job<'_> {
    fn run<C: ModelConfig>(
        &self,
        init: impl Fn(&C, &Device, u64) -> C::Model,
        out: &mut dyn Write,
    ) -> Result<(), Error>
    where
        C::Model: UserEncoder + Into<LearnedUserEncoder>,
    {
        let (settings, Split { train, valid, test, .. }) = (self.settings, &self.split);
        let model = init(&self.config()?, &self.device, settings.trainer.seed);
        let training = self.task()?.with_held_out(train, valid, 10);
        let trainer = Trainer::new(settings.trainer.clone()).in_folder(&self.args.out);
        writeln!(out, "memory: {}", trainer.memory(&model, &training))?;
        let bar = ProgressBar::new(settings.trainer.n_steps);
        let mut curve = Vec::new();
        let trained = trainer.run(model, &training, |progress| {
            let metrics = progress.metrics;
            bar.set_position(metrics.step);
            curve.extend(metrics.metric.map(|metric| (metrics.step, metrics.loss, metric)));
            ControlFlow::Continue(())
        })?;
        bar.finish_and_clear();
        for (step, loss, metric) in curve {
            writeln!(out, "step {step}: loss {loss:.3}, recall@10 {metric:.4}")?;
        }
        curves::draw(&self.args.out, C::NAME, "recall@10", 1.0)?;

        let test = self.task()?.with_held_out(&train.merged(valid), test, 10).validate(&trained.module)?;
        if let (Some(best), Some(test)) = (trained.best, test) {
            writeln!(
                out,
                "best after step {}: recall@10 {:.4}, in the test {test:.4}",
                best.step, best.metric
            )?;
        }
        self.save(&TrainedUserEncoder::new(trained.module, self.items.space()))
    }

    /// The model's config: what the settings say, in the dimensions of the items.
    fn config<C: ModelConfig>(&self) -> Result<C, Error> {
        let mut config = self.settings.model.clone();
        config.remove("name");
        config.insert("d_item".to_owned(), self.items.dim().into());
        let wrong =
            |problem: String| format!("{}: the model {}: {problem}", self.args.config.display(), C::NAME);
        let config: C = serde_json::from_value(config.into()).map_err(|error| wrong(error.to_string()))?;
        config.n_values().map_err(wrong)?;
        Ok(config)
    }

    fn task<U: UserEncoder + Module>(&self) -> Result<NextItem<U>, Error> {
        let task = NextItem::new(self.items.clone(), &self.split.train, self.settings.objective)?;
        let task = task.with_interests(LabelAware::Best, self.settings.disagreement);
        Ok(task.with_batch_size(self.settings.batch_size).with_max_len(self.settings.max_len))
    }

    /// Writes the model, and checks that what a program will load says the same.
    fn save(&self, trained: &TrainedUserEncoder) -> Result<(), Error> {
        let folder = self.args.out.join("model");
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let settings = folder.join("settings.json");
        fs::copy(&self.args.config, &settings).map_err(|error| format!("{}: {error}", settings.display()))?;
        Learned::save(&folder, &self.items, trained)?;
        let (_, loaded) = Learned::read(&folder, &self.device)?;
        let mut users = self.split.train.iter().take(3).map(|(_, history)| history);
        let same =
            users.all(|user| loaded.interest(&self.items, user) == trained.interest(&self.items, user));
        claim(same, "the saved model has the interests of the trained one")
    }
}
