//! Bars with intervals, of one method or of several.

use std::path::Path;

use super::canvas::{
    Anchor, Canvas, Drawn, GRID, LABEL_SIZE, TEXT, TICK_SIZE, TITLE_SIZE, bar_colour, fitted, save, width,
};
use super::scale::Scale;
use crate::error::Error;
use crate::resampling::{Estimate, Interval};

const WIDTH: i32 = 860;
const MARGIN: i32 = 16;
const TITLE_HEIGHT: i32 = 44;
const LEGEND_HEIGHT: i32 = 22;
const AXIS_HEIGHT: i32 = 58;
const MAX_LABEL_WIDTH: i32 = 280;
const BAR: i32 = 14;
const PITCH: i32 = 20;
const GROUP_GAP: i32 = 12;

/// The place of a method in the legend: which, and where its square stands.
type Entry = (usize, (i32, i32));

/// A group of bars for each row, a bar for each method.
pub(super) struct BarChart<'a> {
    pub(super) title: &'a str,
    /// None, if there is only one and it has no name.
    pub(super) methods: &'a [&'a str],
    pub(super) rows: Vec<(&'a str, &'a [Estimate])>,
}

/// Where everything is.
struct Layout {
    legend: Vec<(usize, (i32, i32))>,
    top: i32,
    bottom: i32,
    scale: Scale,
    plot: (i32, i32),
}

impl BarChart<'_> {
    pub(super) fn save(&self, path: &Path) -> Result<(), Error> {
        let layout = self.layout();
        save(path, (WIDTH, layout.bottom + AXIS_HEIGHT), |canvas| self.draw(canvas, &layout))
    }

    fn layout(&self) -> Layout {
        let (legend, n_lines) = self.legend();
        // The line above the bars has the heading of the numbers.
        let top = TITLE_HEIGHT + LEGEND_HEIGHT * (n_lines + 1);
        let heights = self.rows.iter().map(|(_, estimates)| estimates.len() as i32 * PITCH + GROUP_GAP);
        let label_width = self.rows.iter().map(|(label, _)| width(label, LABEL_SIZE)).max().unwrap_or(0);
        let numbers_width = self.estimates().map(|estimate| width(&numbers(&estimate), TICK_SIZE)).max();
        let left = MARGIN + label_width.min(MAX_LABEL_WIDTH) + 10;
        let right = WIDTH - MARGIN - numbers_width.unwrap_or(0).max(width(HEADING, TICK_SIZE)) - 14;
        let ends = |estimate: Estimate| {
            let interval = estimate.interval.map(|interval| [interval.low, interval.high]);
            estimate.value.into_iter().chain(interval.into_iter().flatten())
        };
        Layout {
            legend,
            top,
            bottom: top + heights.sum::<i32>(),
            scale: Scale::of_bars(self.estimates().flat_map(ends), (left.into(), right.into())),
            plot: (left, right),
        }
    }

    /// Where the entry of each method is, and the number of lines.
    fn legend(&self) -> (Vec<Entry>, i32) {
        let (mut x, mut line) = (MARGIN, 0);
        let place = |(n, method): (usize, &&str)| {
            let width = 20 + width(&fitted(method, LABEL_SIZE, MAX_LABEL_WIDTH), LABEL_SIZE) + 16;
            if x > MARGIN && x + width > WIDTH - MARGIN {
                (x, line) = (MARGIN, line + 1);
            }
            let at = (x, TITLE_HEIGHT + line * LEGEND_HEIGHT + LEGEND_HEIGHT / 2);
            x += width;
            (n, at)
        };
        let entries: Vec<_> = self.methods.iter().enumerate().map(place).collect();
        let n_lines = if entries.is_empty() { 0 } else { line + 1 };
        (entries, n_lines)
    }

    /// What can be drawn, of all methods and rows.
    fn estimates(&self) -> impl Iterator<Item = Estimate> {
        self.rows.iter().flat_map(|(_, estimates)| estimates.iter().map(finite))
    }

    fn draw(&self, canvas: &Canvas<'_>, layout: &Layout) -> Drawn {
        let title = fitted(self.title, TITLE_SIZE, WIDTH - 2 * MARGIN);
        canvas.text(&title, (MARGIN, TITLE_HEIGHT / 2 + 2), TITLE_SIZE, Anchor::Left)?;
        for (n, (x, y)) in &layout.legend {
            canvas.rectangle([(*x, y - 7), (x + 14, y + 7)], bar_colour(*n))?;
            let method = fitted(self.methods[*n], LABEL_SIZE, MAX_LABEL_WIDTH);
            canvas.text(&method, (x + 20, *y), LABEL_SIZE, Anchor::Left)?;
        }
        self.draw_axis(canvas, layout)?;

        let numbers_x = layout.plot.1 + 14;
        canvas.text(HEADING, (numbers_x, layout.top - LEGEND_HEIGHT / 2), TICK_SIZE, Anchor::Left)?;
        let mut y = layout.top;
        for (label, estimates) in &self.rows {
            let middle = y + (GROUP_GAP + estimates.len() as i32 * PITCH) / 2;
            let label = fitted(label, LABEL_SIZE, MAX_LABEL_WIDTH);
            canvas.text(&label, (layout.plot.0 - 10, middle), LABEL_SIZE, Anchor::Right)?;
            y += GROUP_GAP / 2;
            for (n, estimate) in estimates.iter().map(finite).enumerate() {
                let centre = y + PITCH / 2;
                draw_bar(canvas, &layout.scale, &estimate, n, centre)?;
                canvas.text(&numbers(&estimate), (numbers_x, centre), TICK_SIZE, Anchor::Left)?;
                y += PITCH;
            }
            y += GROUP_GAP / 2;
        }
        let zero = layout.scale.pixel(0.0);
        canvas.line(&[(zero, layout.top), (zero, layout.bottom)], TEXT, 1)
    }

    fn draw_axis(&self, canvas: &Canvas<'_>, layout: &Layout) -> Drawn {
        for (x, label) in layout.scale.ticks() {
            canvas.line(&[(x, layout.top), (x, layout.bottom + 5)], GRID, 1)?;
            canvas.text(&label, (x, layout.bottom + 16), TICK_SIZE, Anchor::Centre)?;
        }
        let (left, right) = layout.plot;
        canvas.line(&[(left, layout.bottom), (right, layout.bottom)], TEXT, 1)?;
        let has_intervals = self.estimates().any(|estimate| estimate.interval.is_some());
        let title = if has_intervals { "value (thin line: its confidence interval)" } else { "value" };
        canvas.text(title, ((left + right) / 2, layout.bottom + 40), LABEL_SIZE, Anchor::Centre)
    }
}

