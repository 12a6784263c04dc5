mod keywords;
mod search;
mod weighting;

pub use weighting::{Bm25, Idf, TfIdf, Weighting};

use rec_data::{Id, IdMap};

use crate::Error;

/// Which terms the documents of a catalogue have, and how often: what keywords and lexical search are computed from.
///
/// A document is an id and the terms of its text, in any language; what a term is, the caller decides. [`weights`] and
/// [`keywords`] say what characterises a document, [`search`] finds documents by terms, and a user's history is a query
/// whose terms have weights.
///
/// Counts are kept once by document and once by term: 16 bytes per posting (a distinct term of a document), and besides
/// some 80 bytes per document and 140 per distinct term, ids and texts included. A million titles with six million postings
/// and 640,000 terms were measured at 270 MB. Documents that are [added](Self::add) later may take up to twice as much per
/// posting. Building takes time in proportion to the terms.
///
/// The same documents in another order have the same weights and the same lists, bit for bit, except for norms and means
/// ([`TfIdf`] and [`corpus_keywords`]), which sum in the order of the documents' arrival and may differ in the last bit.
///
/// [`weights`]: Self::weights
/// [`keywords`]: Self::keywords
/// [`corpus_keywords`]: Self::corpus_keywords
/// [`search`]: Self::search
///
/// ```
/// use rec_text::{Bm25, TermStatistics, TfIdf};
///
/// let films = TermStatistics::from_documents([
///     ("1", vec!["space", "station", "drama"]),
///     ("2", vec!["space", "war", "drama"]),
///     ("3", vec!["court", "drama"]),
/// ])?;
/// assert_eq!((films.n_documents(), films.n_terms(), films.n_postings()), (3, 5, 8));
/// assert_eq!(films.document_frequency("space"), 2);
///
/// // "drama" says little: every film has it.
/// let keywords = films.keywords(1, 2, TfIdf::default());
/// assert_eq!(keywords.iter().map(|(term, _)| *term).collect::<Vec<_>>(), ["war", "space"]);
///
/// let found = films.search([("space", 1.0), ("war", 1.0)], 10, Bm25::default())?;
/// assert_eq!(found.iter().map(|hit| hit.id.as_str()).collect::<Vec<_>>(), ["2", "1"]);
/// # Ok::<(), rec_text::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct TermStatistics {
    ids: IdMap,
    /// The distinct terms. An [`IdMap`] numbers texts, whatever they name.
    vocabulary: IdMap,
    /// Row-compressed: the postings of document `row` end at `ends[row]` and begin where those before it end.
    ends: Vec<usize>,
    /// The number of a term and its count, by document and then by the number of the term.
    by_document: Vec<Posting>,
    /// The row of a document and the count, by term and then by row.
    by_term: Vec<Vec<Posting>>,
    lengths: Vec<u32>,
    total_length: u64,
}

/// A cell of the matrix of documents and terms, without the dimension that it is listed under.
#[derive(Debug, Clone, Copy)]
struct Posting {
    /// A term or a document.
    of: u32,
    /// At least 1.
    count: u32,
}

impl TermStatistics {
    /// Statistics of no documents.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The statistics of documents `(id, terms)`, in one pass. Rows are numbered in the order of their arrival.
    ///
    /// # Errors
    ///
    /// See [`add`](Self::add).
    ///
    /// ```
    /// use rec_text::TermStatistics;
    ///
    /// let error = TermStatistics::from_documents([("7", ["dune"]), ("7", ["dune"])]).unwrap_err();
    /// assert!(error.is_duplicate());
    /// assert_eq!(error.to_string(), "document 1: the id `7` is that of document 0");
    /// ```
    pub fn from_documents<I, D, T>(documents: impl IntoIterator<Item = (I, D)>) -> Result<Self, Error>
    where
        I: Into<Id>,
        D: IntoIterator<Item = T>,
        T: AsRef<str>,
    {
        let mut statistics = Self::new();
        for (id, terms) in documents {
            statistics.add(id, terms)?;
        }
        statistics.by_document.shrink_to_fit();
        statistics.by_term.iter_mut().for_each(Vec::shrink_to_fit);
        Ok(statistics)
    }

