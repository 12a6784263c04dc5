//! The curves of a training, from the metrics that it wrote.

use std::fs;
use std::path::Path;

use rec_eval::plot::{self, Curve};
use rec_train::StepMetrics;

use crate::Error;

/// No chart shows more points than this beside each other.
const MAX_POINTS: usize = 200;

/// Draws `curves.svg` in a folder that has the `metrics.jsonl` of a run: the loss, as means of so many steps that a line can be followed,
/// and the validation metric, whose name is `metric` and whose values are multiplied by `sign`.
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// let line = |step| format!("{{\"step\":{step},\"loss\":{},\"lr\":0.1,\"grad_norm\":1.0,\"metric\":-2.5}}\n", 9.0 / step as f64);
/// std::fs::write(folder.path().join("metrics.jsonl"), (1..=9).map(line).collect::<String>())?;
/// rec_examples::curves::draw(folder.path(), "A training", "loss of held-out pairs", -1.0)?;
/// assert!(std::fs::read_to_string(folder.path().join("curves.svg"))?.contains("held-out"));
/// # Ok::<(), rec_examples::Error>(())
/// ```
///
/// # Errors
///
/// The metrics cannot be read, or the chart cannot be written.
pub fn draw(folder: impl AsRef<Path>, title: &str, metric: &str, sign: f64) -> Result<(), Error> {
    let folder = folder.as_ref();
    let path = folder.join("metrics.jsonl");
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let lines = text.lines().enumerate().map(|(n, line)| {
        let line = serde_json::from_str(line);
        line.map_err(|error| format!("{}:{}: {error}", path.display(), n + 1).into())
    });
    let steps: Vec<StepMetrics> = lines.collect::<Result<_, Error>>()?;
    let window = steps.len().div_ceil(MAX_POINTS).max(1);
    let mean = |steps: &[StepMetrics]| {
        let sum: f64 = steps.iter().map(|step| step.loss).sum();
        (steps[steps.len() - 1].step as f64, sum / steps.len() as f64)
    };
    let losses: Vec<(f64, f64)> = steps.chunks(window).map(mean).collect();
    let metrics = steps.iter().filter_map(|step| Some((step.step as f64, sign * step.metric?)));
    let metrics: Vec<(f64, f64)> = metrics.collect();
    let name = match window {
        1 => "training".to_owned(),
        n => format!("training, {n} steps"),
    };
    let mut curves = vec![Curve { axis: "loss", name: &name, points: &losses }];
    if !metrics.is_empty() {
        curves.push(Curve { axis: metric, name: "validation", points: &metrics });
    }
    Ok(plot::curves(folder.join("curves.svg"), title, "steps", &curves)?)
}
