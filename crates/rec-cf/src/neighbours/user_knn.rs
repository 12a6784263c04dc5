//! What users like this one have.

use std::ops::ControlFlow;
use std::path::Path;

use rec_data::{IdMap, TopK};

use super::KnnConfig;
use super::similarity::Weigher;
use crate::error::Error;
use crate::file::{ModelReader, ModelWriter};
use crate::matrix::InteractionMatrix;
use crate::progress::{Progress, Reporter};
use crate::recommender::{Recommender, check_explained, check_shapes};
use crate::sparse::{self, Accumulator, Sparse};

const MODEL: &str = "user_knn";

/// User-based nearest neighbours: the score of item `j` is `sum_v s_v x_vj` over the `k` users `v` whose rows `x_v` of the
/// training matrix are most similar to the history, by similarity `s_v`.
///
/// Herlocker, Konstan, Borchers and Riedl: *An Algorithmic Framework for Performing Collaborative Filtering*, SIGIR 1999, in the
/// form for implicit feedback. The neighbours are found when a history comes, at the cost of all interactions with its items;
/// ties of similarities (as `f32`) go to the smaller user id.
///
/// A user of the training matrix whose history is the row there is the nearest neighbour of that history.
/// [`scores_of_user`](UserKnn::scores_of_user) leaves the user out.
///
/// ```
/// use rec_cf::{Aggregation, InteractionMatrix, KnnConfig, Progress, Recommender};
/// use rec_data::{Interaction, Interactions};
///
/// let log = [("ann", "dune"), ("ann", "solaris"), ("bob", "dune"), ("bob", "emma"), ("bob", "brave"), ("cid", "dune")];
/// let log = Interactions::new(log.map(|(user, item)| (user, Interaction::new(item, 0.0))))?;
/// let matrix = InteractionMatrix::new(&log, Aggregation::Binary)?;
/// let model = KnnConfig::new(2).fit_users(&matrix, Progress::ignore)?;
///
/// let dune = model.items().row("dune").unwrap();
/// let cosine = |common: f64, n: f64| (common / (n.sqrt() + 1e-6)) as f32;
/// assert_eq!(model.neighbours(&[(dune, 1.0)]), [(2, cosine(1.0, 1.0)), (0, cosine(1.0, 2.0))]);
/// let list = model.top_k(&[(dune, 1.0)], 1)?;
/// assert_eq!((list[0].id.as_str(), list[0].score), ("solaris", cosine(1.0, 2.0)));
///
/// let mut scores = vec![0.0; model.items().len()];
/// model.scores_of_user(2, &mut scores);
/// assert_eq!(scores[0], cosine(1.0, 3.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct UserKnn {
    config: KnnConfig,
    users: IdMap,
    items: IdMap,
    /// Users by items, as they came.
    by_user: Sparse,
    /// Items by users, weighted.
    weighted: Sparse,
    /// Of each user, what [`Similarity::own`](super::Similarity::own) says.
    own: Vec<f64>,
    weigher: Weigher,
}

impl UserKnn {
    pub(super) fn fit(
        config: &KnnConfig,
        matrix: &InteractionMatrix,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<UserKnn, Error> {
        let by_user = matrix.by_user().clone();
        let weigher = Weigher::new(config.similarity, config.weighting, &by_user);
        let model = UserKnn::of(*config, matrix.users().clone(), matrix.items().clone(), by_user, weigher);
        let n = model.users.len();
        let told = Progress { n_done: n, ..Progress::new("users", n) };
        Reporter::new("the training of user kNN", progress).tell(told)?;
        Ok(model)
    }

    fn of(config: KnnConfig, users: IdMap, items: IdMap, by_user: Sparse, weigher: Weigher) -> UserKnn {
        let weighted = weigher.weigh_all(&by_user);
        let own =
            sparse::squares(&weighted).into_iter().map(|square| config.similarity.own(square)).collect();
        let weighted = sparse::transposed(&weighted);
        UserKnn { config, users, items, by_user, weighted, own, weigher }
    }

    /// The users of the training matrix, in the order of their rows.
    #[must_use]
    pub fn users(&self) -> &IdMap {
        &self.users
    }

    /// The nearest users, as rows with their similarities, nearest first.
    ///
    /// # Panics
    ///
    /// A row of the history is no item.
    #[must_use]
    pub fn neighbours(&self, history: &[(usize, f32)]) -> Vec<(usize, f32)> {
        self.nearest(&merged(history), None)
    }

    /// The scores of a user of the training matrix, who is not a neighbour here. The history is the row in the matrix.
    ///
    /// # Panics
    ///
    /// `user` is not below the number of users, or `out` has not one place per item.
    pub fn scores_of_user(&self, user: usize, out: &mut [f32]) {
        assert!(user < self.users.len(), "user {user} of {}", self.users.len());
        let history: Vec<(usize, f32)> = sparse::entries(&self.by_user, user).collect();
        check_shapes(self.items.len(), &history, out);
        self.add_neighbours(&self.nearest(&history, Some(user)), out);
    }

    /// The neighbours of a history of distinct items, without one user.
    fn nearest(&self, history: &[(usize, f32)], without: Option<usize>) -> Vec<(usize, f32)> {
        let history = self.weigher.weigh(history.iter().copied());
        let own = self.own_of(&history);
        let mut sums = Accumulator::new(self.users.len());
        for &(item, weight) in &history {
            for (user, value) in sparse::entries(&self.weighted, item) {
                sums.add(user, f64::from(weight) * f64::from(value));
            }
        }
        let mut top = TopK::new(self.config.k);
        for (user, product) in sums.drain() {
            let similarity = self.similarity(product, own, user);
            if similarity > 0.0 && Some(user) != without {
                // A similarity above 0 is not NaN.
                let _ = top.push(similarity, user);
            }
        }
        top.into_sorted().into_iter().map(|(similarity, user)| (user, similarity)).collect()
    }

    fn own_of(&self, weighted_history: &[(usize, f32)]) -> f64 {
        let squares = weighted_history.iter().map(|&(_, weight)| f64::from(weight) * f64::from(weight));
        self.config.similarity.own(squares.sum())
    }

    fn similarity(&self, product: f64, own: f64, user: usize) -> f32 {
        let similarity = self.config.similarity.of(product, own, self.own[user], self.config.shrinkage);
        similarity.min(f32::MAX.into()) as f32
    }

    fn add_neighbours(&self, neighbours: &[(usize, f32)], out: &mut [f32]) {
        out.fill(0.0);
        sparse::add_rows(&self.by_user, neighbours, out);
    }

    /// Writes the model to a file, whole or not at all.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        ModelWriter::new(MODEL, &(self.config, self.weigher.mean_length))
            .ids("users", &self.users)
            .ids("items", &self.items)
            .array("idf", &self.weigher.idf)
            .sparse("values", &self.by_user)
            .save(path.as_ref())
    }

