//! `behaviors.tsv`.

use std::fmt;
use std::io::BufRead;
use std::path::Path;

use super::time;
use crate::error::{Error, Problem};
use crate::history::History;
use crate::id::{Id, IdMap};
use crate::interaction::Interaction;
use crate::table::{Delimited, Encoding, Lines, Row, Rows, excerpt, open};

const FIELDS: [&str; 5] = ["impression_id", "user_id", "time", "history", "impressions"];

/// News that were shown to a user at one time.
#[derive(Clone, Debug, PartialEq)]
pub struct Impression {
    /// The id of the impression.
    pub id: Id,
    /// Who saw it.
    pub user: Id,
    /// When, in Unix seconds. The file does not name its time zone; its times are taken as UTC.
    pub time: f64,
    /// What the user had clicked before, oldest first; perhaps nothing.
    pub history: Vec<Id>,
    /// What was shown, in the order of the file; at least one.
    pub candidates: Vec<Candidate>,
}

/// One article of an [`Impression`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The article.
    pub item: Id,
    /// Whether the user clicked it; `None` where the file does not say, as in the test set.
    pub clicked: Option<bool>,
}

impl Impression {
    /// The candidates that were clicked.
    pub fn clicked(&self) -> impl Iterator<Item = &Id> {
        self.candidates
            .iter()
            .filter(|candidate| candidate.clicked == Some(true))
            .map(|candidate| &candidate.item)
    }

    /// The history for a user model, seen from the time of the impression.
    ///
    /// The file has the order of the clicks but not their times, so they stand one second after another, the latest one second
    /// before the impression: ages count clicks.
    ///
    /// ```
    /// use rec_data::mind;
    ///
    /// let file = &b"1\tU1\t1/1/1970 12:01:40 AM\tN1 N2\tN3-0\n"[..];
    /// let mut impressions = mind::behaviors_from(file, "behaviors.tsv");
    /// let history = impressions.next().unwrap()?.past();
    /// assert_eq!(history.now(), 100.0);
    /// assert!(history.items().eq(["N1", "N2"]) && history.ages().eq([2.0, 1.0]));
    /// # Ok::<(), rec_data::Error>(())
    /// ```
    #[must_use]
    pub fn past(&self) -> History {
        let n = self.history.len();
        let clicks = self.history.iter().enumerate();
        let clicks = clicks.map(|(i, item)| Interaction::new(item, self.time - (n - i) as f64));
        History::sorted_at(clicks.collect(), self.time)
    }
}

/// Opens `behaviors.tsv`, to be read impression by impression.
///
/// The ids of users and items are shared between impressions. After an error there is nothing more.
///
/// # Errors
///
/// The file cannot be opened. The iterator gives an error if it cannot be read or is not UTF-8, or for a line that has not
/// exactly five fields; without an id, a user or candidates; with a time that is not like `11/11/2019 9:05:58 AM`; or with a
/// candidate that is neither an id (which has no hyphen) nor one followed by `-0` or `-1`. The message has the path, the line
/// and the field.
///
/// ```no_run
/// # fn main() -> Result<(), rec_data::Error> {
/// let mut n_clicks = 0;
/// for impression in rec_data::mind::behaviors("MINDsmall_train/behaviors.tsv")? {
///     n_clicks += impression?.clicked().count();
/// }
/// println!("{n_clicks} clicks");
/// # Ok(())
/// # }
/// ```
pub fn behaviors(path: impl AsRef<Path>) -> Result<Impressions<Box<dyn BufRead + Send>>, Error> {
    let (reader, name) = open(path.as_ref())?;
    Ok(behaviors_from(reader, &name))
}

/// Reads what [`behaviors`] reads from any reader; `name` stands for the path in messages.
///
/// ```
/// use rec_data::mind;
///
/// let file = &b"1\tU1\t11/15/2019 8:55:22 AM\t\tN1-1 N2-0\n2\tU1\tyesterday\t\tN1\n"[..];
/// let mut impressions = mind::behaviors_from(file, "behaviors.tsv");
/// assert!(impressions.next().unwrap()?.history.is_empty());
/// let error = impressions.next().unwrap().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "behaviors.tsv:2: field `time`: `yesterday` is not a time such as 11/11/2019 9:05:58 AM"
/// );
/// # Ok::<(), rec_data::Error>(())
/// ```
pub fn behaviors_from<R: BufRead>(reader: R, name: &str) -> Impressions<R> {
    let rows = Delimited::headless(Lines::new(reader, name, Encoding::Utf8), "\t", &FIELDS);
    Impressions { rows, users: IdMap::new(), items: IdMap::new(), is_done: false }
}

/// The impressions of a file, in its order; see [`behaviors`].
pub struct Impressions<R> {
    rows: Delimited<R>,
    users: IdMap,
    items: IdMap,
    is_done: bool,
}

impl<R: BufRead> Iterator for Impressions<R> {
    type Item = Result<Impression, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let row = self.rows.next_row().transpose();
        let next = row.map(|row| impression(&row?, &mut self.users, &mut self.items));
        self.is_done = !matches!(next, Some(Ok(_)));
        next
    }
}

impl<R> fmt::Debug for Impressions<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (n_users, n_items) = (self.users.len(), self.items.len());
        let mut debug = f.debug_struct("Impressions");
        debug.field("n_users", &n_users).field("n_items", &n_items).finish_non_exhaustive()
    }
}

fn impression(row: &Row<'_>, users: &mut IdMap, items: &mut IdMap) -> Result<Impression, Error> {
    let [id, user, time, history, candidates] = [0, 1, 2, 3, 4];
    let when = row.required(time)?;
    let mut item = |text: &str| items.intern(text).1.clone();
    let parsed = Impression {
        id: Id::from(row.required(id)?),
        user: users.intern(row.required(user)?).1.clone(),
        time: time::parse(when).ok_or_else(|| row.error(time, Problem::Time(excerpt(when))))?,
        history: words(row.cell(history)).map(&mut item).collect(),
        candidates: words(row.cell(candidates))
            .map(|text| candidate(text, &mut item))
            .collect::<Result<_, _>>()
            .map_err(|problem| row.error(candidates, problem))?,
    };
    if parsed.candidates.is_empty() {
        return Err(row.error(candidates, Problem::Missing));
    }
    Ok(parsed)
}

fn words(cell: &str) -> impl Iterator<Item = &str> {
    cell.split(' ').filter(|word| !word.is_empty())
}

fn candidate(text: &str, item: &mut impl FnMut(&str) -> Id) -> Result<Candidate, Problem> {
    let (id, clicked) = match text.rsplit_once('-') {
        None => (text, None),
        Some((id, "0")) => (id, Some(false)),
        Some((id, "1")) => (id, Some(true)),
        Some(_) => ("", None),
    };
    if id.is_empty() {
        return Err(Problem::Candidate(excerpt(text)));
    }
    Ok(Candidate { item: item(id), clicked })
}
