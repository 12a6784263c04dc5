//! Lines over steps, one panel above the other.

use std::path::Path;

use super::Curve;
use super::canvas::{Anchor, Canvas, Drawn, GRID, LABEL_SIZE, TEXT, TICK_SIZE, TITLE_SIZE, fitted, save};
use super::scale::Scale;
use crate::error::Error;

const WIDTH: i32 = 860;
const LEFT: i32 = 92;
const RIGHT: i32 = 620;
const TITLE_HEIGHT: i32 = 48;
const PANEL: i32 = 220;
const GAP: i32 = 24;
const BELOW: i32 = 60;
const LEGEND_X: i32 = RIGHT + 24;
const LEGEND_PITCH: i32 = 22;
/// Longer lines have no markers, which would hide them.
const MAX_MARKERS: usize = 40;

/// The curves of an axis, with their numbers in the whole chart.
type Panel<'a> = (&'a str, Vec<(usize, &'a Curve<'a>)>);

/// Draws a panel for each axis, in the order in which they come.
pub(super) fn save_curves(path: &Path, title: &str, x: &str, curves: &[Curve<'_>]) -> Result<(), Error> {
    let mut panels: Vec<Panel<'_>> = Vec::new();
    for (n, curve) in curves.iter().enumerate() {
        match panels.iter_mut().find(|(axis, _)| *axis == curve.axis) {
            Some((_, curves)) => curves.push((n, curve)),
            None => panels.push((curve.axis, vec![(n, curve)])),
        }
    }
    let heights = panels.iter().map(|(_, curves)| PANEL.max(LEGEND_PITCH * curves.len() as i32));
    let heights: Vec<i32> = heights.collect();
    let height = TITLE_HEIGHT + heights.iter().map(|height| height + GAP).sum::<i32>() + BELOW;
    save(path, (WIDTH, height), |canvas| {
        canvas.text(&fitted(title, TITLE_SIZE, WIDTH - 32), (16, 24), TITLE_SIZE, Anchor::Left)?;
        let steps = curves.iter().flat_map(finite).map(|(x, _)| x);
        let steps = Scale::of_steps(steps, (LEFT.into(), RIGHT.into()));
        let mut top = TITLE_HEIGHT;
        for ((axis, curves), height) in panels.iter().zip(&heights) {
            draw_panel(canvas, axis, curves, &steps, (top, top + height))?;
            top += height + GAP;
        }
        let bottom = top - GAP;
        for (pixel, label) in steps.ticks() {
            canvas.text(&label, (pixel, bottom + 18), TICK_SIZE, Anchor::Centre)?;
        }
        let x = fitted(x, LABEL_SIZE, RIGHT - LEFT);
        canvas.text(&x, ((LEFT + RIGHT) / 2, bottom + 44), LABEL_SIZE, Anchor::Centre)
    })
}

fn draw_panel(
    canvas: &Canvas<'_>,
    axis: &str,
    curves: &[(usize, &Curve<'_>)],
    steps: &Scale,
    (top, bottom): (i32, i32),
) -> Drawn {
    let values = curves.iter().flat_map(|(_, curve)| finite(curve)).map(|(_, y)| y);
    let scale = Scale::of_points(values, (bottom.into(), top.into()));
    for (pixel, _) in steps.ticks() {
        canvas.line(&[(pixel, top), (pixel, bottom + 5)], GRID, 1)?;
    }
    for (pixel, label) in scale.ticks() {
        canvas.line(&[(LEFT - 5, pixel), (RIGHT, pixel)], GRID, 1)?;
        canvas.text(&label, (LEFT - 9, pixel), TICK_SIZE, Anchor::Right)?;
    }
    canvas.line(&[(LEFT, top), (LEFT, bottom), (RIGHT, bottom)], TEXT, 1)?;
    canvas.upward_text(&fitted(axis, LABEL_SIZE, bottom - top), (18, (top + bottom) / 2), LABEL_SIZE)?;
    for (line, &(n, curve)) in (0..).zip(curves) {
        let pixels = |&(x, y): &(f64, f64)| (steps.pixel(x), scale.pixel(y));
        // A value that is none is a gap.
        for run in curve.points.split(|(x, y)| !(x.is_finite() && y.is_finite())) {
            let run: Vec<(i32, i32)> = run.iter().map(pixels).collect();
            canvas.curve(n, &run)?;
            if curve.points.len() <= MAX_MARKERS || run.len() == 1 {
                for at in run {
                    canvas.marker(n, at)?;
                }
            }
        }
        let (y, name) =
            (top + 8 + LEGEND_PITCH * line, fitted(curve.name, LABEL_SIZE, WIDTH - LEGEND_X - 46));
        canvas.curve(n, &[(LEGEND_X, y), (LEGEND_X + 22, y)])?;
        canvas.text(&name, (LEGEND_X + 30, y), LABEL_SIZE, Anchor::Left)?;
    }
    Ok(())
}

fn finite<'a>(curve: &'a Curve<'_>) -> impl Iterator<Item = (f64, f64)> + 'a {
    curve.points.iter().copied().filter(|(x, y)| x.is_finite() && y.is_finite())
}
