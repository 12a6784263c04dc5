/// How rare a term is: its inverse document frequency, from the `n` documents and the `df` of them that have the term.
///
/// | idf | formula | in a corpus where all documents have the term |
/// |---|---|---|
/// | [`Smooth`](Self::Smooth) | `ln((1 + n) / (1 + df)) + 1` | 1 |
/// | [`Plain`](Self::Plain) | `ln(n / df)` | 0 |
/// | [`Lucene`](Self::Lucene) | `ln(1 + (n - df + 0.5) / (df + 0.5))` | nearly 0, and above it |
///
/// All are natural logarithms, decrease with `df`, and are never negative.
///
/// ```
/// use rec_text::Idf;
///
/// assert_eq!(Idf::Smooth.value(7, 7), 1.0);
/// assert_eq!(Idf::Plain.value(8, 4), 2.0_f64.ln());
/// assert_eq!(Idf::Lucene.value(4, 2), 2.0_f64.ln());
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Idf {
    /// That of scikit-learn (`smooth_idf=True`): as if one more document had every term, and never zero.
    #[default]
    Smooth,
    /// The textbook's (Spärck Jones 1972; Manning, Raghavan & Schütze 2008, equation 6.7).
    Plain,
    /// That of Lucene's BM25: Robertson's `ln((n - df + 0.5) / (df + 0.5))`, which is negative for a term that more than
    /// half of the documents have, with 1 added inside of the logarithm.
    Lucene,
}

impl Idf {
    /// The inverse document frequency of a term that `document_frequency` of `n_documents` documents have.
    ///
    /// # Panics
    ///
    /// `document_frequency` is 0, where the plain formula is infinite, or above `n_documents`.
    #[must_use]
    pub fn value(self, n_documents: usize, document_frequency: usize) -> f64 {
        assert!(
            (1..=n_documents).contains(&document_frequency),
            "a document frequency of {document_frequency} among {n_documents} documents"
        );
        let (n, df) = (n_documents as f64, document_frequency as f64);
        match self {
            Self::Smooth => ((1.0 + n) / (1.0 + df)).ln() + 1.0,
            Self::Plain => (n / df).ln(),
            Self::Lucene => (1.0 + (n - df + 0.5) / (df + 0.5)).ln(),
        }
    }
}

/// TF-IDF: how often a document has a term, times how rare the term is among all documents.
///
/// `weight = tf * idf`, and then all weights of the document are divided by the square root of the sum of their squares
/// (L2 norm). The default is that of scikit-learn's `TfidfVectorizer`: the raw count as `tf`, [`Idf::Smooth`], L2 norm.
/// A document whose weights are all zero keeps them.
///
/// ```
/// use rec_text::{TermStatistics, TfIdf};
///
/// let films = TermStatistics::from_documents([("1", vec!["dune", "dune", "part"]), ("2", vec!["part"])])?;
/// let weights = films.weights(0, TfIdf::new().normalized(false));
/// assert_eq!(weights[0], ("dune", (2.0 * (1.0 + 1.5_f64.ln())) as f32));
/// assert_eq!(weights[1], ("part", 1.0));
/// # Ok::<(), rec_text::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TfIdf {
    pub(super) idf: Idf,
    pub(super) sublinear: bool,
    pub(super) normalized: bool,
}

impl TfIdf {
    /// Raw counts, smooth idf, L2 norm.
    #[must_use]
    pub const fn new() -> Self {
        Self { idf: Idf::Smooth, sublinear: false, normalized: true }
    }

    /// Weighs rarity by another formula.
    #[must_use]
    pub const fn idf(self, idf: Idf) -> Self {
        Self { idf, ..self }
    }

    /// Takes `1 + ln(count)` instead of the count, so that the tenth occurrence adds less than the second.
    #[must_use]
    pub const fn sublinear(self, sublinear: bool) -> Self {
        Self { sublinear, ..self }
    }

    /// Whether weights are divided by their L2 norm, so that long and short documents weigh the same.
    #[must_use]
    pub const fn normalized(self, normalized: bool) -> Self {
        Self { normalized, ..self }
    }

    pub(super) fn term_frequency(self, count: u32) -> f64 {
        let count = f64::from(count);
        if self.sublinear { 1.0 + count.ln() } else { count }
    }
}

impl Default for TfIdf {
    fn default() -> Self {
        Self::new()
    }
}

