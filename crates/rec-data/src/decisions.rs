//! Logs of what a recommender chose, among what, with which probability, and what came of it.
//!
//! This is what off-policy evaluation needs, and what cannot be found out afterwards: the *propensity* is written down when the choice
//! is made. A file has a JSON object a line, and is read through gzip if its name ends in `.gz`:
//!
//! ```text
//! {"user": "ann", "time": 1700000000, "items": ["dune", "emma"], "chosen": "emma", "propensity": 0.25, "reward": 1}
//! ```
//!
//! `time` is in seconds and may be missing; other fields are not looked at.
//!
//! ```
//! use rec_data::decisions;
//!
//! let file = r#"{"user": "ann", "items": ["dune", "emma"], "chosen": "emma", "propensity": 0.25, "reward": 1}"#;
//! let decision = decisions::read_from(file.as_bytes(), "log.jsonl").next().unwrap()?;
//! assert_eq!((decision.item().as_str(), decision.propensity(), decision.reward()), ("emma", 0.25, 1.0));
//!
//! let error = decisions::read_from(file.replace("0.25", "1.5").as_bytes(), "log.jsonl").next().unwrap().unwrap_err();
//! assert_eq!(error.to_string(), "log.jsonl:1: field `propensity`: `1.5` is not a probability above 0");
//! # Ok::<(), rec_data::Error>(())
//! ```

use std::fmt;
use std::io::BufRead;
use std::path::Path;

use serde::Serialize;

use crate::error::{Error, Kind, Problem};
use crate::id::{Id, IdMap};
use crate::table::{Encoding, JsonLines, Lines, Object, open, replace, write_error};

/// One choice of a recommender, and what came of it.
///
/// The chosen item is one of the items, which are distinct; the propensity is in (0, 1], time and reward are finite.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    user: Id,
    time: Option<f64>,
    items: Vec<Id>,
    chosen: usize,
    propensity: f64,
    reward: f64,
}

impl Decision {
    /// A choice of `items[chosen]` for a user, which had the probability `propensity` when it was made.
    ///
    /// ```
    /// use rec_data::decisions::Decision;
    ///
    /// let items = vec!["dune".into(), "emma".into()];
    /// let decision = Decision::new("ann".into(), items.clone(), 1, 0.25, 1.0)?;
    /// assert_eq!(decision.item(), "emma");
    /// assert!(Decision::new("ann".into(), items, 1, 0.0, 1.0).is_err());
    /// # Ok::<(), rec_data::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// There is no such item, an item comes twice, the propensity is not in (0, 1], or the reward is not finite.
    pub fn new(
        user: Id,
        items: Vec<Id>,
        chosen: usize,
        propensity: f64,
        reward: f64,
    ) -> Result<Decision, Error> {
        let problem = |problem: String| Error::from(Kind::Decision { user: user.clone(), problem });
        IdMap::try_from_ids(items.iter().cloned())?;
        if chosen >= items.len() {
            return Err(problem(format!("item {chosen} was chosen of {}", items.len())));
        }
        if !is_propensity(propensity) {
            return Err(problem(format!("the propensity {propensity} is not a probability above 0")));
        }
        if !reward.is_finite() {
            return Err(problem(format!("the reward is {reward}, not a finite number")));
        }
        Ok(Decision { user, time: None, items, chosen, propensity, reward })
    }

    /// When it was made, in seconds.
    ///
    /// # Errors
    ///
    /// The time is not finite.
    pub fn at(self, time: f64) -> Result<Decision, Error> {
        match time.is_finite() {
            true => Ok(Decision { time: Some(time), ..self }),
            false => Err(Kind::NotFiniteTime(time).into()),
        }
    }

    /// For whom.
    #[must_use]
    pub fn user(&self) -> &Id {
        &self.user
    }

    /// When, in seconds, if it is known.
    #[must_use]
    pub fn time(&self) -> Option<f64> {
        self.time
    }

    /// What there was to choose from, in the order of the log.
    #[must_use]
    pub fn items(&self) -> &[Id] {
        &self.items
    }

    /// The position of the chosen item among the [items](Self::items).
    #[must_use]
    pub fn chosen(&self) -> usize {
        self.chosen
    }

    /// The chosen item.
    #[must_use]
    pub fn item(&self) -> &Id {
        &self.items[self.chosen]
    }

    /// The probability that the choice had when it was made.
    #[must_use]
    pub fn propensity(&self) -> f64 {
        self.propensity
    }

    /// What came of it: a click, a rating, a price.
    #[must_use]
    pub fn reward(&self) -> f64 {
        self.reward
    }
}

fn is_propensity(value: f64) -> bool {
    value > 0.0 && value <= 1.0
}

/// Opens a log of decisions, to be read one by one; after an error there is nothing more.
///
/// # Errors
///
/// The file cannot be opened. The iterator gives an error if it cannot be read or is not UTF-8; for a line that is not a JSON object,
/// that lacks a field or has one of another type; an item that comes twice, a chosen item that is not among the items, or a propensity
/// that is not in (0, 1]. The message has the path, the line and the field.
///
/// ```no_run
/// # fn main() -> Result<(), rec_data::Error> {
/// for decision in rec_data::decisions::read("log.jsonl.gz")? {
///     let decision = decision?;
///     println!("{} had {}", decision.user(), decision.item());
/// }
/// # Ok(())
/// # }
/// ```
pub fn read(path: impl AsRef<Path>) -> Result<Decisions<Box<dyn BufRead + Send>>, Error> {
    let (reader, name) = open(path.as_ref())?;
    Ok(read_from(reader, &name))
}

