//! Mentions and hashtags, as social networks write them.

use std::ops::Range;

use super::unicode::{is_cjk, is_word};

/// The longest topic between two marks, in characters.
const TOPIC: usize = 40;

/// A mention or hashtag, and the words in it.
pub(super) struct Tagged {
    pub(super) range: Range<usize>,
    pub(super) words: Range<usize>,
}

/// The mentions in `text` after `from`, in order.
pub(super) fn mentions(text: &str, from: usize) -> Vec<Tagged> {
    tagged(text, from, ['@', '＠'], "", |rest| {
        let name = name_len(rest);
        Some((name + server_len(&rest[name..]), 0..name))
    })
}

/// The hashtags in `text` after `from`, in order.
pub(super) fn hashtags(text: &str, from: usize) -> Vec<Tagged> {
    tagged(text, from, ['#', '＃'], "/", |rest| {
        topic(rest).or_else(|| {
            let word = word_len(rest);
            // A mark that closes: nothing begins with it.
            let mut after = rest[word..].chars();
            let closing = after.next().filter(|c| is_hash(*c) && !after.next().is_some_and(is_word));
            Some((word + closing.map_or(0, char::len_utf8), 0..word))
        })
    })
}

/// What follows one of `marks`, as far as `len` says (all of it, and the words in it), when the words
/// have a letter and the mark begins a word.
fn tagged(
    text: &str,
    from: usize,
    marks: [char; 2],
    not_after: &str,
    len: impl Fn(&str) -> Option<(usize, Range<usize>)>,
) -> Vec<Tagged> {
    let mut found: Vec<Tagged> = Vec::new();
    for (at, mark) in text[from..].match_indices(marks) {
        let start = from + at;
        let end = found.last().map_or(0, |tag| tag.range.end);
        let before = text[..start].chars().next_back();
        let begins = before.is_none_or(|c| {
            (!is_word(c) || is_cjk(c)) && !"-+@＠#＃&=%$".contains(c) && !not_after.contains(c)
        });
        if start < end || !(begins || start == end) {
            continue;
        }
        let inside = start + mark.len();
        let Some((all, words)) = len(&text[inside..]) else { continue };
        let words = inside + words.start..inside + words.end;
        if text[words.clone()].contains(char::is_alphabetic) {
            found.push(Tagged { range: start..inside + all, words });
        }
    }
    found
}

/// `话题#`: at most [`TOPIC`] letters, digits, spaces and a little punctuation, some of it CJK.
fn topic(rest: &str) -> Option<(usize, Range<usize>)> {
    let is_inside = |c: char| is_word(c) || " ·・•-—:：《》“”'".contains(c);
    let (end, mark) = rest.char_indices().take(TOPIC + 1).find(|&(_, c)| !is_inside(c))?;
    let topic = &rest[..end];
    let whole = is_hash(mark) && topic.trim() == topic && topic.contains(is_cjk);
    whole.then_some((end + mark.len_utf8(), 0..end))
}

fn is_hash(c: char) -> bool {
    matches!(c, '#' | '＃')
}

fn word_len(rest: &str) -> usize {
    rest.find(|c| !is_word(c)).unwrap_or(rest.len())
}

/// The length of a name: words joined by `-`, or by `.` before a small ASCII letter or a digit.
fn name_len(rest: &str) -> usize {
    let mut len = word_len(rest);
    loop {
        let mut after = rest[len..].chars();
        let joined = match (after.next(), after.next()) {
            (Some('-'), Some(next)) => is_word(next),
            (Some('.'), Some(next)) => next.is_ascii_lowercase() || next.is_ascii_digit(),
            _ => false,
        };
        if len == 0 || !joined {
            return len;
        }
        len += 1 + word_len(&rest[len + 1..]);
    }
}

