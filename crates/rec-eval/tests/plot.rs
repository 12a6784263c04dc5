//! Charts: that they are complete, well formed, and refuse what they must.

#![cfg(feature = "plot")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::Path;

use rec_eval::plot::Curve;
use rec_eval::{Estimate, Interval, plot};

fn estimate(value: f64, half_width: f64) -> Estimate {
    let interval = Some(Interval { low: value - half_width, high: value + half_width });
    Estimate { value: Some(value), interval }
}

const UNDEFINED: Estimate = Estimate { value: None, interval: None };

/// The file that a chart was written into, checked to be an SVG whose tags close.
fn drawn(name: &str, draw: impl FnOnce(&Path)) -> String {
    // Where to leave the charts, for someone who wants to look at them.
    let folder = tempfile::tempdir().unwrap();
    let kept = std::env::var_os("REC_CHARTS").map(std::path::PathBuf::from);
    let path = kept.as_deref().unwrap_or(folder.path()).join(name);
    draw(&path);
    let svg = fs::read_to_string(&path).unwrap();
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
    assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
    assert!(!svg.contains("NaN") && !svg.contains("inf"));
    svg
}

#[test]
fn bars_show_each_label_and_number() {
    let rows = [
        ("ndcg@10", estimate(0.3817, 0.05)),
        ("recall@10", estimate(0.4211, 0.06)),
        ("map@10", estimate(0.2361, 0.04)),
        ("intra-list diversity of the first ten items, by title", estimate(0.71, 0.01)),
        ("serendipity", UNDEFINED),
        ("novelty", Estimate { value: Some(0.9), interval: None }),
    ];
    let svg = drawn("bars.svg", |path| plot::metric_bars(path, "MovieLens 100K, decay", &rows).unwrap());
    for text in [
        "MovieLens 100K, decay",
        "ndcg@10",
        "0.3817 [0.3317, 0.4317]",
        "undefined",
        "0.9000",
        "confidence interval",
    ] {
        assert!(svg.contains(text), "{text}");
    }
    assert!(svg.contains("intra-list diversity") && !svg.contains("by title"), "long labels are cut");
}

#[test]
fn grouped_bars_have_a_legend_and_a_colour_a_method() {
    let methods = [
        "popularity",
        "ItemKNN",
        "decay",
        "token attention",
        "a method with a rather long name",
        "EASE",
        "random",
    ];
    let row =
        |scale: f64| (0..7).map(|n| estimate(scale * (0.1 + 0.05 * f64::from(n)), 0.02)).collect::<Vec<_>>();
    let mut rows = vec![("ndcg@10", row(1.0)), ("recall@10", row(1.4)), ("difference", row(-0.3))];
    rows[1].1[2] = UNDEFINED;
    let svg = drawn("grouped.svg", |path| plot::grouped_bars(path, "Who wins?", &methods, &rows).unwrap());
    for method in methods {
        assert!(svg.contains(method), "{method}");
    }
    // A page, seven entries of the legend, and 20 bars.
    assert_eq!(svg.matches("<rect").count(), 1 + 7 + 20);
}

#[test]
fn curves_have_a_panel_an_axis() {
    let losses: Vec<(f64, f64)> = (0..300)
        .map(|step| (f64::from(step), 6.0 / (1.0 + 0.02 * f64::from(step)) + 0.1 * f64::from(step).sin()))
        .collect();
    let smooth: Vec<(f64, f64)> = losses.iter().map(|(step, _)| (*step, 6.0 / (1.0 + 0.02 * step))).collect();
    let recall = [(50.0, 0.03), (100.0, 0.07), (150.0, f64::NAN), (200.0, 0.09), (250.0, 0.085)];
    let curves = [
        Curve { axis: "loss", name: "each step", points: &losses },
        Curve { axis: "loss", name: "running mean", points: &smooth },
        Curve { axis: "recall@10", name: "validation", points: &recall },
        Curve { axis: "rate", name: "learning rate", points: &[] },
    ];
    let svg = drawn("curves.svg", |path| plot::curves(path, "SASRec", "steps", &curves).unwrap());
    for text in ["SASRec", "loss", "recall@10", "each step", "running mean", "validation", "rate", "steps"] {
        assert!(svg.contains(text), "{text}");
    }
    // Two circles, filled and drawn around, for each of the four values that are numbers; long lines have none.
    assert_eq!(svg.matches("<circle").count(), 2 * 4);
    drawn("no-curves.svg", |path| plot::curves(path, "nothing", "steps", &[]).unwrap());
}

