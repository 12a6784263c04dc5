//! Bring your own: an encoder, a model of the user, a scorer, and vectors from another program.
//!
//! You will see four parts that this workspace does not have, each a few lines long, and each used with all that it has: a text
//! encoder of character trigrams, which reads misspelt words; a user with two interests, what he likes on the whole and what he
//! did last; a scorer that takes the nearest item, served by the exact index; and item vectors that NumPy and Arrow have
//! written. Vectors of two sources never meet by mistake.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use burn::tensor::{Device, Tensor, TensorData};
use clap::Parser;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rec_core::{Fingerprint, HistoryBatch, Interests, Pooling, Sequence, VectorTable, device};
use rec_data::{Catalogue, History, IdMap, atomic, days};
use rec_encoder::{TextEncoder, TokenEncoder};
use rec_examples::embed::NpyFile;
use rec_examples::{EncoderArgs, Error, claim, run};
use rec_interest::{Average, UserEncoder};
use rec_score::{Cosine, Factors, Filter, FlatIndex, Query, Scorer, best_interest, mmr, rank, reasons};
use rec_text::{TokenBatch, Tokenizer};

const CATALOGUE: &str = include_str!("data/catalogue.item");

/// Recommends by parts that are not in the libraries
#[derive(Debug, Parser)]
pub(crate) struct Args {
    #[command(flatten)]
    encoder: EncoderArgs,
}

fn main() -> ExitCode {
    let args = Args::parse();
    run(|out| own_parts(&args, out))
}

pub(crate) fn own_parts(args: &Args, out: &mut dyn Write) -> Result<(), Error> {
    let catalogue = atomic::read_catalogue_from(CATALOGUE.as_bytes(), "catalogue")?;
    own_encoder(&catalogue, out)?;
    let items = args.encoder.load()?.embed(titles(&catalogue))?;
    own_user_encoder(&catalogue, &items, out)?;
    own_scorer(&items, out)?;
    vectors_from_elsewhere(&items, out)
}

fn titles(catalogue: &Catalogue) -> Vec<(String, String)> {
    catalogue
        .iter()
        .map(|item| (item.id().to_string(), field(catalogue, item.id().as_str(), "title")))
        .collect()
}

fn field(catalogue: &Catalogue, id: &str, name: &str) -> String {
    let value =
        catalogue.iter().find(|item| *item.id() == *id).and_then(|item| Some(item.get(name)?.to_string()));
    value.unwrap_or_default()
}

// --- An encoder ---------------------------------------------------------------------------------------------------------------

/// The characters that the encoder tells apart; all others are one.
const CHARACTERS: &str = " abcdefghijklmnopqrstuvwxyz0123456789";

/// Character trigrams: each has a vector of signs, drawn by the trigram as the seed. The mean of a text's vectors is a random
/// projection of its trigram counts, so texts are the nearer, the more trigrams they share.
#[derive(Debug)]
struct Trigrams;

impl Trigrams {
    const DIM: usize = 256;

    /// A token a character. Any `tokenizer.json` will do; this one is short enough to be written here.
    fn tokenizer() -> Result<Tokenizer, Error> {
        let ids = std::iter::once('?').chain(CHARACTERS.chars()).zip(0..);
        let vocab: serde_json::Map<_, _> =
            ids.map(|(c, id)| (c.to_string(), serde_json::Value::from(id))).collect();
        let json = serde_json::json!({
            "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
            "normalizer": { "type": "Lowercase" },
            "pre_tokenizer":
                { "type": "Split", "pattern": { "Regex": "." }, "behavior": "Isolated", "invert": false },
            "post_processor": null, "decoder": null,
            "model": { "type": "WordLevel", "unk_token": "?", "vocab": vocab },
        });
        Ok(Tokenizer::from_bytes(json.to_string().as_bytes())?)
    }
}

impl TokenEncoder for Trigrams {
    fn encode(&self, tokens: &TokenBatch) -> Sequence {
        let mut states = Vec::with_capacity(tokens.ids().len() * Self::DIM);
        for text in tokens.ids().chunks_exact(tokens.len()) {
            for end in 0..text.len() {
                let trigram = &text[end.saturating_sub(2)..=end];
                let seed = trigram.iter().fold(0, |seed, &id| seed << 8 | u64::from(id));
                let mut random = ChaCha8Rng::seed_from_u64(seed);
                states.extend((0..Self::DIM).map(|_| if random.random() { 1.0 } else { -1.0 }));
            }
        }
        let states = TensorData::new(states, [tokens.batch(), tokens.len(), Self::DIM]);
        Sequence::from_lengths(Tensor::from_data(states, &self.device()), tokens.lengths())
    }

