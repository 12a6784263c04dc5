use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::Error;

/// The name of a vector space: a SHA-256 over everything that decides what a vector means.
///
/// Two vectors may be compared only if their fingerprints are equal. An encoder's fingerprint covers its weights,
/// tokenizer, pooling, heads and dimension; templates, prompts and cleaning are not part of it, because they change
/// what is encoded and not the space it lands in.
///
/// ```
/// use rec_core::Fingerprint;
///
/// let a = Fingerprint::of([("weights", b"abc".as_slice()), ("dim", b"3")]);
/// let b = Fingerprint::of([("weights", b"ab".as_slice()), ("dim", b"c3")]);
/// assert_ne!(a, b); // parts are framed, so bytes cannot wander between them
/// assert_eq!(a, a.to_string().parse().unwrap());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The hash of named parts, in the order given.
    #[must_use]
    pub fn of<'a>(parts: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut hash = FingerprintBuilder::default();
        for (name, bytes) in parts {
            hash.part(name, bytes);
        }
        hash.finish()
    }

    /// The space of foreign vectors, by the name that the caller gives it.
    ///
    /// Nothing can check such a name: use one that changes when the model behind the vectors does.
    #[must_use]
    pub fn declared(name: &str) -> Self {
        Self::of([("declared", name.as_bytes())])
    }

    /// The space that a learned map, named `what` and identified by `content`, leads to from this one.
    #[must_use]
    pub fn derive(&self, what: &str, content: &[u8]) -> Self {
        Self::of([("from", self.0.as_slice()), (what, content)])
    }

    /// The first twelve hexadecimal digits: enough to tell spaces apart in a message.
    #[must_use]
    pub fn short(&self) -> String {
        self.to_string()[..12].to_owned()
    }
}

/// Builds a [`Fingerprint`] part by part, for content that should not be held in memory at once.
#[derive(Debug, Default)]
pub struct FingerprintBuilder(Sha256);

impl FingerprintBuilder {
    /// Adds one named part. Name and content are framed by their lengths.
    pub fn part(&mut self, name: &str, bytes: &[u8]) {
        self.0.update((name.len() as u64).to_le_bytes());
        self.0.update(name.as_bytes());
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    /// The fingerprint of all parts.
    #[must_use]
    pub fn finish(self) -> Fingerprint {
        Fingerprint(self.0.finalize().into())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({})", self.short())
    }
}

impl FromStr for Fingerprint {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let malformed = || Error::format(format!("a fingerprint has 64 hexadecimal digits, not `{text}`"));
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(malformed());
        }
        let mut bytes = [0; 32];
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).map_err(|_| malformed())?;
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_text_is_an_error() {
        for text in ["", "00", &"g".repeat(64), &"é".repeat(32), &"+1".repeat(32)] {
            assert!(text.parse::<Fingerprint>().is_err(), "{text}");
        }
    }

    #[test]
    fn names_count() {
        assert_ne!(Fingerprint::of([("a", b"x".as_slice())]), Fingerprint::of([("b", b"x".as_slice())]));
        assert_ne!(Fingerprint::declared("a"), Fingerprint::declared("b"));
        let space = Fingerprint::declared("a");
        assert_ne!(space, space.derive("projection", b"w"));
    }
}
