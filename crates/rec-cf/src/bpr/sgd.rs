//! Stochastic gradient descent on triples of a user, an item that the user has, and one that the user has not.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::factors::kernel::dot_difference;

/// Draws of a negative before a triple is given up: users who have nearly everything.
const MAX_DRAWS: usize = 64;

/// What a step is taken with.
#[derive(Clone, Copy)]
pub(super) struct Step {
    pub(super) rate: f32,
    pub(super) lambda: f32,
    /// Whether items have biases.
    pub(super) bias: bool,
}

impl Step {
    /// One step on the vectors of a user and two items and the biases of the items: down the gradient of
    /// `-ln sigma(x) + lambda / 2 |theta|^2`, where `x` is the difference of the two scores and `theta` all that the step
    /// touches (Rendle et al. 2009, section 4.1 and figure 4). Gives `sigma(x)` before the step.
    #[inline(always)]
    pub(super) fn take(
        self,
        user: &mut [f32],
        (liked, liked_bias): (&mut [f32], &mut f32),
        (other, other_bias): (&mut [f32], &mut f32),
    ) -> f32 {
        let Step { rate, lambda, bias } = self;
        let exponential = (dot_difference(user, liked, other) + (*liked_bias - *other_bias)).exp();
        // -d ln sigma(x) / dx = -1 / (1 + e^x).
        let pull = 1.0 / (1.0 + exponential);
        for ((user, liked), other) in user.iter_mut().zip(liked).zip(other) {
            let (w, h, g) = (*user, *liked, *other);
            *user = w + rate * (pull * (h - g) - lambda * w);
            *liked = h + rate * (pull * w - lambda * h);
            *other = g + rate * (-pull * w - lambda * g);
        }
        if bias {
            *liked_bias += rate * (pull - lambda * *liked_bias);
            *other_bias += rate * (-pull - lambda * *other_bias);
        }
        // Beyond this, sigma is 1 to the last bit, and the exponential may be infinite.
        if exponential > 1e8 { 1.0 } else { exponential * pull }
    }
}

/// The vectors of items, one row after the other, with their biases.
#[derive(Clone, Debug)]
pub(super) struct ItemRows {
    pub(super) vectors: Vec<f32>,
    pub(super) biases: Vec<f32>,
}

impl ItemRows {
    /// Takes a step for two different items; gives `sigma(x)` before it.
    #[inline(always)]
    pub(super) fn step(&mut self, step: Step, user: &mut [f32], liked: usize, other: usize) -> f32 {
        let n = user.len();
        let rows = [liked * n..(liked + 1) * n, other * n..(other + 1) * n];
        match (self.vectors.get_disjoint_mut(rows), self.biases.get_disjoint_mut([liked, other])) {
            (Ok([liked, other]), Ok([liked_bias, other_bias])) => {
                step.take(user, (liked, liked_bias), (other, other_bias))
            }
            // The caller draws negatives that differ from what the user has.
            _ => 1.0,
        }
    }
}

/// The sum of `-ln sigma(x)` over the triples of an epoch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    loss: f64,
    n_triples: u64,
    /// The `sigma` that no logarithm was taken of yet: one of each would take a tenth of the time of training.
    product: f64,
}

impl Default for Told {
    fn default() -> Told {
        Told { loss: 0.0, n_triples: 0, product: 1.0 }
    }
}

impl Told {
    /// Smaller values of `sigma` count as this one; 16 of them are no less than the smallest normal number.
    const MIN: f64 = 1e-19;

    #[inline(always)]
    pub(super) fn add(&mut self, sigma: f32) {
        let sigma = f64::from(sigma);
        // Not `max`, which would let NaN pass.
        self.product *= if sigma < Told::MIN { Told::MIN } else { sigma };
        self.n_triples += 1;
        if self.n_triples.is_multiple_of(16) {
            self.loss -= self.product.ln();
            self.product = 1.0;
        }
    }

    /// Both together.
    pub(super) fn plus(self, other: Told) -> Told {
        let loss = self.sum() + other.sum();
        Told { loss, n_triples: self.n_triples + other.n_triples, product: 1.0 }
    }

    fn sum(self) -> f64 {
        self.loss - self.product.ln()
    }

    /// The mean; 0 of nothing.
    pub(super) fn mean(self) -> f64 {
        self.sum() / self.n_triples.max(1) as f64
    }
}

/// The place of an item that the user has not, of those that `draw` gives with their items: `None` if several draws gave none.
#[inline(always)]
pub(super) fn draw_negative(
    random: &mut ChaCha8Rng,
    owned: &[u32],
    draw: impl Fn(&mut ChaCha8Rng) -> (usize, u32),
) -> Option<usize> {
    for _ in 0..MAX_DRAWS {
        let (place, item) = draw(random);
        if owned.binary_search(&item).is_err() {
            return Some(place);
        }
    }
    None
}