#[test]
fn scatter_has_axes_legend_and_intervals() {
    let point =
        |label, accuracy: f64, coverage: f64| (label, estimate(accuracy, 0.01), estimate(coverage, 0.015));
    let mut points = vec![
        point("popularity", 0.045, 0.054),
        point("ItemKNN", 0.062, 0.275),
        point("EASE", 0.070, 0.291),
        point("decay, half-life of 30 days, cosine", 0.066, 0.52),
        point("random", 0.012, 0.97),
        ("broken", UNDEFINED, estimate(0.5, 0.1)),
    ];
    let svg = drawn("scatter.svg", |path| {
        plot::coverage_accuracy(path, "Accuracy and coverage", "ndcg@10", &points).unwrap()
    });
    for text in
        ["EASE", "broken (undefined)", "ndcg@10", "coverage (share of the catalogue that was recommended)"]
    {
        assert!(svg.contains(text), "{text}");
    }
    let place = |text: &str| svg.find(text).unwrap();
    assert!(place("EASE") < place("popularity") && place("popularity") < place("random"));

    let labels: Vec<String> = (0..27).map(|n| format!("method {n}")).collect();
    let many = (0..27).map(|n| point(&*labels[n], 0.3 + 0.02 * n as f64, ((n * 7) % 27) as f64 / 27.0));
    points.extend(many);
    drawn("many.svg", |path| plot::coverage_accuracy(path, "Many", "ndcg@10", &points).unwrap());
}

#[test]
fn nothing_and_extremes_can_be_drawn() {
    let none: [(&str, Estimate); 0] = [];
    drawn("none.svg", |path| plot::metric_bars(path, "", &none).unwrap());
    drawn("no-points.svg", |path| plot::coverage_accuracy::<&str>(path, "", "", &[]).unwrap());
    let extremes = [
        ("<&>\"'\0\u{ffff}", estimate(1e300, 1.0)),
        ("NAN_", Estimate { value: Some(f64::NAN), interval: Some(Interval { low: 0.0, high: 1.0 }) }),
        ("minus", estimate(-1e-300, f64::INFINITY)),
    ];
    drawn("extremes.svg", |path| plot::metric_bars(path, &"title ".repeat(99), &extremes).unwrap());
    let one = [("one", estimate(0.5, 0.0), estimate(0.5, 0.0))];
    drawn("one.svg", |path| plot::coverage_accuracy(path, "One", "recall@5", &one).unwrap());
}

#[test]
fn same_chart_has_the_same_bytes() {
    let draw = |path: &Path| plot::metric_bars(path, "twice", &[("a", estimate(0.5, 0.1))]).unwrap();
    assert_eq!(drawn("a.svg", draw), drawn("b.svg", draw));
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no").join("a.svg");
    let error = plot::metric_bars(&path, "a", &[("a", estimate(0.5, 0.1))]).unwrap_err();
    assert!(error.is_io());
    assert_eq!(error.to_string(), format!("{}: cannot create the file", path.display()));
}

#[test]
#[should_panic(expected = "`ndcg` has 1 estimates for 2 methods")]
fn rows_must_have_an_estimate_a_method() {
    let _ = plot::grouped_bars("never.svg", "a", &["x", "y"], &[("ndcg", [UNDEFINED])]);
}
