use std::fmt::{self, Display, Write};
use std::str::FromStr;

use rec_data::Item;

use crate::Error;

/// Renders an item's fields as one text for an encoder.
///
/// | in a template | renders as |
/// |---|---|
/// | `{field}` | the value of the item's field; nothing when the item has none |
/// | <code>{field&#124;200}</code> | the same, but at most 200 characters of it, cut back to the end of a word |
/// | `[...]` | its contents, or nothing at all when any field inside has no value |
/// | `{{` `}}` `[[` `]]` | the character `{` `}` `[` `]` |
/// | anything else | itself |
///
/// Two ways of flattening a structured item have constructors: [`concatenated`](Template::concatenated) values, as
/// UniSRec reads them, and [`key_value`](Template::key_value) pairs, as Recformer does. A prompt that the model was
/// trained with is put in front by [`with_prompt`](Template::with_prompt).
///
/// White space at the ends of the rendered text is trimmed. A value that renders as the empty string counts as missing. Sections do not nest, and hold at least
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
    Field { name: String, max_chars: usize },
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
                    section.parts.push(capped(name).map_err(|problem| error(at, problem))?);
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

    /// The values of these fields, in this order, with a space between them; missing ones are left out.
    ///
    /// That is how UniSRec (Hou et al., KDD 2022, section 2.2.1) makes the text of an item of its title, categories and
    /// brand. A field may have a cap: `overview|200`.
    ///
    /// ```
    /// let template = rec_text::Template::concatenated(["title", "categories|20", "brand"])?;
    /// let game = |field: &str| match field {
    ///     "title" => Some("Fire Emblem"),
    ///     "categories" => Some("Video Games, Nintendo Switch, Games"),
    ///     _ => None,
    /// };
    /// assert_eq!(template.render_with(game), "Fire Emblem Video Games,");
    /// # Ok::<(), rec_text::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A field name that [`parse`](Template::parse) refuses between braces.
    pub fn concatenated<N: AsRef<str>>(fields: impl IntoIterator<Item = N>) -> Result<Self, Error> {
        Self::flattened(fields, |_| String::new())
    }

    /// The names and values of these fields, in this order: `title Fire Emblem brand Nintendo`; fields without a value
    /// are left out with their names.
    ///
    /// That is the item "sentence" of Recformer (Li et al., KDD 2023, section 2.1), which reads keys and values as one
    /// sequence of words. A field may have a cap: `overview|200`.
    ///
    /// ```
    /// let template = rec_text::Template::key_value(["title", "colour", "brand"])?;
    /// let phone = |field: &str| match field {
    ///     "title" => Some("Phone 15"),
    ///     "brand" => Some("Acme"),
    ///     _ => None,
    /// };
    /// assert_eq!(template.render_with(phone), "title Phone 15 brand Acme");
    /// # Ok::<(), rec_text::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A field name that [`parse`](Template::parse) refuses between braces.
    pub fn key_value<N: AsRef<str>>(fields: impl IntoIterator<Item = N>) -> Result<Self, Error> {
        Self::flattened(fields, |name| format!("{} ", escape(name)))
    }

    fn flattened<N: AsRef<str>>(
        fields: impl IntoIterator<Item = N>,
        before: impl Fn(&str) -> String,
    ) -> Result<Self, Error> {
        let section = |(i, field): (usize, N)| {
            let field = field.as_ref();
            let name = field.rsplit_once('|').map_or(field, |(name, _)| name);
            format!("[{}{}{{{field}}}]", if i == 0 { "" } else { " " }, before(name))
        };
        Self::parse(&fields.into_iter().enumerate().map(section).collect::<String>())
    }

    /// The same template after a prompt, which is taken literally: braces and brackets in it mean nothing.
    ///
    /// [`prompts`](crate::prompts) has those of common models.
    ///
    /// ```
    /// use rec_text::{Template, prompts};
    ///
    /// let template = Template::parse("{title}")?.with_prompt(prompts::E5_PASSAGE);
    /// assert_eq!(template.render_with(|_| Some("Dune")), "passage: Dune");
    /// # Ok::<(), rec_text::Error>(())
    /// ```
    #[must_use]
    pub fn with_prompt(mut self, prompt: &str) -> Self {
        self.source.insert_str(0, &escape(prompt));
        let parts = vec![Part::Text(prompt.to_owned())];
        self.sections.insert(0, Section { optional: false, parts });
        self
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
        text.truncate(text.trim_end().len());
        text.drain(..text.len() - text.trim_start().len());
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
            Part::Field { name, .. } => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// Appends the section; true when every field had a value.
    fn render<V: Display>(&self, value: &mut impl FnMut(&str) -> Option<V>, text: &mut String) -> bool {
        let mut complete = true;
        for part in &self.parts {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Field { name, max_chars } => {
                    let start = text.len();
                    if let Some(value) = value(name) {
                        // A `String` refuses nothing; a `Display` that fails leaves what it wrote.
                        let _ = write!(text, "{value}");
                        let kept = cut(&text[start..], *max_chars).len();
                        text.truncate(start + kept);
                    }
                    complete &= text.len() > start;
                }
            }
        }
        complete
    }
}

