//! Lists in, a report out.

mod plan;
mod shown;
mod table;

use rayon::prelude::*;
use rec_data::{Id, IdMap, RankedList};

use self::plan::{Judgement, Plan};
use self::shown::Shown;
use self::table::Table;
use crate::beyond::BeyondAccuracy;
use crate::error::{Error, Kind};
use crate::groups::Groups;
use crate::judged::Ties;
use crate::metric::RankingMetric;
use crate::relevance::{Relevance, Relevant};
use crate::report::{GroupReport, Grouped, MetricReport, Recommended, Report, TieCount};
use crate::resampling::{Bootstrap, Estimate};

/// How many users are judged in parallel before their results are taken in.
const CHUNK: usize = 512;

/// Judges one user's list after the other, and reports on all of them.
///
/// Of each user it keeps one number per metric and, with [`BeyondAccuracy`], the first `K` items as four bytes each. Lists
/// and scores are not kept. The report is the same bits for any number of threads; users in another order may change the
/// last bits of a mean.
///
/// Users without relevant items are skipped by the metrics that need some, and counted.
///
/// ```
/// use rec_data::{Hit, RankedList};
/// use rec_eval::{Bootstrap, Evaluator, Relevance};
///
/// let relevance = Relevance::from_judgements([
///     ("ann", "dune", 1.0),
///     ("ann", "solaris", 1.0),
///     ("bob", "emma", 1.0),
///     ("cid", "emma", 0.0),
/// ])?;
/// // The same list for everybody.
/// let list = RankedList::new([("dune", 0.9), ("emma", 0.4)].map(|(id, score)| Hit { id: id.into(), score }))?;
///
/// let mut evaluator = Evaluator::new(["recall@2".parse()?, "mrr@2".parse()?]);
/// for (user, relevant) in relevance.iter() {
///     evaluator.push(user, &list, relevant)?;
/// }
/// let report = evaluator.report(Some(&Bootstrap::new(7)));
/// assert_eq!(report.value("recall@2"), Some((0.5 + 1.0) / 2.0));
/// assert_eq!(report.value("mrr@2"), Some((1.0 + 1.0 / 2.0) / 2.0));
/// assert_eq!((report.n_users, report.n_without_relevant), (3, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Evaluator<'a> {
    plan: Plan<'a>,
    users: IdMap,
    /// One per user: whether anything was relevant.
    has_truth: Vec<bool>,
    /// A row per user, a column per name.
    table: Table,
    /// For each grouping of items and each of its groups: a row per user with relevant items in it.
    item_tables: Vec<Vec<Table>>,
    shown: Shown,
    /// One per cut-off.
    ties: Vec<TieCount>,
}