    fn d_model(&self) -> usize {
        Self::DIM
    }

    fn vocab_size(&self) -> usize {
        CHARACTERS.len() + 1
    }

    fn n_token_types(&self) -> usize {
        1
    }

    fn max_len(&self) -> usize {
        512
    }

    fn device(&self) -> Device {
        device::host()
    }
}

fn own_encoder(catalogue: &Catalogue, out: &mut dyn Write) -> Result<(), Error> {
    // The name of the space must change whenever the vectors do.
    let space = Fingerprint::declared("character trigrams, 256 signs by ChaCha8");
    let encoder =
        TextEncoder::from_parts("trigrams", Trigrams::tokenizer()?, Trigrams, Pooling::Mean, space)?;
    let items = encoder.embed(titles(catalogue))?;
    let alone = encoder.encode(&["Blue Hour Quartet: Late Set"])?;
    let together = items.get("music-03").ok_or("the catalogue has lost an item")?;
    let differences = alone.row(0).iter().zip(&*together).map(|(a, b)| (a - b).abs());
    claim(differences.fold(0.0, f32::max) < 1e-6, "a text has the same vector alone and beside others")?;

    let index = FlatIndex::with_scorer(items, &Cosine)?;
    let mut n_found = 0;
    for (misspelt, meant) in [
        ("Tabeltop refelctor telescop", "shop-01"),
        ("Croisants, fold by fould", "video-05"),
        ("sourdoh for begginers", "video-04"),
        ("mekanical keybord", "shop-09"),
    ] {
        let vector = encoder.encode(&[misspelt])?.row(0).to_vec();
        let list = index.top_k(&Interests::new(vector, encoder.dim(), space)?, 1, &Filter::none())?;
        n_found += usize::from(list[0].id == *meant);
        writeln!(out, "\"{misspelt}\" is read as \"{}\"", field(catalogue, list[0].id.as_str(), "title"))?;
    }
    claim(n_found == 4, "trigrams read misspelt titles")
}

// --- A model of the user ------------------------------------------------------------------------------------------------------

/// Two interests: what the user likes on the whole, and what the user did last.
struct WholeAndLast;

impl UserEncoder for WholeAndLast {
    fn encode(&self, histories: &HistoryBatch) -> Sequence {
        let interests = [Pooling::Mean, Pooling::LastToken].map(|pooling| pooling.pool(histories.items()));
        Sequence::new(Tensor::stack(interests.into(), 1), None) // [batch, 2, d_item]
    }
}

fn own_user_encoder(catalogue: &Catalogue, items: &VectorTable, out: &mut dyn Write) -> Result<(), Error> {
    let seen = ["news-01", "shop-01", "social-01", "music-01", "video-04"];
    let history: History = seen.iter().zip(1..).map(|(id, age)| (*id, days(10 - age))).collect();
    let user = WholeAndLast.interest(items, &history);
    let index = FlatIndex::with_scorer(items.clone(), &Cosine)?;
    let list = index.top_k(&user, 6, &Filter::exclude(seen))?;
    writeln!(out, "\nWho watched the stars for weeks, and yesterday bread:")?;
    for hit in &list {
        let because = &reasons(&hit.id, history.items(), items, 1)?[0];
        let title = |id: &str| field(catalogue, id, "title");
        writeln!(out, "  {:.2}  {}, like {}", hit.score, title(hit.id.as_str()), title(because.id.as_str()))?;
    }
    let topics: Vec<String> = list.iter().map(|hit| field(catalogue, hit.id.as_str(), "topic")).collect();
    let has = |topic: &str| topics.iter().any(|other| other == topic);
    claim(has("space") && has("baking"), "both interests are answered")?;

    // The score of several interests is that of the best one; a new user has none.
    let cosine = |u: &[f32], x: &[f32]| {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
        dot(u, x) / (dot(u, u) * dot(x, x)).sqrt()
    };
    for hit in &list {
        let item = items.get(hit.id.as_str()).ok_or("an unknown item was recommended")?;
        let best = user.iter().map(|interest| cosine(interest, &item)).fold(f64::MIN, f64::max);
        assert!((best - f64::from(hit.score)).abs() < 1e-5, "{best} and {}", hit.score);
    }
    let new = WholeAndLast.interest(items, &History::default());
    assert!(new.len() == 2 && new.iter().flatten().all(|value| *value == 0.0));
    Ok(())
}

