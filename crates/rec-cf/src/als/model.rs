//! The trained model.

use std::path::Path;

use rec_data::{IdMap, RankedList};

use super::rows::{Entries, Exact};
use super::{ImplicitAlsConfig, MODEL_NAME};
use crate::error::{Error, Kind};
use crate::factors::{Factors, PackedItems};
use crate::file::{ModelReader, ModelWriter};
use crate::matrix::InteractionMatrix;
use crate::recommender::{Recommender, check_explained, check_shapes};

const MODEL: &str = "implicit_als";

/// Matrix factorisation of implicit feedback: the score of item `i` is `x' y_i`, where `x` is the best vector for the history
/// while those of the items stay as they were trained.
///
/// Hu, Koren and Volinsky: *Collaborative Filtering for Implicit Feedback Datasets*, ICDM 2008. Training minimises, over all
/// users and items (equation 3),
///
/// `sum_ui c_ui (p_ui - x_u' y_i)^2 + lambda (sum_u |x_u|^2 + sum_i |y_i|^2)`
///
/// with the preference `p_ui` 1 where the matrix has a positive value and 0 elsewhere, and the confidence `c_ui` of
/// [`Confidence`](crate::Confidence), 1 where there is no value. With the items fixed, the vector of a user is
/// `x_u = (Y' C_u Y + lambda I)^-1 Y' C_u p_u` (equation 4), and the same the other way round (equation 5).
///
/// The vectors are `f32`. Gram matrices `Y' Y` are summed in `f64`; so are the problems that are solved exactly, which are all of
/// those of [`scores`](Recommender::scores). An item that a history has twice has the sum of both weights. Scores are NaN for
/// weights that are not finite, or if no single solution exists, which takes a regularisation of 0.
///
/// ```
/// use rec_cf::{ImplicitAlsConfig, InteractionMatrix, Progress, Recommender, Aggregation};
/// use rec_data::{Interaction, Interactions};
///
/// let log = [("ann", "dune"), ("ann", "solaris"), ("bob", "dune"), ("bob", "solaris"), ("cid", "emma"), ("cid", "sula")];
/// let log = Interactions::new(log.map(|(user, item)| (user, Interaction::new(item, 0.0))))?;
/// let matrix = InteractionMatrix::new(&log, Aggregation::Binary)?;
///
/// let mut objectives = Vec::new();
/// let model = ImplicitAlsConfig::new().with_factors(2).fit(&matrix, |progress| {
///     objectives.extend(progress.objective);
///     std::ops::ControlFlow::Continue(())
/// })?;
/// assert!(objectives.len() == 15 && objectives.is_sorted_by(|a, b| a >= b));
///
/// // Somebody new who has seen Dune.
/// let (dune, solaris) = (0, 2);
/// let list = model.top_k(&[(dune, 1.0)], 1)?;
/// assert_eq!(list[0].id, "solaris");
/// // All of the score comes from Dune.
/// let parts = model.explain(&[(dune, 1.0)], solaris).unwrap();
/// assert!((parts[0] - list[0].score).abs() < 1e-6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ImplicitAls {
    config: ImplicitAlsConfig,
    users: IdMap,
    items: IdMap,
    user_factors: Factors,
    item_factors: Factors,
    user_gram: Vec<f64>,
    item_gram: Vec<f64>,
    packed: PackedItems,
}

impl ImplicitAls {
    /// The Gram matrices are those of the factors.
    pub(super) fn new(
        config: ImplicitAlsConfig,
        (users, items): (IdMap, IdMap),
        (user_factors, item_factors): (Factors, Factors),
        (user_gram, item_gram): (Vec<f64>, Vec<f64>),
    ) -> ImplicitAls {
        let packed = PackedItems::default();
        ImplicitAls { config, users, items, user_factors, item_factors, user_gram, item_gram, packed }
    }

    /// The users of training.
    #[must_use]
    pub fn users(&self) -> &IdMap {
        &self.users
    }

    /// The length of a vector.
    #[must_use]
    pub fn n_factors(&self) -> usize {
        self.config.n_factors
    }

    /// The vectors of the users of training, one row after the other.
    #[must_use]
    pub fn user_factors(&self) -> &[f32] {
        self.user_factors.values()
    }

    /// The vectors of the items, one row after the other.
    #[must_use]
    pub fn item_factors(&self) -> &[f32] {
        self.item_factors.values()
    }

