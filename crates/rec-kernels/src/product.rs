use std::ops::Range;

use pulp::{Simd, WithSimd};

use crate::packed::{Panel, Panels};
use crate::tile::{self, MAX_ROWS, MAX_WIDTH, tile};

/// Some columns of a row-major matrix: `width` values, every `stride`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Columns<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) stride: usize,
    pub(crate) width: usize,
}

/// Where a product goes: row-major, of which it may overwrite `width` columns, padding of panels included.
#[derive(Debug)]
pub(crate) struct Target<'a> {
    pub(crate) values: &'a mut [f32],
    pub(crate) stride: usize,
    pub(crate) width: usize,
}

/// `target = left right`: the chunks of `left` stand side by side, and `right` has a row for each of their columns.
pub(crate) struct Product<'a> {
    pub(crate) n_rows: usize,
    pub(crate) left: &'a [Columns<'a>],
    pub(crate) right: Panels<'a>,
    /// The row of `right` that belongs to the first column of `left`.
    pub(crate) first_row: usize,
    /// The panels to multiply with; `target` begins with the first of them.
    pub(crate) panels: Range<usize>,
    pub(crate) target: Target<'a>,
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        /// Rows of a panel that one pass multiplies: 144 KiB of the second-level cache at most.
        const MAX_DEPTH: usize = 768;
        let Self { n_rows, left, right, first_row, panels, target: Target { values, stride, width } } = self;
        for index in panels.clone() {
            let column = (index - panels.start) * right.shape.width;
            let (mut depth, mut accumulate) = (first_row, false);
            for chunk in left {
                for from in (0..chunk.width).step_by(MAX_DEPTH) {
                    let taken = (chunk.width - from).min(MAX_DEPTH);
                    let panel = right.panel(index, depth..depth + taken);
                    let strip = Strip { panel, n_rows, accumulate };
                    let is_free = column + panel.width <= width;
                    let left = (&chunk.values[from.min(chunk.values.len())..], chunk.stride);
                    let begin = column.min(values.len());
                    let target = (&mut values[begin..], stride);
                    match panel.width / S::F32_LANES {
                        1 => strip.run::<S, 1>(simd, left, target, is_free),
                        2 => strip.run::<S, 2>(simd, left, target, is_free),
                        _ => strip.run::<S, 3>(simd, left, target, is_free),
                    }
                    depth += taken;
                    accumulate = true;
                }
            }
        }
    }
}

/// All rows of the left side times a panel.
struct Strip<'a> {
    panel: Panel<'a>,
    n_rows: usize,
    accumulate: bool,
}

impl Strip<'_> {
    #[inline(always)]
    fn run<S: Simd, const V: usize>(
        self,
        simd: S,
        (a, a_stride): (&[f32], usize),
        (target, stride): (&mut [f32], usize),
        is_free: bool,
    ) {
        // Tiles of three vectors exist only where a full tile has them.
        if V > tile::vectors::<S>() {
            return;
        }
        for first in (0..self.n_rows).step_by(tile::rows::<S>()) {
            let n = (self.n_rows - first).min(tile::rows::<S>());
            let a = (&a[first * a_stride..], a_stride);
            let target = &mut target[first * stride..];
            if is_free {
                self.tile::<S, V>(simd, n, a, (target, stride));
                continue;
            }
            // The padding of the panel would overwrite what stands to the right.
            let (mut aside, columns) = ([0.0; MAX_ROWS * MAX_WIDTH], self.panel.columns);
            if self.accumulate {
                for row in 0..n {
                    aside[row * MAX_WIDTH..][..columns].copy_from_slice(&target[row * stride..][..columns]);
                }
            }
            self.tile::<S, V>(simd, n, a, (&mut aside, MAX_WIDTH));
            for row in 0..n {
                target[row * stride..][..columns].copy_from_slice(&aside[row * MAX_WIDTH..][..columns]);
            }
        }
    }

    #[inline(always)]
    fn tile<S: Simd, const V: usize>(
        &self,
        simd: S,
        n_rows: usize,
        a: (&[f32], usize),
        target: (&mut [f32], usize),
    ) {
        let (panel, accumulate) = (self.panel.values, self.accumulate);
        match n_rows {
            1 => tile::<S, 1, V>(simd, a, panel, target, accumulate),
            2 => tile::<S, 2, V>(simd, a, panel, target, accumulate),
            3 => tile::<S, 3, V>(simd, a, panel, target, accumulate),
            4 => tile::<S, 4, V>(simd, a, panel, target, accumulate),
            5 => tile::<S, 5, V>(simd, a, panel, target, accumulate),
            6 => tile::<S, 6, V>(simd, a, panel, target, accumulate),
            7 if tile::rows::<S>() > 6 => tile::<S, 7, V>(simd, a, panel, target, accumulate),
            8 if tile::rows::<S>() > 6 => tile::<S, 8, V>(simd, a, panel, target, accumulate),
            _ => {}
        }
    }
}
