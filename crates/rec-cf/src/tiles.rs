//! A large symmetric matrix, and its inverse in its place.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt;
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use crate::error::{Error, Kind};
use crate::progress::{Progress, Reporter};

/// Rows and columns of a tile: 512 kB, so that the three of a product stay in the cache.
pub(crate) const SIZE: usize = 256;

/// The lower half of a symmetric matrix, in square tiles that threads can work on one by one. What a tile becomes depends on the
/// tiles that go into it and not on who computes it, so the bits are the same for any number of threads.
#[derive(Debug)]
pub(crate) struct Tiles {
    n: usize,
    /// Tile (i, j), j <= i, at i (i + 1) / 2 + j; column-major. Of a tile on the diagonal only the lower half counts.
    tiles: Vec<Vec<f64>>,
}

impl Tiles {
    /// A matrix of `n` rows that `write(scratch, row, values)` writes up to the diagonal, into zeros.
    pub(crate) fn from_rows<S>(
        n: usize,
        scratch: impl Fn() -> S + Sync,
        write: impl Fn(&mut S, usize, &mut [f64]) + Sync,
    ) -> Tiles {
        let n_tiles = n.div_ceil(SIZE);
        let bands: Vec<Vec<Vec<f64>>> = (0..n_tiles)
            .into_par_iter()
            .map(|i| {
                let height = extent(n, i);
                let mut band: Vec<Vec<f64>> = (0..=i).map(|j| vec![0.0; height * extent(n, j)]).collect();
                let (mut row, mut scratch) = (vec![0.0; n], scratch());
                for in_tile in 0..height {
                    let index = i * SIZE + in_tile;
                    row.fill(0.0);
                    write(&mut scratch, index, &mut row);
                    for (column, &value) in
                        row[..=index].iter().enumerate().filter(|&(_, &value)| value != 0.0)
                    {
                        band[column / SIZE][column % SIZE * height + in_tile] = value;
                    }
                }
                band
            })
            .collect();
        Tiles { n, tiles: bands.into_iter().flatten().collect() }
    }

    /// The value of a row and a column.
    pub(crate) fn get(&self, row: usize, column: usize) -> f64 {
        let (row, column) = (row.max(column), row.min(column));
        let (i, j) = (row / SIZE, column / SIZE);
        self.tiles[place(i, j)][column % SIZE * extent(self.n, i) + row % SIZE]
    }

    /// Replaces a positive definite matrix `A` by `-A^-1`, without another copy of it.
    ///
    /// This is the sweep operator (Goodnight: *A Tutorial on the SWEEP Operator*, The American Statistician 33(3), 1979) with
    /// tiles as pivots. For pivot `D` at `k`, and `C_i` the tile at (i, k): `A_ij` becomes `A_ij - C_i D^-1 C_j'`, then `C_i`
    /// becomes `C_i D^-1` and `D` becomes `-D^-1`. Each pivot is a Schur complement of `A`, so it is positive definite and its
    /// inverse comes from Cholesky. In all `n^3` multiplications and additions, nearly all of them in products of tiles.
    pub(crate) fn negative_inverse(&mut self, reporter: &mut Reporter<'_>) -> Result<(), Error> {
        let (n, n_tiles) = (self.n, self.n.div_ceil(SIZE));
        let progress = Progress::new("items", n);
        // The tiles of row and column k, all as if they stood in the column, and the same times the inverse of the pivot.
        let (mut column, mut swept) = (vec![Vec::new(); n_tiles], vec![Vec::new(); n_tiles]);
        for k in 0..n_tiles {
            reporter.tell(Progress { n_done: k * SIZE, ..progress })?;
            let width = extent(n, k);
            let inverse = inverse(&self.tiles[place(k, k)], width)?;
            let inverse = MatRef::from_column_major_slice(&inverse, width, width);
            let tiles = &self.tiles;
            column.par_iter_mut().zip(&mut swept).enumerate().for_each(|(i, (tile, product))| {
                let height = if i == k { 0 } else { extent(n, i) };
                tile.clear();
                match i < k {
                    true => tile.extend(transposed(&tiles[place(k, i)], width, height)),
                    false => tile.extend_from_slice(&tiles[place(i, k)][..height * width]),
                }
                product.resize(height * width, 0.0);
                let target = MatMut::from_column_major_slice_mut(product, height, width);
                let tile = MatRef::from_column_major_slice(tile, height, width);
                matmul(target, Accum::Replace, tile, inverse, 1.0, Par::Seq);
            });
            self.tiles.par_iter_mut().enumerate().for_each(|(place, target)| {
                let (i, j) = tile_at(place);
                if i == k && j == k {
                    let pivot = (0..width).flat_map(|column| inverse.col(column).iter());
                    target.iter_mut().zip(pivot).for_each(|(value, inverse)| *value = -inverse);
                } else if j == k {
                    target.copy_from_slice(&swept[i]);
                } else if i == k {
                    target.clear();
                    target.extend(transposed(&swept[j], extent(n, j), width));
                } else {
                    let (height, other) = (extent(n, i), extent(n, j));
                    let target = MatMut::from_column_major_slice_mut(target, height, other);
                    let left = MatRef::from_column_major_slice(&swept[i], height, width);
                    let right = MatRef::from_column_major_slice(&column[j], other, width).transpose();
                    matmul(target, Accum::Add, left, right, -1.0, Par::Seq);
                }
            });
        }
        reporter.tell(Progress { n_done: n, ..progress })
    }
}

