use std::fmt;
use std::num::NonZeroUsize;

/// How a text that is longer than a model takes is read: in windows that overlap.
///
/// ```
/// use rec_text::Windows;
///
/// assert_eq!(Windows::overlapping(32).at_most(4).to_string(), "at most 4 windows that overlap by 32 tokens");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Windows {
    pub(crate) overlap: usize,
    pub(crate) max_windows: NonZeroUsize,
}

impl Windows {
    /// As many windows as the text needs, of which each begins with the last `overlap` tokens of the one before: so that what
    /// is said across a border is read in one piece somewhere.
    #[must_use]
    pub fn overlapping(overlap: usize) -> Self {
        Self { overlap, max_windows: NonZeroUsize::MAX }
    }

    /// At most `n` windows; the rest of the text is dropped and counted. A bound on the work that one text makes.
    ///
    /// # Panics
    ///
    /// `n` is 0.
    #[must_use]
    pub fn at_most(self, n: usize) -> Self {
        let Some(max_windows) = NonZeroUsize::new(n) else {
            panic!("a text is read in at least one window");
        };
        Self { max_windows, ..self }
    }
}

impl fmt::Display for Windows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.max_windows != NonZeroUsize::MAX {
            write!(f, "at most {} ", self.max_windows)?;
        }
        write!(f, "windows that overlap by {} tokens", self.overlap)
    }
}
