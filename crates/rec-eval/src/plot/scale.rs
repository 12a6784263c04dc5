//! The scale of an axis: from numbers to pixels, and where the ticks are.

/// A linear scale.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    /// Where `low` and `high` are.
    pixels: (f64, f64),
}

impl Scale {
    /// A scale of bars: it has 0, and ends at ticks.
    pub(super) fn of_bars(values: impl IntoIterator<Item = f64>, pixels: (f64, f64)) -> Scale {
        let (low, high) =
            values.into_iter().fold((0.0f64, 0.0f64), |(low, high), v| (low.min(v), high.max(v)));
        let scale = Scale::new(low, high, pixels);
        let step = scale.step();
        // A tick that is nearer than rounding is the end.
        let outwards = |ticks: f64| (ticks - 1e-9).ceil() * step;
        Scale { low: -outwards(-scale.low / step), high: outwards(scale.high / step), pixels }
    }

    /// A scale of points: with some room around them, but not beyond 0 or 1 if no value is.
    pub(super) fn of_points(values: impl IntoIterator<Item = f64>, pixels: (f64, f64)) -> Scale {
        let (low, high) = range(values).unwrap_or((0.0, 1.0));
        let room = if high > low { 0.1 * (high - low) } else { 0.1 * high.abs().max(0.1) };
        let floor = if low >= 0.0 { 0.0 } else { f64::NEG_INFINITY };
        let ceiling = if high <= 1.0 { 1.0 } else { f64::INFINITY };
        Scale::new((low - room).max(floor), (high + room).min(ceiling), pixels)
    }

    /// A scale of steps: from the first to the last.
    pub(super) fn of_steps(values: impl IntoIterator<Item = f64>, pixels: (f64, f64)) -> Scale {
        let (low, high) = range(values).unwrap_or((0.0, 1.0));
        Scale::new(low, high, pixels)
    }

    fn new(low: f64, high: f64, pixels: (f64, f64)) -> Scale {
        if high > low { Scale { low, high, pixels } } else { Scale { low, high: low + 1.0, pixels } }
    }

    /// The pixel of a value.
    pub(super) fn pixel(&self, value: f64) -> i32 {
        let (first, last) = self.pixels;
        // The cast saturates; what is far outside is not in the picture.
        (first + (last - first) * (value - self.low) / (self.high - self.low)).round() as i32
    }

    /// 1, 2 or 5 times a power of ten, so that there are about six ticks at most.
    fn step(&self) -> f64 {
        let rough = (self.high - self.low) / 6.0;
        let power = 10f64.powf(rough.log10().floor());
        let nice = [1.0, 2.0, 5.0].into_iter().find(|nice| nice * power >= rough * 0.999);
        nice.unwrap_or(10.0) * power
    }

    /// The ticks: pixels and labels.
    pub(super) fn ticks(&self) -> Vec<(i32, String)> {
        const MAX_TICKS: usize = 20;
        let step = self.step();
        let first = (self.low / step - 1e-9).ceil();
        let n_ticks = ((self.high / step + 1e-9).floor() - first + 1.0) as usize;
        let decimals = (-step.log10().floor()).max(0.0) as usize;
        let tick = |place: usize| {
            // Adding 0.0 turns -0.0 into 0.0.
            let value = (first + place as f64) * step + 0.0;
            let label = if decimals > 6 || value.abs() >= 1e7 {
                format!("{value:.1e}")
            } else {
                format!("{value:.decimals$}")
            };
            (self.pixel(value), label)
        };
        (0..n_ticks.min(MAX_TICKS)).map(tick).collect()
    }
}

/// The least and the largest.
fn range(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    values.into_iter().fold(None, |range, value| {
        let (low, high) = range.unwrap_or((value, value));
        Some((low.min(value), high.max(value)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: Scale) -> Vec<String> {
        scale.ticks().into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn bars_have_zero_and_end_at_ticks() {
        assert_eq!(labels(Scale::of_bars([0.1, 0.33], (0.0, 100.0))), ["0.0", "0.1", "0.2", "0.3", "0.4"]);
        assert_eq!(
            labels(Scale::of_bars([-0.03, 0.04], (0.0, 100.0))),
            ["-0.04", "-0.02", "0.00", "0.02", "0.04"]
        );
        assert_eq!(labels(Scale::of_bars([], (0.0, 100.0))), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        let scale = Scale::of_bars([0.2, 1.0], (10.0, 110.0));
        assert_eq!((scale.pixel(0.0), scale.pixel(0.5), scale.pixel(1.0)), (10, 60, 110));
    }

    #[test]
    fn points_have_room_within_the_unit_interval() {
        assert_eq!(labels(Scale::of_points([0.02, 0.31], (0.0, 100.0))), ["0.0", "0.1", "0.2", "0.3"]);
        assert_eq!(labels(Scale::of_points([0.5], (0.0, 100.0))), ["0.46", "0.48", "0.50", "0.52", "0.54"]);
        assert_eq!(labels(Scale::of_points([0.0, 1.0], (0.0, 100.0))).last().unwrap(), "1.0");
    }

    #[test]
    fn steps_have_no_room() {
        let scale = Scale::of_steps([50.0, 1.0, 101.0], (0.0, 100.0));
        assert_eq!((scale.pixel(1.0), scale.pixel(51.0), scale.pixel(101.0)), (0, 50, 100));
        assert_eq!(labels(scale), ["20", "40", "60", "80", "100"]);
    }

    #[test]
    fn extreme_numbers_have_few_ticks() {
        for values in [[-1e300, 1e300], [f64::MIN, f64::MAX], [0.0, 1e-300], [1e15, 1e15 + 0.25]] {
            for scale in [Scale::of_bars(values, (0.0, 100.0)), Scale::of_points(values, (0.0, 100.0))] {
                assert!(scale.ticks().len() <= 20);
            }
        }
        assert_eq!(labels(Scale::of_bars([7e8], (0.0, 9.0))), ["0", "2.0e8", "4.0e8", "6.0e8", "8.0e8"]);
    }
}
