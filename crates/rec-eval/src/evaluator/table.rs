//! Values of users by metric, and what they say together.

use crate::resampling::{Bootstrap, Estimate};

/// A row per user and a column per metric; NaN where the metric is undefined.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    n_columns: usize,
    /// Row by row.
    values: Vec<f64>,
}

impl Table {
    pub(crate) fn new(n_columns: usize) -> Table {
        Table { n_columns, values: Vec::new() }
    }

    pub(crate) fn push(&mut self, row: &[f64]) {
        debug_assert_eq!(row.len(), self.n_columns);
        self.values.extend_from_slice(row);
    }

    /// The number of rows; 0 if there are no columns.
    pub(crate) fn n_rows(&self) -> usize {
        self.values.len().checked_div(self.n_columns).unwrap_or(0)
    }

    pub(crate) fn column(&self, column: usize) -> impl Iterator<Item = f64> {
        self.values.iter().copied().skip(column).step_by(self.n_columns)
    }

    /// The rows at these places, in their order.
    pub(crate) fn select(&self, rows: &[usize]) -> Table {
        let row = |row: &usize| &self.values[row * self.n_columns..][..self.n_columns];
        Table { n_columns: self.n_columns, values: rows.iter().flat_map(row).copied().collect() }
    }

    /// The number of rows in which a column is defined.
    pub(crate) fn n_defined(&self, column: usize) -> usize {
        self.column(column).filter(|value| !value.is_nan()).count()
    }

    /// The mean of each column over the rows where it is defined; with an interval if these are at least two.
    pub(crate) fn means(&self, bootstrap: Option<&Bootstrap>) -> Vec<Estimate> {
        let mut means = Bootstrap::estimates(bootstrap, self.n_rows(), self.n_columns, |weights, means| {
            self.weighted_means(weights, means);
        });
        for (column, mean) in means.iter_mut().enumerate() {
            // One value does not vary, however often it is drawn among undefined ones.
            mean.interval = mean.interval.filter(|_| self.n_defined(column) >= 2);
        }
        means
    }

    fn weighted_means(&self, weights: &[u32], means: &mut [f64]) {
        means.fill(0.0);
        let mut defined = vec![0.0; self.n_columns];
        // No columns make no chunks, but chunks of 0 are not allowed.
        for (row, weight) in self.values.chunks_exact(self.n_columns.max(1)).zip(weights) {
            let weight = f64::from(*weight);
            for ((value, sum), n) in row.iter().zip(&mut *means).zip(&mut defined) {
                // Without branches, so that it vectorizes: this is where a report spends its time.
                let is_defined = !value.is_nan();
                *sum += if is_defined { weight * value } else { 0.0 };
                *n += if is_defined { weight } else { 0.0 };
            }
        }
        // 0 / 0 is NaN: no user of the resample has a value.
        means.iter_mut().zip(defined).for_each(|(sum, n)| *sum /= n);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(table: &Table) -> Vec<Option<f64>> {
        table.means(None).into_iter().map(|estimate| estimate.value).collect()
    }

    #[test]
    fn means_leave_out_what_is_undefined() {
        let mut table = Table::new(3);
        table.push(&[1.0, f64::NAN, f64::NAN]);
        table.push(&[2.0, 5.0, f64::NAN]);
        assert_eq!(values(&table), [Some(1.5), Some(5.0), None]);
        assert_eq!(values(&table.select(&[1, 1])), [Some(2.0), Some(5.0), None]);
        let intervals = table.means(Some(&Bootstrap::new(1))).into_iter().map(|mean| mean.interval.is_some());
        assert!(intervals.eq([true, false, false]));
        assert_eq!(table.column(0).collect::<Vec<f64>>(), [1.0, 2.0]);
        assert_eq!(values(&Table::new(2)), [None, None]);
        assert!(Table::new(0).select(&[]).means(Some(&Bootstrap::new(1))).is_empty());
    }

    #[test]
    fn intervals_are_those_of_each_column_alone() {
        let columns: [Vec<f64>; 2] =
            [(0..40).map(|i| f64::from(i % 7)).collect(), (0..40).map(|i| f64::from(i % 3)).collect()];
        let mut table = Table::new(2);
        for (a, b) in columns[0].iter().zip(&columns[1]) {
            table.push(&[*a, *b]);
        }
        let bootstrap = Bootstrap::new(5);
        let intervals = table.means(Some(&bootstrap)).into_iter().map(|estimate| estimate.interval);
        assert!(intervals.eq(columns.map(|column| bootstrap.mean(&column))));
    }
}
