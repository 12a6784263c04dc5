use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rec_data::{Catalogue, Column, Id, InteractionFields, Interactions, Values, atomic};
use rec_eval::{Relevance, Relevant};

use crate::Error;

/// Which interactions are to be predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Target {
    /// Those of `NAME.valid.inter`; the users' histories are in `NAME.train.inter`.
    Valid,
    /// Those of `NAME.test.inter`; the histories are train and valid together.
    Test,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Target::Valid => "valid",
            Target::Test => "test",
        })
    }
}

/// A data set, split: what methods learn from, what they know of each user, and what they must find.
///
/// Methods learn from the training interactions alone, whatever the target. A user's history, which they are shown and whose
/// items they may not recommend, is train, or for the test target train and valid.
#[derive(Debug)]
pub struct Experiment {
    name: String,
    catalogue: Catalogue,
    train: Interactions,
    /// `None` when they are the training interactions.
    histories: Option<Interactions>,
    relevance: Option<Relevance>,
    targets: Option<Interactions>,
}

impl Experiment {
    /// Reads RecBole's atomic files: `NAME.item`, `NAME.train.inter`, `NAME.valid.inter`, and `NAME.test.inter` where there is
    /// one. The folder has one `.item` file, and its name is the name of all.
    ///
    /// Text columns are `token_seq`, as RecBole writes them, and are taken as they stand.
    ///
    /// # Errors
    ///
    /// A file is missing or malformed. A missing target is none: then there is nothing to judge by.
    pub fn open(folder: &Path, target: Target) -> Result<Self, Error> {
        let name = name(folder)?;
        let file = |kind: &str| folder.join(format!("{name}.{kind}"));
        let catalogue = atomic::read_catalogue(file("item"))?;
        let texts = text_columns(&catalogue);
        let catalogue = catalogue.with_text_columns(&texts)?;
        let read = |kind: &str| atomic::read_interactions(file(kind), &InteractionFields::default());
        let train = read("train.inter")?;
        let histories = match target {
            Target::Valid => None,
            Target::Test => Some(train.merged(&read("valid.inter")?)),
        };
        let targets = format!("{target}.inter");
        let targets = if file(&targets).exists() { Some(read(&targets)?) } else { None };
        Ok(Self::new(name, catalogue, train, histories, targets.as_ref()))
    }

    /// An experiment from its parts; `histories` where they are more than the training interactions.
    #[must_use]
    pub fn new(
        name: impl Into<String>,
        catalogue: Catalogue,
        train: Interactions,
        histories: Option<Interactions>,
        targets: Option<&Interactions>,
    ) -> Self {
        let (relevance, targets) = (targets.map(Relevance::binary), targets.cloned());
        Self { name: name.into(), catalogue, train, histories, relevance, targets }
    }

    /// The experiment where a share of the items, drawn by the seed, are new: nobody has met them in training or in a history,
    /// they are all that is to be found, and the users who have one to find are all that are judged. Every item remains a
    /// candidate.
    ///
    /// # Errors
    ///
    /// There is nothing to judge by, or none of the drawn items is to be found by anybody.
    pub fn with_held_out_items(self, share: f64, seed: u64) -> Result<Self, Error> {
        let relevance = self.relevance.ok_or("held-out items, and no targets to judge by")?;
        let mut ids: Vec<&Id> = self.catalogue.ids().iter().collect();
        ids.sort_unstable();
        let n = (ids.len() as f64 * share).ceil() as usize;
        let (held, _) = ids.partial_shuffle(&mut ChaCha8Rng::seed_from_u64(seed), n);
        let held: HashSet<&Id> = held.iter().copied().collect();
        let warm = |log: &Interactions| log.filter(|_, interaction| !held.contains(&interaction.item));
        let targets = relevance.iter().flat_map(|(user, relevant)| {
            let cold = relevant.iter().filter(|(item, _)| held.contains(item));
            cold.map(move |(item, gain)| (user.clone(), item.clone(), gain))
        });
        let relevance = Relevance::from_judgements(targets)?;
        if relevance.is_empty() {
            return Err(format!("none of the {n} held-out items is anybody's target").into());
        }
        let (train, histories) = (warm(&self.train), self.histories.as_ref().map(warm));
        let cold = |log: &Interactions| log.filter(|_, interaction| held.contains(&interaction.item));
        let targets = self.targets.as_ref().map(cold);
        Ok(Self { train, histories, targets, relevance: Some(relevance), ..self })
    }

    /// What the data set is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The items: all of them are candidates.
    #[must_use]
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// What methods learn from.
    #[must_use]
    pub fn train(&self) -> &Interactions {
        &self.train
    }

    /// What methods are shown of each user.
    #[must_use]
    pub fn histories(&self) -> &Interactions {
        self.histories.as_ref().unwrap_or(&self.train)
    }

    /// What is to be found, if that is known.
    #[must_use]
    pub fn relevance(&self) -> Option<&Relevance> {
        self.relevance.as_ref()
    }

    /// The interactions that are to be predicted, if they are known.
    #[must_use]
    pub fn targets(&self) -> Option<&Interactions> {
        self.targets.as_ref()
    }

    /// The users to rank for: those with something to find, or all where that is not known; in the order of their ids.
    #[must_use]
    pub fn users(&self) -> Vec<Id> {
        let mut users: Vec<Id> = match &self.relevance {
            Some(relevance) => relevance.iter().map(|(user, _)| user.clone()).collect(),
            None => self.histories().users().iter().cloned().collect(),
        };
        users.sort_unstable();
        users
    }

    /// The number of things to find that no method can find, because they are not in the catalogue.
    #[must_use]
    pub fn n_unreachable(&self) -> usize {
        let ids = self.catalogue.ids();
        let missing = |(item, _): &(&Id, f64)| !ids.contains(item);
        let of_user = |(_, relevant): (_, &Relevant)| relevant.iter().filter(missing).count();
        self.relevance.iter().flat_map(Relevance::iter).map(of_user).sum()
    }
}

fn name(folder: &Path) -> Result<String, Error> {
    let list = |e| format!("{}: cannot be listed: {e}", folder.display());
    let mut items: Vec<PathBuf> = std::fs::read_dir(folder)
        .map_err(list)?
        .map(|entry| entry.map(|entry| entry.path()).map_err(list))
        .collect::<Result<_, _>>()?;
    items.retain(|path| path.extension().is_some_and(|extension| extension == "item"));
    match (items.pop(), items.is_empty()) {
        (Some(path), true) => match path.file_stem().and_then(|stem| stem.to_str()) {
            Some(name) => Ok(name.to_owned()),
            None => Err(format!("{}: the name is not UTF-8", path.display()).into()),
        },
        (None, _) => Err(format!("{}: no NAME.item in this folder", folder.display()).into()),
        (Some(_), false) => {
            Err(format!("{}: more than one NAME.item in this folder", folder.display()).into())
        }
    }
}

/// The columns that hold sequences of words.
fn text_columns(catalogue: &Catalogue) -> Vec<String> {
    let is_text = |column: &&Column| matches!(column.values, Values::TokenSeq(_));
    catalogue.columns().iter().filter(is_text).map(|column| column.name.to_string()).collect()
}