    /// Adds a document and gives its row. It may have no terms.
    ///
    /// The number of documents, the document frequencies and the mean length change, and with them every weight and score:
    /// the statistics are those of all documents so far, as if built from them at once.
    ///
    /// # Errors
    ///
    /// The id is there already ([`Error::is_duplicate`]), or there are more than 2^32 - 1 documents, distinct terms or
    /// terms of one document. The document is not added then.
    ///
    /// ```
    /// use rec_text::{Idf, TermStatistics};
    ///
    /// let mut films = TermStatistics::from_documents([("1", ["dune"])])?;
    /// assert_eq!(films.idf("dune", Idf::Plain), Some(0.0));
    /// assert_eq!(films.add("2", ["alien", "alien"])?, 1);
    /// assert_eq!(films.idf("dune", Idf::Plain), Some(2.0_f64.ln()));
    /// assert_eq!(films.mean_length(), 1.5);
    /// # Ok::<(), rec_text::Error>(())
    /// ```
    pub fn add<T: AsRef<str>>(
        &mut self,
        id: impl Into<Id>,
        terms: impl IntoIterator<Item = T>,
    ) -> Result<usize, Error> {
        let id = id.into();
        let row = self.n_documents();
        if let Some(first) = self.ids.row(&id) {
            return Err(Error::duplicate_document(id, first, row));
        }
        let of = u32::try_from(row).map_err(|_| Error::too_many("documents"))?;

        let mut occurrences = Vec::new();
        for term in terms {
            let term = number(&mut self.vocabulary, term.as_ref());
            occurrences.push(u32::try_from(term).map_err(|_| Error::too_many("distinct terms"))?);
        }
        let length =
            u32::try_from(occurrences.len()).map_err(|_| Error::too_many("terms of one document"))?;

        occurrences.sort_unstable();
        self.by_term.resize_with(self.vocabulary.len(), Vec::new);
        for equal in occurrences.chunk_by(|a, b| a == b) {
            let (term, count) = (equal[0], equal.len() as u32);
            self.by_document.push(Posting { of: term, count });
            self.by_term[term as usize].push(Posting { of, count });
        }
        self.ends.push(self.by_document.len());
        self.lengths.push(length);
        self.total_length += u64::from(length);
        self.ids.insert(id);
        Ok(row)
    }

    /// The ids of the documents with their rows.
    #[must_use]
    pub fn ids(&self) -> &IdMap {
        &self.ids
    }

    /// The number of documents.
    #[must_use]
    pub fn n_documents(&self) -> usize {
        self.ids.len()
    }

    /// The number of distinct terms.
    #[must_use]
    pub fn n_terms(&self) -> usize {
        self.vocabulary.len()
    }

    /// The number of distinct terms of each document, summed over the documents.
    #[must_use]
    pub fn n_postings(&self) -> usize {
        self.by_document.len()
    }

    /// The distinct terms, in the order of their first appearance.
    pub fn terms(&self) -> impl ExactSizeIterator<Item = &str> + DoubleEndedIterator + Clone {
        self.vocabulary.iter().map(Id::as_str)
    }

    /// How many terms a document has, repetitions included.
    ///
    /// # Panics
    ///
    /// `document` is not below [`n_documents`](Self::n_documents).
    #[must_use]
    pub fn length(&self, document: usize) -> usize {
        self.assert_document(document);
        self.lengths[document] as usize
    }

    /// The mean of [`length`](Self::length) over all documents; 0 without any.
    #[must_use]
    pub fn mean_length(&self) -> f64 {
        if self.lengths.is_empty() { 0.0 } else { self.total_length as f64 / self.lengths.len() as f64 }
    }

    /// How many documents have a term; 0 for a term that none has.
    #[must_use]
    pub fn document_frequency(&self, term: &str) -> usize {
        self.vocabulary.row(term).map_or(0, |term| self.by_term[term].len())
    }

    /// How often all documents together have a term; 0 for a term that none has.
    ///
    /// ```
    /// use rec_text::TermStatistics;
    ///
    /// let films = TermStatistics::from_documents([("1", vec!["tora", "tora"]), ("2", vec!["tora"])])?;
    /// assert_eq!((films.document_frequency("tora"), films.collection_frequency("tora")), (2, 3));
    /// # Ok::<(), rec_text::Error>(())
    /// ```
    #[must_use]
    pub fn collection_frequency(&self, term: &str) -> u64 {
        let postings = self.vocabulary.row(term).map_or(&[][..], |term| &self.by_term[term]);
        postings.iter().map(|posting| u64::from(posting.count)).sum()
    }

    /// The distinct terms of a document with their counts, in the order of [`terms`](Self::terms).
    ///
    /// # Panics
    ///
    /// `document` is not below [`n_documents`](Self::n_documents).
    pub fn frequencies(&self, document: usize) -> impl ExactSizeIterator<Item = (&str, usize)> + Clone {
        self.postings(document).iter().map(|posting| (self.term(posting.of), posting.count as usize))
    }

    /// The inverse document frequency of a term; `None` if no document has it.
    #[must_use]
    pub fn idf(&self, term: &str, idf: Idf) -> Option<f64> {
        let document_frequency = self.document_frequency(term);
        (document_frequency > 0).then(|| idf.value(self.n_documents(), document_frequency))
    }

    /// The idf of a term that some document has.
    fn idf_of(&self, term: u32, idf: Idf) -> f64 {
        idf.value(self.n_documents(), self.by_term[term as usize].len())
    }

    fn term(&self, term: u32) -> &str {
        self.vocabulary.id(term as usize).map_or("", Id::as_str)
    }

    fn postings(&self, document: usize) -> &[Posting] {
        self.assert_document(document);
        let start = document.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.by_document[start..self.ends[document]]
    }

    fn assert_document(&self, document: usize) {
        let n = self.n_documents();
        assert!(document < n, "document {document} of the statistics of {n} documents");
    }
}

/// The number of a text, a new one if the text is new; allocates only then.
pub(crate) fn number(texts: &mut IdMap, text: &str) -> usize {
    texts.row(text).unwrap_or_else(|| texts.insert(text).0)
}
