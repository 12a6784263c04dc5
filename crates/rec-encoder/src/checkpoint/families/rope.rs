//! Rotary positions as configs spell them: `rope_parameters` today, `rope_theta` and `rope_scaling` before.

use serde::Deserialize;
use serde_json::Value;

use super::{fields, unsupported};
use crate::error::{Error, Kind};
use crate::transformer::{Rotary, RotaryScaling};

/// The fields of a config that are about rotary positions; flattened into those of a family.
#[derive(Debug, Default, Deserialize)]
pub(super) struct RopeFields {
    #[serde(default)]
    rope_theta: Option<f64>,
    #[serde(default)]
    rope_scaling: Option<Value>,
    #[serde(default)]
    rope_parameters: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
struct Parameters {
    #[serde(default)]
    rope_theta: Option<f64>,
    #[serde(default, alias = "type")]
    rope_type: Option<String>,
    #[serde(default)]
    factor: Option<f64>,
    #[serde(default)]
    low_freq_factor: Option<f64>,
    #[serde(default)]
    high_freq_factor: Option<f64>,
    #[serde(default)]
    original_max_position_embeddings: Option<usize>,
    #[serde(default)]
    partial_rotary_factor: Option<f64>,
}

impl RopeFields {
    /// The one kind of positions that a model has.
    pub(super) fn single(&self, theta: f64) -> Result<Rotary, Error> {
        let value = self.rope_parameters.as_ref().or(self.rope_scaling.as_ref());
        rotary(value, self.rope_theta.unwrap_or(theta))
    }

    /// The positions of one type of layer; `theta` is what the field of older configs has, or else the family's default.
    pub(super) fn of_layers(&self, layer_type: &str, theta: f64, is_scaled: bool) -> Result<Rotary, Error> {
        match &self.rope_parameters {
            Some(parameters) => rotary(parameters.get(layer_type), theta),
            None => rotary(self.rope_scaling.as_ref().filter(|_| is_scaled), theta),
        }
    }

    pub(super) fn theta(&self) -> Option<f64> {
        self.rope_theta
    }
}

fn rotary(parameters: Option<&Value>, theta: f64) -> Result<Rotary, Error> {
    let parameters: Parameters = match parameters {
        None | Some(Value::Null) => Parameters::default(),
        Some(value) => fields(value.clone())?,
    };
    if let Some(factor) = parameters.partial_rotary_factor.filter(|factor| *factor != 1.0) {
        return unsupported("partial_rotary_factor", factor);
    }
    let need = |name: &str, value: Option<f64>| {
        value.ok_or_else(|| Error::new(Kind::Config, format!("field `rope_parameters`: lacks `{name}`")))
    };
    let scaling = match parameters.rope_type.as_deref().unwrap_or("default") {
        "default" => RotaryScaling::None,
        "linear" => RotaryScaling::Linear(need("factor", parameters.factor)?),
        "llama3" => RotaryScaling::Llama3 {
            factor: need("factor", parameters.factor)?,
            low_freq_factor: need("low_freq_factor", parameters.low_freq_factor)?,
            high_freq_factor: need("high_freq_factor", parameters.high_freq_factor)?,
            original_max_len: parameters.original_max_position_embeddings.ok_or_else(|| {
                Error::new(Kind::Config, "field `rope_parameters`: lacks `original_max_position_embeddings`")
            })?,
        },
        other => return unsupported("rope_type", other),
    };
    Ok(Rotary { theta: parameters.rope_theta.unwrap_or(theta), scaling })
}
