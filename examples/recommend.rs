//! The main job: a pretrained language model recommends from what people did.
//!
//! You will see six people, what each did, and the five items that fit best, each with its score and the thing in the
//! history that it resembles most. Items are news, goods, posts, music and video, and all that is known of them is text: so
//! a telescope that was bought leads to a documentary. One person skipped an item, which pushes away what resembles it; one
//! bought an item that the catalogue has no more; and one is new and gets what others like.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use rec_core::{EventWeights, VectorTable};
use rec_data::atomic::{self, InteractionFields};
use rec_data::{Catalogue, History, Hit, Id, Item, RankedList, Signal, days};
use rec_examples::{EncoderArgs, Error, claim, fit, run};
use rec_interest::{Average, Decay, UserEncoder};
use rec_score::{Cosine, Filter, FlatIndex, reasons};
use rec_text::{Cleaner, Template};

const CATALOGUE: &str = include_str!("data/catalogue.item");
const HISTORIES: &str = include_str!("data/histories.inter");
/// When the recommendations are made, in seconds of Unix time.
const NOW: f64 = 1_750_000_000.0;
const K: usize = 5;

/// A user, who that is, and the topic that the first recommendation should have.
const PEOPLE: [(&str, &str, Option<&str>); 6] = [
    ("ada", "Ada, who looks up", Some("space")),
    ("ben", "Ben, who bakes", Some("baking")),
    ("cleo", "Cleo, who runs", Some("running")),
    ("dan", "Dan, who loves jazz and skips metal", Some("jazz")),
    ("eve", "Eve, who used to garden and now programs", Some("programming")),
    ("finn", "Finn, who is new", None),
];

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
    let catalogue = atomic::read_catalogue_from(CATALOGUE.as_bytes(), "catalogue.item")?;
    let fields = InteractionFields::default().event("event");
    let log = atomic::read_interactions_from(HISTORIES.as_bytes(), "histories.inter", &fields)?;

    // Text to vectors.
    let encoder = args.encoder.load()?;
    let (template, cleaner) = (Template::parse("{title}. {text}")?, Cleaner::new());
    let text = |item: Item<'_>| cleaner.clean(&template.render(&item)).into_owned();
    let items = encoder.embed(catalogue.iter().map(|item| (item.id(), text(item))))?;
    writeln!(out, "{} items, encoded by {} into {} dimensions", items.len(), encoder.name(), items.dim())?;

    // Histories to interests, and interests to lists.
    let weights = EventWeights::new([("view", 1.0), ("like", 2.0), ("buy", 3.0), ("skip", -1.0)]);
    let model = Average::with_decay(Decay::half_life(days(30))).normalized().with_event_weights(weights);
    let index = FlatIndex::with_scorer(items.clone(), &Cosine)?;
    let top_k = |history: &History, k| {
        index.top_k(&model.interest(&items, history), k, &Filter::exclude(history.items()))
    };
    let popular = popular(log.iter().map(|(_, history)| history), &catalogue)?;

    for (user, name, topic) in PEOPLE {
        let history = log.get(user).cloned().unwrap_or_default().as_of(NOW)?;
        // Without a known item the interest is the zero vector and every score 0: better what others like.
        let known = history.items().any(|id| catalogue.ids().contains(id));
        let list = if known { top_k(&history, K)? } else { popular.clone() };
        print_person(out, name, &history, &list, &catalogue, &items)?;

        assert!(list.len() == K && list.is_sorted_by(|a, b| a.score >= b.score));
        assert!(
            list.iter().all(|hit| history.items().all(|seen| *seen != hit.id)),
            "seen items never come back"
        );
        if let Some(topic) = topic {
            let first = field(&catalogue, &list[0].id, "topic");
            claim(first == topic, &format!("the first item for {name} is about {topic}"))?;
        }

        // The same history without some events: what did they change?
        let without = |left_out: &str| {
            let rest = history.interactions().iter().filter(|event| event.item != *left_out);
            History::new(rest.cloned())?.as_of(NOW)
        };
        if user == "dan" {
            let score = |history: &History| -> Result<f32, Error> {
                let list = top_k(history, items.len())?;
                Ok(list.iter().find(|hit| hit.id == "music-07").map_or(f32::NAN, |hit| hit.score))
            };
            let (before, after) = (score(&without("music-06")?)?, score(&history)?);
            let title = field(&catalogue, &"music-07".into(), "title");
            writeln!(out, "  The skip took \"{title}\" from {before:.2} to {after:.2}.")?;
            claim(after < before, "a skipped item pushes away what resembles it")?;
        }
        if user == "cleo" {
            assert_eq!(list, top_k(&without("headlamp")?, K)?, "an item without a vector changes nothing");
        }
    }
    Ok(())
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

fn field(catalogue: &Catalogue, id: &Id, field: &str) -> String {
    match (catalogue.get(id), field) {
        (Some(item), _) => item.get(field).map_or(String::new(), |value| value.to_string()),
        (None, "title") => format!("({id}, no longer in the catalogue)"),
        (None, _) => String::new(),
    }
}

fn print_person(
    out: &mut dyn Write,
    name: &str,
    history: &History,
    list: &RankedList,
    catalogue: &Catalogue,
    items: &VectorTable,
) -> Result<(), Error> {
    writeln!(out, "\n{name}")?;
    for (event, age) in history.interactions().iter().zip(history.ages()) {
        let Signal::Event(what) = &event.signal else { continue };
        let (days, kind) = (age / 86_400.0, field(catalogue, &event.item, "kind"));
        writeln!(out, "  {days:>3} d ago  {what:<5} {kind:<7} {}", field(catalogue, &event.item, "title"))?;
    }
    for (rank, hit) in list.iter().enumerate() {
        let because = match reasons(&hit.id, liked(history), items, 1)?.first() {
            Some(nearest) => {
                format!("like \"{}\"", fit(&field(catalogue, &nearest.id, "title"), 40).trim_end())
            }
            None => "popular with others".to_owned(),
        };
        let (kind, title) = (field(catalogue, &hit.id, "kind"), field(catalogue, &hit.id, "title"));
        writeln!(out, "  {}  {:>5.2}  {kind:<7} {}  {because}", rank + 1, hit.score, fit(&title, 46))?;
    }
    Ok(())
}
