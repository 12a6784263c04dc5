//! Cleaning of raw item text.

mod emoji;
mod found;
mod html;
mod links;
mod phone;
mod presets;
mod repeats;
mod social;
mod unicode;

use std::borrow::Cow;

pub use found::Found;
use found::Span;

/// How often the steps are repeated in search of a fixed point.
///
/// Text in feeds is escaped once or twice, and each level costs one pass; more than this is not text
/// but an attempt to make the cleaner work. A constant keeps [`Cleaner::clean`] linear.
const MAX_PASSES: usize = 8;

/// Turns raw item text (markup, entities, invisible characters, links, ragged spaces) into plain text.
///
/// The steps, in their order; each is a switch. [`Cleaner::new`] has those marked with a star on, and the
/// presets [`titles`](Cleaner::titles), [`reviews`](Cleaner::reviews) and [`posts`](Cleaner::posts) more:
///
/// | step | what it does |
/// |---|---|
/// | [`html`](Cleaner::html)\* | removes tags and comments, decodes entities, drops what a browser hides (`script`, `style`, `template`, `noscript`, `iframe`) with its contents; block-level tags and `br` become a space so that words do not join |
/// | [`control`](Cleaner::control)\* | removes control characters, and zero-width and direction marks (ZWSP, BOM, soft hyphen, bidi marks, tag characters); white space stays for the last step |
/// | [`emoji`](Cleaner::emoji) | drops or replaces emoji |
/// | [`full_width`](Cleaner::full_width) | full-width forms of ASCII to ASCII, and nothing else: `Ａ` to `A`, `，` to `,` |
/// | [`nfkc`](Cleaner::nfkc)\* | Unicode normalisation form KC: `ﬁ` to `fi`, `Ａ` to `A`, half-width `ｶ` to `カ`, `e` + acute to `é` |
/// | [`urls`](Cleaner::urls), [`emails`](Cleaner::emails), [`mentions`](Cleaner::mentions), [`hashtags`](Cleaner::hashtags), [`phones`](Cleaner::phones) | drop or replace these, or keep the words of them: see [`Found`] |
/// | [`repeated_punctuation`](Cleaner::repeated_punctuation), [`repeated_letters`](Cleaner::repeated_letters) | `!!!!` to `!`, `soooo` to `soo` |
/// | [`whitespace`](Cleaner::whitespace)\* | every run of white space (also NBSP, the ideographic space, line ends) becomes one space; none is left at either end |
///
/// **Why in this order.** Markup goes first, since it hides all else, and then what hides inside words.
/// Emoji go before normalisation, which makes words of some (`™` with an emoji selector); the other things
/// are found after it, when `＠` is `@`. They are found on one and the same text, links first: nothing is
/// looked for inside a link, so that a link that is kept stays whole, letter for letter. White space goes
/// last, because all other steps may leave some.
///
/// **Joiners.** ZWJ and ZWNJ carry meaning in Persian, in Indic scripts and in emoji, and are noise
/// elsewhere: the control step keeps them between two characters that are neither ASCII nor white
/// space, and removes them everywhere else.
///
/// **Markup or text?** The parser is a browser's, so `a < b & c` and `I <3 it` are text. A `<` with no
/// `>` anywhere after it is text too, and so are the contents of a `script` or `template` that is never
/// closed: a title is not lost because it speaks of `<script>`. A CDATA section gives its contents.
/// An unclosed comment hides the rest of the text, as it does in a browser.
///
/// **Laws.** For every cleaner and every text, `clean(clean(t)) == clean(t)`. To get there the steps
/// repeat until nothing changes, so text that was escaped twice (`&amp;lt;b&amp;gt;`) comes out clean
/// as well; markup that was escaped *in order to be read* as markup is removed with it. Text that is
/// not clean after eight rounds (escaped that deeply, or made so that what is taken out leaves something
/// else to take out) is not followed further: whatever marks what is still to be removed (`<` and `&` for
/// markup, `@` for mentions, the digits of phone numbers) becomes spaces. The cost is linear in the
/// length of the text, whatever it holds. Empty text gives empty text.
///
/// The clean text has at most 11 bytes for each byte of the text (which is what normalisation makes of
/// U+FDFA), or, if that is more, as many as the longest placeholder and 2.
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
    emoji: Found,
    full_width: bool,
    nfkc: bool,
    urls: Found,
    emails: Found,
    mentions: Found,
    hashtags: Found,
    phones: Found,
    repeated_punctuation: bool,
    repeated_letters: bool,
    whitespace: bool,
}

impl Default for Cleaner {
    /// The same as [`Cleaner::new`].
    fn default() -> Self {
        Self::new()
    }
}

