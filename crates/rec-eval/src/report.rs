//! What an evaluation came to: numbers for programs, and a table for people.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::judged::Ties;
use crate::resampling::{Bootstrap, Estimate};

/// What an [`Evaluator`](crate::Evaluator) found.
///
/// It prints as a table, with four decimals or as many as the format asks for. Its fields are those of its JSON, where
/// numbers are written so that they read back exactly.
///
/// ```
/// use rec_data::{Hit, RankedList};
/// use rec_eval::{Bootstrap, Evaluator, Relevance};
///
/// let relevance = Relevance::from_judgements([("ann", "dune", 1.0), ("bob", "emma", 1.0)])?;
/// let mut evaluator = Evaluator::new(["hit_rate@1".parse()?]);
/// let list = RankedList::new([Hit { id: "dune".into(), score: 1.0 }])?;
/// for (user, relevant) in relevance.iter() {
///     evaluator.push(user, &list, relevant)?;
/// }
/// let report = evaluator.report(Some(&Bootstrap::new(7)));
/// assert_eq!(
///     report.to_string(),
///     "metric      value   95 % interval     users  skipped  undefined\n\
///      hit_rate@1  0.5000  [0.0000, 1.0000]      2        0          0\n\
///      2 users, 0 without relevant items; equal scores stand in the order of ids\n"
/// );
/// let json: serde_json::Value = serde_json::to_value(&report)?;
/// assert_eq!(json["metrics"][0]["metric"], "hit_rate@1");
/// assert_eq!(json["metrics"][0]["value"], 0.5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// The number of users judged.
    pub n_users: usize,
    /// How many of them have no relevant items.
    pub n_without_relevant: usize,
    /// What equal scores mean.
    pub ties: Ties,
    /// How many lists have equal scores, by cut-off.
    pub tie_counts: Vec<TieCount>,
    /// What was recommended, if beyond-accuracy measures were asked for.
    pub recommended: Option<Recommended>,
    /// Where the intervals come from, if there are any.
    pub bootstrap: Option<Bootstrap>,
    /// The metrics, over all users.
    pub metrics: Vec<MetricReport>,
    /// The metrics by groups of users and of items.
    pub groups: Vec<GroupReport>,
}

/// What one metric came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MetricReport {
    /// The name of the metric.
    pub metric: String,
    /// The mean over the users counted, or the value of all lists together.
    #[serde(flatten)]
    pub estimate: Estimate,
    /// The number of users counted.
    pub n_users: usize,
    /// The number of users left out because nothing was relevant for them.
    pub n_skipped: usize,
    /// The number of users left out because the metric is undefined for them for another reason.
    pub n_undefined: usize,
}

/// The metrics of a group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GroupReport {
    /// Whether it is a group of users or of items.
    pub of: Grouped,
    /// What they are grouped by.
    pub grouping: String,
    /// The label of the group.
    pub label: String,
    /// The metrics.
    pub metrics: Vec<MetricReport>,
}

/// What a group is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grouped {
    /// Users: the metrics are over the lists of these users.
    Users,
    /// Items: only these items are relevant.
    Items,
}

/// How many lists have equal scores where it matters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TieCount {
    /// The cut-off; `None` for the whole list.
    pub cutoff: Option<usize>,
    /// The number of lists in which two items within the cut-off have equal scores.
    pub n_within: usize,
    /// The number of lists in which the last item within the cut-off and the first behind it have equal scores. Lists that end
    /// at the cut-off do not show it.
    pub n_across: usize,
}

/// What was recommended, within the cut-off of the beyond-accuracy measures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Recommended {
    /// The cut-off.
    pub cutoff: usize,
    /// The number of recommendations, of all users together.
    pub n_slots: usize,
    /// How many of them are of items that are not in the catalogue: they cover nothing. `None` without a catalogue.
    pub n_outside_catalogue: Option<usize>,
    /// How many of them are of items that are not in the training data: their novelty is that of an item that occurs once.
    /// `None` without training data.
    pub n_outside_train: Option<usize>,
}

impl Report {
    /// What a metric came to over all users; `None` if it is not in the report.
    #[must_use]
    pub fn get(&self, metric: &str) -> Option<&MetricReport> {
        self.metrics.iter().find(|report| report.metric == metric)
    }

