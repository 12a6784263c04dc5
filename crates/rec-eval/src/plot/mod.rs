//! Charts of results as SVG files, with their intervals.
//!
//! Text is written by the name of the font family, so that no font needs to be installed to draw. Colours are those of Okabe
//! and Ito, which readers with any common colour blindness can tell apart; after eight they come again. Files are written
//! whole or not at all. What is undefined is named as such, and not drawn as 0.

mod bars;
mod canvas;
mod front;
mod lines;
mod scale;
mod scatter;

use std::path::Path;

use self::bars::BarChart;
use crate::error::Error;
use crate::resampling::Estimate;

/// Draws the metrics of one method: a horizontal bar each, from 0 to the estimate, with a line for the interval and the
/// numbers beside it.
///
/// Put together what has one unit: all bars share one axis. Labels that are longer than about 35 characters are cut.
///
/// # Errors
///
/// The file cannot be written; the message names it.
///
/// ```
/// use rec_eval::{Bootstrap, Estimate, plot};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("metrics.svg");
/// let recalls = [1.0, 0.0, 0.5, 0.0, 0.25, 1.0, 0.0, 0.0];
/// let recall = Estimate { value: Some(0.34375), interval: Bootstrap::new(7).mean(&recalls) };
/// plot::metric_bars(&path, "Fans of science fiction", &[("recall@10", recall), ("ndcg@10", Estimate::default())])?;
///
/// let svg = std::fs::read_to_string(&path)?;
/// assert!(svg.starts_with("<svg") && svg.contains("recall@10") && svg.contains("0.3438"));
/// assert!(svg.contains("undefined"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn metric_bars<L: AsRef<str>>(
    path: impl AsRef<Path>,
    title: &str,
    rows: &[(L, Estimate)],
) -> Result<(), Error> {
    let rows =
        rows.iter().map(|(label, estimate)| (label.as_ref(), std::slice::from_ref(estimate))).collect();
    BarChart { title, methods: &[], rows }.save(path.as_ref())
}

/// Draws the metrics of several methods: for each metric a group of bars, one for each method in its colour.
///
/// `rows` are the metrics, each with one estimate per method. For the rest see [`metric_bars`].
///
/// Overlapping intervals do not mean that two methods do not differ: for that, see
/// [`PairedValues`](crate::PairedValues).
///
/// # Errors
///
/// The file cannot be written; the message names it.
///
/// # Panics
///
/// A metric has not one estimate per method.
///
/// ```
/// use rec_eval::{Estimate, plot};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("methods.svg");
/// let estimate = |value| Estimate { value: Some(value), interval: None };
/// let rows = [
///     ("recall@10", [estimate(0.21), estimate(0.25)]),
///     ("ndcg@10", [estimate(0.11), estimate(0.14)]),
/// ];
/// plot::grouped_bars(&path, "Popularity and decay", &["popularity", "decay"], &rows)?;
/// assert!(std::fs::read_to_string(&path)?.contains("popularity"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn grouped_bars<L: AsRef<str>, E: AsRef<[Estimate]>>(
    path: impl AsRef<Path>,
    title: &str,
    methods: &[&str],
    rows: &[(L, E)],
) -> Result<(), Error> {
    for (label, estimates) in rows {
        let (label, n_found, n_methods) = (label.as_ref(), estimates.as_ref().len(), methods.len());
        assert!(n_found == n_methods, "`{label}` has {n_found} estimates for {n_methods} methods");
    }
    let rows = rows.iter().map(|(label, estimates)| (label.as_ref(), estimates.as_ref())).collect();
    BarChart { title, methods, rows }.save(path.as_ref())
}

