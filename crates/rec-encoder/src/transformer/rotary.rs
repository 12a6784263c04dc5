use std::f64::consts::TAU;

use burn::tensor::{Device, Tensor, TensorData};

use super::config::{Rotary, RotaryScaling};

/// The cosines and sines of every position's angles, `[1, 1, len, d_head]`.
#[derive(Debug, Clone)]
pub(super) struct Rotation {
    cos: Tensor<4>,
    sin: Tensor<4>,
}

impl Rotation {
    /// Only differences of positions matter, so the first of a batch is 0 on whatever side its padding stands.
    pub(super) fn new(rotary: &Rotary, len: usize, d_head: usize, device: &Device) -> Self {
        let speeds = rotary.speeds(d_head);
        let table = |f: fn(f32) -> f32| -> Tensor<4> {
            let mut values = Vec::with_capacity(len * d_head);
            for position in 0..len {
                // The angle is rounded to f32 where the reference implementations round it.
                let row = speeds.iter().map(|speed| f(position as f32 * speed));
                values.extend(row.clone().chain(row));
            }
            Tensor::from_data(TensorData::new(values, [1, 1, len, d_head]), device)
        };
        Self { cos: table(f32::cos), sin: table(f32::sin) }
    }

    /// Turns queries or keys, `[batch, heads, len, d_head]`.
    pub(super) fn turn(&self, x: &Tensor<4>) -> Tensor<4> {
        let [batch, heads, len, d_head] = x.dims();
        let half = |from: usize| x.clone().slice([0..batch, 0..heads, 0..len, from..from + d_head / 2]);
        let turned = Tensor::cat(vec![half(d_head / 2).neg(), half(0)], 3);
        x.clone() * self.cos.clone() + turned * self.sin.clone()
    }
}

impl Rotary {
    /// Radians a position, for each pair of a head's values.
    pub(crate) fn speeds(&self, d_head: usize) -> Vec<f32> {
        let speed = |pair: usize| {
            // In f32 as the reference implementations do: the last bit of a speed is multiplied by the position.
            let exponent = (2 * pair) as f32 / d_head as f32;
            self.scaling.apply(1.0 / (self.theta as f32).powf(exponent))
        };
        (0..d_head / 2).map(speed).collect()
    }
}

impl RotaryScaling {
    fn apply(self, speed: f32) -> f32 {
        match self {
            Self::None => speed,
            Self::Linear(factor) => speed / factor as f32,
            Self::Llama3 { factor, low_freq_factor, high_freq_factor, original_max_len } => {
                let turns = original_max_len as f64 * f64::from(speed) / TAU;
                let slow = f64::from(speed) / factor;
                if turns < low_freq_factor {
                    slow as f32
                } else if turns > high_freq_factor {
                    speed
                } else {
                    let smooth = (turns - low_freq_factor) / (high_freq_factor - low_freq_factor);
                    ((1.0 - smooth) * slow + smooth * f64::from(speed)) as f32
                }
            }
        }
    }
}