/// A number below `n`, which is positive.
#[inline(always)]
pub(super) fn below(random: &mut ChaCha8Rng, n: usize) -> usize {
    // Half the random bits where they suffice.
    match u32::try_from(n) {
        Ok(n) => random.random_range(0..n) as usize,
        Err(_) => random.random_range(0..n as u64) as usize,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Step = Step { rate: 0.05, lambda: 0.02, bias: true };

    // import numpy as np  # 2.4.6
    // w, h, g = np.float64([0.3, -0.2, 0.5]), np.float64([0.1, 0.4, -0.6]), np.float64([-0.7, 0.2, 0.9])
    // bh, bg, rate, lam = 0.25, -0.5, 0.05, 0.02
    // x = w @ (h - g) + bh - bg
    // z = 1 / (1 + np.exp(x))
    // print(1 - z, w + rate * (z * (h - g) - lam * w), h + rate * (z * w - lam * h), g + rate * (-z * w - lam * g),
    //       bh + rate * (z - lam * bh), bg + rate * (-z - lam * bg))
    #[test]
    fn step_is_that_of_numpy() {
        let (mut user, mut liked, mut other) = ([0.3_f32, -0.2, 0.5], [0.1, 0.4, -0.6], [-0.7, 0.2, 0.9]);
        let (mut liked_bias, mut other_bias) = (0.25, -0.5);
        let sigma = STEP.take(&mut user, (&mut liked, &mut liked_bias), (&mut other, &mut other_bias));
        let ours = [&[sigma][..], &user, &liked, &other, &[liked_bias, other_bias]].concat();
        let theirs = [
            [0.54983400, 0.31770664, -0.19529834, 0.46573755],
            [0.10665249, 0.39509834, -0.58814585, -0.70605249],
            [0.20430166, 0.88784585, 0.27225830, -0.52200830],
        ];
        for (&ours, theirs) in ours.iter().zip(theirs.as_flattened()) {
            let error: f64 = f64::from(ours) - theirs;
            assert!(error.abs() < 1e-6, "{ours} {theirs}");
        }
    }

    #[test]
    fn step_goes_down_the_gradient() {
        // User, liked, other, their biases; the objective in f64.
        let start = [0.3, -0.2, 0.5, 0.1, 0.4, -0.6, -0.7, 0.2, 0.9, 0.25, -0.5];
        let objective = |p: &[f64]| {
            let x = (0..3).map(|i| p[i] * (p[3 + i] - p[6 + i])).sum::<f64>() + p[9] - p[10];
            let squares: f64 = p.iter().map(|value| value * value).sum();
            (1.0 + (-x).exp()).ln() + f64::from(STEP.lambda) / 2.0 * squares
        };
        let mut moved: Vec<f32> = start.iter().map(|&value| value as f32).collect();
        let (user, rest) = moved.split_at_mut(3);
        let (liked, rest) = rest.split_at_mut(3);
        let (other, biases) = rest.split_at_mut(3);
        let (liked_bias, other_bias) = biases.split_at_mut(1);
        STEP.take(user, (liked, &mut liked_bias[0]), (other, &mut other_bias[0]));
        for place in 0..start.len() {
            let at = |h: f64| {
                let mut p = start;
                p[place] += h;
                objective(&p)
            };
            let gradient = (at(1e-5) - at(-1e-5)) / 2e-5;
            let ours = (start[place] - f64::from(moved[place])) / f64::from(STEP.rate);
            assert!((gradient - ours).abs() < 1e-5, "{place}: {gradient} {ours}");
        }
    }

    #[test]
    fn loss_is_the_mean_of_the_logarithms() {
        assert_eq!(Told::default().mean(), 0.0);
        let sigmas: Vec<f32> = (1..=50).map(|k| k as f32 / 51.0).collect();
        let expected = |part: &[f32]| part.iter().map(|&sigma| -f64::from(sigma).ln()).sum::<f64>();
        let told = |part: &[f32]| {
            let mut told = Told::default();
            part.iter().for_each(|&sigma| told.add(sigma));
            told
        };
        assert!((told(&sigmas).mean() - expected(&sigmas) / 50.0).abs() < 1e-12);
        let parts = told(&sigmas[..20]).plus(told(&sigmas[20..]));
        assert!((parts.mean() - expected(&sigmas) / 50.0).abs() < 1e-12);
        assert!((told(&[0.0; 40]).mean() - -Told::MIN.ln()).abs() < 1e-9);
        assert!(told(&[f32::NAN]).mean().is_nan());
    }
}
