use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Which draw of a training this is: everything random in it comes from here.
///
/// A draw is a pure function of two numbers, so that a resumed run needs no state of a generator.
///
/// ```
/// use rec_train::Draw;
///
/// let draw = Draw { seed: 7, index: 3 };
/// assert_eq!(draw.random().below(1000), draw.random().below(1000));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw {
    /// The seed of the run.
    pub seed: u64,
    /// The number of the batch, from 0.
    pub index: u64,
}

impl Draw {
    /// The numbers of this draw, always from the first.
    #[must_use]
    pub fn random(self) -> Random {
        let mut generator = ChaCha8Rng::seed_from_u64(self.seed);
        generator.set_stream(self.index);
        Random(generator)
    }

    /// Row numbers of batch [`index`](Self::index), when `n` rows are taken `size` at a time, every epoch in another order.
    ///
    /// An epoch's last rows that fill no batch are left out, and come in another epoch; with fewer rows than `size` a batch is all
    /// of them.
    ///
    /// # Panics
    ///
    /// `n` or `size` is 0.
    ///
    /// ```
    /// use rec_train::Draw;
    ///
    /// let batch = |index| Draw { seed: 1, index }.rows(6, 3);
    /// let mut epoch = [batch(0), batch(1)].concat();
    /// epoch.sort_unstable();
    /// assert_eq!(epoch, [0, 1, 2, 3, 4, 5]);
    /// assert_eq!(batch(2).len(), 3);
    /// ```
    #[must_use]
    pub fn rows(self, n: usize, size: usize) -> Vec<usize> {
        assert!(n > 0 && size > 0, "batches of {size} from {n} rows");
        let size = size.min(n);
        let per_epoch = (n / size) as u64;
        let (epoch, batch) = (self.index / per_epoch, (self.index % per_epoch) as usize);
        // Streams from the other end: no batch's own numbers are those of an epoch.
        let mut rows: Vec<usize> = (0..n).collect();
        Self { seed: self.seed, index: u64::MAX - epoch }.random().shuffle(&mut rows);
        rows.drain(..batch * size);
        rows.truncate(size);
        rows
    }
}

/// A stream of random numbers (ChaCha with 8 rounds).
#[derive(Debug, Clone)]
pub struct Random(ChaCha8Rng);

impl Random {
    /// A number below `n`, each as likely as any other (Lemire: *Fast Random Integer Generation in an Interval*, 2019).
    ///
    /// # Panics
    ///
    /// `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        assert!(n > 0, "no number is below 0");
        let n = n as u64;
        loop {
            let product = u128::from(self.0.next_u64()) * u128::from(n);
            // The low halves below this threshold are those of the surplus products.
            if product as u64 >= n.wrapping_neg() % n {
                return (product >> 64) as usize;
            }
        }
    }

    /// A number in `[0, 1)`.
    pub fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A number of the standard normal distribution (Box and Muller 1958).
    pub fn normal(&mut self) -> f64 {
        let (u, v) = (1.0 - self.uniform(), self.uniform());
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }

    /// Shuffles, every order as likely as any other (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}