impl Cleaner {
    /// Markup, control characters, normalisation and white space: what no reader would miss.
    #[must_use]
    pub const fn new() -> Self {
        Self::none().html(true).control(true).nfkc(true).whitespace(true)
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
        Self {
            html: false,
            control: false,
            emoji: Found::Keep,
            full_width: false,
            nfkc: false,
            urls: Found::Keep,
            emails: Found::Keep,
            mentions: Found::Keep,
            hashtags: Found::Keep,
            phones: Found::Keep,
            repeated_punctuation: false,
            repeated_letters: false,
            whitespace: false,
        }
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

    /// What becomes of emoji, as the regular expression of [UTS #51](https://www.unicode.org/reports/tr51/),
    /// section 1.4.9, finds them: pictures, flags and keycaps, each with its modifiers and joined emoji as
    /// one.
    ///
    /// Text stays text: digits, `#`, `*`, `©`, `®`, `™`, `‼`, `⁉`, `ℹ`, `Ⓜ`, `㊗` and `㊙` unless U+FE0F or a
    /// keycap follows, any picture that U+FE0E follows, and signs that are no emoji, such as `★` and `→`.
    ///
    /// ```
    /// use rec_text::{Cleaner, Found};
    ///
    /// let cleaner = Cleaner::none().emoji(Found::Drop);
    /// assert_eq!(cleaner.clean("good👍🏽food 🇩🇪1\u{fe0f}\u{20e3}"), "good food ");
    /// assert_eq!(cleaner.clean("Dune™ ★★★ #1"), "Dune™ ★★★ #1");
    /// ```
    ///
    /// # Panics
    ///
    /// The placeholder has characters that it must not have: see [`Found::Replace`].
    #[must_use]
    pub const fn emoji(self, emoji: Found) -> Self {
        Self { emoji: emoji.unmarked(), ..self }
    }

    /// Switches the folding of full-width forms to ASCII: U+FF01 to U+FF5E, and the ideographic space U+3000.
    ///
    /// [`nfkc`](Cleaner::nfkc) does that too, and more.
    ///
    /// ```
    /// let cleaner = rec_text::Cleaner::none().full_width(true);
    /// assert_eq!(cleaner.clean("ＩＰＨＯＮＥ　１５（新品）™"), "IPHONE 15(新品)™");
    /// ```
    #[must_use]
    pub const fn full_width(self, on: bool) -> Self {
        Self { full_width: on, ..self }
    }

    /// Switches Unicode normalisation to form KC.
    #[must_use]
    pub const fn nfkc(self, on: bool) -> Self {
        Self { nfkc: on, ..self }
    }

    /// What becomes of URLs: those with a scheme and `://`, and words that begin with `www.`.
    ///
    /// A URL is ASCII, or letters of languages that put spaces between words: Chinese and Japanese text
    /// after it is not part of it, and neither is punctuation at its end.
    ///
    /// ```
    /// use rec_text::{Cleaner, Found};
    ///
    /// let cleaner = Cleaner::none().urls(Found::Replace("[URL]"));
    /// assert_eq!(cleaner.clean("see https://a.org/b?c, or www.a.org."), "see [URL], or [URL].");
    /// assert_eq!(cleaner.clean("看http://t.cn/abc吧"), "看 [URL] 吧");
    /// assert_eq!(cleaner.clean("node.js"), "node.js");
    /// ```
    ///
    /// # Panics
    ///
    /// The placeholder has characters that it must not have: see [`Found::Replace`].
    #[must_use]
    pub const fn urls(self, urls: Found) -> Self {
        Self { urls: urls.unmarked(), ..self }
    }

    /// What becomes of e-mail addresses. The domain must have a dot; a `mailto:` before it belongs to it.
    ///
    /// ```
    /// use rec_text::{Cleaner, Found};
    ///
    /// let cleaner = Cleaner::none().emails(Found::Replace("[MAIL]"));
    /// assert_eq!(cleaner.clean("邮箱anna@example.com。a@b"), "邮箱 [MAIL]。a@b");
    /// ```
    ///
    /// # Panics
    ///
    /// The placeholder has characters that it must not have: see [`Found::Replace`].
    #[must_use]
    pub const fn emails(self, emails: Found) -> Self {
        Self { emails: emails.unmarked(), ..self }
    }

    /// What becomes of mentions: `@` and a name with a letter in it.
    ///
    /// A name is letters of any script, digits and `_`, with `-` or, before a small ASCII letter or a
    /// digit, `.` between them; `@anna@example.org` is a mention too. No letter, digit or `_` stands before
    /// the mark, except of scripts without spaces between words: `转发@小明` has a mention, `a@b` has none.
    ///
    /// ```
    /// use rec_text::{Cleaner, Found};
    ///
    /// let cleaner = Cleaner::none().mentions(Found::Drop);
    /// assert_eq!(cleaner.clean("@anna: 2 @ 3, a@b //@小明：好"), ": 2 @ 3, a@b //：好");
    /// ```
    ///
    /// # Panics
    ///
    /// The placeholder has characters that it must not have: see [`Found::Replace`].
    #[must_use]
    pub const fn mentions(self, mentions: Found) -> Self {
        Self { mentions: mentions.checked(), ..self }
    }

    /// What becomes of hashtags: `#` and a word of letters, digits and `_` with a letter in it, and the
    /// topics of Chinese microblogs, `#话题#`.
    ///
    /// A topic has at most 40 letters, digits, spaces and ``·・•-—:：《》“”'`` between its marks, one of them of
    /// a CJK script, and no space at its ends. What may stand before the mark is as for
    /// [`mentions`](Cleaner::mentions), and no `/`: neither `C#` nor `a/#b` has a hashtag. `#1` has none either.
    ///
    /// ```
    /// use rec_text::{Cleaner, Found};
    ///
    /// let cleaner = Cleaner::none().hashtags(Found::Words);
    /// assert_eq!(cleaner.clean("#SlowFood is #1, in C#"), "Slow Food is #1, in C#");
    /// assert_eq!(cleaner.clean("#新年 快乐#今天"), "新年 快乐 今天");
    /// ```
    ///
    /// # Panics
    ///
    /// The placeholder has characters that it must not have: see [`Found::Replace`].
    #[must_use]
    pub const fn hashtags(self, hashtags: Found) -> Self {
        Self { hashtags: hashtags.checked(), ..self }
    }

    /// What becomes of phone numbers, which are told by their shape. In ASCII digits, in groups with a
    /// space, hyphen, dot or slash between them (and one group perhaps in brackets), these are phone numbers:
    ///
    /// - *international*: `+`, then 8 to 15 digits, the first no 0 (`+49 (0)30 123456`);
    /// - *national*: 10 to 12 digits in 2 to 5 groups of at least two, of which the first is an area code of
    ///   2 to 6 digits from 0 (`030/1234567`, `0755-88888888`, `01 42 68 53 00`), or 3 and 6 or 2 and 7 digits;
    ///   or 11 to 17 digits from 00 and a country code; slashes only after the first group, dots everywhere or
    ///   nowhere;
    /// - *North American*: 3, 3 and 4 digits, the first not 0 or 1, with hyphens, dots or a bracketed area
    ///   code, perhaps after 1 (`(555) 123-4567`, `1-800-123-4567`);
    /// - *Chinese*: 11 digits from 13 to 19, whole or as 3-4-4, perhaps after 86 (`13812345678`); 400 or 800
    ///   and then 4 and 3 digits.
    ///
    /// Not so a number next to a letter, a digit, `#` or a sign of currency, one that goes on after a comma
    /// or colon, or one that begins with a date. Prices, years, dates, scores, versions, IP addresses and
    /// ISBNs stay, and so does a local number without its area code, which nothing tells from those.
    ///
    /// ```
    /// use rec_text::{Cleaner, Found};
    ///
    /// let cleaner = Cleaner::none().phones(Found::Replace("[PHONE]"));
    /// assert_eq!(cleaner.clean("Call +49 30 1234567 or 13812345678!"), "Call [PHONE] or [PHONE]!");
    /// let kept = "2019-11-11, $1,299.99, 192.168.0.1, ISBN 978-3-16-148410-0, 21-19";
    /// assert_eq!(cleaner.clean(kept), kept);
    /// ```
    ///
    /// # Panics
    ///
    /// The placeholder has characters that it must not have: see [`Found::Replace`].
    #[must_use]
    pub const fn phones(self, phones: Found) -> Self {
        Self { phones: phones.unmarked(), ..self }
    }

    /// Switches the shortening of repeated punctuation.
    ///
    /// Of a run of `!` and `?` the first mark stays, and the first of the other kind: `!!!!` is `!`, and
    /// `?!?!` is `?!`. One of `,`, `;`, `~`, `、` stays, three of `.`, `。`, `-`, `=`, `_`, and two of `…`, which is
    /// an ellipsis in Chinese. Full-width forms count as what they are forms of. `*` stays: `*****` is a rating.
    ///
    /// ```
    /// let cleaner = rec_text::Cleaner::none().repeated_punctuation(true);
    /// assert_eq!(cleaner.clean("What?!?! No!!! 好。。。。。。 well......"), "What?! No! 好。。。 well...");
    /// ```
    #[must_use]
    pub const fn repeated_punctuation(self, on: bool) -> Self {
        Self { repeated_punctuation: on, ..self }
    }

    /// Switches the shortening of letters that stand three or more times in a row: to two, as in `soo`, or
    /// to three in a word of that letter alone, as in `zzz`.
    ///
    /// Only letters of scripts that have case; in others (`哈哈哈`) repetition may be the word. Words that have
    /// digits, up to four capitals (`III`, `AAA`, `XXXL`), Roman numerals, clothing sizes, links and tags stay as
    /// they are. What is lost is a triple letter that is right: German `Schifffahrt` is `Schiffahrt` after it.
    ///
    /// ```
    /// let cleaner = rec_text::Cleaner::none().repeated_letters(true);
    /// assert_eq!(cleaner.clean("Soooo gooood, NOOOOO! Henry VIII"), "Soo good, NOO! Henry VIII");
    /// ```
    #[must_use]
    pub const fn repeated_letters(self, on: bool) -> Self {
        Self { repeated_letters: on, ..self }
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
        // Without the characters that mark them nothing is left to be decoded or found, and a space in
        // their place cannot combine with its neighbours: what follows settles at once.
        let (text, settled) = self.settle(Cow::Owned(self.blank_marks(&text)));
        debug_assert!(settled, "{} does not settle on {text:?}", self.describe());
        text
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

    /// Each step once; borrowed exactly when none of them changes the text.
    fn pass<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut clean = Cow::Borrowed(text);
        apply(&mut clean, self.html, html::strip);
        apply(&mut clean, self.control, unicode::strip_control);
        apply(&mut clean, !self.emoji.is_keep(), |text| self.place_emoji(text));
        apply(&mut clean, self.full_width, unicode::fold_full_width);
        apply(&mut clean, self.nfkc, unicode::nfkc);
        apply(&mut clean, self.looks_for_links(), |text| self.place_found(text));
        apply(&mut clean, self.whitespace, unicode::collapse_whitespace);
        clean
    }

    /// Whether a step is on that must know where the links are: to remove them, or to let them be.
    fn looks_for_links(&self) -> bool {
        let finds = [self.urls, self.emails, self.mentions, self.hashtags, self.phones];
        self.repeated_punctuation || self.repeated_letters || finds.iter().any(|found| !found.is_keep())
    }

    fn place_emoji<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let spans: Vec<_> =
            emoji::find(text).map(|range| Span { range, place: self.emoji.place(String::new) }).collect();
        found::rewrite(text, &spans, |between| Cow::Borrowed(between))
    }

