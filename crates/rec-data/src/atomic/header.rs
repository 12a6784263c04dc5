//! The header line: names and types.

use std::collections::HashSet;
use std::fmt;

use crate::error::Problem;

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Token,
    TokenSeq,
    Float,
    FloatSeq,
}

impl Type {
    fn parse(name: &str) -> Option<Type> {
        match name {
            "token" => Some(Type::Token),
            "token_seq" => Some(Type::TokenSeq),
            "float" => Some(Type::Float),
            "float_seq" => Some(Type::FloatSeq),
            _ => None,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Type::Token => "token",
            Type::TokenSeq => "token_seq",
            Type::Float => "float",
            Type::FloatSeq => "float_seq",
        })
    }
}

/// A column as the header declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) r#type: Type,
}

/// The fields of a header line, or the name of the field that is wrong and why.
pub(super) fn parse(line: &str) -> Result<Vec<Field>, (Option<String>, Problem)> {
    let mut fields = Vec::new();
    let mut names = HashSet::new();
    for cell in line.split('\t') {
        // The last colon: a name may have one, a type may not.
        let Some((name, r#type)) = cell.rsplit_once(':').filter(|(name, _)| !name.is_empty()) else {
            return Err((None, Problem::HeaderCell(excerpt(cell))));
        };
        let Some(r#type) = Type::parse(r#type) else {
            return Err((Some(excerpt(name)), Problem::UnknownType(excerpt(r#type))));
        };
        if !names.insert(name) {
            return Err((Some(excerpt(name)), Problem::DuplicateColumn));
        }
        fields.push(Field { name: name.to_owned(), r#type });
    }
    Ok(fields)
}

/// The beginning of a text from a file, fit for one line of a message.
pub(super) fn excerpt(text: &str) -> String {
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
    fn header_is_split_at_the_last_colon() {
        let fields = parse("dc:title:token\tx:float_seq").unwrap();
        assert_eq!(fields[0], Field { name: "dc:title".to_owned(), r#type: Type::Token });
        assert_eq!(fields[1], Field { name: "x".to_owned(), r#type: Type::FloatSeq });
    }

    #[test]
    fn types_print_as_they_parse() {
        for r#type in [Type::Token, Type::TokenSeq, Type::Float, Type::FloatSeq] {
            assert_eq!(Type::parse(&r#type.to_string()), Some(r#type));
        }
    }

    #[test]
    fn excerpts_are_short_and_on_one_line() {
        assert_eq!(excerpt("a\u{1b}\n"), "a\\u{1b}\\n");
        assert_eq!(excerpt(&"é".repeat(61)), format!("{}…", "é".repeat(60)));
    }
}
