//! Emoji, by the regular expression of UTS #51, section 1.4.9.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::unicode::regex;

/// Emoji that no variation selector need follow: those of today, and code points reserved for others.
///
/// Digits, `#`, `*` and signs that are read as letters or punctuation are not among them.
const PICTURE: &str = r"[[\p{Emoji}\p{Cn}&&\p{Extended_Pictographic}]--[©®™‼⁉ℹⓂ㊗㊙]]";

/// One emoji, with all that makes it one: modifiers, tags, keycaps, joined emoji.
static EMOJI: LazyLock<Regex> = LazyLock::new(|| {
    let one = format!(
        r"(?:[0-9\#*©®™‼⁉ℹⓂ㊗㊙]\x{{FE0F}}\x{{20E3}}?|[0-9\#*]\x{{20E3}}|\p{{RI}}\p{{RI}}|\p{{EMod}}
        |{PICTURE}(?:\p{{EMod}}|\x{{FE0F}}\x{{20E3}}?|\x{{FE0E}}|[\x{{E0020}}-\x{{E007E}}]+\x{{E007F}})?)"
    );
    regex(&format!(r"(?x) {one}(?:\x{{200D}}{one})*"))
});

/// Every character without which nothing is an emoji.
static PART: LazyLock<Regex> =
    LazyLock::new(|| regex(&format!(r"{PICTURE}|\p{{EMod}}|\p{{RI}}|[\x{{FE0F}}\x{{20E3}}]")));

/// All emoji, in order. A picture with the text selector U+FE0E is text.
pub(super) fn find(text: &str) -> impl Iterator<Item = Range<usize>> {
    let text = if text.is_ascii() { "" } else { text };
    EMOJI.find_iter(text).filter(|emoji| !emoji.as_str().ends_with('\u{fe0e}')).map(|emoji| emoji.range())
}

/// Whether an emoji can hold `c`; without such characters a text has none.
pub(super) fn is_part(c: char) -> bool {
    !c.is_ascii() && PART.is_match(c.encode_utf8(&mut [0; 4]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_are_one_emoji() {
        for emoji in [
            "😀",
            "👍🏽",
            "❤",
            "❤\u{fe0f}",
            "❤\u{fe0f}\u{200d}🔥",
            "👨\u{200d}👩\u{200d}👧\u{200d}👦",
            "👩🏽\u{200d}💻",
            "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
            "🇩🇪",
            "1\u{fe0f}\u{20e3}",
            "#\u{20e3}",
            "©\u{fe0f}",
            "™\u{fe0f}",
            "‼\u{fe0f}",
            "🏻",
            "☎",
            // Reserved in Unicode 16.
            "\u{1faff}",
        ] {
            let text = format!("a{emoji}1");
            let found: Vec<_> = find(&text).map(|range| &text[range]).collect();
            assert_eq!(found, [emoji]);
            assert!(emoji.chars().any(is_part));
        }
        assert_eq!(find("🇩🇪🇫🇷😀😀").count(), 4);
    }

    #[test]
    fn other_signs_are_text() {
        for text in [
            "0123 #1 5*3",
            "© 2019 Lego® Dune™",
            "★★★★☆ ♪ → ① Ⅲ",
            "ℹ ‼ ㊙",
            "❤\u{fe0e}",
            "中文，日本語",
            "🇩",
            "क्\u{200d}ष",
        ] {
            assert_eq!(find(text).count(), 0, "{text}");
        }
    }
}