impl<'a> Evaluator<'a> {
    /// Computes these metrics; one that comes twice is computed once.
    #[must_use]
    pub fn new(metrics: impl IntoIterator<Item = RankingMetric>) -> Evaluator<'a> {
        let mut distinct = Vec::new();
        for metric in metrics {
            if !distinct.contains(&metric) {
                distinct.push(metric);
            }
        }
        Evaluator::of(Plan {
            metrics: distinct,
            ties: Ties::ById,
            beyond: None,
            user_groups: Vec::new(),
            item_groups: Vec::new(),
        })
    }

    fn of(plan: Plan<'a>) -> Evaluator<'a> {
        let n_metrics = plan.metrics.len();
        let tables = |groups: &Groups| groups.labels().map(|_| Table::new(n_metrics)).collect();
        let tie_count =
            |k| TieCount { cutoff: Some(k).filter(|k| *k < usize::MAX), n_within: 0, n_across: 0 };
        Evaluator {
            users: IdMap::new(),
            has_truth: Vec::new(),
            table: Table::new(plan.columns().len()),
            item_tables: plan.item_groups.iter().map(tables).collect(),
            shown: Shown::default(),
            ties: plan.cutoffs().into_iter().map(tie_count).collect(),
            plan,
        }
    }

    /// An evaluator of another plan, before the first list.
    fn replanned(self, change: impl FnOnce(&mut Plan<'a>)) -> Evaluator<'a> {
        assert!(self.users.is_empty(), "{} lists were judged before all was configured", self.users.len());
        let mut plan = self.plan;
        change(&mut plan);
        Evaluator::of(plan)
    }

    /// Says what equal scores mean; [`Ties::ById`] if it is not said.
    ///
    /// # Panics
    ///
    /// A list was pushed before.
    #[must_use]
    pub fn with_ties(self, ties: Ties) -> Evaluator<'a> {
        self.replanned(|plan| plan.ties = ties)
    }

    /// Measures coverage, novelty, diversity and so on, too.
    ///
    /// # Panics
    ///
    /// A list was pushed before.
    #[must_use]
    pub fn with_beyond_accuracy(self, beyond: BeyondAccuracy<'a>) -> Evaluator<'a> {
        self.replanned(|plan| plan.beyond = Some(beyond))
    }

    /// Reports all metrics of single lists by groups of users, too. May be called several times.
    ///
    /// # Panics
    ///
    /// A list was pushed before.
    #[must_use]
    pub fn with_user_groups(self, groups: Groups) -> Evaluator<'a> {
        self.replanned(|plan| plan.user_groups.push(groups))
    }

    /// Reports the ranking metrics by groups of items, too. May be called several times.
    ///
    /// For a group only its own items are relevant; the list is unchanged. Users without relevant items in the group are
    /// skipped. So recall says how many of the relevant items of the group are found, and precision what share of the list
    /// they are.
    ///
    /// # Panics
    ///
    /// A list was pushed before.
    #[must_use]
    pub fn with_item_groups(self, groups: Groups) -> Evaluator<'a> {
        self.replanned(|plan| plan.item_groups.push(groups))
    }

    /// Judges the list of one user.
    ///
    /// Give whole lists, or lists that are longer than the cut-offs, where ties matter.
    ///
    /// # Errors
    ///
    /// A user who was judged before, or a similarity that is NaN or infinite; the message names the user. Then nothing has
    /// changed.
    pub fn push(&mut self, user: &Id, list: &RankedList, relevant: &Relevant) -> Result<(), Error> {
        let judgement = self.plan.judge(user, list, relevant)?;
        self.take_in(user, &judgement)
    }

    /// Judges the lists that a recommender gives to all users with an entry in the relevance, on all threads.
    ///
    /// The report is the same as after a [`push`](Evaluator::push) for each user in the order of `relevance`.
    ///
    /// ```
    /// use rec_data::{Hit, RankedList};
    /// use rec_eval::{Evaluator, Relevance};
    ///
    /// let relevance = Relevance::from_judgements([("ann", "dune", 1.0), ("bob", "emma", 1.0)])?;
    /// let mut evaluator = Evaluator::new(["hit_rate@1".parse()?]);
    /// evaluator.push_all(&relevance, |_user| RankedList::new([Hit { id: "dune".into(), score: 1.0 }]))?;
    /// assert_eq!(evaluator.report(None).value("hit_rate@1"), Some(0.5));
    /// # Ok::<(), rec_eval::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The first error, in the order of the users: one of the recommender, which is the source and whose user the message
    /// names, or one of [`push`](Evaluator::push). The users before it have been judged.
    pub fn push_all<E>(
        &mut self,
        relevance: &Relevance,
        recommend: impl Fn(&Id) -> Result<RankedList, E> + Sync,
    ) -> Result<(), Error>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let entries: Vec<(&Id, &Relevant)> = relevance.iter().collect();
        for chunk in entries.chunks(CHUNK) {
            let plan = &self.plan;
            let judge = |(user, relevant): &(&Id, &Relevant)| match recommend(user) {
                Ok(list) => plan.judge(user, &list, relevant),
                Err(source) => Err(Kind::Recommender { user: Id::clone(user), source: source.into() }.into()),
            };
            let judgements: Vec<Result<Judgement, Error>> = chunk.par_iter().map(judge).collect();
            for ((user, _), judgement) in chunk.iter().zip(judgements) {
                self.take_in(user, &judgement?)?;
            }
        }
        Ok(())
    }

    fn take_in(&mut self, user: &Id, judgement: &Judgement) -> Result<(), Error> {
        if let (_, false) = self.users.insert(user) {
            return Err(Kind::DuplicateUser { user: user.clone() }.into());
        }
        self.has_truth.push(judgement.has_truth);
        self.table.push(&judgement.values);
        for (grouping, group, values) in &judgement.by_item_group {
            self.item_tables[*grouping][*group].push(values);
        }
        if let Some(beyond) = &self.plan.beyond {
            self.shown.push(&judgement.shown, beyond);
        }
        for (count, (within, across)) in self.ties.iter_mut().zip(&judgement.ties) {
            count.n_within += usize::from(*within);
            count.n_across += usize::from(*across);
        }
        Ok(())
    }

    /// The names of the metrics, in the order of the report: those of single lists first.
    pub fn names(&self) -> impl Iterator<Item = String> {
        let columns = self.plan.columns().into_iter().map(|(name, _)| name);
        let shown = self.plan.beyond.as_ref().map(|beyond| {
            let name = |measure: shown::Measure| measure.name(beyond.k());
            shown::Measure::all(beyond).into_iter().map(name)
        });
        columns.chain(shown.into_iter().flatten())
    }

    /// The users, in the order in which they were judged.
    #[must_use]
    pub fn users(&self) -> &IdMap {
        &self.users
    }

    /// The values of a metric by user, in the order in which they were judged; NaN where it is undefined.
    ///
    /// `None` if there is no such metric, or if it is one of all lists together. What it gives is what
    /// [`PairedValues::new`](crate::PairedValues::new) takes.
    ///
    /// ```
    /// use rec_data::{Hit, RankedList};
    /// use rec_eval::{Bootstrap, Evaluator, PairedValues, Relevance};
    ///
    /// let relevance = Relevance::from_judgements(["ann", "bob", "cid"].map(|user| (user, "dune", 1.0)))?;
    /// let run = |items: [&'static str; 2]| {
    ///     let mut evaluator = Evaluator::new(["mrr@2".parse()?]);
    ///     let hits = items.into_iter().zip([2.0, 1.0]).map(|(id, score)| Hit { id: id.into(), score });
    ///     let list = RankedList::new(hits)?;
    ///     relevance.iter().try_for_each(|(user, relevant)| evaluator.push(user, &list, relevant))?;
    ///     Ok::<_, Box<dyn std::error::Error>>(evaluator)
    /// };
    /// let (ours, theirs) = (run(["dune", "emma"])?, run(["emma", "dune"])?);
    /// let (ours, theirs) = (ours.values("mrr@2").unwrap(), theirs.values("mrr@2").unwrap());
    /// let test = PairedValues::new(ours, theirs)?.randomization_test(&Bootstrap::new(7)).unwrap();
    /// assert_eq!((test.n, test.mean_difference), (3, 0.5));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn values(&self, metric: &str) -> Option<impl Iterator<Item = (&Id, f64)>> {
        let column = self.plan.columns().iter().position(|(name, _)| name == metric)?;
        Some(self.users.iter().zip(self.table.column(column)))
    }

    /// The report on all lists so far, with intervals if a bootstrap is given.
    ///
    /// Metrics of single lists are means over users, with percentile intervals; those of groups resample the users of the
    /// group. Metrics of all lists together have normal intervals, cut to the range of the metric: a resample of users holds
    /// fewer distinct ones, and so fewer distinct items, and percentiles would lie beside the estimate.
    #[must_use]
    pub fn report(&self, bootstrap: Option<&Bootstrap>) -> Report {
        let all: Vec<usize> = (0..self.users.len()).collect();
        let mut metrics = self.metrics_of_users(&all, bootstrap);
        metrics.extend(self.metrics_of_all_lists(bootstrap));
        Report {
            n_users: self.users.len(),
            n_without_relevant: self.has_truth.iter().filter(|has_truth| !**has_truth).count(),
            ties: self.plan.ties,
            tie_counts: self.ties.clone(),
            recommended: self.plan.beyond.as_ref().map(|beyond| Recommended {
                cutoff: beyond.k(),
                n_slots: self.shown.n_slots(),
                n_outside_catalogue: beyond.catalogue().map(|_| self.shown.n_outside_catalogue()),
                n_outside_train: beyond.train_items().map(|_| self.shown.n_outside_train()),
            }),
            bootstrap: bootstrap.cloned(),
            metrics,
            groups: self.user_group_reports(bootstrap).chain(self.item_group_reports(bootstrap)).collect(),
        }
    }

    fn metrics_of_users(&self, rows: &[usize], bootstrap: Option<&Bootstrap>) -> Vec<MetricReport> {
        let table = self.table.select(rows);
        let n_without_truth = rows.iter().filter(|row| !self.has_truth[**row]).count();
        let columns = self.plan.columns().into_iter().zip(table.means(bootstrap)).enumerate();
        let report = |(column, ((metric, needs_truth), estimate))| {
            let n_users = table.n_defined(column);
            let n_skipped = if needs_truth { n_without_truth } else { 0 };
            MetricReport {
                metric,
                estimate,
                n_users,
                n_skipped,
                n_undefined: rows.len() - n_users - n_skipped,
            }
        };
        columns.map(report).collect()
    }

    fn metrics_of_all_lists(&self, bootstrap: Option<&Bootstrap>) -> Vec<MetricReport> {
        let Some(beyond) = &self.plan.beyond else {
            return Vec::new();
        };
        let measures = shown::Measure::all(beyond);
        let estimates = self.shown.estimates(&measures, bootstrap);
        let report = |(measure, estimate): (&shown::Measure, Estimate)| MetricReport {
            metric: measure.name(beyond.k()),
            estimate,
            n_users: self.users.len(),
            n_skipped: 0,
            n_undefined: 0,
        };
        measures.iter().zip(estimates).map(report).collect()
    }

    fn user_group_reports(&self, bootstrap: Option<&Bootstrap>) -> impl Iterator<Item = GroupReport> {
        self.plan.user_groups.iter().flat_map(move |groups| {
            let mut rows = vec![Vec::new(); groups.labels().len()];
            for (row, user) in self.users.iter().enumerate() {
                if let Some(place) = groups.place(user) {
                    rows[place].push(row);
                }
            }
            let report = move |(label, rows): (&str, Vec<usize>)| GroupReport {
                of: Grouped::Users,
                grouping: groups.name().to_owned(),
                label: label.to_owned(),
                metrics: self.metrics_of_users(&rows, bootstrap),
            };
            groups.labels().zip(rows).map(report).collect::<Vec<_>>()
        })
    }

    fn item_group_reports(&self, bootstrap: Option<&Bootstrap>) -> impl Iterator<Item = GroupReport> {
        self.plan.item_groups.iter().zip(&self.item_tables).flat_map(move |(groups, tables)| {
            let report = move |(label, table): (&str, &Table)| {
                let n_rows = table.n_rows();
                let metric = |(column, (metric, estimate)): (usize, (&RankingMetric, Estimate))| {
                    let n_users = table.n_defined(column);
                    let n_skipped = self.users.len() - n_rows;
                    let metric = metric.to_string();
                    MetricReport { metric, estimate, n_users, n_skipped, n_undefined: n_rows - n_users }
                };
                let estimates = table.means(bootstrap);
                GroupReport {
                    of: Grouped::Items,
                    grouping: groups.name().to_owned(),
                    label: label.to_owned(),
                    metrics: self.plan.metrics.iter().zip(estimates).enumerate().map(metric).collect(),
                }
            };
            groups.labels().zip(tables).map(report).collect::<Vec<_>>()
        })
    }
}
