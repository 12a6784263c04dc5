//! Cleaning of raw item text.

mod html;
mod unicode;

use std::borrow::Cow;

/// How often the steps are repeated in search of a fixed point.
///
/// Text in feeds is escaped once or twice, and each level costs one pass; more than this is not text
/// but an attempt to make the cleaner work. A constant keeps [`Cleaner::clean`] linear.
const MAX_PASSES: usize = 8;

/// Borrows exactly when it changes nothing.
type Step = fn(&str) -> Cow<'_, str>;

/// Turns raw item text (markup, entities, invisible characters, ragged spaces) into plain text.
///
/// The steps, in their order; each is a switch:
///
/// | step | what it does |
/// |---|---|
/// | [`html`](Cleaner::html) | removes tags and comments, decodes entities, drops `script` and `style` with their contents; block-level tags and `br` become a space so that words do not join |
/// | [`control`](Cleaner::control) | removes control characters, and zero-width and direction marks (ZWSP, BOM, soft hyphen, bidi marks, tag characters); white space stays for the last step |
/// | [`nfkc`](Cleaner::nfkc) | Unicode normalisation form KC: `ﬁ` to `fi`, `Ａ` to `A`, `e` + acute to `é` |
/// | [`whitespace`](Cleaner::whitespace) | every run of white space (also NBSP, the ideographic space, line ends) becomes one space; none is left at either end |
///
/// **Joiners.** ZWJ and ZWNJ carry meaning in Persian, in Indic scripts and in emoji, and are noise
/// elsewhere: the control step keeps them between two characters that are neither ASCII nor white
/// space, and removes them everywhere else.
///
/// **Markup or text?** The parser is a browser's, so `a < b & c` and `I <3 it` are text. A `<` with no
/// `>` anywhere after it is text too, and so are the contents of a `script` or `style` that is never
/// closed: a title is not lost because it speaks of `<script>`. A CDATA section gives its contents.
/// An unclosed comment hides the rest of the text, as it does in a browser.
///
/// **Laws.** For every cleaner and every text, `clean(clean(t)) == clean(t)`. To get there the steps
/// repeat until nothing changes, so text that was escaped twice (`&amp;lt;b&amp;gt;`) comes out clean
/// as well; markup that was escaped *in order to be read* as markup is removed with it. Text escaped
/// more than eight times over is not followed further: what is left of its `<` and `&` becomes spaces.
/// The cost is linear in the length of the text, whatever it holds. Empty text gives empty text.
///
/// ```
/// use rec_text::Cleaner;
///
/// let cleaner = Cleaner::new();
/// assert_eq!(cleaner.clean("<p>Caf&eacute;</p><p>au\u{a0}lait</p>"), "Café au lait");
/// assert_eq!(cleaner.clean("a < b & c, I <3 it"), "a < b & c, I <3 it");
/// assert_eq!(cleaner.describe(), "html,control,nfkc,whitespace");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cleaner {
    html: bool,
    control: bool,
    nfkc: bool,
    whitespace: bool,
}

impl Default for Cleaner {
    /// The same as [`Cleaner::new`].
    fn default() -> Self {
        Self::new()
    }
}

impl Cleaner {
    /// All steps on.
    #[must_use]
    pub const fn new() -> Self {
        Self { html: true, control: true, nfkc: true, whitespace: true }
    }

    /// All steps off: gives every text back as it is, and is the place to start when only one or two
    /// steps are wanted.
    ///
    /// ```
    /// let spaces = rec_text::Cleaner::none().whitespace(true);
    /// assert_eq!(spaces.clean(" <b>a \n b</b> "), "<b>a b</b>");
    /// ```
    #[must_use]
    pub const fn none() -> Self {
        Self { html: false, control: false, nfkc: false, whitespace: false }
    }

    /// Switches the removal of markup and the decoding of entities.
    #[must_use]
    pub const fn html(self, on: bool) -> Self {
        Self { html: on, ..self }
    }

    /// Switches the removal of control and zero-width characters.
    #[must_use]
    pub const fn control(self, on: bool) -> Self {
        Self { control: on, ..self }
    }

    /// Switches Unicode normalisation to form KC.
    #[must_use]
    pub const fn nfkc(self, on: bool) -> Self {
        Self { nfkc: on, ..self }
    }