    /// The vector of a user with this history. Zeros for an empty history.
    ///
    /// It is what training by [`Cholesky`](crate::AlsSolver::Cholesky) would give the user in the next iteration, bit for bit.
    ///
    /// # Panics
    ///
    /// The history has a row that is no item.
    #[must_use]
    pub fn user_vector(&self, history: &[(usize, f32)]) -> Vec<f32> {
        let entries = Merged::new(&self.config, self.items.len(), history);
        let mut exact = Exact::new(self.config.fixed(&self.item_factors, &self.item_gram));
        solve_or_nan(&mut exact, entries.entries(), self.n_factors())
    }

    /// The vector of an item that these users have, with the values of a matrix. Zeros for an item that nobody has.
    ///
    /// # Panics
    ///
    /// `users` has a row that is no user.
    #[must_use]
    pub fn item_vector(&self, users: &[(usize, f32)]) -> Vec<f32> {
        let entries = Merged::new(&self.config, self.users.len(), users);
        let mut exact = Exact::new(self.config.fixed(&self.user_factors, &self.user_gram));
        solve_or_nan(&mut exact, entries.entries(), self.n_factors())
    }

    /// Gives a user of training the [`user_vector`](ImplicitAls::user_vector) of all that the user has now, which
    /// [`item_vector`](ImplicitAls::item_vector) builds on. Takes time in proportion to the number of users.
    ///
    /// # Errors
    ///
    /// The vector is not finite; the model is as before.
    ///
    /// # Panics
    ///
    /// `user` is no user, or the history has a row that is no item.
    pub fn update_user(&mut self, user: usize, history: &[(usize, f32)]) -> Result<(), Error> {
        assert!(user < self.users.len(), "user {user} of {}", self.users.len());
        let vector = check_finite(self.user_vector(history))?;
        self.user_factors.row_mut(user).copy_from_slice(&vector);
        self.user_gram = self.user_factors.gram();
        Ok(())
    }

    /// Gives an item the [`item_vector`](ImplicitAls::item_vector) of all users who have it now. Takes time in proportion to the
    /// number of items.
    ///
    /// # Errors
    ///
    /// The vector is not finite; the model is as before.
    ///
    /// # Panics
    ///
    /// `item` is no item, or `users` has a row that is no user.
    pub fn update_item(&mut self, item: usize, users: &[(usize, f32)]) -> Result<(), Error> {
        assert!(item < self.items.len(), "item {item} of {}", self.items.len());
        let vector = check_finite(self.item_vector(users))?;
        self.item_factors.row_mut(item).copy_from_slice(&vector);
        self.item_gram = self.item_factors.gram();
        self.packed = PackedItems::default();
        Ok(())
    }

    /// Writes `x_u' y_i` for each item, with the vector that a user of training has.
    ///
    /// # Panics
    ///
    /// `user` is no user, or `out` has not one place per item.
    pub fn user_scores(&self, user: usize, out: &mut [f32]) {
        assert!(user < self.users.len(), "user {user} of {}", self.users.len());
        check_shapes(self.items.len(), &[], out);
        self.packed.scores(&self.item_factors, None, self.user_factors.row(user), out);
    }

    /// The best `k` items for users of training, by the vectors that they have from it: those of the largest
    /// [`user_scores`](ImplicitAls::user_scores) that the user has not in `seen`, a matrix of the same users and items. Blocks of
    /// users and items are scored at once, on all threads; the lists are the same for any number of either.
    ///
    /// # Errors
    ///
    /// None: vectors of training are finite.
    ///
    /// # Panics
    ///
    /// A user is no user, or `seen` has other users or items.
    pub fn user_top_k(
        &self,
        users: &[usize],
        seen: &InteractionMatrix,
        k: usize,
    ) -> Result<Vec<RankedList>, Error> {
        assert!(*seen.users() == self.users, "a matrix of other users");
        let (items, known) = ((&self.item_factors, None), (&self.user_factors, users));
        self.packed.top_k_known(&self.items, items, known, seen, k)
    }

