//! URLs and e-mail addresses.

use std::borrow::Cow;
use std::ops::Range;

use linkify::{LinkFinder, LinkKind};

use super::unicode::is_cjk;

/// What is put before a `www.` so that the finder takes it for a URL.
///
/// The finder's own search for URLs without a scheme takes time quadratic in a text such as `a.b_a.b_`,
/// and finds `end.Then` too.
const SCHEME: &str = "http://";

/// A URL or an e-mail address, and where it stands.
pub(super) struct Link {
    pub(super) range: Range<usize>,
    pub(super) is_email: bool,
}

/// All links, in order.
pub(super) fn find(text: &str) -> Vec<Link> {
    let mut links = Vec::new();
    let finder = LinkFinder::new();
    let mut start = 0;
    for piece in text.split_inclusive(|c| !is_link_char(c)) {
        let run = piece.trim_end_matches(|c| !is_link_char(c));
        if run.contains([':', '@', '.']) {
            find_in_run(&finder, text, start..start + run.len(), &mut links);
        }
        start += piece.len();
    }
    links
}

/// What a link can hold: ASCII, and the letters of languages that put spaces between words.
///
/// In `看http://t.cn/abc吧` the link ends where the Chinese goes on.
fn is_link_char(c: char) -> bool {
    if c.is_ascii() {
        !c.is_ascii_whitespace() && !c.is_ascii_control()
    } else {
        c.is_alphanumeric() && !is_cjk(c)
    }
}

fn find_in_run(finder: &LinkFinder, text: &str, run: Range<usize>, links: &mut Vec<Link>) {
    let (marked, added) = with_schemes(&text[run.clone()]);
    // Where a place of `marked` is in `text`; the inside of an added scheme is where its `www.` is.
    let place = |at: usize| {
        let before = added.partition_point(|&scheme| scheme < at);
        let www = before.checked_sub(1).map_or(0, |last| added[last] - last * SCHEME.len());
        run.start + at.saturating_sub(before * SCHEME.len()).max(www)
    };
    for part in parts(&marked) {
        for link in finder.links(&marked[part.clone()]) {
            let is_email = *link.kind() == LinkKind::Email;
            let (from, to) = (part.start + link.start(), part.start + link.end());
            let (mut start, end) = (place(from), place(to));
            if is_email {
                start = address_start(text, start..end);
            }
            // With the scheme added, a `www` alone is a URL to the finder.
            let is_word = added.binary_search(&from).is_ok() && !text[start..end].contains('.');
            if start < end && !is_word {
                links.push(Link { range: start..end, is_email });
            }
        }
    }
}

/// Where an address begins: not with the punctuation that the standard allows, and with a `mailto:`.
fn address_start(text: &str, found: Range<usize>) -> usize {
    let address = text[found.clone()].trim_start_matches(|c: char| !c.is_alphanumeric() && c != '_');
    let start = found.end - address.len();
    let before = start.checked_sub("mailto:".len()).and_then(|scheme| text.get(scheme..start));
    start - before.filter(|scheme| scheme.eq_ignore_ascii_case("mailto:")).map_or(0, str::len)
}

/// The parts of a run in which links are looked for.
///
/// To the finder `http://a.com,b` is no URL, for a host has no comma, and a user name lacks its `@`. A part
/// ends before such a comma.
fn parts(run: &str) -> impl Iterator<Item = Range<usize>> {
    let cuts = run.match_indices("://").filter_map(|(at, colon)| {
        let start = at + colon.len();
        let authority = &run[start..start + run[start..].find(['/', '?', '#']).unwrap_or(run.len() - start)];
        let cut = authority.find(['!', '$', '&', '\'', '(', ')', '*', '+', ',', ';', '=']);
        cut.filter(|_| !authority.contains('@')).map(|cut| start + cut)
    });
    let mut start = 0;
    cuts.chain(std::iter::once(run.len())).map(move |end| std::mem::replace(&mut start, end)..end)
}

