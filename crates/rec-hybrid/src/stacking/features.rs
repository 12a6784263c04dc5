//! What is known of an item for a history.

use rec_data::{IdMap, TopK};

use crate::error::{Error, Kind};
use crate::normalization::{Normalization, ranks};
use crate::source::{Source, common_items, unseen};

/// Features of each source, and of item and user.
const OF_SOURCE: [&str; 4] = ["z-score", "log rank", "z-score x log length", "z-score x log popularity"];
const OF_PAIR: [&str; 2] = ["log popularity", "log length"];

/// Candidates with their features.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    /// Ascending.
    pub(super) items: Vec<usize>,
    /// Row-major.
    pub(super) values: Vec<f64>,
}

impl Rows {
    pub(super) fn select(&self, rows: &[usize], d: usize) -> Rows {
        let values = rows.iter().flat_map(|&row| self.values[row * d..(row + 1) * d].iter().copied());
        Rows { items: rows.iter().map(|&row| self.items[row]).collect(), values: values.collect() }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Features {
    sources: Vec<Source>,
    log_popularity: Vec<f64>,
    depth: usize,
}

impl Features {
    pub(super) fn new(sources: Vec<Source>, popularity: &[f64], depth: usize) -> Result<Features, Error> {
        let (found, expected) = (popularity.len(), common_items(&sources)?.len());
        if found != expected {
            return Err(Kind::Length { what: "the popularity", found, expected }.into());
        }
        if let Some(&value) = popularity.iter().find(|value| !value.is_finite() || **value < 0.0) {
            return Err(
                Kind::NotFinite { what: "a popularity, which is from 0 up,".to_owned(), value }.into()
            );
        }
        let log_popularity = popularity.iter().map(|count| count.ln_1p()).collect();
        Ok(Features { sources, log_popularity, depth })
    }

    pub(super) fn items(&self) -> &IdMap {
        self.sources[0].model().items()
    }

    pub(super) fn n_features(&self) -> usize {
        OF_SOURCE.len() * self.sources.len() + OF_PAIR.len()
    }

    pub(super) fn names(&self) -> Vec<String> {
        let of_source = |source: &Source| OF_SOURCE.map(|feature| format!("{}: {feature}", source.name()));
        self.sources.iter().flat_map(of_source).chain(OF_PAIR.map(str::to_owned)).collect()
    }

    /// The candidates of a history: the best unseen items of each source, ties to the smaller id.
    pub(super) fn rows(&self, history: &[(usize, f32)]) -> Result<Rows, Error> {
        let n_items = self.log_popularity.len();
        let unseen = unseen(n_items, history);
        let open: Vec<usize> = (0..n_items).filter(|&item| unseen[item]).collect();
        let (mut all, mut is_candidate) = (Vec::with_capacity(self.sources.len()), vec![false; open.len()]);
        let mut scores = vec![0.0; n_items];
        for source in &self.sources {
            source.scores(history, &mut scores);
            let mut of_open: Vec<f32> = open.iter().map(|&item| scores[item]).collect();
            if let Some(&score) = of_open.iter().find(|score| !score.is_finite()) {
                let what = format!("a score of `{}`", source.name());
                return Err(Kind::NotFinite { what, value: score.into() }.into());
            }
            let mut top = TopK::new(self.depth);
            for (place, &score) in of_open.iter().enumerate() {
                if top.would_enter(score) {
                    top.push(score, place)?;
                }
            }
            top.into_sorted().into_iter().for_each(|(_, place)| is_candidate[place] = true);
            let ranks = ranks(&of_open);
            Normalization::ZScore.apply(&mut of_open);
            all.push((of_open, ranks));
        }
        let log_length = (history.len() as f64).ln_1p();
        let chosen: Vec<usize> = (0..open.len()).filter(|&place| is_candidate[place]).collect();
        let mut values = Vec::with_capacity(chosen.len() * self.n_features());
        for &place in &chosen {
            let log_popularity = self.log_popularity[open[place]];
            for (scores, ranks) in &all {
                let (z, rank) = (f64::from(scores[place]), f64::from(ranks[place]));
                values.extend([z, rank.ln(), z * log_length, z * log_popularity]);
            }
            values.extend([log_popularity, log_length]);
        }
        Ok(Rows { items: chosen.into_iter().map(|place| open[place]).collect(), values })
    }
}