    /// Replaces what is found, and shortens repetitions in what lies between.
    fn place_found<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let (mut spans, mut end) = (Vec::new(), 0);
        for link in links::find(text) {
            self.find_between(&text[..link.range.start], end, &mut spans);
            end = link.range.end;
            let found = if link.is_email { self.emails } else { self.urls };
            spans.push(Span { range: link.range, place: found.place(String::new) });
        }
        self.find_between(text, end, &mut spans);
        found::rewrite(text, &spans, |between| {
            let mut text = Cow::Borrowed(between);
            apply(&mut text, self.repeated_punctuation, repeats::punctuation);
            apply(&mut text, self.repeated_letters, repeats::letters);
            text
        })
    }

    /// What is found in `text` after `from`, where no link is.
    fn find_between(&self, text: &str, from: usize, spans: &mut Vec<Span>) {
        let first = spans.len();
        for (found, find) in [
            (self.mentions, social::mentions as fn(&str, usize) -> Vec<social::Tagged>),
            (self.hashtags, social::hashtags),
        ] {
            if !found.is_keep() {
                spans.extend(find(text, from).into_iter().map(|tag| {
                    let place = found.place(|| social::words(&text[tag.words]));
                    Span { range: tag.range, place }
                }));
            }
        }
        if !self.phones.is_keep() {
            let phones = phone::find(text, from).into_iter();
            spans.extend(phones.map(|range| Span { range, place: self.phones.place(String::new) }));
        }
        spans[first..].sort_by_key(|span| span.range.start);
    }

    /// Spaces for all characters without which the steps that are on find nothing: of each thing that they
    /// find, at least one is blank.
    fn blank_marks(&self, text: &str) -> String {
        let on = |found: Found| !found.is_keep();
        let is_mark = |c: char| match c {
            '<' | '&' => self.html,
            ':' | '.' => on(self.urls),
            '@' => on(self.emails) || on(self.mentions),
            '＠' => on(self.mentions),
            '#' | '＃' => on(self.hashtags),
            '0'..='9' => on(self.phones),
            _ => on(self.emoji) && emoji::is_part(c),
        };
        text.chars().map(|c| if is_mark(c) { ' ' } else { c }).collect()
    }

    /// One stable line that names the steps, in order: the provenance of vectors made from this text.
    ///
    /// ```
    /// use rec_text::{Cleaner, Found};
    ///
    /// let cleaner = Cleaner::new().html(false).urls(Found::Replace("[URL]")).hashtags(Found::Words);
    /// assert_eq!(cleaner.describe(), r#"control,nfkc,urls="[URL]",hashtags=words,whitespace"#);
    /// assert_eq!(Cleaner::none().describe(), "none");
    /// ```
    #[must_use]
    pub fn describe(&self) -> String {
        let switch = |name: &str, on: bool| on.then(|| name.to_owned());
        let found = |name: &str, found: Found| match found {
            Found::Keep => None,
            Found::Drop => Some(format!("{name}=drop")),
            Found::Replace(with) => Some(format!("{name}=\"{with}\"")),
            Found::Words => Some(format!("{name}=words")),
        };
        let steps = [
            switch("html", self.html),
            switch("control", self.control),
            found("emoji", self.emoji),
            switch("full_width", self.full_width),
            switch("nfkc", self.nfkc),
            found("urls", self.urls),
            found("emails", self.emails),
            found("mentions", self.mentions),
            found("hashtags", self.hashtags),
            found("phones", self.phones),
            switch("repeated_punctuation", self.repeated_punctuation),
            switch("repeated_letters", self.repeated_letters),
            switch("whitespace", self.whitespace),
        ];
        let on: Vec<_> = steps.into_iter().flatten().collect();
        if on.is_empty() { "none".to_owned() } else { on.join(",") }
    }
}

