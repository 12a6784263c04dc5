//! Impressions of news in MIND's format, with preferences that are known because they were planted.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::Error;

/// Words of eight topics, and words that say nothing.
const TOPICS: [(&str, [&str; 10]); 8] = [
    (
        "space",
        [
            "rocket",
            "orbit",
            "comet",
            "astronaut",
            "galaxy",
            "telescope",
            "moon",
            "satellite",
            "planet",
            "launch",
        ],
    ),
    (
        "football",
        [
            "goal",
            "striker",
            "penalty",
            "coach",
            "league",
            "stadium",
            "goalkeeper",
            "transfer",
            "derby",
            "referee",
        ],
    ),
    (
        "cooking",
        ["recipe", "oven", "garlic", "dessert", "kitchen", "butter", "pasta", "roast", "spices", "chef"],
    ),
    (
        "markets",
        [
            "shares",
            "investors",
            "inflation",
            "bank",
            "profit",
            "stocks",
            "bonds",
            "earnings",
            "currency",
            "traders",
        ],
    ),
    (
        "weather",
        [
            "storm",
            "snow",
            "flood",
            "heatwave",
            "forecast",
            "hurricane",
            "rain",
            "winds",
            "thunder",
            "drought",
        ],
    ),
    (
        "music",
        [
            "album",
            "singer",
            "concert",
            "guitar",
            "orchestra",
            "melody",
            "chart",
            "drummer",
            "festival",
            "lyrics",
        ],
    ),
    (
        "health",
        [
            "vaccine", "doctor", "hospital", "virus", "therapy", "diet", "surgery", "patients", "symptoms",
            "nurse",
        ],
    ),
    (
        "travel",
        [
            "airport", "beach", "hotel", "tourists", "passport", "cruise", "island", "flight", "luggage",
            "resort",
        ],
    ),
];
const COMMON: [&str; 10] =
    ["today", "new", "report", "week", "people", "big", "city", "season", "question", "story"];

/// How many of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planted {
    /// Articles.
    pub n_news: usize,
    /// Users.
    pub n_users: usize,
    /// Impressions of a user, the last of which is for the test.
    pub n_impressions: usize,
    /// The seed of all.
    pub seed: u64,
}

impl Default for Planted {
    fn default() -> Self {
        Self { n_news: 160, n_users: 300, n_impressions: 4, seed: 1 }
    }
}

struct Article {
    topic: usize,
    popularity: f64,
}

impl Planted {
    /// Writes `train` and `dev`, each a folder with `news.tsv` and `behaviors.tsv`.
    ///
    /// A title is four words of its topic and two of no topic. A user likes two topics. Of the eight clicks before the first impression
    /// 87 % are on these. An impression shows eight articles; the one with the largest `2.5 (is liked) + popularity / 2 + Gumbel noise`
    /// is clicked, and in three of ten the second, too. Articles differ in popularity by a standard normal deviate, so what everybody
    /// clicks is a good guess, and the user's topics are a better one.
    ///
    /// ```
    /// use rec_data::mind;
    /// use rec_examples::planted::Planted;
    ///
    /// let folder = tempfile::tempdir()?;
    /// let planted = Planted { n_users: 5, ..Planted::default() };
    /// planted.write(folder.path())?;
    /// assert_eq!(mind::read_news(folder.path().join("train/news.tsv"))?.len(), 160);
    /// let count = |part: &str| mind::behaviors(folder.path().join(part)).map(Iterator::count);
    /// assert_eq!((count("train/behaviors.tsv")?, count("dev/behaviors.tsv")?), (15, 5));
    /// # Ok::<(), rec_examples::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), Error> {
        let random = &mut ChaCha8Rng::seed_from_u64(self.seed);
        let (mut news, mut articles) = (String::new(), Vec::new());
        for n in 0..self.n_news {
            let topic = n % TOPICS.len();
            let (name, words) = &TOPICS[topic];
            let mut title: Vec<&str> = words.sample(random, 4).copied().collect();
            title.extend(COMMON.sample(random, 2));
            title.shuffle(random);
            writeln!(news, "N{n}\t{name}\t{name}\t{}\t\t\t[]\t[]", title.join(" "))?;
            articles.push(Article { topic, popularity: normal(random) });
        }
        let (mut train, mut dev) = (String::new(), String::new());
        for user in 0..self.n_users {
            let topics: Vec<usize> = rand::seq::index::sample(random, TOPICS.len(), 2).into_vec();
            let liked = |article: &Article| topics.contains(&article.topic);
            let mut history = Vec::new();
            while history.len() < 8 {
                let n = random.random_range(0..articles.len());
                if (liked(&articles[n]) || random.random_bool(0.15 * 2.0 / 6.0)) && !history.contains(&n) {
                    history.push(n);
                }
            }
            for impression in 0..self.n_impressions {
                let shown = rand::seq::index::sample(random, articles.len(), 8).into_vec();
                let mut order: Vec<(f64, usize)> = (shown.iter())
                    .map(|&n| {
                        let noise = -(-(1.0 - random.random::<f64>()).ln()).ln();
                        (
                            2.5 * f64::from(u8::from(liked(&articles[n])))
                                + articles[n].popularity / 2.0
                                + noise,
                            n,
                        )
                    })
                    .collect();
                order.sort_by(|a, b| b.0.total_cmp(&a.0));
                let n_clicks = 1 + usize::from(random.random_bool(0.3));
                let clicked: Vec<usize> = order[..n_clicks].iter().map(|&(_, n)| n).collect();
                let into = if impression + 1 == self.n_impressions { &mut dev } else { &mut train };
                let before: Vec<String> = history.iter().map(|n| format!("N{n}")).collect();
                let candidates: Vec<String> =
                    shown.iter().map(|n| format!("N{n}-{}", u8::from(clicked.contains(n)))).collect();
                let (id, day) = (user * self.n_impressions + impression, 1 + impression % 28);
                let (before, candidates) = (before.join(" "), candidates.join(" "));
                writeln!(into, "{id}\tU{user}\t11/{day}/2019 9:05:58 AM\t{before}\t{candidates}")?;
                history.extend(clicked);
            }
        }
        for (part, behaviors) in [("train", train), ("dev", dev)] {
            let folder = folder.join(part);
            fs::create_dir_all(&folder)?;
            fs::write(folder.join("news.tsv"), &news)?;
            fs::write(folder.join("behaviors.tsv"), behaviors)?;
        }
        Ok(())
    }
}

/// Box and Muller.
fn normal(random: &mut ChaCha8Rng) -> f64 {
    let (u, v): (f64, f64) = (1.0 - random.random::<f64>(), random.random());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}
