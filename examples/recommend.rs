//! The main job: a pretrained language model recommends from what people did.
//!
//! You will see six people, what each did, and the five items that fit best, each with its score and the thing in the
//! history that it resembles most. Items are news, goods, posts, music and video, and all that is known of them is text: so
//! a telescope that was bought leads to a documentary. One person skipped an item, which pushes away what resembles it; one
//! bought an item that the catalogue has no more; and one is new and gets what others like.
//!
//! A model that reads Chinese shows three more people and a Chinese catalogue, and then looks the first of them up in the
//! English one: the vectors of both languages lie in one space.
//!
//! ```text
//! scripts/fetch e5-small && cargo run --release -p rec-examples --example recommend -- --model models/multilingual-e5-small
//! ```

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use rec_core::{EventWeights, VectorTable};
use rec_data::{
    Catalogue, History, Hit, Id, InteractionFields, Interactions, Item, RankedList, Signal, atomic, days,
};
use rec_encoder::TextEncoder;
use rec_examples::{EncoderArgs, Error, claim, fit, run};
use rec_interest::{Average, Decay, UserEncoder};
use rec_score::{Cosine, Filter, FlatIndex, reasons};
use rec_text::{Cleaner, Template};

/// When the recommendations are made, in seconds of Unix time.
const NOW: f64 = 1_750_000_000.0;
const K: usize = 5;

