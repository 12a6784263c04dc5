use std::fmt::{self, Display, Write};
use std::str::FromStr;

use rec_data::Item;

use crate::Error;

/// Renders an item's fields as one text for an encoder.
///
/// | in a template | renders as |
/// |---|---|
/// | `{field}` | the value of the item's field; nothing when the item has none |
/// | `[...]` | its contents, or nothing at all when any field inside has no value |
/// | `{{` `}}` `[[` `]]` | the character `{` `}` `[` `]` |
/// | anything else | itself |
///
/// A value that renders as the empty string counts as missing. Sections do not nest, and hold at least
/// one field. Field names are what stands between the braces, spaces included. Values are copied as they
/// are: braces and brackets *in* a value mean nothing.
///
/// ```
/// use rec_text::Template;
///
/// let template = Template::parse("{title}[ ({year})][. {genres}]")?;
/// let dune = |field: &str| match field {
///     "title" => Some("Dune"),
///     "year" => Some("1965"),
///     _ => None,
/// };
/// assert_eq!(template.render_with(dune), "Dune (1965)");
/// assert_eq!(template.render_with(|_| None::<&str>), "");
/// # Ok::<(), rec_text::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Template {
    source: String,
    sections: Vec<Section>,
}

/// A run of parts that renders as a whole.
#[derive(Clone, Default, PartialEq, Eq)]
struct Section {
    optional: bool,
    parts: Vec<Part>,
}

#[derive(Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Field(String),
}

impl Template {
    /// Parses a template.
    ///
    /// # Errors
    ///
    /// A bracket or brace without its partner, an empty field name, a brace or bracket within a field
    /// name, a section within a section, or a section without a field. The message shows the template
    /// and the position, counted in characters from 1.
    ///
    /// ```
    /// let error = rec_text::Template::parse("{title").unwrap_err();
    /// assert_eq!(error.to_string(), r#"template "{title", character 1: this `{` has no `}`"#);
    /// ```
    pub fn parse(source: &str) -> Result<Self, Error> {
        let error = |position, problem| Error::template(source, position + 1, problem);
        let mut sections = Vec::new();
        let mut section = Section::default();
        let mut opened = 0;
        let mut text = String::new();
        let mut chars = source.chars().enumerate().peekable();
        while let Some((at, c)) = chars.next() {
            if !matches!(c, '{' | '}' | '[' | ']') || chars.next_if(|&(_, next)| next == c).is_some() {
                text.push(c);
                continue;
            }
            section.push_text(&mut text);
            match c {
                '{' => {
                    let mut name = String::new();
                    loop {
                        match chars.next() {
                            Some((_, '}')) => break,
                            Some((at, '{' | '[' | ']')) => {
                                return Err(error(at, "a field name holds no braces or brackets"));
                            }
                            Some((_, c)) => name.push(c),
                            None => return Err(error(at, "this `{` has no `}`")),
                        }
                    }
                    if name.is_empty() {
                        return Err(error(at, "a field needs a name"));
                    }
                    section.parts.push(Part::Field(name));
                }
                '[' if section.optional => return Err(error(at, "sections do not nest")),
                '[' => {
                    opened = at;
                    sections
                        .push(std::mem::replace(&mut section, Section { optional: true, parts: Vec::new() }));
                }
                ']' if section.optional => {
                    if section.fields().next().is_none() {
                        return Err(error(opened, "this section has no field"));
                    }
                    sections.push(std::mem::take(&mut section));
                }
                ']' => return Err(error(at, "this `]` has no `[`")),
                _ => return Err(error(at, "this `}` has no `{`")),
            }
        }
        if section.optional {
            return Err(error(opened, "this `[` has no `]`"));
        }
        section.push_text(&mut text);
        sections.push(section);
        Ok(Self { source: source.to_owned(), sections })
    }