/// BM25: a term weighs more the rarer it is and the more often a document has it, with saturation, and less in documents
/// longer than the mean.
///
/// `weight = idf * tf / (tf + k1 * (1 - b + b * length / mean length))`, with [`Idf::Lucene`]. It is equation 3.15 of
/// Robertson & Zaragoza (2009), "The Probabilistic Relevance Framework: BM25 and Beyond", with Lucene's idf, and what
/// Lucene computes since version 8. Many programs multiply it by the constant `k1 + 1`, which changes no order. Lengths are
/// exact; Lucene rounds those above 39 to one byte.
///
/// `k1` says how late repetition saturates: at 0 the count is ignored. `b` says how much the length matters: at 0 it is
/// ignored. The defaults are Lucene's, 1.2 and 0.75; the paper finds 1.2 to 2 and 0.5 to 0.8 reasonable. Titles are short
/// and of similar length, and little depends on either there.
///
/// ```
/// use rec_text::{Bm25, TermStatistics};
///
/// let films = TermStatistics::from_documents([("1", vec!["dune", "part"]), ("2", vec!["dune"]), ("3", vec![])])?;
/// // The idf is ln(1 + 1.5 / 2.5), the length twice the mean.
/// let expected = 1.6_f64.ln() / (1.0 + 1.2 * (0.25 + 0.75 * 2.0));
/// assert_eq!(films.weights(0, Bm25::default())[0], ("dune", expected as f32));
/// # Ok::<(), rec_text::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bm25 {
    k1: f64,
    b: f64,
}

impl Bm25 {
    /// BM25 with these parameters.
    ///
    /// # Panics
    ///
    /// `k1` is negative or not finite, or `b` is not in `[0, 1]`.
    #[must_use]
    pub fn new(k1: f64, b: f64) -> Self {
        assert!(k1 >= 0.0 && k1.is_finite(), "k1 of BM25 is {k1}, not a finite number from 0");
        assert!((0.0..=1.0).contains(&b), "b of BM25 is {b}, not in [0, 1]");
        Self { k1, b }
    }

    /// The part of the weight that depends on the document: `tf / (tf + k1 * (1 - b + b * length / mean length))`.
    pub(super) fn saturation(self, count: u32, length: u32, mean_length: f64) -> f64 {
        let count = f64::from(count);
        // The mean is positive: a document has this term.
        count / (count + self.k1 * (1.0 - self.b + self.b * f64::from(length) / mean_length))
    }
}

impl Default for Bm25 {
    fn default() -> Self {
        Self { k1: 1.2, b: 0.75 }
    }
}

/// How the terms of a document are weighed: by [`TfIdf`] or by [`Bm25`], either of which converts into this.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Weighting {
    /// Counts times rarity.
    TfIdf(TfIdf),
    /// Saturated counts times rarity, by the length of the document.
    Bm25(Bm25),
}

impl From<TfIdf> for Weighting {
    fn from(tf_idf: TfIdf) -> Self {
        Self::TfIdf(tf_idf)
    }
}

impl From<Bm25> for Weighting {
    fn from(bm25: Bm25) -> Self {
        Self::Bm25(bm25)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rarer_terms_weigh_more_and_none_is_negative() {
        for idf in [Idf::Smooth, Idf::Plain, Idf::Lucene] {
            let values: Vec<f64> = (1..=9).map(|df| idf.value(9, df)).collect();
            assert!(values.is_sorted_by(|a, b| a > b), "{idf:?}: {values:?}");
            assert!(values[8] >= 0.0, "{idf:?}: {values:?}");
        }
    }

    #[test]
    fn parameters_at_their_ends_switch_their_part_off() {
        assert_eq!(Bm25::new(0.0, 0.75).saturation(3, 100, 1.0), 1.0);
        assert_eq!(Bm25::new(1.0, 0.0).saturation(1, 100, 1.0), 0.5);
        assert_eq!(Bm25::new(1.0, 1.0).saturation(1, 3, 1.0), 0.25);
    }

    #[test]
    #[should_panic(expected = "k1 of BM25 is -1, not a finite number from 0")]
    fn negative_k1_panics() {
        let _ = Bm25::new(-1.0, 0.75);
    }

    #[test]
    #[should_panic(expected = "b of BM25 is NaN, not in [0, 1]")]
    fn nan_b_panics() {
        let _ = Bm25::new(1.2, f64::NAN);
    }

    #[test]
    #[should_panic(expected = "a document frequency of 0 among 3 documents")]
    fn idf_of_an_absent_term_panics() {
        let _ = Idf::Plain.value(3, 0);
    }
}
