//! The reviews of a category, such as `Movies_and_TV.jsonl.gz`.

use std::fmt;
use std::io::BufRead;
use std::path::Path;

use serde_json::Value;

use crate::error::{Error, Problem};
use crate::fields::TimeUnit;
use crate::id::{Id, IdMap};
use crate::interaction::Signal;
use crate::interactions::{Grouping, Interactions};
use crate::table::{Encoding, JsonLines, Lines, Object, open};

/// What a user wrote on an item.
#[derive(Clone, Debug, PartialEq)]
pub struct Review {
    /// Who wrote it.
    pub user: Id,
    /// On which item: `parent_asin`.
    pub item: Id,
    /// On which variant of the item: `asin`, or the item itself where the line has none.
    pub variant: Id,
    /// The stars, from 1 to 5; always finite.
    pub rating: f32,
    /// When, in Unix seconds with milliseconds as their fraction.
    pub time: f64,
    /// The headline, perhaps empty.
    pub title: Box<str>,
    /// The text, perhaps empty.
    pub text: Box<str>,
    /// Whether Amazon knows that the user bought the item; `false` where the line does not say.
    pub verified_purchase: bool,
    /// How many found the review helpful; 0 where the line does not say.
    pub helpful_votes: u64,
}

/// Opens a file of reviews, to be read review by review. Images are not looked at.
///
/// The ids of users and items are shared between reviews. After an error there is nothing more.
///
/// # Errors
///
/// The file cannot be opened. The iterator gives an error if it cannot be read or is not UTF-8, or for a line that is not a JSON
/// object; without `user_id`, `parent_asin`, `rating` or `timestamp`; or with a field of another type. The message has the path,
/// the line and the field.
///
/// ```no_run
/// # fn main() -> Result<(), rec_data::Error> {
/// for review in rec_data::amazon::reviews("Movies_and_TV.jsonl.gz")? {
///     let review = review?;
///     println!("{}: {}", review.item, review.text);
/// }
/// # Ok(())
/// # }
/// ```
pub fn reviews(path: impl AsRef<Path>) -> Result<Reviews<Box<dyn BufRead + Send>>, Error> {
    let (reader, name) = open(path.as_ref())?;
    Ok(reviews_from(reader, &name))
}

/// Reads what [`reviews`] reads from any reader; `name` stands for the path in messages.
///
/// ```
/// use rec_data::amazon;
///
/// let file = r#"{"rating": 5.0, "title": "Great", "text": "Again!", "images": [], "asin": "B01", "parent_asin": "B00",
///     "user_id": "AE22", "timestamp": 1588687728923, "helpful_vote": 2, "verified_purchase": true}"#.replace('\n', " ");
/// let review = amazon::reviews_from(file.as_bytes(), "Movies.jsonl").next().unwrap()?;
/// assert_eq!((review.item.as_str(), review.variant.as_str()), ("B00", "B01"));
/// assert_eq!(review.time, 1_588_687_728.923);
/// # Ok::<(), rec_data::Error>(())
/// ```
pub fn reviews_from<R: BufRead>(reader: R, name: &str) -> Reviews<R> {
    let lines = JsonLines::new(Lines::new(reader, name, Encoding::Utf8));
    Reviews { lines, users: IdMap::new(), items: IdMap::new(), is_done: false }
}

/// The reviews of a file, in its order; see [`reviews`].
pub struct Reviews<R> {
    lines: JsonLines<R>,
    users: IdMap,
    items: IdMap,
    is_done: bool,
}

impl<R: BufRead> Iterator for Reviews<R> {
    type Item = Result<Review, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let object = self.lines.next_object().transpose();
        let next = object.map(|object| review(&object?, &mut self.users, &mut self.items));
        self.is_done = !matches!(next, Some(Ok(_)));
        next
    }
}

impl<R> fmt::Debug for Reviews<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (n_users, n_items) = (self.users.len(), self.items.len());
        let mut debug = f.debug_struct("Reviews");
        debug.field("n_users", &n_users).field("n_items", &n_items).finish_non_exhaustive()
    }
}

/// Reads a file of reviews as interactions of users with parent ASINs: the stars as weights, times in Unix seconds.
///
/// Texts are dropped as they are read. A user who reviewed an item twice interacted with it twice.
///
/// # Errors
///
/// As [`reviews`], for the fields that are read.
///
/// ```no_run
/// # fn main() -> Result<(), rec_data::Error> {
/// let log = rec_data::amazon::read_interactions("Movies_and_TV.jsonl.gz")?;
/// println!("{} users, {} reviews", log.len(), log.n_interactions());
/// # Ok(())
/// # }
/// ```
pub fn read_interactions(path: impl AsRef<Path>) -> Result<Interactions, Error> {
    let (reader, name) = open(path.as_ref())?;
    read_interactions_from(reader, &name)
}

/// Reads what [`read_interactions`] reads from any reader; `name` stands for the path in messages.
///
/// # Errors
///
/// As [`read_interactions`].
///
/// ```
/// use rec_data::amazon;
///
/// let file = r#"{"rating": "five", "parent_asin": "B00", "user_id": "AE22", "timestamp": 1588687728923}"#;
/// let error = amazon::read_interactions_from(file.as_bytes(), "Movies.jsonl").unwrap_err();
/// assert_eq!(error.to_string(), "Movies.jsonl:1: field `rating`: found a text, expected a number");
/// ```
pub fn read_interactions_from(reader: impl BufRead, name: &str) -> Result<Interactions, Error> {
    let mut lines = JsonLines::new(Lines::new(reader, name, Encoding::Utf8));
    let mut grouping = Grouping::default();
    while let Some(object) = lines.next_object()? {
        let Core { user, item, rating, time } = core(&object)?;
        grouping.push(user, item, time, Signal::Weight(rating));
    }
    Ok(grouping.finish())
}

/// What every review must have.
struct Core<'a> {
    user: &'a str,
    item: &'a str,
    rating: f32,
    time: f64,
}

fn core<'a>(object: &'a Object<'_>) -> Result<Core<'a>, Error> {
    let rating = object.required_number("rating")?;
    // An f64 may be too large for an f32.
    if !(rating as f32).is_finite() {
        return Err(object.error("rating", Problem::Number(rating.to_string())));
    }
    Ok(Core {
        user: object.required_text("user_id")?,
        item: object.required_text("parent_asin")?,
        rating: rating as f32,
        time: TimeUnit::Milliseconds.seconds(object.required_number("timestamp")?),
    })
}

fn review(object: &Object<'_>, users: &mut IdMap, items: &mut IdMap) -> Result<Review, Error> {
    let Core { user, item, rating, time } = core(object)?;
    let variant = object.text("asin")?.filter(|asin| !asin.is_empty()).unwrap_or(item);
    Ok(Review {
        user: users.intern(user).1.clone(),
        item: items.intern(item).1.clone(),
        variant: items.intern(variant).1.clone(),
        rating,
        time,
        title: object.text("title")?.unwrap_or_default().into(),
        text: object.text("text")?.unwrap_or_default().into(),
        verified_purchase: object
            .read("verified_purchase", "a truth value", Value::as_bool)?
            .unwrap_or_default(),
        helpful_votes: object.read("helpful_vote", "a count", Value::as_u64)?.unwrap_or_default(),
    })
}
