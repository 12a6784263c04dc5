use std::path::Path;

use super::Tag;
use crate::Error;

/// Reads sentences with their tags: a line for each word, the word and its tag with a tab between them, and an empty line
/// after each sentence.
///
/// Tags are the names of Universal Dependencies. These are the columns FORM and UPOS of a CoNLL-U file. Lines may end
/// in `\r\n`, the last sentence needs no empty line, and several empty lines are one. An empty file has no sentences.
///
/// # Errors
///
/// A file that cannot be read, is not UTF-8, or has a line of another form or an unknown tag; the error names the file,
/// and the line.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("sentences.tsv");
/// use rec_text::{Tag, read_tagged};
///
/// std::fs::write(&path, "Spice\tNOUN\nflows\tVERB\n\nYes\tINTJ\n")?;
/// let sentences = read_tagged(&path)?;
/// assert_eq!(sentences[0], [("Spice".to_owned(), Tag::Noun), ("flows".to_owned(), Tag::Verb)]);
/// assert_eq!(sentences.len(), 2);
///
/// std::fs::write(&path, "Spice\tNOUN\nflows\tVBZ\n")?;
/// assert!(read_tagged(&path).unwrap_err().to_string().ends_with("line 2: unknown part-of-speech tag \"VBZ\""));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_tagged(path: impl AsRef<Path>) -> Result<Vec<Vec<(String, Tag)>>, Error> {
    let path = path.as_ref();
    let bytes = std::fs::read(path).map_err(|source| Error::read(path, source))?;
    let text = std::str::from_utf8(&bytes).map_err(|source| {
        let before = &bytes[..source.valid_up_to()];
        Error::tagged(path, 1 + before.iter().filter(|&&byte| byte == b'\n').count(), "not UTF-8")
    })?;

    let mut sentences = vec![Vec::new()];
    for (line, text) in (1..).zip(text.lines()) {
        if text.is_empty() {
            sentences.push(Vec::new());
            continue;
        }
        let word = parse(text).map_err(|problem| Error::tagged(path, line, problem))?;
        if let Some(sentence) = sentences.last_mut() {
            sentence.push(word);
        }
    }
    sentences.retain(|sentence| !sentence.is_empty());
    Ok(sentences)
}

fn parse(line: &str) -> Result<(String, Tag), String> {
    match line.split('\t').collect::<Vec<_>>()[..] {
        ["", _] => Err("the word is missing".to_owned()),
        [word, tag] => Ok((word.to_owned(), tag.parse::<Tag>().map_err(|unknown| unknown.to_string())?)),
        ref fields => Err(format!("{} fields, not a word and its tag", fields.len())),
    }
}