/// The run with [`SCHEME`] before each `www.` that begins a word, and where in the result.
fn with_schemes(run: &str) -> (Cow<'_, str>, Vec<usize>) {
    let is_www = |(_, letters): &(usize, &[u8])| letters.eq_ignore_ascii_case(b"www.");
    let begins = |at: &usize| {
        let before = run[..*at].chars().next_back();
        before.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '_' | '-' | '.' | '+' | '/' | '@'))
    };
    let places: Vec<usize> =
        run.as_bytes().windows(4).enumerate().filter(is_www).map(|(at, _)| at).filter(begins).collect();
    if places.is_empty() {
        return (Cow::Borrowed(run), places);
    }
    let mut out = String::with_capacity(run.len() + places.len() * SCHEME.len());
    let (mut added, mut at) = (Vec::with_capacity(places.len()), 0);
    for place in places {
        out.push_str(&run[at..place]);
        added.push(out.len());
        out.push_str(SCHEME);
        at = place;
    }
    out.push_str(&run[at..]);
    (Cow::Owned(out), added)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(text: &str) -> Vec<&str> {
        find(text).into_iter().map(|link| &text[link.range]).collect()
    }

    #[test]
    fn links_are_found() {
        for (text, expected) in [
            ("see http://a.com/b?c=d#e, ok", vec!["http://a.com/b?c=d#e"]),
            (
                "(https://de.wikipedia.org/wiki/Köln_(Stadt)).",
                vec!["https://de.wikipedia.org/wiki/Köln_(Stadt)"],
            ),
            ("“https://a.com/x”", vec!["https://a.com/x"]),
            ("ftp://a.com http://localhost:80/x", vec!["ftp://a.com", "http://localhost:80/x"]),
            ("链接：http://t.cn/abc，很好", vec!["http://t.cn/abc"]),
            ("看http://t.cn/abc吧", vec!["http://t.cn/abc"]),
            ("www.a.com, WWW.B.ORG/c! (www.d.de)", vec!["www.a.com", "WWW.B.ORG/c", "www.d.de"]),
            ("网址:www.a.com/b。", vec!["www.a.com/b"]),
            ("http://a.com/?u=www.b.com www.c.com", vec!["http://a.com/?u=www.b.com", "www.c.com"]),
            ("http://www.a.com", vec!["http://www.a.com"]),
            ("http://a.com,http://b.com;c", vec!["http://a.com", "http://b.com"]),
            ("(http://a.com)c http://me:p!w@a.com/", vec!["http://a.com", "http://me:p!w@a.com/"]),
            ("www.a.com,www.b.com", vec!["www.a.com", "www.b.com"]),
            ("anna@a.com, x+y@b.co.uk.", vec!["anna@a.com", "x+y@b.co.uk"]),
            ("邮箱anna@a.com或b@c.cn。", vec!["anna@a.com", "b@c.cn"]),
            ("MailTo:anna@a.com", vec!["MailTo:anna@a.com"]),
            ("!!!anna@a.com!!!", vec!["anna@a.com"]),
        ] {
            assert_eq!(links(text), expected, "{text}");
        }
    }

    #[test]
    fn other_text_is_no_link() {
        for text in [
            "",
            "www",
            "www.",
            "www...",
            "the www. of",
            "end.Then",
            "node.js",
            "a.b.c",
            "a@b",
            "@anna",
            "5 @ 3",
            "@me@a.com",
            "12:30",
            "std::fmt",
            "http:/x",
            "://",
            "C://",
            "xwww.a.com",
            "a/b",
            "3.5",
            "...@...",
        ] {
            assert!(links(text).is_empty(), "{text}: {:?}", links(text));
        }
    }

    #[test]
    fn places_survive_the_added_schemes() {
        for text in [
            "http://a.b:www.x.com",
            "(www.a.com(www.b.com",
            "x://a,www.b.com,www.c.com",
            "www.a.com,www.b.com",
        ] {
            for link in find(text) {
                assert!(!text[link.range].is_empty());
            }
        }
    }
}
