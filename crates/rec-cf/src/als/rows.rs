//! The least squares problem of one row, solved exactly.

use crate::error::{Error, Kind};
use crate::factors::cholesky::Cholesky;
use crate::factors::kernel::dot_f64;
use crate::factors::{BLOCK, Factors};

/// What a user has (or an item is had by): rows of the other side with their confidences, negative where the preference is 0.
#[derive(Clone, Copy)]
pub(super) struct Entries<'a> {
    pub(super) rows: &'a [u32],
    pub(super) confidences: &'a [f32],
}

impl<'a> Entries<'a> {
    pub(super) fn iter(self) -> impl Iterator<Item = (usize, f32)> + 'a {
        self.rows.iter().zip(self.confidences).map(|(&row, &confidence)| (row as usize, confidence))
    }
}

/// The factors of the other side, which stay as they are, and what is the same for all rows.
#[derive(Clone, Copy)]
pub(super) struct Fixed<'a> {
    pub(super) factors: &'a Factors,
    pub(super) gram: &'a [f64],
    pub(super) lambda: f64,
    pub(super) exponent: f64,
}

impl Fixed<'_> {
    /// The regularisation of a row with this many entries.
    pub(super) fn penalty(&self, n_entries: usize) -> f64 {
        if self.exponent == 0.0 {
            return self.lambda;
        }
        self.lambda * (n_entries as f64).powf(self.exponent)
    }
}

/// Solves rows by Cholesky factorisation in `f64`.
pub(super) struct Exact<'a> {
    fixed: Fixed<'a>,
    cholesky: Cholesky,
    rows: Vec<f64>,
    scaled: Vec<f64>,
    solution: Vec<f64>,
}

impl<'a> Exact<'a> {
    pub(super) fn new(fixed: Fixed<'a>) -> Exact<'a> {
        let n = fixed.factors.n_factors();
        Exact {
            fixed,
            cholesky: Cholesky::new(n),
            rows: Vec::with_capacity(BLOCK * n),
            scaled: Vec::with_capacity(BLOCK * n),
            solution: vec![0.0; n],
        }
    }

    /// Factorises `Y' C Y + lambda I` of Hu et al., equation 4, as `Y' Y + Y' (C - I) Y + lambda I`; and puts the right side
    /// `Y' C p` where the solution goes.
    fn factorize(&mut self, entries: Entries<'_>) -> Result<(), Error> {
        let Fixed { factors, gram, .. } = self.fixed;
        self.cholesky.set(gram, self.fixed.penalty(entries.rows.len()));
        self.solution.fill(0.0);
        let mut entries = entries.iter().peekable();
        while entries.peek().is_some() {
            self.rows.clear();
            self.scaled.clear();
            for (row, confidence) in entries.by_ref().take(BLOCK) {
                let row = factors.row(row).iter().copied().map(f64::from);
                let confidence = f64::from(confidence);
                self.scaled.extend(row.clone().map(|value| (confidence.abs() - 1.0) * value));
                if confidence > 0.0 {
                    for (side, value) in self.solution.iter_mut().zip(row.clone()) {
                        *side += confidence * value;
                    }
                }
                self.rows.extend(row);
            }
            self.cholesky.add(&self.rows, &self.scaled);
        }
        match self.cholesky.factorize() {
            true => Ok(()),
            false => Err(Kind::Unsolvable { model: super::MODEL_NAME }.into()),
        }
    }

    /// The vector of a row; zeros for a row without entries.
    pub(super) fn solve(&mut self, entries: Entries<'_>, out: &mut [f32]) -> Result<(), Error> {
        if entries.rows.is_empty() {
            out.fill(0.0);
            return Ok(());
        }
        self.factorize(entries)?;
        self.cholesky.solve(&mut self.solution);
        for (out, &value) in out.iter_mut().zip(&self.solution) {
            *out = value as f32;
        }
        Ok(())
    }

    /// What each entry contributes to the score of `row`, a row of the fixed side.
    pub(super) fn explain(&mut self, entries: Entries<'_>, row: usize) -> Result<Vec<f32>, Error> {
        self.factorize(entries)?;
        let factors = self.fixed.factors;
        let wide = |row: usize| factors.row(row).iter().copied().map(f64::from).collect::<Vec<f64>>();
        // y_i' W with W = (Y' C Y + lambda I)^-1, which is symmetric.
        let mut weighted = wide(row);
        self.cholesky.solve(&mut weighted);
        let contribution = |(row, confidence): (usize, f32)| match confidence > 0.0 {
            true => (f64::from(confidence) * dot_f64(&weighted, &wide(row))) as f32,
            // The preference is 0: it shapes W, and adds nothing.
            false => 0.0,
        };
        Ok(entries.iter().map(contribution).collect())
    }
}
