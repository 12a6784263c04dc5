use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use jieba_rs::Jieba;
use unicode_normalization::char::is_combining_mark;

use crate::language::is_han;
use crate::tags::chinese;
use crate::{Error, Tag};

static BUILT_IN: LazyLock<Arc<Dictionary>> =
    LazyLock::new(|| Arc::new(Dictionary { jieba: Jieba::new(), tags: HashMap::new() }));

/// The dictionary and the models of jieba, with the words that the user has added.
#[derive(Clone)]
pub(crate) struct Dictionary {
    jieba: Jieba,
    /// The tags of the user's words.
    tags: HashMap<String, Tag>,
}

/// What the dictionary has for a word.
pub(crate) enum Entry<'a> {
    /// The tag that the user gave.
    User(Tag),
    /// The code of jieba.
    Code(&'a str),
}

/// A word is looked up by its end alone when it has more characters: the model for unknown words takes half a
/// kilobyte for each.
const LONGEST_LOOKUP: usize = 32;

impl Dictionary {
    pub(crate) fn shared() -> Arc<Self> {
        Arc::clone(&BUILT_IN)
    }

    /// Where the words are that hold a Chinese character, in order.
    pub(super) fn words(&self, text: &str) -> impl Iterator<Item = Range<usize>> {
        let tokens = self.jieba.cut(text, true).into_iter().filter(|token| token.word.contains(is_han));
        tokens.map(|token| {
            // Marks, such as selectors of variants, belong to the character before them.
            let marks = text[token.byte_end..].chars().take_while(|&c| is_combining_mark(c));
            token.byte_start..token.byte_end + marks.map(char::len_utf8).sum::<usize>()
        })
    }

    /// What is known of a word's part of speech.
    ///
    /// A word that the dictionary lacks is cut like any text, and its last part decides: compounds have their head
    /// there.
    pub(crate) fn lookup<'a>(&'a self, word: &'a str) -> Entry<'a> {
        if let Some(&tag) = self.tags.get(word) {
            return Entry::User(tag);
        }
        let long = word.char_indices().rev().nth(LONGEST_LOOKUP - 1);
        let end = &word[long.map_or(0, |(start, _)| start)..];
        Entry::Code(self.jieba.tag(end, true).last().map_or("", |part| part.tag))
    }

    pub(super) fn add(&mut self, word: &str, frequency: Option<u32>, tag: Option<Tag>) {
        // jieba keeps the first tag that it hears of a word.
        if let Some(tag) = tag.or((!self.jieba.has_word(word)).then_some(Tag::Noun)) {
            self.tags.insert(word.to_owned(), tag);
        }
        self.jieba.add_word(word, frequency.map(|frequency| frequency.max(1) as usize), None);
    }

    pub(super) fn load(&mut self, path: &Path) -> Result<(), Error> {
        let bytes = std::fs::read(path).map_err(|error| Error::read(path, error))?;
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        for (line, number) in bytes.split(|&b| b == b'\n').zip(1..) {
            let entry = str::from_utf8(line).map_err(|_| "not UTF-8".to_owned()).and_then(parse);
            if let Some((word, frequency, tag)) =
                entry.map_err(|problem| Error::dictionary(path, number, problem))?
            {
                self.add(word, frequency, tag);
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Dictionary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dictionary").field("jieba", &self.jieba).field("tags", &self.tags.len()).finish()
    }
}

/// A line of a user's dictionary: the word, its frequency and its tag.
type Line<'l> = (&'l str, Option<u32>, Option<Tag>);

/// The entry of a line; `None` when it is blank.
fn parse(line: &str) -> Result<Option<Line<'_>>, String> {
    let mut fields = line.split_whitespace();
    let Some(word) = fields.next() else { return Ok(None) };
    let mut field = fields.next();
    let mut frequency = None;
    // A line may leave out the frequency and still have a tag. No tag begins with a digit.
    if let Some(number) = field.filter(|field| field.starts_with(|c: char| c.is_ascii_digit() || c == '-')) {
        let parsed = number.parse();
        frequency = Some(
            parsed.map_err(|_| format!("{number:?} is no frequency, a whole number up to {}", u32::MAX))?,
        );
        field = fields.next();
    }
    let unknown = |tag: &str| format!("unknown part-of-speech tag {tag:?}");
    let tag =
        field.map(|tag| chinese::universal(tag).or_else(|| tag.parse().ok()).ok_or_else(|| unknown(tag)));
    let tag = tag.transpose()?;
    match fields.next() {
        None => Ok(Some((word, frequency, tag))),
        Some(field) => Err(format!("{field:?} follows the word, the frequency and the tag")),
    }
}
