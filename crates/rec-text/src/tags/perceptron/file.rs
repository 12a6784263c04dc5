//! The file of a tagger, all numbers little-endian:
//!
//! | bytes | field |
//! |---|---|
//! | 8 | `RECTAG01`: the format, and with it what the features are |
//! | 8 | FNV-1a of all that follows |
//! | 4, 4, 4 | how many words, features and entries |
//! | words | the difference to the name before as a varint, and the class: 17 bits for its tags, 5 for the first of them |
//! | features | the difference to the name before as a varint |
//! | 2 for each entry | see [`Entry`]; the entries of a feature stand together, by tag |
//!
//! A varint is LEB128: seven bits a byte, the lowest first, and the eighth bit says that more follow. The first name of a
//! list is written as its difference to -1, so that no difference is 0.

use super::PerceptronTagger;
use super::dictionary::{Class, Dictionary};
use super::hash::{KEY_BITS, checksum};
use super::keys::Keys;
use super::weights::{Entry, Weights};
use crate::Tag;

const MAGIC: [u8; 8] = *b"RECTAG01";
/// Where the bytes that the checksum covers begin.
const COVERED: usize = 16;
const CLASS_BYTES: usize = 3;

/// Why bytes are no tagger.
#[derive(Debug)]
pub(super) struct Malformed {
    /// Where the field begins.
    pub(super) offset: usize,
    pub(super) problem: &'static str,
}

pub(super) fn write(tagger: &PerceptronTagger) -> Vec<u8> {
    let PerceptronTagger { dictionary, weights } = tagger;
    let mut bytes = [MAGIC, [0; 8]].concat();
    for n in [dictionary.iter().len(), weights.features().len(), weights.entries().len()] {
        bytes.extend_from_slice(&(n as u32).to_le_bytes());
    }
    let mut names = Names::default();
    for (key, class) in dictionary.iter() {
        write_varint(names.difference(key), &mut bytes);
        let class = u32::from(class.first) << Tag::ALL.len() | class.tags;
        bytes.extend_from_slice(&class.to_le_bytes()[..CLASS_BYTES]);
    }
    let mut names = Names::default();
    for &key in weights.features() {
        write_varint(names.difference(key), &mut bytes);
    }
    for entry in weights.entries() {
        bytes.extend_from_slice(&entry.bits().to_le_bytes());
    }
    let sum = checksum(&bytes[COVERED..]);
    bytes[MAGIC.len()..COVERED].copy_from_slice(&sum.to_le_bytes());
    bytes
}

pub(super) fn parse(bytes: &[u8]) -> Result<PerceptronTagger, Malformed> {
    let mut reader = Reader { bytes, offset: 0 };
    if reader.array()? != MAGIC {
        return Err(Malformed { offset: 0, problem: "the format is not RECTAG01" });
    }
    if u64::from_le_bytes(reader.array()?) != checksum(&bytes[COVERED..]) {
        return Err(Malformed { offset: MAGIC.len(), problem: "the checksum is that of other bytes" });
    }
    let n_words = reader.count(1 + CLASS_BYTES, "more words than the file has room for")?;
    let n_features = reader.count(1, "more features than the file has room for")?;
    let n_entries = reader.count(2, "more entries than the file has room for")?;

    let (mut names, mut keys, mut classes) = (Names::default(), Vec::new(), Vec::new());
    for _ in 0..n_words {
        keys.push(reader.name(&mut names)?);
        classes.push(reader.class()?);
    }
    let dictionary = Dictionary::new(Keys::new(keys), classes);

    let mut names = Names::default();
    let features = (0..n_features).map(|_| reader.name(&mut names)).collect::<Result<Vec<_>, _>>()?;
    let entries = reader.entries(n_entries, n_features)?;
    if reader.offset < bytes.len() {
        return Err(reader.malformed("bytes after the last entry"));
    }
    Ok(PerceptronTagger { dictionary, weights: Weights::from_entries(Keys::new(features), entries) })
}

/// The list of names as far as it was written or read.
#[derive(Default)]
struct Names {
    /// One more than the last of them.
    next: u32,
}

impl Names {
    fn difference(&mut self, key: u32) -> u32 {
        let difference = key + 1 - self.next;
        self.next = key + 1;
        difference
    }

    /// The next name; `None` where it is none.
    fn key(&mut self, difference: u64) -> Option<u32> {
        let next = u64::from(self.next) + difference;
        if difference == 0 || next > 1 << KEY_BITS {
            return None;
        }
        self.next = next as u32;
        Some(self.next - 1)
    }
}