    /// Writes the model to a file, whole or not at all.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        ModelWriter::new(MODEL, &self.config)
            .ids("users", &self.users)
            .ids("items", &self.items)
            .array("user_factors", self.user_factors.values())
            .array("item_factors", self.item_factors.values())
            .save(path.as_ref())
    }

    /// Reads a model that [`save`](ImplicitAls::save) wrote.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is damaged, or holds another model.
    pub fn load(path: impl AsRef<Path>) -> Result<ImplicitAls, Error> {
        let mut file = ModelReader::open(path.as_ref(), MODEL)?;
        let config: ImplicitAlsConfig = file.config()?;
        if !config.is_valid() {
            return Err(file.malformed("the config has a value out of its range"));
        }
        let (users, items) = (file.ids("users")?, file.ids("items")?);
        let n = config.n_factors;
        let mut read = |name, n_rows: usize| -> Result<Factors, Error> {
            Ok(Factors::new(n, file.finite(name, n_rows.saturating_mul(n))?))
        };
        let user_factors = read("user_factors", users.len())?;
        let item_factors = read("item_factors", items.len())?;
        let grams = (user_factors.gram(), item_factors.gram());
        Ok(ImplicitAls::new(config, (users, items), (user_factors, item_factors), grams))
    }
}

impl Recommender for ImplicitAls {
    fn items(&self) -> &IdMap {
        &self.items
    }

    fn scores(&self, history: &[(usize, f32)], out: &mut [f32]) {
        check_shapes(self.items.len(), history, out);
        self.packed.scores(&self.item_factors, None, &self.user_vector(history), out);
    }

    /// In blocks of users and items, by the same vectors and scores as one user at a time, bit for bit.
    fn top_k_batch(&self, histories: &[Vec<(usize, f32)>], k: usize) -> Result<Vec<RankedList>, Error> {
        self.packed.top_k(
            &self.items,
            (&self.item_factors, None),
            histories.len(),
            |user, out| out.copy_from_slice(&self.user_vector(&histories[user])),
            |user| histories[user].iter().map(|&(item, _)| item).collect(),
            k,
        )
    }

    /// The exact decomposition of Hu et al., section 5: an item `j` of the history contributes `c_j y_i' W y_j`, with
    /// `W = (Y' C Y + lambda I)^-1`. One that is there twice shares its part by weight; negative weights contribute 0, and what
    /// they do is in `W`.
    fn explain(&self, history: &[(usize, f32)], item: usize) -> Option<Vec<f32>> {
        check_explained(self.items.len(), history, item);
        let merged = Merged::new(&self.config, self.items.len(), history);
        let mut exact = Exact::new(self.config.fixed(&self.item_factors, &self.item_gram));
        let parts =
            exact.explain(merged.entries(), item).unwrap_or_else(|_| vec![f32::NAN; merged.rows.len()]);
        let part = |&(seen, weight): &(usize, f32)| match merged.rows.binary_search(&(seen as u32)) {
            Ok(place) => parts[place] * (weight / merged.weights[place]),
            Err(_) => 0.0,
        };
        Some(history.iter().map(part).collect())
    }
}

/// A history as a row of the matrix would be: each item once, in ascending order, without zeros.
struct Merged {
    rows: Vec<u32>,
    weights: Vec<f32>,
    confidences: Vec<f32>,
}

impl Merged {
    fn new(config: &ImplicitAlsConfig, n_rows: usize, history: &[(usize, f32)]) -> Merged {
        let mut sorted = history.to_vec();
        // A stable sort: the sum of an item's weights is in the order of the history.
        sorted.sort_by_key(|&(row, _)| row);
        let mut merged: Vec<(usize, f32)> = Vec::with_capacity(sorted.len());
        for (row, weight) in sorted {
            assert!(row < n_rows, "row {row} of {n_rows}");
            match merged.last_mut() {
                Some((last, sum)) if *last == row => *sum += weight,
                _ => merged.push((row, weight)),
            }
        }
        merged.retain(|&(_, weight)| weight != 0.0);
        let confidence = |&(_, weight): &(usize, f32)| config.confidence.signed(weight);
        Merged {
            rows: merged.iter().map(|&(row, _)| row as u32).collect(),
            weights: merged.iter().map(|&(_, weight)| weight).collect(),
            confidences: merged.iter().map(confidence).collect(),
        }
    }

    fn entries(&self) -> Entries<'_> {
        Entries { rows: &self.rows, confidences: &self.confidences }
    }
}

fn solve_or_nan(exact: &mut Exact<'_>, entries: Entries<'_>, n_factors: usize) -> Vec<f32> {
    let mut vector = vec![0.0; n_factors];
    if exact.solve(entries, &mut vector).is_err() {
        vector.fill(f32::NAN);
    }
    vector
}

fn check_finite(vector: Vec<f32>) -> Result<Vec<f32>, Error> {
    match vector.iter().all(|value| value.is_finite()) {
        true => Ok(vector),
        false => Err(Kind::Unsolvable { model: MODEL_NAME }.into()),
    }
}