/// Reads what [`read`] reads from any reader; `name` stands for the path in messages.
pub fn read_from<R: BufRead>(reader: R, name: &str) -> Decisions<R> {
    let lines = JsonLines::new(Lines::new(reader, name, Encoding::Utf8));
    Decisions { lines, ids: IdMap::new(), is_done: false }
}

/// The decisions of a file, in its order; see [`read`].
pub struct Decisions<R> {
    lines: JsonLines<R>,
    /// Of users and items, to share them.
    ids: IdMap,
    is_done: bool,
}

impl<R: BufRead> Iterator for Decisions<R> {
    type Item = Result<Decision, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let object = self.lines.next_object().transpose();
        let next = object.map(|object| decision(&object?, &mut self.ids));
        self.is_done = !matches!(next, Some(Ok(_)));
        next
    }
}

impl<R> fmt::Debug for Decisions<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decisions").field("n_ids", &self.ids.len()).finish_non_exhaustive()
    }
}

fn decision(object: &Object<'_>, ids: &mut IdMap) -> Result<Decision, Error> {
    let texts = object.texts("items")?;
    let mut items: Vec<Id> = Vec::with_capacity(texts.len());
    for text in &texts {
        let id = ids.intern(text).1.clone();
        if items.contains(&id) {
            return Err(object.error("items", Problem::ItemTwice(id)));
        }
        items.push(id);
    }
    let chosen = object.required_text("chosen")?;
    let chosen = items.iter().position(|item| item == chosen);
    let chosen = chosen.ok_or_else(|| object.error("chosen", Problem::NotAmongItems))?;
    let propensity = object.required_number("propensity")?;
    if !is_propensity(propensity) {
        return Err(object.error("propensity", Problem::Propensity(propensity)));
    }
    Ok(Decision {
        user: ids.intern(object.required_text("user")?).1.clone(),
        time: object.number("time")?,
        items,
        chosen,
        propensity,
        reward: object.required_number("reward")?,
    })
}

/// Writes a log that [`read`] reads, whole or not at all, compressed if the name ends in `.gz`.
///
/// # Errors
///
/// The file cannot be written.
///
/// ```
/// use rec_data::decisions::{self, Decision};
///
/// let log = [Decision::new("ann".into(), vec!["dune".into()], 0, 1.0, 0.0)?.at(5.0)?];
/// let path = std::env::temp_dir().join("rec-data-doc-decisions.jsonl");
/// decisions::write(&path, &log)?;
/// assert_eq!(decisions::read(&path)?.collect::<Result<Vec<_>, _>>()?, log);
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), rec_data::Error>(())
/// ```
pub fn write<'a>(
    path: impl AsRef<Path>,
    decisions: impl IntoIterator<Item = &'a Decision>,
) -> Result<(), Error> {
    #[derive(Serialize)]
    struct Line<'a> {
        user: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        time: Option<f64>,
        items: Vec<&'a str>,
        chosen: &'a str,
        propensity: f64,
        reward: f64,
    }
    replace(path.as_ref(), |file, name| {
        for decision in decisions {
            let line = Line {
                user: &decision.user,
                time: decision.time,
                items: decision.items.iter().map(Id::as_str).collect(),
                chosen: decision.item(),
                propensity: decision.propensity,
                reward: decision.reward,
            };
            serde_json::to_writer(&mut *file, &line).map_err(|error| write_error(name, error.into()))?;
            file.write_all(b"\n").map_err(|error| write_error(name, error))?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said_with_line_and_field() {
        let good = r#"{"user":"ann","items":["a","b"],"chosen":"a","propensity":0.5,"reward":0}"#;
        for (from, to, message) in [
            (r#""a","b""#, r#""a","a""#, "l:3: field `items`: the item `a` comes twice"),
            (r#""chosen":"a""#, r#""chosen":"c""#, "l:3: field `chosen`: it is not among the items"),
            ("0.5", "0", "l:3: field `propensity`: `0` is not a probability above 0"),
            (r#","reward":0"#, "", "l:3: field `reward`: the value is missing"),
            (r#""ann""#, "7", "l:3: field `user`: found a number, expected a text"),
        ] {
            let file = format!("{good}\n\n{}\n{good}\n", good.replace(from, to));
            let mut log = read_from(file.as_bytes(), "l");
            assert!(log.next().unwrap().is_ok());
            let error = log.next().unwrap().unwrap_err();
            assert_eq!(error.to_string(), message);
            assert!(error.is_malformed());
            assert!(log.next().is_none());
        }
    }

    #[test]
    fn what_is_made_by_hand_is_checked() {
        let items = || vec![Id::from("a"), Id::from("b")];
        let new =
            |items, chosen, propensity, reward| Decision::new("u".into(), items, chosen, propensity, reward);
        assert!(new(items(), 2, 0.5, 0.0).is_err() && new(Vec::new(), 0, 0.5, 0.0).is_err());
        assert!(new(items(), 0, 1.1, 0.0).is_err() && new(items(), 0, f64::NAN, 0.0).is_err());
        assert!(new(items(), 0, 0.5, f64::NAN).is_err());
        assert!(new(vec!["a".into(), "a".into()], 0, 0.5, 0.0).unwrap_err().is_duplicate());
        assert!(new(items(), 0, 0.5, 0.0).unwrap().at(f64::NAN).is_err());
    }
}