// --- A scorer -----------------------------------------------------------------------------------------------------------------

/// The nearest item is the best: `logit = -|u - x|^2`.
#[derive(Debug)]
struct Nearest;

impl Scorer for Nearest {
    fn logits(&self, interests: &Sequence, candidates: &Sequence) -> Tensor<2> {
        let ([batch, k, d], [lists, n, _]) = (interests.dims(), candidates.dims());
        let u = interests.zero_padded().reshape([batch, k, 1, d]);
        let x = candidates.zero_padded().reshape([lists, 1, n, d]);
        let distance = (u - x).powi_scalar(2).sum_dim(3).squeeze_dim::<3>(3); // [batch, k, n]
        best_interest(-distance, interests, candidates)
    }

    /// `-|u - x|^2 = 2 u · x - |x|^2 - |u|^2`: a query, a bias of the item and one of the user. Without this method the scorer
    /// works all the same, but only `rank` can serve it.
    fn factors(&self) -> Option<Box<dyn Factors>> {
        Some(Box::new(Self))
    }
}

impl Factors for Nearest {
    fn query(&self, interest: &[f32]) -> Query {
        Query { vector: interest.iter().map(|u| 2.0 * u).collect(), bias: -square(interest) }
    }

    fn item(&self, vector: &mut [f32]) -> f32 {
        -square(vector)
    }
}

fn square(vector: &[f32]) -> f32 {
    vector.iter().map(|x| x * x).sum()
}

fn own_scorer(items: &VectorTable, out: &mut dyn Write) -> Result<(), Error> {
    let history = History::from_iter([("shop-05", days(1)), ("social-05", days(2))]);
    let user = Average::new().interest(items, &history);
    let filter = Filter::exclude(history.items());
    let served = FlatIndex::with_scorer(items.clone(), &Nearest)?.top_k(&user, 10, &filter)?;
    let ranked = rank(&Nearest, &user, items, 10, &filter, &device::host())?;
    writeln!(out, "\nThe nearest item to two about running: {} at {:.3}", served[0].id, -served[0].score)?;
    let same = served.iter().zip(&ranked).all(|(a, b)| a.id == b.id && (a.score - b.score).abs() < 1e-3);
    claim(same && served.len() == 10, "the index and the scorer itself give one list")?;
    let again = mmr(&served, items, 1.0, 10)?;
    claim(again.iter().eq(served.iter()), "a list by the scorer can be re-ranked")
}

// --- Vectors ------------------------------------------------------------------------------------------------------------------

fn vectors_from_elsewhere(texts: &VectorTable, out: &mut dyn Write) -> Result<(), Error> {
    // What another program would have written, one row an item in the order of a list of ids: here, of sizes and colours.
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("looks.npy");
    let mut file = NpyFile::create(&path, 3)?;
    [[1.0, 0.2, 0.0], [0.9, 0.3, 0.1], [0.0, 0.1, 1.0]].iter().try_for_each(|row| file.push(row))?;
    file.finish()?;

    let ids = IdMap::try_from_ids(["shop-01", "shop-02", "shop-03"])?;
    let looks = VectorTable::from_npy(&path, ids, Fingerprint::declared("looks, 2026-11"))?;
    let user = Average::new().interest(&looks, &History::from_iter([("shop-01", days(1))]));
    let index = FlatIndex::with_scorer(looks, &Cosine)?;
    let list = index.top_k(&user, 1, &Filter::exclude(["shop-01"]))?;
    writeln!(out, "\nOf three items by their looks, {} is most like shop-01", list[0].id)?;
    claim(list[0].id == "shop-02", "vectors of NumPy are compared")?;

    // Written by pyarrow: a column of ids and one of lists.
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/parquet/list_f32.parquet");
    let foreign = VectorTable::from_parquet(path, "id", "vector", Fingerprint::declared("pyarrow"))?;
    let user = Average::new().interest(&foreign, &History::from_iter([("30", days(1))]));
    let list = FlatIndex::with_scorer(foreign, &Cosine)?.top_k(&user, 1, &Filter::exclude(["30"]))?;
    writeln!(out, "Of {} vectors of pyarrow, {} is nearest to 30", 3, list[0].id)?;
    claim(list[0].id == "20", "vectors of Parquet files are compared")?;

    let refused = FlatIndex::with_scorer(texts.clone(), &Cosine)?.top_k(&user, 1, &Filter::none());
    claim(matches!(refused, Err(error) if error.is_space_mismatch()), "vectors of two sources never meet")
}
