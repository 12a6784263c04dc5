/// How a signature is cut for locality-sensitive hashing: into bands of some rows each, so that two sets are candidates if
/// they agree in all rows of at least one band.
///
/// Sets of Jaccard similarity `s` become candidates with the probability `1 - (1 - s^n_rows)^n_bands`, a curve in the form
/// of an S (Leskovec, Rajaraman & Ullman, "Mining of Massive Datasets", section 3.4.2). More rows find fewer false
/// candidates, more bands miss fewer true ones.
///
/// ```
/// use rec_text::Bands;
///
/// // The book's example, in its figure 3.8: 20 bands of 5 rows.
/// let bands = Bands::new(20, 5);
/// assert!((bands.probability(0.2) - 0.006).abs() < 5e-4);
/// assert!((bands.probability(0.5) - 0.470).abs() < 5e-4);
/// assert!((bands.probability(0.8) - 0.9996).abs() < 5e-5);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Bands {
    n_bands: usize,
    n_rows: usize,
}

impl Bands {
    /// `n_bands` bands of `n_rows` rows.
    ///
    /// # Panics
    ///
    /// Either is 0.
    #[must_use]
    pub const fn new(n_bands: usize, n_rows: usize) -> Self {
        assert!(n_bands > 0 && n_rows > 0, "at least one band of at least one row");
        Self { n_bands, n_rows }
    }

    /// The bands that miss a pair of similarity `threshold` with at most the probability `miss_probability`, and more
    /// similar ones with less, in at most `max_hashes` rows altogether.
    ///
    /// Of those, the one with the most rows per band, which has the fewest false candidates; and with no more bands than
    /// `ln(miss_probability) / ln(1 - threshold^n_rows)`, rounded up.
    ///
    /// ```
    /// use rec_text::Bands;
    ///
    /// let bands = Bands::for_threshold(0.8, 0.01, 128);
    /// assert_eq!(bands, Bands::new(16, 6));
    /// assert!(bands.probability(0.8) >= 0.99);
    /// assert!(bands.probability(0.4) < 0.07);
    /// ```
    ///
    /// # Panics
    ///
    /// `threshold` is not in `(0, 1]`, `miss_probability` is not in `(0, 1)`, or it takes more than `max_hashes` rows even
    /// with one row per band.
    #[must_use]
    pub fn for_threshold(threshold: f64, miss_probability: f64, max_hashes: usize) -> Self {
        assert!(threshold > 0.0 && threshold <= 1.0, "the threshold {threshold} is not in (0, 1]");
        assert!(
            miss_probability > 0.0 && miss_probability < 1.0,
            "the miss probability {miss_probability} is not in (0, 1)"
        );
        let n_bands = |n_rows: usize| {
            let found_by_one = threshold.powi(i32::try_from(n_rows).unwrap_or(i32::MAX));
            // A conversion that saturates: a probability that underflows takes more bands than there are.
            (miss_probability.ln() / (-found_by_one).ln_1p()).ceil().max(1.0) as usize
        };
        let fits = |n_rows: &usize| n_bands(*n_rows).saturating_mul(*n_rows) <= max_hashes;
        // Bands grow with rows, and so does the number of hashes.
        let Some(n_rows) = (1..=max_hashes).take_while(fits).last() else {
            panic!(
                "to find a similarity of {threshold} but for {miss_probability} takes {} hashes, not {max_hashes}",
                n_bands(1)
            )
        };
        Self::new(n_bands(n_rows), n_rows)
    }

    /// The number of bands.
    #[must_use]
    pub const fn n_bands(self) -> usize {
        self.n_bands
    }

    /// The number of rows of a band.
    #[must_use]
    pub const fn n_rows(self) -> usize {
        self.n_rows
    }

    /// The probability that sets of this Jaccard similarity agree in at least one band: `1 - (1 - s^n_rows)^n_bands`.
    ///
    /// # Panics
    ///
    /// `similarity` is not in `[0, 1]`.
    #[must_use]
    pub fn probability(self, similarity: f64) -> f64 {
        assert!((0.0..=1.0).contains(&similarity), "the similarity {similarity} is not in [0, 1]");
        let in_one = similarity.powf(self.n_rows as f64);
        -(self.n_bands as f64 * (-in_one).ln_1p()).exp_m1()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_miss_probability_is_kept_with_as_few_bands_as_possible() {
        for threshold in [0.05, 0.1, 0.35, 0.5, 0.8, 0.95] {
            for miss in [0.5, 0.1, 0.01, 1e-3] {
                let bands = Bands::for_threshold(threshold, miss, 200);
                assert!(bands.probability(threshold) >= 1.0 - miss - 1e-12, "{threshold} {miss}: {bands:?}");
                if bands.n_bands > 1 {
                    let fewer = Bands::new(bands.n_bands - 1, bands.n_rows);
                    assert!(fewer.probability(threshold) < 1.0 - miss, "{threshold} {miss}: {bands:?}");
                }
                assert!(bands.n_bands * bands.n_rows <= 200);
            }
        }
    }

    #[test]
    fn equality_takes_one_band() {
        let bands = Bands::for_threshold(1.0, 0.01, 128);
        assert_eq!(bands, Bands::new(1, 128));
        assert_eq!((bands.probability(1.0), bands.probability(0.0)), (1.0, 0.0));
    }

    #[test]
    #[should_panic(expected = "to find a similarity of 0.01 but for 0.01 takes 459 hashes, not 128")]
    fn low_thresholds_take_too_many_hashes() {
        let _ = Bands::for_threshold(0.01, 0.01, 128);
    }

    #[test]
    #[should_panic(expected = "the threshold 0 is not in (0, 1]")]
    fn everything_is_similar_at_zero() {
        let _ = Bands::for_threshold(0.0, 0.01, 128);
    }
}
