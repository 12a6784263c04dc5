//! The header line: names and types.

use std::collections::HashSet;
use std::io::BufRead;

use crate::error::{Error, Problem};
use crate::table::{Delimited, Encoding, Field, Lines, Type, excerpt, malformed};

/// A file whose first line declares its fields.
pub(super) fn table<R: BufRead>(reader: R, file: &str) -> Result<Delimited<R>, Error> {
    let mut lines = Lines::new(reader, file, Encoding::Utf8);
    if !lines.advance()? {
        return Err(malformed(file, 1, None, Problem::EmptyFile));
    }
    match parse(lines.text(Some("\t"))?) {
        Ok(fields) => Ok(Delimited::new(lines, "\t", fields)),
        Err((field, problem)) => Err(malformed(file, 1, field, problem)),
    }
}

/// The fields of a header line, or the name of the field that is wrong and why.
fn parse(line: &str) -> Result<Vec<Field>, (Option<String>, Problem)> {
    let mut fields = Vec::new();
    let mut names = HashSet::new();
    for cell in line.split('\t') {
        // The last colon: a name may have one, a type may not.
        let Some((name, r#type)) = cell.rsplit_once(':').filter(|(name, _)| !name.is_empty()) else {
            return Err((None, Problem::HeaderCell(excerpt(cell))));
        };
        let Some(declared) = parse_type(r#type) else {
            return Err((Some(excerpt(name)), Problem::UnknownType(excerpt(r#type))));
        };
        if !names.insert(name) {
            return Err((Some(excerpt(name)), Problem::DuplicateColumn));
        }
        fields.push(Field { name: name.to_owned(), declared: Some(declared) });
    }
    Ok(fields)
}

fn parse_type(name: &str) -> Option<Type> {
    match name {
        "token" => Some(Type::Token),
        "token_seq" => Some(Type::TokenSeq),
        "float" => Some(Type::Float),
        "float_seq" => Some(Type::FloatSeq),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_is_split_at_the_last_colon() {
        let fields = parse("dc:title:token\tx:float_seq").unwrap();
        assert_eq!(fields[0], Field { name: "dc:title".to_owned(), declared: Some(Type::Token) });
        assert_eq!(fields[1], Field { name: "x".to_owned(), declared: Some(Type::FloatSeq) });
    }

    #[test]
    fn types_print_as_they_parse() {
        for r#type in [Type::Token, Type::TokenSeq, Type::Float, Type::FloatSeq] {
            assert_eq!(parse_type(&r#type.to_string()), Some(r#type));
        }
    }
}