/// A user, who that is, and the topic that the first recommendation should have.
type Person = (&'static str, &'static str, Option<&'static str>);

const ENGLISH: Market = Market {
    catalogue: include_str!("data/catalogue.item"),
    histories: include_str!("data/histories.inter"),
    people: &[
        ("ada", "Ada, who looks up", Some("space")),
        ("ben", "Ben, who bakes", Some("baking")),
        ("cleo", "Cleo, who runs", Some("running")),
        ("dan", "Dan, who loves jazz and skips metal", Some("jazz")),
        ("eve", "Eve, who used to garden and now programs", Some("programming")),
        ("finn", "Finn, who is new", None),
    ],
};

const CHINESE: Market = Market {
    catalogue: include_str!("data/catalogue-zh.item"),
    histories: include_str!("data/histories-zh.inter"),
    people: &[
        ("lin", "林，爱看星空", Some("space")),
        ("wei", "伟，爱喝茶", Some("tea")),
        ("mei", "梅，学古筝，跳过金属乐", Some("guzheng")),
    ],
};

/// Items, what people did with them, and these people.
struct Market {
    catalogue: &'static str,
    histories: &'static str,
    people: &'static [Person],
}

/// Recommends from a small catalogue of news, goods, posts, music and video
#[derive(Debug, Parser)]
pub(crate) struct Args {
    #[command(flatten)]
    encoder: EncoderArgs,
}

fn main() -> ExitCode {
    let args = Args::parse();
    run(|out| recommend(&args, out))
}

pub(crate) fn recommend(args: &Args, out: &mut dyn Write) -> Result<(), Error> {
    let encoder = args.encoder.load()?;
    let english = Shop::open(&ENGLISH, &encoder)?;
    writeln!(
        out,
        "{} items, encoded by {} into {} dimensions",
        english.items.len(),
        encoder.name(),
        encoder.dim()
    )?;
    english.serve(&ENGLISH, out)?;
    if reads_chinese(&encoder)? {
        let chinese = Shop::open(&CHINESE, &encoder)?;
        writeln!(out, "\n{} items in Chinese", chinese.items.len())?;
        chinese.serve(&CHINESE, out)?;

        // One space for both languages: a history in one, items in the other.
        let (user, name, topic) = CHINESE.people[0];
        let interest = chinese.model.interest(&chinese.items, &chinese.history(user)?);
        let list = english.index.top_k(&interest, 1, &Filter::none())?;
        let title = english.field(&list[0].id, "title");
        writeln!(out, "\nFrom the English catalogue for {name}: {title}")?;
        claim(
            Some(english.field(&list[0].id, "topic").as_str()) == topic,
            "an interest in one language finds its topic in another",
        )?;
    }
    Ok(())
}

/// Whether the vocabulary has Chinese words. One made for English has single characters at best, and needs a token for
/// each of them.
fn reads_chinese(encoder: &TextEncoder) -> Result<bool, Error> {
    let text = "我们可以通过望远镜看到月球和星星";
    let tokens = encoder.tokenizer().encode(text)?.ids.len() - encoder.tokenizer().n_special();
    Ok(tokens * 4 < text.chars().count() * 3)
}

/// A market whose items have vectors.
struct Shop {
    catalogue: Catalogue,
    log: Interactions,
    items: VectorTable,
    model: Average,
    index: FlatIndex,
}

impl Shop {
    fn open(market: &Market, encoder: &TextEncoder) -> Result<Self, Error> {
        let catalogue = atomic::read_catalogue_from(market.catalogue.as_bytes(), "catalogue")?;
        let fields = InteractionFields::default().event("event");
        let log = atomic::read_interactions_from(market.histories.as_bytes(), "histories", &fields)?;

        // Text to vectors. A model that was trained with prompts names them.
        let prompt = encoder.prompt("passage").unwrap_or_default();
        let (template, cleaner) = (Template::parse("{title}. {text}")?.with_prompt(prompt), Cleaner::new());
        let text = |item: Item<'_>| cleaner.clean(&template.render(&item)).into_owned();
        let items = encoder.embed(catalogue.iter().map(|item| (item.id(), text(item))))?;

        // Histories to interests, and interests to lists.
        let weights = EventWeights::new([("view", 1.0), ("like", 2.0), ("buy", 3.0), ("skip", -1.0)]);
        let model = Average::with_decay(Decay::half_life(days(30))).normalized().with_event_weights(weights);
        let index = FlatIndex::with_scorer(items.clone(), &Cosine)?;
        Ok(Self { catalogue, log, items, model, index })
    }

    fn history(&self, user: &str) -> Result<History, Error> {
        Ok(self.log.get(user).cloned().unwrap_or_default().as_of(NOW)?)
    }

    fn top_k(&self, history: &History, k: usize) -> Result<RankedList, Error> {
        let user = self.model.interest(&self.items, history);
        Ok(self.index.top_k(&user, k, &Filter::exclude(history.items()))?)
    }

    /// Prints what each person gets, and checks it.
    fn serve(&self, market: &Market, out: &mut dyn Write) -> Result<(), Error> {
        let popular = popular(self.log.iter().map(|(_, history)| history), &self.catalogue)?;
        for &(user, name, topic) in market.people {
            let history = self.history(user)?;
            // Without a known item the interest is the zero vector and every score 0: better what others like.
            let known = history.items().any(|id| self.catalogue.ids().contains(id));
            let list = if known { self.top_k(&history, K)? } else { popular.clone() };
            self.print_person(out, name, &history, &list)?;

            assert!(list.len() == K && list.is_sorted_by(|a, b| a.score >= b.score));
            assert!(
                list.iter().all(|hit| history.items().all(|seen| *seen != hit.id)),
                "seen items never come back"
            );
            if let Some(topic) = topic {
                let first = self.field(&list[0].id, "topic");
                claim(first == topic, &format!("the first item for {name} is about {topic}"))?;
            }

            // The same history without some events: what did they change?
            let without = |left_out: &str| {
                let rest = history.interactions().iter().filter(|event| event.item != *left_out);
                History::new(rest.cloned())?.as_of(NOW)
            };
            if user == "dan" {
                let score = |history: &History| -> Result<f32, Error> {
                    let list = self.top_k(history, self.items.len())?;
                    Ok(list.iter().find(|hit| hit.id == "music-07").map_or(f32::NAN, |hit| hit.score))
                };
                let (before, after) = (score(&without("music-06")?)?, score(&history)?);
                let title = self.field(&"music-07".into(), "title");
                writeln!(out, "  The skip took \"{title}\" from {before:.2} to {after:.2}.")?;
                claim(after < before, "a skipped item pushes away what resembles it")?;
            }
            if user == "cleo" {
                assert_eq!(
                    list,
                    self.top_k(&without("headlamp")?, K)?,
                    "an item without a vector changes nothing"
                );
            }
        }
        Ok(())
    }

    fn field(&self, id: &Id, field: &str) -> String {
        match (self.catalogue.get(id), field) {
            (Some(item), _) => item.get(field).map_or(String::new(), |value| value.to_string()),
            (None, "title") => format!("({id}, no longer in the catalogue)"),
            (None, _) => String::new(),
        }
    }

    fn print_person(
        &self,
        out: &mut dyn Write,
        name: &str,
        history: &History,
        list: &RankedList,
    ) -> Result<(), Error> {
        writeln!(out, "\n{name}")?;
        for (event, age) in history.interactions().iter().zip(history.ages()) {
            let Signal::Event(what) = &event.signal else { continue };
            let (days, kind) = (age / 86_400.0, fit(&self.field(&event.item, "kind"), 7));
            writeln!(out, "  {days:>3} d ago  {what:<5} {kind} {}", self.field(&event.item, "title"))?;
        }
        for (rank, hit) in list.iter().enumerate() {
            let because = match reasons(&hit.id, liked(history), &self.items, 1)?.first() {
                Some(nearest) => {
                    format!("like \"{}\"", fit(&self.field(&nearest.id, "title"), 40).trim_end())
                }
                None => "popular with others".to_owned(),
            };
            let (kind, title) = (fit(&self.field(&hit.id, "kind"), 7), self.field(&hit.id, "title"));
            writeln!(out, "  {}  {:>5.2}  {kind} {}  {because}", rank + 1, hit.score, fit(&title, 46))?;
        }
        Ok(())
    }
}

/// The items that most people did something with, other than skipping them.
fn popular<'a>(
    histories: impl Iterator<Item = &'a History>,
    catalogue: &Catalogue,
) -> Result<RankedList, rec_data::Error> {
    let mut counts: BTreeMap<&Id, f32> = BTreeMap::new();
    for id in histories.flat_map(liked).filter(|id| catalogue.ids().contains(id)) {
        *counts.entry(id).or_default() += 1.0;
    }
    let mut list = RankedList::new(counts.into_iter().map(|(id, score)| Hit { id: id.clone(), score }))?;
    list.truncate(K);
    Ok(list)
}

fn liked(history: &History) -> impl Iterator<Item = &Id> {
    let skip = Signal::Event("skip".into());
    history.interactions().iter().filter(move |event| event.signal != skip).map(|event| &event.item)
}