/// Draws the accuracy of each method against its coverage, with lines for both intervals: what a method that serves the few
/// popular items well gives up.
///
/// `accuracy` is the name of the accuracy metric, and titles its axis. Each point is a label, an accuracy and a coverage, the
/// share of the catalogue that was recommended to anybody. The legend is in the order of the accuracy, best first.
///
/// # Errors
///
/// The file cannot be written; the message names it.
///
/// ```
/// use rec_eval::{Estimate, plot};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("methods.svg");
/// let estimate = |value| Estimate { value: Some(value), interval: None };
/// let points = [("popularity", estimate(0.11), estimate(0.02)), ("decay", estimate(0.14), estimate(0.31))];
/// plot::coverage_accuracy(&path, "Who is served", "ndcg@10", &points)?;
/// assert!(std::fs::read_to_string(&path)?.contains("decay"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn coverage_accuracy<L: AsRef<str>>(
    path: impl AsRef<Path>,
    title: &str,
    accuracy: &str,
    points: &[(L, Estimate, Estimate)],
) -> Result<(), Error> {
    let points =
        points.iter().map(|(label, accuracy, coverage)| (label.as_ref(), *accuracy, *coverage)).collect();
    scatter::save_points(path.as_ref(), title, accuracy, points)
}

/// A point of [`front`]: what the setting is called, the value across, and the estimate upwards.
pub type FrontPoint<N> = (N, f64, Estimate);

/// Draws one metric against another as a setting moves: a line for each method, through its settings in the order given.
///
/// `axes` are the names across and upwards. A method is its label and its points, each with what the setting is called, the value
/// across and the estimate upwards. The scale is that of the points: intervals are not drawn, since those of one method's settings
/// are of the same users and say little of their differences. Points without a value are left out.
///
/// # Errors
///
/// The file cannot be written; the message names it.
///
/// ```
/// use rec_eval::{Estimate, plot};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("front.svg");
/// let estimate = |value| Estimate { value: Some(value), interval: None };
/// let mmr = vec![("1", 0.61, estimate(0.071)), ("0.7", 0.66, estimate(0.070)), ("0.3", 0.74, estimate(0.058))];
/// plot::front(&path, "Diversity and its price", ("distance of pairs", "ndcg@10"), &[("MMR", mmr)])?;
/// assert!(std::fs::read_to_string(&path)?.contains("distance of pairs"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn front<L: AsRef<str>, N: AsRef<str>>(
    path: impl AsRef<Path>,
    title: &str,
    axes: (&str, &str),
    methods: &[(L, Vec<FrontPoint<N>>)],
) -> Result<(), Error> {
    let series = methods.iter().map(|(label, points)| {
        let points = points.iter().map(|(name, x, y)| (name.as_ref(), *x, *y)).collect();
        (label.as_ref(), points)
    });
    front::save_front(path.as_ref(), title, axes, series.collect())
}

/// A line of [`curves`].
#[derive(Clone, Copy, Debug)]
pub struct Curve<'a> {
    /// What its values are. Curves of one axis share a panel.
    pub axis: &'a str,
    /// What the legend calls it.
    pub name: &'a str,
    /// Places and values, in the order in which they are connected. One that is not finite is a gap.
    pub points: &'a [(f64, f64)],
}

/// Draws lines over steps: the losses and metrics of a training, say. Each axis has a panel, one above the other; all share the
/// horizontal axis, whose name is `x`.
///
/// # Errors
///
/// The file cannot be written; the message names it.
///
/// ```
/// use rec_eval::plot::{self, Curve};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("curves.svg");
/// let losses: Vec<(f64, f64)> = (1..=100).map(|step| (step.into(), 7.0 / f64::from(step).sqrt())).collect();
/// let curves = [
///     Curve { axis: "loss", name: "training", points: &losses },
///     Curve { axis: "recall@10", name: "validation", points: &[(50.0, 0.08), (100.0, 0.11)] },
/// ];
/// plot::curves(&path, "SASRec on MovieLens", "steps", &curves)?;
/// assert!(std::fs::read_to_string(&path)?.contains("validation"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn curves(path: impl AsRef<Path>, title: &str, x: &str, curves: &[Curve<'_>]) -> Result<(), Error> {
    lines::save_curves(path.as_ref(), title, x, curves)
}