    /// Reads a model that [`save`](UserKnn::save) wrote.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is damaged, or holds another model.
    pub fn load(path: impl AsRef<Path>) -> Result<UserKnn, Error> {
        let mut file = ModelReader::open(path.as_ref(), MODEL)?;
        let (config, mean_length): (KnnConfig, f64) = file.config()?;
        if !config.is_valid() {
            return Err(file.malformed("the config has a value out of its range"));
        }
        let (users, items) = (file.ids("users")?, file.ids("items")?);
        let idf = file.finite("idf", items.len())?;
        let by_user = file.sparse("values", (users.len(), items.len()))?;
        let weigher = Weigher::of(config.similarity, config.weighting, idf, mean_length);
        Ok(UserKnn::of(config, users, items, by_user, weigher))
    }
}

/// A history in which each item comes once, with the sum of its weights, ascending.
fn merged(history: &[(usize, f32)]) -> Vec<(usize, f32)> {
    let mut sorted = history.to_vec();
    sorted.sort_by_key(|&(item, _)| item);
    sorted.dedup_by(|next, first| {
        let same = next.0 == first.0;
        if same {
            first.1 += next.1;
        }
        same
    });
    sorted.retain(|&(_, weight)| weight != 0.0);
    sorted
}

impl Recommender for UserKnn {
    fn items(&self) -> &IdMap {
        &self.items
    }

    fn scores(&self, history: &[(usize, f32)], out: &mut [f32]) {
        check_shapes(self.items.len(), history, out);
        self.add_neighbours(&self.nearest(&merged(history), None), out);
    }

    /// The share that an event has in the similarities of the neighbours who have the item.
    fn explain(&self, history: &[(usize, f32)], item: usize) -> Option<Vec<f32>> {
        check_explained(self.items.len(), history, item);
        let distinct = merged(history);
        let weighted = self.weigher.weigh(distinct.iter().copied());
        let own = self.own_of(&weighted);
        // For each distinct item of the history, what it adds to the score.
        let mut parts = vec![0.0; distinct.len()];
        for (user, similarity) in self.nearest(&distinct, None) {
            let value = f64::from(self.by_user.get(user, item).copied().unwrap_or(0.0));
            if value == 0.0 {
                continue;
            }
            let products: Vec<f64> = weighted
                .iter()
                .map(|&(seen, weight)| {
                    f64::from(weight) * f64::from(self.weighted.get(seen, user).copied().unwrap_or(0.0))
                })
                .collect();
            let product: f64 = products.iter().sum();
            debug_assert_eq!(self.similarity(product, own, user), similarity);
            for (part, of) in parts.iter_mut().zip(products) {
                *part += of / product * f64::from(similarity) * value;
            }
        }
        let share = |&(seen, weight): &(usize, f32)| {
            let place = distinct.binary_search_by_key(&seen, |&(item, _)| item);
            place
                .map_or(0.0, |place| (parts[place] * f64::from(weight) / f64::from(distinct[place].1)) as f32)
        };
        Some(history.iter().map(share).collect())
    }
}