fn write_varint(mut value: u32, bytes: &mut Vec<u8>) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl Reader<'_> {
    fn malformed(&self, problem: &'static str) -> Malformed {
        Malformed { offset: self.offset, problem }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let Some(array) = self.bytes[self.offset..].first_chunk::<N>() else {
            return Err(self.malformed("the file ends within this field"));
        };
        self.offset += N;
        Ok(*array)
    }

    /// A number of things that take at least `size` bytes each, which bounds what is allocated for them.
    fn count(&mut self, size: usize, problem: &'static str) -> Result<usize, Malformed> {
        let begin = self.offset;
        let count = u32::from_le_bytes(self.array()?) as usize;
        if count > self.bytes.len() / size {
            return Err(Malformed { offset: begin, problem });
        }
        Ok(count)
    }

    /// The next name of a list.
    fn name(&mut self, names: &mut Names) -> Result<u32, Malformed> {
        let begin = self.offset;
        let mut difference = 0;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.array()?;
            difference |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                // One way to write each number: no last byte that adds nothing.
                let key = if byte == 0 { None } else { names.key(difference) };
                return key.ok_or(Malformed {
                    offset: begin,
                    problem: "a name that does not follow the one before it",
                });
            }
        }
        Err(Malformed { offset: begin, problem: "a difference between names of more than five bytes" })
    }

    fn class(&mut self) -> Result<Class, Malformed> {
        let begin = self.offset;
        let [a, b, c] = self.array::<CLASS_BYTES>()?;
        let bits = u32::from_le_bytes([a, b, c, 0]);
        let class = Class { tags: bits & ((1 << Tag::ALL.len()) - 1), first: (bits >> Tag::ALL.len()) as u8 };
        // Also false where the first tag is none of the seventeen.
        if class.tags >> class.first.min(31) & 1 == 0 {
            return Err(Malformed { offset: begin, problem: "a word whose first tag is not among its tags" });
        }
        Ok(class)
    }

    fn entries(&mut self, n_entries: usize, n_features: usize) -> Result<Vec<Entry>, Malformed> {
        let mut entries = Vec::with_capacity(n_entries);
        let (mut n_rows, mut least_tag) = (0, 0);
        for _ in 0..n_entries {
            let begin = self.offset;
            let entry = Entry::from_bits(u16::from_le_bytes(self.array()?));
            if entry.tag() < least_tag || entry.tag() >= Tag::ALL.len() || entry.weight().abs() > Entry::MAX {
                let problem = "an entry whose tag or weight is out of order";
                return Err(Malformed { offset: begin, problem });
            }
            least_tag = if entry.is_last() { 0 } else { entry.tag() + 1 };
            n_rows += usize::from(entry.is_last());
            entries.push(entry);
        }
        if n_rows != n_features || least_tag != 0 {
            return Err(self.malformed("the entries are not those of all features"));
        }
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Vec<u8> {
        let words = [("the", Tag::Determiner), ("sand", Tag::Noun), ("moves", Tag::Verb)];
        let sentence: Vec<_> = words.iter().map(|(word, tag)| ((*word).to_owned(), *tag)).collect();
        let options = crate::TrainingOptions { min_word_count: 1, min_count: 1, ..Default::default() };
        write(&PerceptronTagger::train(&options, [sentence], |_| {}))
    }

    /// Damage with a checksum that fits: what a hostile file looks like.
    fn with_checksum(mut bytes: Vec<u8>) -> Vec<u8> {
        if bytes.len() >= COVERED {
            let sum = checksum(&bytes[COVERED..]);
            bytes[MAGIC.len()..COVERED].copy_from_slice(&sum.to_le_bytes());
        }
        bytes
    }

    #[test]
    fn round_trip() {
        let bytes = small();
        assert_eq!(write(&parse(&bytes).unwrap()), bytes);
    }

    #[test]
    fn damage_is_found_or_harmless() {
        let bytes = small();
        for position in 0..bytes.len() {
            assert!(parse(&bytes[..position]).is_err(), "cut at {position}");
            assert!(parse(&with_checksum(bytes[..position].to_vec())).is_err(), "cut at {position}");
            for change in [1, 0x40, 0x80, 0xff] {
                let mut damaged = bytes.clone();
                damaged[position] ^= change;
                assert!(parse(&damaged).is_err(), "byte {position}");
                // What still parses is another tagger: it has to be written as it was read, and to tag.
                if let Ok(tagger) = parse(&with_checksum(damaged.clone())) {
                    assert_eq!(write(&tagger)[COVERED..], damaged[COVERED..]);
                    assert_eq!(crate::Tagger::tag(&tagger, &["the", "sand"]).len(), 2);
                }
            }
        }
        let mut longer = bytes;
        longer.push(0);
        assert!(parse(&with_checksum(longer)).is_err());
    }

    #[test]
    fn errors_say_where() {
        let bytes = small();
        let offset_of = |position: usize, byte: u8| {
            let mut damaged = bytes.clone();
            damaged[position] = byte;
            parse(&with_checksum(damaged)).unwrap_err().offset
        };
        assert_eq!(offset_of(0, b'r'), 0);
        // The counts, then a first name of difference 0, then its class without tags.
        assert_eq!([offset_of(19, 0xff), offset_of(23, 0xff), offset_of(27, 0xff)], [16, 20, 24]);
        let (mut names, mut reader) = (Names::default(), Reader { bytes: &bytes, offset: 28 });
        reader.name(&mut names).unwrap();
        let class = reader.offset;
        assert_eq!(offset_of(class + 2, 0xff), class);
        assert_eq!(parse(b"RECTAG").unwrap_err().offset, 0);
        assert_eq!(parse(&bytes[..12]).unwrap_err().offset, 8);
    }

    #[test]
    fn varints_have_one_form() {
        let mut bytes = Vec::new();
        for value in [1, 0x7f, 0x80, 0x3fff, 0x4000, 1 << KEY_BITS] {
            bytes.clear();
            write_varint(value, &mut bytes);
            let name = Reader { bytes: &bytes, offset: 0 }.name(&mut Names::default());
            assert_eq!(name.unwrap() + 1, value);
        }
        for bytes in [&[0][..], &[0x81, 0], &[0x81, 0x80, 0x80, 0x80, 0x10], &[0xff; 6]] {
            assert!(Reader { bytes, offset: 0 }.name(&mut Names::default()).is_err(), "{bytes:?}");
        }
    }
}
