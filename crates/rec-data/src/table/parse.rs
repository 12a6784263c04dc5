//! Numbers, and excerpts for messages.

use crate::error::Problem;

/// A finite number, in any way that Rust writes one.
pub(crate) fn parse_number(text: &str) -> Result<f64, Problem> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => Err(Problem::Number(excerpt(text))),
    }
}

/// A number that is finite as a weight.
pub(crate) fn parse_weight(text: &str) -> Result<f32, Problem> {
    match text.parse::<f32>() {
        Ok(weight) if weight.is_finite() => Ok(weight),
        _ => Err(Problem::Number(excerpt(text))),
    }
}

/// The beginning of a text from a file, fit for one line of a message.
pub(crate) fn excerpt(text: &str) -> String {
    const MAX_CHARS: usize = 60;
    let mut short: String = text.chars().take(MAX_CHARS).flat_map(char::escape_debug).collect();
    if text.chars().nth(MAX_CHARS).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpts_are_short_and_on_one_line() {
        assert_eq!(excerpt("a\u{1b}\n"), "a\\u{1b}\\n");
        assert_eq!(excerpt(&"é".repeat(61)), format!("{}…", "é".repeat(60)));
    }
}
