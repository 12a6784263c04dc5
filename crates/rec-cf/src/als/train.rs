//! The iterations of training.

use std::ops::ControlFlow;

use rayon::prelude::*;

use super::conjugate_gradient::{BATCH, ConjugateGradient};
use super::rows::{Entries, Exact, Fixed};
use super::{AlsSolver, ImplicitAls, ImplicitAlsConfig, MODEL_NAME};
use crate::error::{Error, Kind};
use crate::factors::Factors;
use crate::factors::kernel::{dot, vectorized};
use crate::matrix::InteractionMatrix;
use crate::progress::{Progress, Reporter};
use crate::sparse::{self, Sparse};

const TRAINING: &str = "the training of implicit ALS";
/// Rows that are solved in parallel before the caller is asked whether to go on.
const CHUNK: usize = 512 * BATCH;

impl ImplicitAlsConfig {
    /// Iterates from the vectors that training begins with.
    pub(super) fn iterate(
        &self,
        matrix: &InteractionMatrix,
        mut users: Factors,
        mut items: Factors,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<ImplicitAls, Error> {
        let by_user = matrix.by_user().map(|&value| self.confidence.signed(value));
        let by_item = sparse::transposed(&by_user);
        let mut reporter = Reporter::new(TRAINING, progress);
        let mut told = Progress::new("iterations", self.n_iterations);
        let (mut user_gram, mut item_gram) = (users.gram(), items.gram());
        for n_done in 1..=self.n_iterations {
            let mut tell = || reporter.tell(Progress { objective: None, ..told });
            self.solve_side(&by_user, &mut users, &items, &item_gram, &mut tell)?;
            user_gram = users.gram();
            self.solve_side(&by_item, &mut items, &users, &user_gram, &mut tell)?;
            item_gram = items.gram();
            let objective = self.objective((&by_user, &by_item), (&users, &items), (&user_gram, &item_gram));
            if !objective.is_finite() {
                return Err(Kind::Unsolvable { model: MODEL_NAME }.into());
            }
            told = Progress { n_done, objective: Some(objective), ..told };
            reporter.tell(told)?;
        }
        Ok(ImplicitAls::new(
            *self,
            (matrix.users().clone(), matrix.items().clone()),
            (users, items),
            (user_gram, item_gram),
        ))
    }

    pub(super) fn fixed<'a>(&self, factors: &'a Factors, gram: &'a [f64]) -> Fixed<'a> {
        Fixed { factors, gram, lambda: self.lambda.into(), exponent: self.exponent.into() }
    }

    /// Half an iteration: all rows of one side, in parallel. `tell` is asked between chunks whether to go on.
    fn solve_side(
        &self,
        matrix: &Sparse,
        rows: &mut Factors,
        fixed: &Factors,
        gram: &[f64],
        tell: &mut dyn FnMut() -> Result<(), Error>,
    ) -> Result<(), Error> {
        let n = self.n_factors;
        let fixed = self.fixed(fixed, gram);
        let narrow: Vec<f32> = gram.iter().map(|&value| value as f32).collect();
        for (chunk, values) in rows.values_mut().chunks_mut(CHUNK * n).enumerate() {
            if chunk > 0 {
                tell()?;
            }
            let batches = values.par_chunks_mut(BATCH * n).enumerate();
            let first = |batch: usize| chunk * CHUNK + batch * BATCH;
            match self.solver {
                AlsSolver::Cholesky => batches.try_for_each_init(
                    || Exact::new(fixed),
                    |exact, (batch, values)| {
                        let mut rows = values.chunks_exact_mut(n).enumerate();
                        rows.try_for_each(|(k, out)| exact.solve(entries(matrix, first(batch) + k), out))
                    },
                )?,
                AlsSolver::ConjugateGradient { n_steps } => batches.for_each_init(
                    || (ConjugateGradient::new(fixed, &narrow), Vec::with_capacity(BATCH)),
                    |(solver, of_rows), (batch, values)| {
                        of_rows.clear();
                        of_rows.extend((0..values.len() / n).map(|k| entries(matrix, first(batch) + k)));
                        solver.solve(of_rows, values, n_steps);
                    },
                ),
            }
        }
        Ok(())
    }

    /// Hu et al., equation 3. All pairs count, but only those with a value are visited: the sum of all squared scores is that
    /// of the products of the two Gram matrices.
    fn objective(
        &self,
        (by_user, by_item): (&Sparse, &Sparse),
        (users, items): (&Factors, &Factors),
        (user_gram, item_gram): (&[f64], &[f64]),
    ) -> f64 {
        let batches: Vec<f64> = (0..users.n_rows().div_ceil(BATCH))
            .into_par_iter()
            .map(|batch| {
                let rows = batch * BATCH..((batch + 1) * BATCH).min(users.n_rows());
                vectorized(
                    #[inline(always)]
                    || {
                        let mut sum = 0.0;
                        for user in rows {
                            sum += loss(users.row(user), items, entries(by_user, user));
                        }
                        sum
                    },
                )
            })
            .collect();
        let squares: f64 = user_gram.iter().zip(item_gram).map(|(a, b)| a * b).sum();
        let penalty = |matrix: &Sparse, factors: &Factors, gram: &[f64]| -> f64 {
            let fixed = self.fixed(factors, gram);
            let squared = |row: usize| f64::from(dot(factors.row(row), factors.row(row)));
            (0..factors.n_rows())
                .map(|row| fixed.penalty(sparse::row(matrix, row).0.len()) * squared(row))
                .sum()
        };
        batches.iter().sum::<f64>()
            + squares
            + penalty(by_user, users, user_gram)
            + penalty(by_item, items, item_gram)
    }
}

fn entries(matrix: &Sparse, row: usize) -> Entries<'_> {
    let (rows, confidences) = sparse::row(matrix, row);
    Entries { rows, confidences }
}

/// `sum_i c_i (p_i - x' y_i)^2 - (x' y_i)^2` over the entries of a user.
#[inline(always)]
fn loss(user: &[f32], items: &Factors, entries: Entries<'_>) -> f64 {
    let mut sum = 0.0;
    for (item, confidence) in entries.iter() {
        let score = f64::from(dot(user, items.row(item)));
        let preference = if confidence > 0.0 { 1.0 } else { 0.0 };
        sum += f64::from(confidence.abs()) * (preference - score).powi(2) - score * score;
    }
    sum
}
