//! Markup to text, by the tokenizer of an HTML parser.
//!
//! Only the tokenizer: without a tree there is no nesting to overflow a stack, and the work is linear.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};

use html5ever::buffer_queue::BufferQueue;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};

use super::unicode::unless_equal;

/// How much is fed to the parser between two looks at whether it is stuck inside one tag.
const PIECE: usize = 1024;

/// The text of `text`: without tags, comments and what a browser hides, and with its entities decoded.
///
/// Borrows exactly when that changes nothing.
pub(super) fn strip(text: &str) -> Cow<'_, str> {
    // Feeds wrap their text in CDATA sections; a page knows none, and the parser would drop them.
    if text.contains("<![CDATA[") {
        return Cow::Owned(parse(&text.replace("<![CDATA[", "").replace("]]>", ""), PIECE));
    }
    let has_tag = text.rfind('>').is_some_and(|end| text[..end].contains('<'));
    if !has_tag && !text.contains(['&', '\0']) {
        return Cow::Borrowed(text);
    }
    unless_equal(text, parse(text, PIECE))
}

fn parse(text: &str, piece: usize) -> String {
    // What follows the last `>` holds no complete tag: a `<` there is text.
    let (head, tail) = text.split_at(text.rfind('>').map_or(0, |last| last + 1));
    let parser = Parser::new(text.len(), piece);
    // `</>` is markup that the tokenizer swallows without a token; a token is how `feed` knows that
    // nothing is open. In every state a space means the same or does no harm.
    parser.feed(&head.replace("</>", " "));
    parser.feed(&tail.replace('<', "&lt;"));
    parser.finish()
}

struct Parser {
    tokenizer: Tokenizer<TextSink>,
    input: BufferQueue,
    piece: usize,
}

impl Parser {
    fn new(capacity: usize, piece: usize) -> Self {
        let sink = TextSink { text: RefCell::new(String::with_capacity(capacity)), ..TextSink::default() };
        let options = TokenizerOpts { discard_bom: false, ..TokenizerOpts::default() };
        Self { tokenizer: Tokenizer::new(sink, options), input: BufferQueue::default(), piece }
    }

    /// Feeds `text` in pieces.
    ///
    /// The tokenizer compares each attribute with all others of its tag, which is quadratic in a tag of
    /// a hundred thousand attributes. A piece that holds a separator of attributes and yet yields no
    /// token lies within one tag or comment, and nothing in there reaches the text: until the `>` that
    /// may end it, all names are fed as `x`, and duplicates are not collected.
    fn feed(&self, text: &str) {
        let mut rest = text;
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.floor_char_boundary(self.piece));
            rest = after;
            let mut open = !self.push(piece) && piece.contains(is_separator);
            while open && !rest.is_empty() {
                let (inside, after) = rest.split_at(rest.find('>').map_or(rest.len(), |end| end + 1));
                rest = after;
                open = !self.push(&outline(inside));
            }
        }
    }

    /// Feeds one piece; true when it yielded a token.
    fn push(&self, piece: &str) -> bool {
        self.tokenizer.sink.yielded.set(false);
        self.input.push_back(StrTendril::from_slice(piece));
        // The sink asks for no script to be run and no encoding to be changed: always `Done`.
        let _ = self.tokenizer.feed(&self.input);
        self.tokenizer.sink.yielded.get()
    }

    fn finish(self) -> String {
        self.tokenizer.end();
        self.tokenizer.sink.text.into_inner()
    }
}

/// What separates attributes, or sets their values apart.
fn is_separator(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\x0c' | '\r' | '/' | '"' | '\'')
}

/// The same markup with each run of characters that have no role inside a tag or comment as one `x`.
fn outline(markup: &str) -> String {
    let mut out = String::new();
    for c in markup.chars() {
        if is_separator(c) || matches!(c, '<' | '>' | '=' | '-' | '!') {
            out.push(c);
        } else if !out.ends_with('x') {
            out.push('x');
        }
    }
    out
}