/// Does a step, if it is on.
fn apply(text: &mut Cow<'_, str>, on: bool, step: impl Fn(&str) -> Cow<'_, str>) {
    if on && let Cow::Owned(changed) = step(text) {
        *text = Cow::Owned(changed);
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

    /// All things that can be found are dropped, and nothing else is done.
    fn dropping() -> Cleaner {
        let drop = Found::Drop;
        Cleaner::none().urls(drop).emails(drop).mentions(drop).hashtags(drop).phones(drop).emoji(drop)
    }

    #[test]
    fn kept_links_stay_letter_for_letter() {
        let cleaner = dropping().urls(Found::Keep).emails(Found::Keep);
        let cleaner = cleaner.repeated_letters(true).repeated_punctuation(true);
        for link in ["http://wwww.a.com/aaab/@me/#x,,,y/13812345678", "www.aaab.com", "annna+++1@b.com"] {
            assert_eq!(cleaner.clean(&format!("loook: {link} @me #x")), format!("look: {link}  "));
        }
        assert_eq!(cleaner.clean("http://a.com/😀b"), "http://a.com/ b");
    }

    #[test]
    fn things_are_found_beside_each_other() {
        let put = Cleaner::none().urls(Found::Replace("[U]")).mentions(Found::Replace("[M]"));
        let put = put.hashtags(Found::Words).phones(Found::Replace("[P]")).emails(Found::Replace("[E]"));
        for (text, expected) in [
            ("@a#b http://c.de/#f", "[M] b [U]"),
            ("#电话#13812345678@小明 看www.a.com吧", "电话 [P] [M] 看 [U] 吧"),
            ("@me@mas.to me@mas.to @me", "[M] [E] [M]"),
            ("#030 12345678", "#030 12345678"),
            ("#打 030 12345678 吧#", "打 [P] 吧"),
        ] {
            assert_eq!(put.clean(text), expected, "{text}");
        }
        assert_eq!(put.full_width(true).clean("＠小明 ｗｗｗ．ａ．ｃｏｍ"), "[M] [U]");
        assert_eq!(dropping().nfkc(true).clean("™\u{fe0f}™"), "TM");
    }

    #[test]
    fn what_is_taken_out_may_leave_something_to_take_out() {
        // Each round takes one number out of the midst of another.
        let nested = |n: usize| format!("{}030 1234567{}", "030 (".repeat(n), ") 1234567".repeat(n));
        assert_eq!(dropping().whitespace(true).clean("030 @me 1234567"), "");
        for n in [0, 3, 100] {
            let clean = dropping().whitespace(true).clean(&nested(n)).into_owned();
            assert_eq!(dropping().whitespace(true).clean(&clean), clean);
        }
    }
}