/// Rows (or columns) of the tiles at `i`: the last are smaller.
fn extent(n: usize, i: usize) -> usize {
    SIZE.min(n - i * SIZE)
}

fn place(i: usize, j: usize) -> usize {
    i * (i + 1) / 2 + j
}

/// The inverse of [`place`].
fn tile_at(place: usize) -> (usize, usize) {
    let mut i = ((2.0 * place as f64 + 0.25).sqrt() - 0.5) as usize;
    // The root may be off by its last bit.
    while i * (i + 1) / 2 > place {
        i -= 1;
    }
    while (i + 1) * (i + 2) / 2 <= place {
        i += 1;
    }
    (i, place - i * (i + 1) / 2)
}

/// The inverse of a positive definite matrix whose lower half is given, both halves of it.
fn inverse(matrix: &[f64], n: usize) -> Result<Vec<f64>, Error> {
    let unsolvable = || Error::from(Kind::Unsolvable { model: "EASE" });
    let params = Default::default();
    let scratch = llt::factor::cholesky_in_place_scratch::<f64>(n, Par::Seq, params)
        .or(llt::inverse::inverse_scratch::<f64>(n, Par::Seq));
    let mut buffer = MemBuffer::new(scratch);
    let mut matrix = matrix.to_vec();
    let factor = MatMut::from_column_major_slice_mut(&mut matrix, n, n);
    llt::factor::cholesky_in_place(factor, Default::default(), Par::Seq, MemStack::new(&mut buffer), params)
        .map_err(|_| unsolvable())?;
    let mut inverse = vec![0.0; n * n];
    let factor = MatRef::from_column_major_slice(&matrix, n, n);
    let target = MatMut::from_column_major_slice_mut(&mut inverse, n, n);
    llt::inverse::inverse(target, factor, Par::Seq, MemStack::new(&mut buffer));
    for column in 0..n {
        for row in column..n {
            inverse[row * n + column] = inverse[column * n + row];
        }
    }
    match inverse.iter().all(|value| value.is_finite()) {
        true => Ok(inverse),
        false => Err(unsolvable()),
    }
}

/// The transpose of a column-major matrix.
fn transposed(matrix: &[f64], n_rows: usize, n_columns: usize) -> impl Iterator<Item = f64> + '_ {
    (0..n_rows).flat_map(move |row| (0..n_columns).map(move |column| matrix[column * n_rows + row]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ops::ControlFlow;

    #[test]
    fn places_are_counted_both_ways() {
        for (at, expected) in (0..40).flat_map(|i| (0..=i).map(move |j| (i, j))).enumerate() {
            assert_eq!((tile_at(at), place(expected.0, expected.1)), (expected, at));
        }
    }

    #[test]
    fn inverse_times_matrix_is_the_identity() {
        // Three tiles, the last of them narrow.
        let n = 2 * SIZE + 37;
        let value = |i: usize, j: usize| {
            let far = 1.0 / (1 + i.abs_diff(j)) as f64;
            far + if i == j { 2.0 + (i % 7) as f64 } else { 0.0 }
        };
        let mut tiles = Tiles::from_rows(n, || (), |(), i, row| (0..=i).for_each(|j| row[j] = value(i, j)));
        assert_eq!((tiles.get(SIZE, 3), tiles.get(3, SIZE)), (value(SIZE, 3), value(SIZE, 3)));
        let mut told = Vec::new();
        let mut callback = |progress: Progress| {
            told.push(progress.n_done);
            ControlFlow::Continue(())
        };
        tiles.negative_inverse(&mut Reporter::new("the test", &mut callback)).unwrap();
        assert_eq!(told, [0, SIZE, 2 * SIZE, n]);
        for (i, j) in [(0, 0), (0, 1), (n - 1, n - 1), (SIZE, SIZE - 1), (17, n - 1), (300, 300), (300, 2)] {
            let dot: f64 = (0..n).map(|l| -tiles.get(i, l) * value(l, j)).sum();
            assert!((dot - f64::from(u8::from(i == j))).abs() < 1e-12, "({i}, {j}): {dot}");
        }
    }

    #[test]
    fn what_is_not_positive_definite_is_an_error() {
        for diagonal in [-1.0, 0.0, f64::NAN, f64::INFINITY] {
            let mut tiles = Tiles::from_rows(2, || (), |(), i, row| row[i] = diagonal);
            let mut callback = Progress::ignore;
            let error = tiles.negative_inverse(&mut Reporter::new("the test", &mut callback)).unwrap_err();
            assert!(error.is_not_finite());
        }
    }
}