/// Collects the text that the tokenizer finds.
///
/// What is inside a hidden element is taken back when the element is closed: one that never is was no
/// element, but text that speaks of one.
#[derive(Default)]
struct TextSink {
    text: RefCell<String>,
    /// The element that is open and whose contents are no markup, and where they begin in the text.
    raw: Cell<Option<(&'static str, usize)>>,
    /// How many templates are open, and where the outermost begins in the text.
    templates: Cell<(usize, usize)>,
    yielded: Cell<bool>,
}

impl TextSink {
    fn start(&self, name: &str) -> TokenSinkResult<()> {
        let at = self.text.borrow().len();
        if name == "template" {
            let (open, outermost) = self.templates.get();
            self.templates.set((open + 1, if open == 0 { at } else { outermost }));
        }
        let Some(raw) = RAW.into_iter().find(|raw| *raw == name) else { return TokenSinkResult::Continue };
        self.raw.set(Some((raw, at)));
        TokenSinkResult::RawData(if raw == "script" { RawKind::ScriptData } else { RawKind::Rawtext })
    }

    fn end(&self, name: &str) {
        if let Some((_, start)) = self.raw.get().filter(|(raw, _)| *raw == name) {
            self.raw.set(None);
            self.text.borrow_mut().truncate(start);
        }
        if name == "template" {
            let (open, outermost) = self.templates.get();
            if open == 1 {
                self.text.borrow_mut().truncate(outermost);
            }
            self.templates.set((open.saturating_sub(1), outermost));
        }
    }

    fn tag(&self, tag: &Tag) -> TokenSinkResult<()> {
        if tag.kind == TagKind::EndTag {
            self.end(&tag.name);
        }
        if is_block(&tag.name) {
            self.text.borrow_mut().push(' ');
        }
        if tag.kind == TagKind::StartTag { self.start(&tag.name) } else { TokenSinkResult::Continue }
    }
}

/// Elements that a browser with scripts shows nothing of, and whose contents are no markup to it.
const RAW: [&str; 6] = ["script", "style", "noscript", "noembed", "noframes", "iframe"];

impl TokenSink for TextSink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        match token {
            // A parse error is no token of the text.
            Token::ParseError(_) => return TokenSinkResult::Continue,
            Token::TagToken(tag) => {
                self.yielded.set(true);
                return self.tag(&tag);
            }
            Token::CharacterTokens(text) => self.text.borrow_mut().push_str(&text),
            Token::DoctypeToken(_) | Token::CommentToken(_) | Token::NullCharacterToken | Token::EOFToken => {
            }
        }
        self.yielded.set(true);
        TokenSinkResult::Continue
    }
}