    /// The value of a metric over all users; `None` if it is not in the report, or undefined.
    #[must_use]
    pub fn value(&self, metric: &str) -> Option<f64> {
        self.get(metric)?.estimate.value
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = f.precision().unwrap_or(4);
        let interval = match &self.bootstrap {
            // Rounded, so that 0.95 is 95 and not 94.99999999999999.
            Some(bootstrap) => format!("{} % interval", (bootstrap.confidence() * 1e6).round() / 1e4),
            None => "interval".to_owned(),
        };
        let header = ["metric", "value", &interval, "users", "skipped", "undefined"].map(str::to_owned);
        let mut lines = vec![Line::Row(header)];
        lines.extend(self.metrics.iter().map(|metric| Line::Row(metric.cells(decimals))));
        for group in &self.groups {
            let of = match group.of {
                Grouped::Users => "users",
                Grouped::Items => "relevant items",
            };
            let is_empty = group.metrics.iter().all(|metric| metric.n_users == 0);
            let nobody = if is_empty { ": no users" } else { "" };
            lines.push(Line::Heading(format!("{of} of {} {}{nobody}", group.grouping, group.label)));
            if is_empty {
                continue;
            }
            lines.extend(group.metrics.iter().map(|metric| Line::Row(metric.cells(decimals))));
        }
        write_table(f, &lines)?;
        self.write_notes(f)
    }
}

impl Report {
    fn write_notes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { n_users, n_without_relevant, .. } = self;
        let ties = match self.ties {
            Ties::ById => "equal scores stand in the order of ids",
            Ties::Expected => "values are expected over the orders of equal scores",
        };
        writeln!(f, "{n_users} users, {n_without_relevant} without relevant items; {ties}")?;
        for TieCount { cutoff, n_within, n_across } in &self.tie_counts {
            match cutoff {
                _ if n_within + n_across == 0 => {}
                Some(k) => writeln!(
                    f,
                    "equal scores within the first {k}: {n_within} users; across that cut-off: {n_across} users"
                )?,
                None => writeln!(f, "equal scores in the whole list: {n_within} users")?,
            }
        }
        let Some(Recommended { cutoff, n_slots, n_outside_catalogue, n_outside_train }) = &self.recommended
        else {
            return Ok(());
        };
        write!(f, "{n_slots} recommendations within the first {cutoff}")?;
        for (n, what) in [(n_outside_catalogue, "the catalogue"), (n_outside_train, "the training data")] {
            if let Some(n) = n {
                write!(f, ", {n} of items outside {what}")?;
            }
        }
        writeln!(f)
    }
}

impl MetricReport {
    fn cells(&self, decimals: usize) -> [String; 6] {
        let value = self.estimate.value.map(|value| format!("{value:.decimals$}"));
        let interval = self.estimate.interval.map(|interval| format!("{interval:.decimals$}"));
        [
            self.metric.clone(),
            value.unwrap_or_else(|| "-".to_owned()),
            interval.unwrap_or_else(|| "-".to_owned()),
            self.n_users.to_string(),
            self.n_skipped.to_string(),
            self.n_undefined.to_string(),
        ]
    }
}

enum Line {
    Heading(String),
    Row([String; 6]),
}

/// Aligns columns: text to the left, numbers to the right.
fn write_table(f: &mut fmt::Formatter<'_>, lines: &[Line]) -> fmt::Result {
    let mut widths = [0; 6];
    for line in lines {
        if let Line::Row(cells) = line {
            for (width, cell) in widths.iter_mut().zip(cells) {
                *width = cell.chars().count().max(*width);
            }
        }
    }
    for line in lines {
        match line {
            Line::Heading(heading) => writeln!(f, "\n{heading}")?,
            Line::Row([metric, value, interval, users, skipped, undefined]) => {
                let [a, b, c, d, e, g] = widths;
                writeln!(
                    f,
                    "{metric:<a$}  {value:<b$}  {interval:<c$}  {users:>d$}  {skipped:>e$}  {undefined:>g$}"
                )?;
            }
        }
    }
    Ok(())
}
