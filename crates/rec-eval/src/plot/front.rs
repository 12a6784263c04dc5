//! What is gained in one metric and given up in another, as a setting moves.

use std::path::Path;

use super::bars::finite;
use super::canvas::{
    Anchor, Canvas, Drawn, GRID, LABEL_SIZE, TEXT, TICK_SIZE, TITLE_SIZE, bar_colour, fitted, save,
};
use super::scale::Scale;
use crate::error::Error;
use crate::resampling::Estimate;

const WIDTH: i32 = 860;
const HEIGHT: i32 = 520;
const LEFT: i32 = 80;
const RIGHT: i32 = 640;
const TOP: i32 = 56;
const BOTTOM: i32 = HEIGHT - 64;
const LEGEND_X: i32 = RIGHT + 32;
const LEGEND_PITCH: i32 = 22;

/// A label, and its points: what each is called, and its values on both axes.
pub(super) type Series<'a> = (&'a str, Vec<(&'a str, f64, Estimate)>);

/// Draws a line for each series, through points whose names stand beside them.
pub(super) fn save_front(
    path: &Path,
    title: &str,
    axes: (&str, &str),
    mut series: Vec<Series<'_>>,
) -> Result<(), Error> {
    for (_, points) in &mut series {
        points.iter_mut().for_each(|(_, _, y)| *y = finite(y));
        points.retain(|(_, x, y)| x.is_finite() && y.value.is_some());
    }
    save(path, (WIDTH, HEIGHT), |canvas| draw(canvas, title, axes, &series))
}

fn draw(canvas: &Canvas<'_>, title: &str, axes: (&str, &str), series: &[Series<'_>]) -> Drawn {
    let points = || series.iter().flat_map(|(_, points)| points);
    let x = Scale::of_points(points().map(|(_, x, _)| *x), (LEFT.into(), RIGHT.into()));
    // Lines that are to be told apart decide the scale, not the whiskers, which are longer.
    let y = Scale::of_points(points().filter_map(|(_, _, y)| y.value), (BOTTOM.into(), TOP.into()));
    canvas.text(&fitted(title, TITLE_SIZE, WIDTH - 32), (16, 24), TITLE_SIZE, Anchor::Left)?;
    for (pixel, label) in x.ticks() {
        canvas.line(&[(pixel, TOP), (pixel, BOTTOM + 5)], GRID, 1)?;
        canvas.text(&label, (pixel, BOTTOM + 16), TICK_SIZE, Anchor::Centre)?;
    }
    for (pixel, label) in y.ticks() {
        canvas.line(&[(LEFT - 5, pixel), (RIGHT, pixel)], GRID, 1)?;
        canvas.text(&label, (LEFT - 9, pixel), TICK_SIZE, Anchor::Right)?;
    }
    canvas.line(&[(LEFT, TOP), (LEFT, BOTTOM), (RIGHT, BOTTOM)], TEXT, 1)?;
    let across = fitted(axes.0, LABEL_SIZE, RIGHT - LEFT);
    canvas.text(&across, ((LEFT + RIGHT) / 2, BOTTOM + 44), LABEL_SIZE, Anchor::Centre)?;
    let upward = fitted(axes.1, LABEL_SIZE, BOTTOM - TOP);
    canvas.upward_text(&upward, (18, (TOP + BOTTOM) / 2), LABEL_SIZE)?;
    for (n, (label, points)) in series.iter().enumerate() {
        let place = |(_, at, value): &(&str, f64, Estimate)| Some((x.pixel(*at), y.pixel(value.value?)));
        let places: Vec<(i32, i32)> = points.iter().filter_map(place).collect();
        if places.len() > 1 {
            canvas.line(&places, bar_colour(n), 2)?;
        }
        for ((name, _, _), &at) in points.iter().zip(&places) {
            canvas.marker(n, at)?;
            canvas.text(name, (at.0 + 10, at.1 - 10), TICK_SIZE, Anchor::Left)?;
        }
        let at_y = TOP + 8 + LEGEND_PITCH * n as i32;
        canvas.marker(n, (LEGEND_X, at_y))?;
        let label = fitted(label, LABEL_SIZE, WIDTH - LEGEND_X - 30);
        canvas.text(&label, (LEGEND_X + 14, at_y), LABEL_SIZE, Anchor::Left)?;
    }
    Ok(())
}