/// The length of the `@example.org` that follows a name of the fediverse.
fn server_len(rest: &str) -> usize {
    let Some(host) = rest.strip_prefix('@') else { return 0 };
    // No host name is longer; the bound keeps the search linear.
    let is_host = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-');
    let len = host.bytes().take(253).take_while(is_host).count();
    let host = host[..len].trim_end_matches(['.', '-']);
    if host.trim_start_matches('.').contains('.') { 1 + host.len() } else { 0 }
}

/// The words of a tag: parted at `_`, and at a capital after two small letters.
pub(super) fn words(tag: &str) -> String {
    let mut out = String::with_capacity(tag.len());
    let mut small = 0;
    for c in tag.chars() {
        if c == '_' || (small >= 2 && c.is_uppercase()) {
            out.push(' ');
        }
        if c != '_' {
            out.push(c);
        }
        small = if c.is_lowercase() { small + 1 } else { 0 };
    }
    out.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, of: fn(&str, usize) -> Vec<Tagged>) -> Vec<(&str, &str)> {
        of(text, 0).into_iter().map(|tag| (&text[tag.range], &text[tag.words])).collect()
    }

    #[test]
    fn mentions_are_names() {
        for (text, expected) in [
            ("@anna hi", vec![("@anna", "anna")]),
            (".@anna, (@bob_2) @c-d.", vec![("@anna", "anna"), ("@bob_2", "bob_2"), ("@c-d", "c-d")]),
            ("@a.schmidt @a.Then", vec![("@a.schmidt", "a.schmidt"), ("@a", "a")]),
            ("@me@mas.to!", vec![("@me@mas.to", "me")]),
            ("转发@小明：//@李雷 好", vec![("@小明", "小明"), ("@李雷", "李雷")]),
            ("＠ユーザー さん", vec![("＠ユーザー", "ユーザー")]),
            ("@Müller", vec![("@Müller", "Müller")]),
        ] {
            assert_eq!(found(text, mentions), expected, "{text}");
        }
        for text in ["a@b", "a_@b", "5 @ 3", "@5.99", "@", "@@", "@@x", "x+@y", "é@b", "e\u{301}@b", "@ x"] {
            assert!(found(text, mentions).is_empty(), "{text}");
        }
    }

    #[test]
    fn hashtags_are_words_or_topics() {
        for (text, expected) in [
            ("#SlowFood, #2pac", vec![("#SlowFood", "SlowFood"), ("#2pac", "2pac")]),
            ("#a#b_c", vec![("#a", "a"), ("#b_c", "b_c")]),
            ("day.#sun", vec![("#sun", "sun")]),
            ("#新年 快乐", vec![("#新年", "新年")]),
            ("今天#新年快乐#真好", vec![("#新年快乐#", "新年快乐")]),
            (
                "#iPhone 15 发布会##上海#",
                vec![("#iPhone 15 发布会#", "iPhone 15 发布会"), ("#上海#", "上海")],
            ),
            ("#OOTD# 今天", vec![("#OOTD#", "OOTD")]),
            ("#旅行 好 #美食", vec![("#旅行", "旅行"), ("#美食", "美食")]),
            ("＃日本語", vec![("＃日本語", "日本語")]),
            ("#می\u{200c}خواهم", vec![("#می\u{200c}خواهم", "می\u{200c}خواهم")]),
        ] {
            assert_eq!(found(text, hashtags), expected, "{text}");
        }
        for text in ["C# F# a#b", "#1 #42", "#", "##", "##x", "&#x41;", "a/#b", "# x", "#!"] {
            assert!(found(text, hashtags).is_empty(), "{text}");
        }
    }

    #[test]
    fn tags_part_into_words() {
        for (tag, expected) in [
            ("ThrowbackThursday", "Throwback Thursday"),
            ("slow_food", "slow food"),
            ("_x_", "x"),
            ("iPhone", "iPhone"),
            ("NASA", "NASA"),
            ("ThankYouNHS", "Thank You NHS"),
            ("新年快乐", "新年快乐"),
        ] {
            assert_eq!(words(tag), expected);
        }
    }
}
