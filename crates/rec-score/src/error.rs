use rec_core::Fingerprint;
use rec_data::Id;

/// Why items could not be scored or ranked.
///
/// The message names the item, the dimensions or the spaces; the predicates answer what a caller may branch on.
///
/// ```
/// use rec_core::{Fingerprint, Interests, VectorTable};
/// use rec_score::{Filter, FlatIndex};
///
/// let items = VectorTable::from_rows(Fingerprint::declared("a"), [("dune", [1.0, 0.0])])?;
/// let user = Interests::new(vec![1.0, 0.0], 2, Fingerprint::declared("b"))?;
/// let error = FlatIndex::new(items).top_k(&user, 1, &Filter::none()).unwrap_err();
/// assert!(error.is_space_mismatch());
/// # Ok::<(), rec_core::Error>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Kind>);

#[derive(Debug, thiserror::Error)]
pub(crate) enum Kind {
    #[error(transparent)]
    Core(rec_core::Error),

    #[error(transparent)]
    Data(rec_data::Error),

    #[error("{what} has {found} dimensions where {expected} are expected")]
    Dimension { what: String, expected: usize, found: usize },

    #[error("the scorer does not take items of {0} dimensions")]
    Items(usize),

    #[error("the vector of `{id}` is not finite at column {column}")]
    Vector { id: Id, column: usize },

    #[error(
        "the score of `{id}` is not a finite number: the product of its vector and the interest overflows"
    )]
    Score { id: Id },

    #[error("the scorer does not factor into a query and item vectors, so no index can serve it: use `rank`")]
    NotFactored,

    #[error("no vector of item `{0}`")]
    Unknown(Id),

    #[error("lambda = {0} is not between 0 and 1")]
    Lambda(f32),

    #[error("the weight of a click is {0}, not a number from 0 on that can be learned from")]
    ClickWeight(f32),

    #[error("the vector of the item of a click is not finite at column {column}")]
    ClickItem { column: usize },

    #[error("the logit of a click is not a finite number")]
    ClickLogit,

    #[error("cannot read the logits back from the device")]
    Device(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// The error of two vectors in different spaces, if they are.
    pub(crate) fn check_space(expected: Fingerprint, found: Fingerprint) -> Result<(), Self> {
        if expected == found { Ok(()) } else { Err(rec_core::Error::space_mismatch(expected, found).into()) }
    }

    pub(crate) fn check_dim(what: impl Into<String>, expected: usize, found: usize) -> Result<(), Self> {
        if expected == found {
            Ok(())
        } else {
            Err(Kind::Dimension { what: what.into(), expected, found }.into())
        }
    }

    /// True if an interest and the items live in different spaces.
    #[must_use]
    pub fn is_space_mismatch(&self) -> bool {
        matches!(&*self.0, Kind::Core(error) if error.is_space_mismatch())
    }

    /// True if a vector or a score is NaN or infinite.
    #[must_use]
    pub fn is_not_finite(&self) -> bool {
        match &*self.0 {
            Kind::Vector { .. }
            | Kind::Score { .. }
            | Kind::ClickWeight(_)
            | Kind::ClickItem { .. }
            | Kind::ClickLogit => true,
            Kind::Core(error) => error.is_not_finite(),
            Kind::Data(error) => error.is_not_finite(),
            _ => false,
        }
    }

    /// True if an index was asked to serve a scorer that does not factor.
    #[must_use]
    pub fn is_not_factored(&self) -> bool {
        matches!(*self.0, Kind::NotFactored)
    }

    /// True if there is no vector of an item that needs one.
    #[must_use]
    pub fn is_unknown_item(&self) -> bool {
        matches!(*self.0, Kind::Unknown(_))
    }
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Self {
        Self(Box::new(kind))
    }
}

impl From<rec_core::Error> for Error {
    fn from(error: rec_core::Error) -> Self {
        Kind::Core(error).into()
    }
}

impl From<rec_data::Error> for Error {
    fn from(error: rec_data::Error) -> Self {
        Kind::Data(error).into()
    }
}