/// What stands between the braces, as a part.
fn capped(name: String) -> Result<Part, &'static str> {
    let Some((field, cap)) = name.rsplit_once('|') else {
        return Ok(Part::Field { name, max_chars: usize::MAX });
    };
    match cap.parse() {
        Ok(max_chars) if max_chars > 0 && !field.is_empty() => {
            Ok(Part::Field { name: field.to_owned(), max_chars })
        }
        _ => Err("a field with a cap is written as `{field|200}`, with a number of characters above 0"),
    }
}

/// The first `max_chars` characters of a text; a word that would be cut in two is left out, unless it is the first.
///
/// Words are what white space parts, so text without white space, as Chinese has it, is cut at the character.
fn cut(text: &str, max_chars: usize) -> &str {
    let Some((end, next)) = text.char_indices().nth(max_chars) else {
        return text;
    };
    let head = &text[..end];
    if next.is_whitespace() || !next.is_ascii_alphanumeric() && !next.is_alphabetic() {
        return head.trim_end();
    }
    match head.rfind(char::is_whitespace).map(|at| head[..at].trim_end()) {
        Some(words) if !words.is_empty() => words,
        _ => head.trim_end(),
    }
}

/// `text` so that a template renders it as it is.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        escaped.extend(std::iter::repeat_n(c, if matches!(c, '{' | '}' | '[' | ']') { 2 } else { 1 }));
    }
    escaped
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
        assert_eq!(render(template, &[("b", "B"), ("c", "C")]), "(B, C)!");
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
            ("é{a|0}", 2),
            ("{a|x}", 1),
            ("{|3}", 1),
        ] {
            let message = Template::parse(source).unwrap_err().to_string();
            assert!(message.contains(&format!("character {position}:")), "{message}");
        }
    }

    #[test]
    fn caps_cut_between_words() {
        let cap = |max_chars, text| render(&format!("{{a|{max_chars}}}"), &[("a", text)]);
        for (max_chars, text, cut) in [
            (20, "Sand and worms", "Sand and worms"),
            (14, "Sand and worms", "Sand and worms"),
            (13, "Sand and worms", "Sand and"),
            (8, "Sand and worms", "Sand and"),
            (9, "Sand and worms", "Sand and"),
            (4, "Sand, worms", "Sand"),
            (3, "Sand and", "San"),
            (3, "我爱沙漠", "我爱沙"),
            (8, "红色 轻薄 手机壳", "红色 轻薄"),
            (2, " \u{a0} a b", ""),
        ] {
            assert_eq!(cap(max_chars, text), cut, "{max_chars} of {text:?}");
        }
    }

    #[test]
    fn flattened_fields_close_the_gaps() {
        let fields = [("a", "A"), ("c d", "C")];
        assert_eq!(
            Template::concatenated(["b", "a", "c d"])
                .unwrap()
                .render_with(|name| fields.iter().find(|field| field.0 == name).map(|f| f.1)),
            "A C"
        );
        let template = Template::key_value(["b", "a|1", "c d"]).unwrap();
        assert_eq!(template.fields().collect::<Vec<_>>(), ["b", "a", "c d"]);
        assert_eq!(Template::parse(&template.to_string()).unwrap(), template);
        assert!(Template::concatenated(["a}"]).is_err());
    }

    #[test]
    fn prompts_are_literal() {
        let template = Template::parse("{a}").unwrap().with_prompt("[x] {y}: ");
        assert_eq!(template.render_with(|_| Some("A")), "[x] {y}: A");
        assert_eq!(Template::parse(&template.to_string()).unwrap().render_with(|_| Some("A")), "[x] {y}: A");
    }

    #[test]
    fn source_round_trips() {
        let source = "{title}[ ({year})] {{}}";
        let template: Template = source.parse().unwrap();
        assert_eq!(template.to_string(), source);
        assert_eq!(Template::parse(&template.to_string()).unwrap(), template);
    }
}
