use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::path::Path;

use rec_data::{Id, RankedList};
use rec_eval::trec::{RunReader, RunWriter};
use rec_eval::{
    BeyondAccuracy, Bootstrap, Candidates, Estimate, Evaluator, Groups, PairedValues, RankingMetric,
    Relevant, Report, holm, plot,
};

use super::{Experiment, Method, rank};
use crate::Error;

/// How lists are judged: the same for all that are compared.
#[derive(Debug)]
pub struct Judge<'a> {
    /// What to judge by.
    pub experiment: &'a Experiment,
    /// The users whose lists count.
    pub users: &'a [Id],
    /// The lengths of lists; the first is also that of coverage and the like.
    pub cutoffs: Vec<usize>,
    /// Which items are ranked.
    pub candidates: Candidates,
    /// Whether to report by groups of users and items, too.
    pub groups: bool,
    /// Where intervals and tests come from.
    pub bootstrap: Bootstrap,
}

/// The lists of one method, judged.
#[derive(Debug)]
pub struct Judged<'a> {
    /// What the method is called.
    pub name: String,
    /// The values of each user.
    pub evaluator: Evaluator<'a>,
    /// What they add up to.
    pub report: Report,
}

impl<'a> Judge<'a> {
    /// Ranks by a method, writes the lists to a run if one is given, and judges them.
    ///
    /// # Errors
    ///
    /// The method has one, or the run cannot be written.
    pub fn method(
        &self,
        name: &str,
        method: &dyn Method,
        mut run: Option<&mut RunWriter>,
    ) -> Result<Judged<'a>, Error> {
        let mut evaluator = self.evaluator()?;
        // One item more than is judged: only so does a tie across the cut-off show.
        let (longest, nothing) = (self.longest(), Relevant::default());
        let relevance = self.experiment.relevance();
        rank(self.experiment, method, self.users, longest + 1, self.candidates, |user, mut list| {
            if let Some(relevance) = relevance {
                evaluator.push(user, &list, relevance.get(user).unwrap_or(&nothing))?;
            }
            list.truncate(longest);
            Ok(run.as_mut().map_or(Ok(()), |run| run.write(user, &list))?)
        })?;
        Ok(self.judged(name, evaluator))
    }

    /// Judges the lists of a TREC run, a user without a list as one with an empty list.
    ///
    /// # Errors
    ///
    /// The run cannot be read.
    pub fn run(&self, path: &Path) -> Result<Judged<'a>, Error> {
        let users: HashSet<&Id> = self.users.iter().collect();
        let mut lists: HashMap<Id, RankedList> = HashMap::new();
        for list in RunReader::open(path)? {
            let (user, mut list) = list?;
            list.truncate(self.longest() + 1);
            if users.contains(&user) {
                lists.insert(user, list);
            }
        }
        let mut evaluator = self.evaluator()?;
        let (empty, nothing) = (RankedList::default(), Relevant::default());
        for user in self.users {
            let relevant = self.experiment.relevance().and_then(|all| all.get(user)).unwrap_or(&nothing);
            evaluator.push(user, lists.get(user).unwrap_or(&empty), relevant)?;
        }
        let name =
            path.file_stem().map_or_else(|| path.display().to_string(), |stem| stem.display().to_string());
        Ok(self.judged(&name, evaluator))
    }

    /// The metrics of single lists, by name.
    ///
    /// # Errors
    ///
    /// A cut-off of 0.
    pub fn metrics(&self) -> Result<Vec<RankingMetric>, Error> {
        let at = |k: &usize| ["recall", "ndcg", "mrr", "hit_rate"].map(|name| format!("{name}@{k}").parse());
        Ok(self.cutoffs.iter().flat_map(at).collect::<Result<_, _>>()?)
    }

    fn longest(&self) -> usize {
        self.cutoffs.iter().copied().max().unwrap_or(1)
    }

    fn evaluator(&self) -> Result<Evaluator<'a>, Error> {
        let (experiment, train) = (self.experiment, self.experiment.train());
        let beyond = BeyondAccuracy::at(self.cutoffs.first().copied().unwrap_or(1))
            .with_catalogue(experiment.catalogue().ids())
            .with_train(train);
        let evaluator = Evaluator::new(self.metrics()?).with_beyond_accuracy(beyond);
        Ok(match self.groups {
            true => evaluator
                .with_user_groups(Groups::by_history_length(train, &[1, 5, 10, 20, 50]))
                .with_item_groups(Groups::by_popularity(train, &[1, 5, 20, 100])),
            false => evaluator,
        })
    }

    fn judged(&self, name: &str, evaluator: Evaluator<'a>) -> Judged<'a> {
        let report = evaluator.report(Some(&self.bootstrap));
        Judged { name: name.to_owned(), evaluator, report }
    }

    /// Prints how the first differs from each of the others, by metric: the mean difference over the users, its interval,
    /// and the p-value of Fisher's randomisation test, corrected by Holm for all the tests of the table.
    ///
    /// # Errors
    ///
    /// The output cannot be written.
    pub fn compare(&self, judged: &[Judged<'a>], out: &mut dyn Write) -> Result<(), Error> {
        let Some((ours, others)) = judged.split_first() else {
            return Ok(());
        };
        let mut rows = Vec::new();
        for (other, metric) in
            others.iter().flat_map(|o| self.metrics().into_iter().flatten().map(move |m| (o, m)))
        {
            let name = metric.to_string();
            if let (Some(ours), Some(theirs)) = (ours.evaluator.values(&name), other.evaluator.values(&name))
            {
                let test = PairedValues::new(ours, theirs)?.randomization_test(&self.bootstrap);
                rows.extend(test.map(|test| (other, name.clone(), test)));
            }
        }
        let corrected = holm(&rows.iter().map(|(_, _, test)| test.p_value).collect::<Vec<_>>());
        writeln!(
            out,
            "{} less another, randomisation test, p corrected by Holm over {} tests",
            ours.name,
            rows.len()
        )?;
        for ((other, name, test), p) in rows.iter().zip(corrected) {
            let (n, difference, interval) = (test.n, test.mean_difference, test.interval);
            writeln!(
                out,
                "  {:<14} {name:<14} {difference:>8.4} {interval}  p {p:.4}  {n} users",
                other.name
            )?;
        }
        Ok(())
    }

    /// Prints some metrics of several methods side by side, with their intervals.
    ///
    /// # Errors
    ///
    /// The output cannot be written.
    pub fn table(judged: &[Judged<'a>], metrics: &[&str], out: &mut dyn Write) -> Result<(), Error> {
        let cells = |one: &Judged<'_>| -> Vec<String> {
            let cell =
                |name: &&str| one.report.get(name).map_or("-".to_owned(), |found| found.estimate.to_string());
            std::iter::once(one.name.clone()).chain(metrics.iter().map(cell)).collect()
        };
        let header = std::iter::once("method").chain(metrics.iter().copied()).map(str::to_owned).collect();
        for row in std::iter::once(header).chain(judged.iter().map(cells)) {
            let line: Vec<String> = row.iter().map(|cell| format!("{cell:<24}")).collect();
            writeln!(out, "{}", line.concat().trim_end())?;
        }
        Ok(())
    }

    /// Draws the metrics of the methods as `metrics.svg`, and their coverage against their accuracy as `coverage.svg`.
    ///
    /// # Errors
    ///
    /// The folder cannot be made, or a file not written.
    pub fn draw(&self, judged: &[Judged<'a>], folder: &Path) -> Result<(), Error> {
        std::fs::create_dir_all(folder).map_err(|e| format!("{}: cannot be made: {e}", folder.display()))?;
        let estimate = |one: &Judged<'_>, metric: &str| {
            one.report.get(metric).map_or(Estimate::default(), |found| found.estimate)
        };
        let title = format!("{}, {} users", self.experiment.name(), self.users.len());
        let names: Vec<&str> = judged.iter().map(|one| one.name.as_str()).collect();
        let row = |metric: RankingMetric| {
            let metric = metric.to_string();
            let estimates: Vec<Estimate> = judged.iter().map(|one| estimate(one, &metric)).collect();
            (metric, estimates)
        };
        let rows: Vec<_> = self.metrics()?.into_iter().map(row).collect();
        plot::grouped_bars(folder.join("metrics.svg"), &title, &names, &rows)?;
        let k = self.cutoffs.first().copied().unwrap_or(1);
        let (accuracy, coverage) = (format!("ndcg@{k}"), format!("coverage_of_catalogue@{k}"));
        let point = |one: &Judged<'_>| (one.name.clone(), estimate(one, &accuracy), estimate(one, &coverage));
        let points: Vec<_> = judged.iter().map(point).collect();
        plot::coverage_accuracy(folder.join("coverage.svg"), &title, &accuracy, &points)?;
        Ok(())
    }
}
