use std::fmt;
use std::str::FromStr;

/// A part of speech, in the universal tag set of [Universal Dependencies](https://universaldependencies.org/u/pos/).
///
/// ```
/// use rec_text::Tag;
///
/// assert_eq!("PROPN".parse(), Ok(Tag::ProperNoun));
/// assert_eq!(Tag::Noun.to_string(), "NOUN");
/// assert_eq!(Tag::ALL.len(), 17);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Tag {
    /// `ADJ`: an adjective.
    Adjective,
    /// `ADP`: a preposition or postposition.
    Adposition,
    /// `ADV`: an adverb.
    Adverb,
    /// `AUX`: an auxiliary verb.
    Auxiliary,
    /// `CCONJ`: a coordinating conjunction.
    CoordinatingConjunction,
    /// `DET`: a determiner.
    Determiner,
    /// `INTJ`: an interjection.
    Interjection,
    /// `NOUN`: a common noun.
    Noun,
    /// `NUM`: a number, in digits or words.
    Numeral,
    /// `PART`: a particle.
    Particle,
    /// `PRON`: a pronoun.
    Pronoun,
    /// `PROPN`: a name.
    ProperNoun,
    /// `PUNCT`: punctuation.
    Punctuation,
    /// `SCONJ`: a subordinating conjunction.
    SubordinatingConjunction,
    /// `SYM`: a symbol.
    Symbol,
    /// `VERB`: a verb.
    Verb,
    /// `X`: what no other tag fits.
    Other,
}

impl Tag {
    /// All tags, in the order of their discriminants.
    pub const ALL: [Tag; 17] = [
        Tag::Adjective,
        Tag::Adposition,
        Tag::Adverb,
        Tag::Auxiliary,
        Tag::CoordinatingConjunction,
        Tag::Determiner,
        Tag::Interjection,
        Tag::Noun,
        Tag::Numeral,
        Tag::Particle,
        Tag::Pronoun,
        Tag::ProperNoun,
        Tag::Punctuation,
        Tag::SubordinatingConjunction,
        Tag::Symbol,
        Tag::Verb,
        Tag::Other,
    ];

    /// The name in Universal Dependencies.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Tag::Adjective => "ADJ",
            Tag::Adposition => "ADP",
            Tag::Adverb => "ADV",
            Tag::Auxiliary => "AUX",
            Tag::CoordinatingConjunction => "CCONJ",
            Tag::Determiner => "DET",
            Tag::Interjection => "INTJ",
            Tag::Noun => "NOUN",
            Tag::Numeral => "NUM",
            Tag::Particle => "PART",
            Tag::Pronoun => "PRON",
            Tag::ProperNoun => "PROPN",
            Tag::Punctuation => "PUNCT",
            Tag::SubordinatingConjunction => "SCONJ",
            Tag::Symbol => "SYM",
            Tag::Verb => "VERB",
            Tag::Other => "X",
        }
    }

    /// Whether words of this class carry content: adjectives, adverbs, interjections, nouns, names, numbers and verbs.
    ///
    /// Universal Dependencies calls the first six and verbs its open classes; numbers are added because they tell
    /// items apart.
    #[must_use]
    pub const fn is_content(self) -> bool {
        matches!(
            self,
            Tag::Adjective
                | Tag::Adverb
                | Tag::Interjection
                | Tag::Noun
                | Tag::ProperNoun
                | Tag::Numeral
                | Tag::Verb
        )
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Tag {
    type Err = UnknownTag;

    fn from_str(name: &str) -> Result<Self, UnknownTag> {
        Tag::ALL.into_iter().find(|tag| tag.as_str() == name).ok_or_else(|| UnknownTag(name.to_owned()))
    }
}

/// A name that is no tag of Universal Dependencies.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown part-of-speech tag {0:?}")]
pub struct UnknownTag(String);
