use rec_data::{Catalogue, History, Id, Signal};

use crate::Template;

/// A user's history as one text, newest item first: what a language model reads to say who the user is.
///
/// That is `u_i = f_theta(x_i)`, the model's own way from a history to an interest, where averages and attention fuse the
/// vectors of the items instead. The model sees how items relate, at the cost of one forward pass for each user. The
/// newest item stands first, because a text that is too long is cut at its end; an encoder that reads overlapping
/// [windows](crate::Windows) cuts nothing.
///
/// Items without text (unknown ones, and those whose template renders nothing) are left out, and so are interactions
/// with a weight of zero or less: what a user disliked is not what the user is. Event types all count; filter the history
/// first where some should not. A history of nothing else gives the prompt alone, or the empty string: callers that
/// must tell such a user apart check [`History::is_empty`] or the text.
///
/// ```
/// use rec_data::{Catalogue, History, Interaction};
/// use rec_text::{HistoryText, Template, prompts};
///
/// let books = Catalogue::from_records([
///     ("b1", [("title", "Dune"), ("author", "Herbert")]),
///     ("b2", [("title", "Emma"), ("author", "Austen")]),
///     ("b3", [("title", "Solaris"), ("author", "Lem")]),
/// ])?;
/// let history = History::new([
///     Interaction::new("b1", 1.0),
///     Interaction::new("b2", 2.0).with_weight(-1.0), // disliked
///     Interaction::new("b3", 3.0),
///     Interaction::new("gone", 4.0),
/// ])?;
/// let text = HistoryText::new(Template::parse("{title} by {author}")?).with_prompt(prompts::E5_QUERY);
/// assert_eq!(text.render(&books, &history), "query: Solaris by Lem. Dune by Herbert");
/// assert_eq!(text.last_n(1).render(&books, &history), "query: Solaris by Lem");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryText {
    template: Template,
    prompt: String,
    separator: String,
    last_n: usize,
}

impl HistoryText {
    /// The texts of a history's items by this template, with `". "` between them.
    #[must_use]
    pub fn new(template: Template) -> Self {
        Self { template, prompt: String::new(), separator: ". ".to_owned(), last_n: usize::MAX }
    }

    /// Puts a prompt before the whole text, once.
    #[must_use]
    pub fn with_prompt(self, prompt: impl Into<String>) -> Self {
        Self { prompt: prompt.into(), ..self }
    }

    /// What stands between the items.
    #[must_use]
    pub fn with_separator(self, separator: impl Into<String>) -> Self {
        Self { separator: separator.into(), ..self }
    }

    /// Takes at most the `n` newest of the items that have a text.
    #[must_use]
    pub fn last_n(self, n: usize) -> Self {
        Self { last_n: n, ..self }
    }

    /// The text of a history whose items are described by this catalogue.
    #[must_use]
    pub fn render(&self, catalogue: &Catalogue, history: &History) -> String {
        self.render_with(history, |id| Some(self.template.render(&catalogue.get(id)?)))
    }

    /// The text of a history where `text` gives the text of an item, as one that was cleaned before; `None` for an item
    /// without one. The template is not used.
    #[must_use]
    pub fn render_with<S: AsRef<str>>(
        &self,
        history: &History,
        mut text: impl FnMut(&Id) -> Option<S>,
    ) -> String {
        let liked = history.interactions().iter().rev().filter(|event| match event.signal {
            Signal::Weight(weight) => weight > 0.0,
            Signal::Event(_) => true,
        });
        let texts = liked.filter_map(|event| text(&event.item)).filter(|text| !text.as_ref().is_empty());
        let mut whole = self.prompt.clone();
        for (i, text) in texts.take(self.last_n).enumerate() {
            if i > 0 {
                whole.push_str(&self.separator);
            }
            whole.push_str(text.as_ref());
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    use rec_data::Interaction;

    use super::*;

    #[test]
    fn nothing_to_say_is_the_prompt() {
        let text = HistoryText::new(Template::parse("{title}").unwrap()).with_prompt("query: ");
        let books = Catalogue::from_records([("a", [("title", "")]), ("b", [("title", "B")])]).unwrap();
        let history = |ids: &[&str]| {
            History::new(ids.iter().enumerate().map(|(i, &id)| Interaction::new(id, i as f64))).unwrap()
        };
        assert_eq!(text.render(&books, &history(&[])), "query: ");
        assert_eq!(text.render(&books, &history(&["a", "x"])), "query: ");
        assert_eq!(text.render(&books, &history(&["b", "a", "b"])), "query: B. B");
        assert_eq!(text.clone().last_n(1).render(&books, &history(&["b", "a"])), "query: B");
        assert_eq!(text.with_separator(" | ").render(&books, &history(&["b", "b"])), "query: B | B");
    }
}
