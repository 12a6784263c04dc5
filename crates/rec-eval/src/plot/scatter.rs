//! Accuracy against coverage.

use std::path::Path;

use super::bars::finite;
use super::canvas::{Anchor, Canvas, Drawn, GRID, LABEL_SIZE, TEXT, TICK_SIZE, TITLE_SIZE, fitted, save};
use super::scale::Scale;
use crate::error::Error;
use crate::resampling::Estimate;

const WIDTH: i32 = 860;
const MIN_HEIGHT: i32 = 520;
const LEFT: i32 = 80;
const RIGHT: i32 = 600;
const TOP: i32 = 56;
const BELOW: i32 = 64;
const LEGEND_X: i32 = RIGHT + 32;
const LEGEND_PITCH: i32 = 22;

/// Draws points of a label, an accuracy and a coverage.
pub(super) fn save_points(
    path: &Path,
    title: &str,
    accuracy: &str,
    mut points: Vec<(&str, Estimate, Estimate)>,
) -> Result<(), Error> {
    for (_, accuracy, coverage) in &mut points {
        (*accuracy, *coverage) = (finite(accuracy), finite(coverage));
    }
    let height = MIN_HEIGHT.max(TOP + BELOW + LEGEND_PITCH * points.len() as i32);
    save(path, (WIDTH, height), |canvas| draw(canvas, height, title, accuracy, &points))
}

fn draw(
    canvas: &Canvas<'_>,
    height: i32,
    title: &str,
    accuracy: &str,
    points: &[(&str, Estimate, Estimate)],
) -> Drawn {
    let bottom = height - BELOW;
    let drawn =
        points.iter().filter(|(_, accuracy, coverage)| accuracy.value.is_some() && coverage.value.is_some());
    let x = Scale::of_points(
        drawn.clone().flat_map(|(_, _, coverage)| ends(coverage)),
        (LEFT.into(), RIGHT.into()),
    );
    let y = Scale::of_points(drawn.flat_map(|(_, accuracy, _)| ends(accuracy)), (bottom.into(), TOP.into()));

    canvas.text(&fitted(title, TITLE_SIZE, WIDTH - 32), (16, 24), TITLE_SIZE, Anchor::Left)?;
    for (pixel, label) in x.ticks() {
        canvas.line(&[(pixel, TOP), (pixel, bottom + 5)], GRID, 1)?;
        canvas.text(&label, (pixel, bottom + 16), TICK_SIZE, Anchor::Centre)?;
    }
    for (pixel, label) in y.ticks() {
        canvas.line(&[(LEFT - 5, pixel), (RIGHT, pixel)], GRID, 1)?;
        canvas.text(&label, (LEFT - 9, pixel), TICK_SIZE, Anchor::Right)?;
    }
    canvas.line(&[(LEFT, TOP), (LEFT, bottom), (RIGHT, bottom)], TEXT, 1)?;
    let centre = ((LEFT + RIGHT) / 2, bottom + 44);
    canvas.text(
        "coverage (share of the catalogue that was recommended)",
        centre,
        LABEL_SIZE,
        Anchor::Centre,
    )?;
    let accuracy = fitted(accuracy, LABEL_SIZE, bottom - TOP);
    canvas.upward_text(&accuracy, (18, (TOP + bottom) / 2), LABEL_SIZE)?;

    // Whiskers first, so that no marker is crossed by those of another.
    let positions: Vec<Option<(i32, i32)>> = points
        .iter()
        .map(|(_, accuracy, coverage)| Some((x.pixel(coverage.value?), y.pixel(accuracy.value?))))
        .collect();
    for ((_, accuracy, coverage), (at_x, at_y)) in
        points.iter().zip(&positions).filter_map(|(point, position)| Some((point, (*position)?)))
    {
        if let Some(interval) = coverage.interval {
            canvas.horizontal_whisker((x.pixel(interval.low), x.pixel(interval.high)), at_y)?;
        }
        if let Some(interval) = accuracy.interval {
            canvas.vertical_whisker(at_x, (y.pixel(interval.low), y.pixel(interval.high)))?;
        }
    }
    for (n, position) in positions.iter().enumerate() {
        if let Some(position) = position {
            canvas.marker(n, *position)?;
        }
    }
    draw_legend(canvas, points)
}

/// Best accuracy first, what is undefined last.
fn draw_legend(canvas: &Canvas<'_>, points: &[(&str, Estimate, Estimate)]) -> Drawn {
    let accuracy = |n: &usize| points[*n].1.value.filter(|_| points[*n].2.value.is_some());
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by(|a, b| {
        accuracy(b).unwrap_or(f64::NEG_INFINITY).total_cmp(&accuracy(a).unwrap_or(f64::NEG_INFINITY))
    });
    for (line, n) in (0..).zip(order) {
        let at_y = TOP + 8 + LEGEND_PITCH * line;
        let label = match accuracy(&n) {
            Some(_) => points[n].0.to_owned(),
            None => format!("{} (undefined)", points[n].0),
        };
        if accuracy(&n).is_some() {
            canvas.marker(n, (LEGEND_X, at_y))?;
        }
        let label = fitted(&label, LABEL_SIZE, WIDTH - LEGEND_X - 30);
        canvas.text(&label, (LEGEND_X + 14, at_y), LABEL_SIZE, Anchor::Left)?;
    }
    Ok(())
}

fn ends(estimate: &Estimate) -> impl Iterator<Item = f64> {
    let interval = estimate.interval.map(|interval| [interval.low, interval.high]);
    estimate.value.into_iter().chain(interval.into_iter().flatten())
}
