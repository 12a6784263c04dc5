//! How much of what an encoder can do another one keeps, on the films of MovieLens 100K.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rec_core::Interests;
use rec_data::{Catalogue, Id, Item};
use rec_encoder::TextEncoder;
use rec_score::{Cosine, Filter, FlatIndex};
use rec_text::Template;

use crate::Error;

/// Pairs of titles whose similarities are ranked.
const PAIRS: usize = 10_000;

/// What an encoder makes of the films.
#[derive(Debug)]
pub struct Impression {
    /// Of every title.
    titles: Vec<Vec<f32>>,
    ndcg: f64,
}

/// An encoder beside another one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Likeness {
    /// The mean cosine between both vectors of a title.
    pub mean_cosine: f64,
    /// The least.
    pub least_cosine: f64,
    /// Spearman's rank correlation between both cosines of pairs of titles: 10,000 pairs, drawn from a fixed seed.
    pub rank_correlation: f64,
}

impl Impression {
    /// Encodes the films, titles and texts under the model's own prompt for passages, and judges the genre retrieval: each set of
    /// genres that at least five films share searches, by cosine, for the films with exactly that set, among all written as
    /// `title. genres`. nDCG@10 with binary gains and an ideal list of min(relevant, 10) films, averaged over the sets.
    ///
    /// # Errors
    ///
    /// The catalogue lacks `movie_title` or `class`, or a text cannot be encoded.
    pub fn new(encoder: &TextEncoder, films: &Catalogue) -> Result<Self, Error> {
        let prompted = |name: &str| encoder.clone().with_prompt(name).unwrap_or_else(|_| encoder.clone());
        let (passages, queries) = (prompted("passage"), prompted("query"));
        let text =
            |film: &Item<'_>, field| film.get(field).map(|value| value.to_string()).unwrap_or_default();
        let titles: Vec<String> = films.iter().map(|film| text(&film, "movie_title")).collect();
        let titles = passages.encode(&titles)?.rows().map(<[f32]>::to_vec).collect();

        let mut by_genres: BTreeMap<String, Vec<&Id>> = BTreeMap::new();
        for film in films.iter() {
            by_genres.entry(text(&film, "class")).or_default().push(film.id());
        }
        by_genres.retain(|genres, ids| !genres.is_empty() && ids.len() >= 5);
        let documents = Template::parse("{movie_title}[. {class}]")?;
        let table = passages.embed(films.iter().map(|film| (film.id(), documents.render(&film))))?;
        let space = table.space();
        let index = FlatIndex::with_scorer(table, &Cosine)?;
        let mut total = 0.0;
        for (genres, relevant) in &by_genres {
            let query = Interests::new(queries.encode(&[genres])?.values().to_vec(), queries.dim(), space)?;
            let found = index.top_k(&query, 10, &Filter::none())?;
            let discount = |rank: usize| 1.0 / ((rank + 2) as f64).log2();
            let hits = found.iter().enumerate().filter(|(_, found)| relevant.contains(&&found.id));
            let dcg: f64 = hits.map(|(rank, _)| discount(rank)).sum();
            total += dcg / (0..relevant.len().min(10)).map(discount).sum::<f64>();
        }
        Ok(Self { titles, ndcg: total / by_genres.len().max(1) as f64 })
    }

    /// nDCG@10 of the genre retrieval.
    #[must_use]
    pub fn ndcg(&self) -> f64 {
        self.ndcg
    }

    /// How alike the vectors of this encoder are to those of another one. Where the dimensions differ, cosines between both are
    /// NaN, and the rank correlation is not; with fewer than two titles that is NaN, too.
    #[must_use]
    pub fn likeness(&self, other: &Self) -> Likeness {
        let cosines: Vec<f64> = self.titles.iter().zip(&other.titles).map(|(a, b)| cosine(a, b)).collect();
        let mut random = ChaCha8Rng::seed_from_u64(0);
        let n = self.titles.len();
        let mut pairs = Vec::new();
        while n > 1 && pairs.len() < PAIRS {
            let (a, b) = (random.random_range(0..n), random.random_range(0..n));
            if a != b {
                pairs.push((a, b));
            }
        }
        let of = |titles: &[Vec<f32>]| -> Vec<f64> {
            pairs.iter().map(|&(a, b)| cosine(&titles[a], &titles[b])).collect()
        };
        Likeness {
            mean_cosine: cosines.iter().sum::<f64>() / n as f64,
            least_cosine: cosines.iter().copied().fold(f64::INFINITY, f64::min),
            rank_correlation: spearman(&of(&self.titles), &of(&other.titles)),
        }
    }
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    if a.len() != b.len() {
        return f64::NAN;
    }
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// Spearman's rank correlation: Pearson's of the ranks, where equal values share the mean of theirs.
///
/// ```
/// use rec_examples::likeness::spearman;
///
/// // scipy 1.17.1: spearmanr([1, 2, 3, 4, 5], [5, 6, 7, 8, 7]).statistic == 0.8207826816681233
/// let rho = spearman(&[1.0, 2.0, 3.0, 4.0, 5.0], &[5.0, 6.0, 7.0, 8.0, 7.0]);
/// assert!((rho - 0.8207826816681233).abs() < 1e-12);
/// ```
///
/// NaN where all values of a side are equal.
///
/// # Panics
///
/// The sides differ in length.
#[must_use]
pub fn spearman(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len(), "as many values on both sides");
    let (a, b) = (ranks(a), ranks(b));
    // Ranks have the mean (n + 1) / 2 whatever the ties are.
    let mean = (a.len() as f64 + 1.0) / 2.0;
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>();
    product(&a, &b) / (product(&a, &a) * product(&b, &b)).sqrt()
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for ties in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = before as f64 + (ties.len() as f64 + 1.0) / 2.0;
        ties.iter().for_each(|&at| ranks[at] = rank);
        before += ties.len();
    }
    ranks
}