    /// Switches the collapsing of white space.
    #[must_use]
    pub const fn whitespace(self, on: bool) -> Self {
        Self { whitespace: on, ..self }
    }

    /// The clean text, borrowed when there was nothing to do.
    ///
    /// ```
    /// use std::borrow::Cow;
    ///
    /// let cleaner = rec_text::Cleaner::new();
    /// assert!(matches!(cleaner.clean("Dune (1965)"), Cow::Borrowed("Dune (1965)")));
    /// assert_eq!(cleaner.clean("&amp;lt;b&amp;gt;Dune"), "Dune");
    /// assert_eq!(cleaner.clean("<script>alert(1)</script>"), "");
    /// ```
    #[must_use]
    pub fn clean<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let (text, settled) = self.settle(Cow::Borrowed(text));
        if settled {
            return text;
        }
        // Only escaping can nest this deep. Without `<` and `&` no markup is left to decode, and a space
        // in their place cannot combine with its neighbours, so what follows settles at once.
        let text = text.replace(['<', '&'], " ");
        self.html(false).settle(Cow::Owned(text)).0
    }

    /// Repeats the steps until they change nothing; false when they still do after [`MAX_PASSES`].
    fn settle<'a>(&self, mut text: Cow<'a, str>) -> (Cow<'a, str>, bool) {
        for _ in 0..MAX_PASSES {
            match self.pass(&text) {
                Cow::Borrowed(_) => return (text, true),
                Cow::Owned(changed) => text = Cow::Owned(changed),
            }
        }
        (text, false)
    }

    /// The steps that are on, in order, each under its name.
    fn steps(&self) -> impl Iterator<Item = (&'static str, Step)> {
        let steps: [(bool, &str, Step); 4] = [
            (self.html, "html", html::strip),
            (self.control, "control", unicode::strip_control),
            (self.nfkc, "nfkc", unicode::nfkc),
            (self.whitespace, "whitespace", unicode::collapse_whitespace),
        ];
        steps.into_iter().filter(|(on, ..)| *on).map(|(_, name, step)| (name, step))
    }

    /// Each step once; borrowed exactly when none of them changes the text.
    fn pass<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut clean = Cow::Borrowed(text);
        for (_, step) in self.steps() {
            if let Cow::Owned(changed) = step(&clean) {
                clean = Cow::Owned(changed);
            }
        }
        clean
    }

    /// One stable line that names the steps, in order: the provenance of vectors made from this text.
    ///
    /// ```
    /// use rec_text::Cleaner;
    ///
    /// assert_eq!(Cleaner::new().html(false).describe(), "control,nfkc,whitespace");
    /// assert_eq!(Cleaner::none().describe(), "none");
    /// ```
    #[must_use]
    pub fn describe(&self) -> String {
        let on: Vec<_> = self.steps().map(|(name, _)| name).collect();
        if on.is_empty() { "none".to_owned() } else { on.join(",") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_work_together() {
        let clean = |text| Cleaner::new().clean(text).into_owned();
        // Markup that only normalisation makes visible, and entities that hide invisible characters.
        assert_eq!(clean("\u{ff1c}b\u{ff1e}bold\u{ff1c}/b\u{ff1e}"), "bold");
        assert_eq!(clean("soft&shy;hy\u{ad}phen&#8203;s"), "softhyphens");
        assert_eq!(clean("&nbsp;a&nbsp;&nbsp;b&#12288;"), "a b");
        assert_eq!(clean("e\u{200b}\u{301}"), "é");
        assert_eq!(clean(""), "");
        assert_eq!(clean(" \u{3000}\n"), "");
    }

    #[test]
    fn deep_escaping_is_followed_and_then_cut() {
        let escaped = |levels: usize| format!("a &{}lt;b&gt; c", "amp;".repeat(levels));
        assert_eq!(Cleaner::new().clean(&escaped(0)), "a c");
        assert_eq!(Cleaner::new().clean(&escaped(6)), "a c");
        let cut = Cleaner::new().clean(&escaped(40)).into_owned();
        assert!(cut.starts_with("a amp;amp;") && !cut.contains(['&', '<']), "{cut}");
        assert_eq!(Cleaner::new().clean(&cut), cut);
    }

    #[test]
    fn none_borrows_everything() {
        let text = "<b>\u{feff} x \0";
        assert!(matches!(Cleaner::none().clean(text), Cow::Borrowed(same) if same == text));
    }
}