    /// The text of a catalogue's item.
    ///
    /// Values show as [`rec_data::Value`] displays them: a sequence with `, ` between its elements. A field
    /// that the catalogue does not know is a missing value; compare [`fields`](Template::fields) with
    /// the catalogue's columns to catch a misspelt one.
    ///
    /// ```
    /// use rec_data::Catalogue;
    /// use rec_text::Template;
    ///
    /// let films = Catalogue::from_records([("1", [("title", "Heat"), ("genre", "Crime")])])?;
    /// let template = Template::parse("{title}[ ({year})][. {genre}]")?;
    /// assert_eq!(template.render(&films.item(0)), "Heat. Crime");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn render(&self, item: &Item<'_>) -> String {
        self.render_with(|field| item.get(field))
    }

    /// The text of anything that has fields: `value` gives the value of a field, `None` when it has none.
    #[must_use]
    pub fn render_with<V: Display>(&self, mut value: impl FnMut(&str) -> Option<V>) -> String {
        let mut text = String::new();
        for section in &self.sections {
            let start = text.len();
            if !section.render(&mut value, &mut text) && section.optional {
                text.truncate(start);
            }
        }
        text
    }

    /// The names of the fields, in the order in which they stand.
    ///
    /// ```
    /// let template = rec_text::Template::parse("{title}[ by {author}]")?;
    /// assert_eq!(template.fields().collect::<Vec<_>>(), ["title", "author"]);
    /// # Ok::<(), rec_text::Error>(())
    /// ```
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.sections.iter().flat_map(Section::fields)
    }
}

impl Section {
    fn push_text(&mut self, text: &mut String) {
        if !text.is_empty() {
            self.parts.push(Part::Text(std::mem::take(text)));
        }
    }

    fn fields(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Field(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// Appends the section; true when every field had a value.
    fn render<V: Display>(&self, value: &mut impl FnMut(&str) -> Option<V>, text: &mut String) -> bool {
        let mut complete = true;
        for part in &self.parts {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Field(name) => {
                    let start = text.len();
                    if let Some(value) = value(name) {
                        // A `String` refuses nothing; a `Display` that fails leaves what it wrote.
                        let _ = write!(text, "{value}");
                    }
                    complete &= text.len() > start;
                }
            }
        }
        complete
    }
}

/// The template's source.
impl Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.source)
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Template").field(&self.source).finish()
    }
}

/// [`Template::parse`].
impl FromStr for Template {
    type Err = Error;

    fn from_str(source: &str) -> Result<Self, Error> {
        Self::parse(source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(template: &str, fields: &[(&str, &str)]) -> String {
        let value = |field: &str| fields.iter().find(|(name, _)| *name == field).map(|(_, value)| *value);
        Template::parse(template).unwrap().render_with(value)
    }

    #[test]
    fn sections_stand_or_fall_as_a_whole() {
        let template = "{a}[ ({b}, {c})]!";
        assert_eq!(render(template, &[("a", "A"), ("b", "B"), ("c", "C")]), "A (B, C)!");
        assert_eq!(render(template, &[("a", "A"), ("b", "B")]), "A!");
        assert_eq!(render(template, &[("b", "B"), ("c", "C")]), " (B, C)!");
        assert_eq!(render(template, &[("a", "A"), ("b", "B"), ("c", "")]), "A!");
        assert_eq!(render("[{a}][{b}]", &[("b", "B")]), "B");
    }

    #[test]
    fn escapes_and_values_are_literal() {
        assert_eq!(render("{{x}} [[y]] {a}", &[("a", "{b} [c]")]), "{x} [y] {b} [c]");
        assert_eq!(render("", &[]), "");
        assert_eq!(render("[[{a}]]", &[("a", "A")]), "[A]");
    }

    #[test]
    fn errors_name_the_position() {
        for (source, position) in [
            ("é{a", 2),
            ("a}", 2),
            ("{}", 1),
            ("x[{a}", 2),
            ("a]", 2),
            ("[{a} [b] ]", 6),
            ("ab[c]", 3),
            ("{a[b}", 3),
        ] {
            let message = Template::parse(source).unwrap_err().to_string();
            assert!(message.contains(&format!("character {position}:")), "{message}");
        }
    }

    #[test]
    fn source_round_trips() {
        let source = "{title}[ ({year})] {{}}";
        let template: Template = source.parse().unwrap();
        assert_eq!(template.to_string(), source);
        assert_eq!(Template::parse(&template.to_string()).unwrap(), template);
    }
}