/// Elements that stand on a line of their own or in a cell of their own: their tags part words.
fn is_block(name: &str) -> bool {
    matches!(
        name,
        "address"
            | "article"
            | "aside"
            | "blockquote"
            | "body"
            | "br"
            | "button"
            | "caption"
            | "center"
            | "dd"
            | "details"
            | "dialog"
            | "dir"
            | "div"
            | "dl"
            | "dt"
            | "fieldset"
            | "figcaption"
            | "figure"
            | "footer"
            | "form"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "head"
            | "header"
            | "hgroup"
            | "hr"
            | "html"
            | "iframe"
            | "img"
            | "input"
            | "legend"
            | "li"
            | "main"
            | "menu"
            | "nav"
            | "ol"
            | "optgroup"
            | "option"
            | "p"
            | "pre"
            | "script"
            | "search"
            | "section"
            | "select"
            | "style"
            | "summary"
            | "table"
            | "tbody"
            | "td"
            | "textarea"
            | "tfoot"
            | "th"
            | "thead"
            | "title"
            | "tr"
            | "ul"
            | "video"
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn markup_goes_and_text_stays() {
        for (html, text) in [
            ("<b>bold</b>er", "bolder"),
            ("<p>a</p>b<br/>c", " a b c"),
            ("x&amp;y &lt;3 &#x41;&notit; &bogus;", "x&y <3 A¬it; &bogus;"),
            ("<a href='x>y' title=\"&lt;\">link</a>", "link"),
            ("a<!-- no > -->b<?php x ?>c<!DOCTYPE html>d", "abcd"),
            ("<script>if (a < b) { '<b>' }</script>t<style>p > a {}</style>", "  t  "),
            ("<SCRIPT>x</ScRiPt >y", "  y"),
            ("<![CDATA[<b>raw</b> &amp; so]]>", "raw & so"),
            ("<![CDATA[a <b]]>", "a <b"),
            ("nul\0s", "nuls"),
            ("a<noscript><p>Turn on <b>scripts</b></p></noscript>b", "ab"),
            ("a<template><p>b<template>c</template>d</p></template>e", "ae"),
            ("</template>a<template></template>b", "ab"),
            ("<iframe src=x>old browser</iframe>x", "  x"),
            ("<head><title>T &amp; t</title><style>p</style></head><body>b", "  T & t     b"),
            ("a<!--[if IE]><p>old</p><![endif]-->b<![if !IE]>c<![endif]>", "abc"),
            ("<script>a<script>b</script>c", "  c"),
            ("<script><!-- <script>a</script> --></script>c", "  c"),
        ] {
            assert_eq!(strip(html), text, "{html}");
        }
    }

    #[test]
    fn plain_text_is_borrowed() {
        for text in ["", "a < b & c", "I <3 it", "1 > 0 < 2", "AT&T", "a <b", "x <- y -> z", "R&D <", "&"] {
            assert!(matches!(strip(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn unclosed_elements_lose_no_text() {
        assert_eq!(strip("The <script> tag: a book"), "The   tag: a book");
        assert_eq!(strip("cut <a href=\"x"), "cut <a href=\"x");
        assert_eq!(strip("seen<!-- hidden <b>"), "seen");
        assert_eq!(strip("a <template> is <b>not</b> shown"), "a  is not shown");
        assert_eq!(strip("<noscript>a<b>c"), "a<b>c");
        assert_eq!(strip("<template>a<script>b</script>c"), "a  c");
    }

    #[test]
    fn long_markup_does_not_harm_the_text_after_it() {
        let pad = "word \"quoted\" 'x' = / - ! < é ".repeat(200);
        for markup in [
            format!("<!--{pad}-->"),
            format!("<img src=\"data:{}\">", "A B".repeat(3000)),
            format!("<a {}>", "k='v>' ".repeat(3000)),
            format!("<script>{pad}</script>"),
            "</>".repeat(1000),
            "<![CDATA[]]>".repeat(500),
        ] {
            let text = strip(&format!("before {markup}some more words after")).into_owned();
            let words: Vec<_> = text.split_whitespace().collect();
            assert_eq!(words, ["before", "some", "more", "words", "after"], "{:.40}", markup);
        }
        // Not markup at all, though the tokenizer holds it back for long.
        let name = format!("&{} and on", "a1".repeat(4000));
        assert!(matches!(strip(&name), Cow::Borrowed(_)));
    }

    /// Something long that opens with a tag or comment, and then anything.
    fn markup() -> impl Strategy<Value = String> {
        let opening = [
            "",
            "<a",
            "<a k=\"",
            "<a k='",
            "<a k=",
            "</a ",
            "<!--",
            "<!DOCTYPE",
            "<?",
            "</ ",
            "<script",
            "<template ",
            "text",
        ];
        let inside = [
            " k",
            "=",
            "'",
            "\"",
            " k='v>' ",
            " k=\"v>\"",
            "/",
            "& ",
            "&lt;",
            "abcdefgh",
            " é",
            "- ",
            "!",
            "\r",
            "\n",
            "< ",
        ];
        let after = [
            ">",
            "-->",
            "--!>",
            "<b>",
            "</>",
            "<script>",
            "</script>",
            "<style ",
            "</style>",
            "<template>",
            "</template>",
            "<noscript>",
            "</noscript>",
            "<",
            "\"",
            "'",
            " k='v>' ",
            "&#x41;",
            "some words ",
        ];
        let pieces = |of: Vec<&'static str>, n| prop::collection::vec(prop::sample::select(of), n);
        let run =
            (pieces(opening.to_vec(), 1..2), pieces(inside.to_vec(), 0..40), pieces(after.to_vec(), 0..8));
        let run = run.prop_map(|(a, b, c)| [a, b, c].concat().concat());
        prop::collection::vec(run, 1..4).prop_map(|runs| runs.concat())
    }

    proptest! {
        /// Outlining what is inside a tag or comment changes nothing: the same text as in one piece.
        #[test]
        fn pieces_do_not_matter(html in markup()) {
            prop_assert_eq!(parse(&html, 40), parse(&html, usize::MAX), "{}", html);
        }
    }
}