fn draw_bar(canvas: &Canvas<'_>, scale: &Scale, estimate: &Estimate, n: usize, y: i32) -> Drawn {
    let Some(value) = estimate.value else { return Ok(()) };
    let (zero, end) = (scale.pixel(0.0), scale.pixel(value));
    canvas.rectangle([(zero.min(end), y - BAR / 2), (zero.max(end), y + BAR / 2)], bar_colour(n))?;
    match estimate.interval {
        Some(Interval { low, high }) => canvas.horizontal_whisker((scale.pixel(low), scale.pixel(high)), y),
        None => Ok(()),
    }
}

const HEADING: &str = "value [interval]";

/// Four decimals, or an exponent where they would not fit.
fn numbers(estimate: &Estimate) -> String {
    let number = |value: f64| if value.abs() < 1e6 { format!("{value:.4}") } else { format!("{value:.3e}") };
    match (estimate.value, estimate.interval) {
        (Some(value), Some(Interval { low, high })) => {
            format!("{} [{}, {}]", number(value), number(low), number(high))
        }
        (Some(value), None) => number(value),
        (None, _) => "undefined".to_owned(),
    }
}

/// An estimate without what cannot be drawn.
pub(super) fn finite(estimate: &Estimate) -> Estimate {
    let is_finite = |interval: &Interval| interval.low.is_finite() && interval.high.is_finite();
    let value = estimate.value.filter(|value| value.is_finite());
    Estimate { value, interval: estimate.interval.filter(|interval| value.is_some() && is_finite(interval)) }
}
