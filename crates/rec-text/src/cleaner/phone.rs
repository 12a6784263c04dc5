//! Phone numbers, by their shape.
//!
//! [`Cleaner::phones`](super::Cleaner::phones) states the rule. There is no list of country codes:
//! what tells a phone number from a price, a date or an ISBN is how its digits are grouped.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::unicode::{is_cjk, is_word, regex};

/// Groups of digits with one separator between them: as much as could be one number.
static RUN: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"[+(]{0,2}[0-9]+(?:\)?(?: ?[-/\x{2010}\x{2011}] ?|[. \x{A0}\x{202F}])?\(?[0-9]+)*")
});

const SPACES: [char; 3] = [' ', '\u{a0}', '\u{202f}'];

/// The phone numbers in `text` after `from`, in order.
pub(super) fn find(text: &str, from: usize) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for run in RUN.find_iter(&text[from..]) {
        let range = from + run.start()..from + run.end();
        if run.len() >= 8 && is_free(&text[..range.start], &text[range.end..]) {
            find_in_run(text, range, &mut found);
        }
    }
    found
}

/// Whether nothing beside a run makes its digits part of something else: a word, a price, a decimal.
fn is_free(before: &str, after: &str) -> bool {
    let (mut before, mut after) = (before.chars().rev(), after.chars());
    let left = match before.next() {
        Some('.' | ',' | ':' | '\'') => !before.next().is_some_and(|c| c.is_numeric()),
        Some('-' | '/') => !before.next().is_some_and(is_latin),
        Some(c) => !is_latin(c) && !is_money(c) && !matches!(c, '#' | '+'),
        None => true,
    };
    let right = match after.next() {
        Some('.' | ',' | ':' | '\'') => !after.next().is_some_and(|c| c.is_numeric()),
        Some('-') => !after.next().is_some_and(is_latin),
        Some(c) => !is_latin(c) && !is_money(c) && !"%°元円圆块万亿年".contains(c),
        None => true,
    };
    left && right
}

/// What belongs to a word that digits can belong to. Chinese stands next to numbers without a space.
fn is_latin(c: char) -> bool {
    is_word(c) && !is_cjk(c)
}

fn is_money(c: char) -> bool {
    matches!(c, '$' | '¢'..='¥' | '\u{20a0}'..='\u{20cf}' | '＄' | '￥' | '￡')
}

/// The run when it is a phone number; or else those of its parts, between slashes or spaces, that are.
fn find_in_run(text: &str, range: Range<usize>, found: &mut Vec<Range<usize>>) {
    let part = text[range.clone()].trim_matches(|c| SPACES.contains(&c) || c == '/');
    // Of `(030 1234567)` the run has only the first bracket.
    let is_open = part.starts_with('(') && part.matches('(').count() > part.matches(')').count();
    let part = part.strip_prefix('(').filter(|_| is_open).unwrap_or(part);
    if Number::read(part).is_some_and(|number| number.is_phone()) {
        let start = range.start + text[range].find(part).unwrap_or(0);
        found.push(start..start + part.len());
        return;
    }
    let separators: &[char] = if part.contains('/') { &['/'] } else { &SPACES };
    if part.contains(separators) {
        let mut start = range.start;
        for piece in text[range].split_inclusive(separators) {
            find_in_run(text, start..start + piece.len(), found);
            start += piece.len();
        }
    }
}

/// A run, taken apart.
struct Number<'a> {
    /// What stands before the first digit.
    prefix: &'a str,
    groups: Vec<&'a str>,
    /// What stands between two groups, without brackets: `-`, `.`, `/`, or a space.
    separators: Vec<char>,
    /// The group in brackets.
    bracketed: Option<usize>,
    n_digits: usize,
}

impl<'a> Number<'a> {
    /// None when it has too few or too many digits, or odd brackets.
    fn read(run: &'a str) -> Option<Self> {
        let digit = |c: char| c.is_ascii_digit();
        let n_digits = run.bytes().filter(u8::is_ascii_digit).count();
        if !(8..=17).contains(&n_digits) || !run.ends_with(digit) {
            return None;
        }
        let prefix = &run[..run.find(digit)?];
        let groups: Vec<_> = run.split(|c| !digit(c)).filter(|group| !group.is_empty()).collect();
        let gaps = || run[prefix.len()..].split(digit).filter(|gap| !gap.is_empty());
        let separators = gaps().map(|gap| {
            let mark = gap.chars().find(|c| !SPACES.contains(c) && !matches!(c, '(' | ')'));
            mark.map_or(' ', |mark| if matches!(mark, '.' | '/') { mark } else { '-' })
        });
        let opens = std::iter::once(prefix).chain(gaps()).position(|gap| gap.contains('('));
        let closes = gaps().position(|gap| gap.contains(')'));
        let is_odd = run.matches(['(', ')']).count() > 2 || opens != closes;
        let separators = separators.collect();
        (!is_odd).then_some(Self { prefix, groups, separators, bracketed: opens, n_digits })
    }

    fn is_phone(&self) -> bool {
        match self.prefix {
            "+" | "(+" | "+(" => self.is_international(),
            "" | "(" => {
                self.is_mobile() || self.is_service() || self.is_north_american() || self.is_national()
            }
            _ => false,
        }
    }

    /// `+` and at most the 15 digits of E.164, where `(0)` is none of them.
    fn is_international(&self) -> bool {
        let trunk = usize::from(self.bracketed.is_some_and(|at| self.groups[at] == "0"));
        (8..=15).contains(&(self.n_digits - trunk)) && !self.groups[0].starts_with('0')
    }

    /// A Chinese mobile number: 11 digits from 13 to 19, whole or as 3-4-4, perhaps after 86 or 0086.
    fn is_mobile(&self) -> bool {
        let digits = self.groups.concat();
        let own = digits.strip_prefix("0086").or_else(|| digits.strip_prefix("86")).unwrap_or(&digits);
        let is_mobile = own.len() == 11 && own.starts_with('1') && matches!(own.as_bytes()[1], b'3'..=b'9');
        let lens = self.lens();
        let lens = if matches!(lens[..], [2 | 4, 11] | [2 | 4, 3, 4, 4]) { &lens[1..] } else { &lens[..] };
        let is_grouped = matches!(lens, [11 | 13 | 15] | [3, 4, 4]);
        is_mobile && is_grouped && !self.separators.contains(&'.') && !self.separators.contains(&'/')
    }

    /// A Chinese service number: 400 or 800, then 4 and 3 digits.
    fn is_service(&self) -> bool {
        matches!(self.groups[0], "400" | "800") && self.lens() == [3, 4, 3] && self.separators == ['-', '-']
    }

    /// 3-3-4, perhaps after 1, with hyphens, dots or a bracketed area code.
    fn is_north_american(&self) -> bool {
        let area = usize::from(self.groups[0] == "1");
        let separators = &self.separators[area.min(self.separators.len())..];
        let is_written = match self.bracketed {
            Some(at) => at == area,
            None => separators == ['-', '-'] || self.separators.iter().all(|&separator| separator == '.'),
        };
        self.lens()[area..] == [3, 3, 4]
            && matches!(self.groups[area].as_bytes()[0], b'2'..=b'9')
            && is_written
    }

    /// A trunk 0 with its area code, or 00 with a country code, and then two to five groups in all.
    fn is_national(&self) -> bool {
        let lens = self.lens();
        // Nine digits are few: only whole, as `030 123456`.
        let fewest = if matches!(lens[..], [3, 6] | [2, 7]) { 9 } else { 10 };
        let (area, digits) = match self.groups[0].as_bytes() {
            [b'0', b'0', b'1'..=b'9', ..] => (4..=6, 11..=17),
            [b'0', b'1'..=b'9', ..] => (2..=6, fewest..=12),
            _ => return false,
        };
        let dots = self.separators.iter().filter(|&&separator| separator == '.').count();
        area.contains(&lens[0])
            && digits.contains(&self.n_digits)
            && (2..=5).contains(&lens.len())
            && lens.iter().all(|&len| len >= 2)
            && self.bracketed.is_none_or(|at| at == 0)
            && (dots == 0 || dots == self.separators.len())
            && !self.separators[1..].contains(&'/')
            && !self.is_date()
    }

    /// Whether it begins with a day, a month and a year.
    fn is_date(&self) -> bool {
        self.lens().starts_with(&[2, 2, 4])
            && (self.groups[2].starts_with("19") || self.groups[2].starts_with("20"))
            && self.separators[0] == self.separators[1]
    }

    fn lens(&self) -> Vec<usize> {
        self.groups.iter().map(|group| group.len()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phones(text: &str) -> Vec<&str> {
        find(text, 0).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn phone_numbers_are_found() {
        for phone in [
            "+49 30 1234567",
            "+49 (0)30 123456",
            "+49-30-123-4567",
            "+49\u{a0}30\u{a0}1234567",
            "+442079460958",
            "+1 (555) 123-4567",
            "(+86) 138 1234 5678",
            "+86 13812345678",
            "+8613812345678",
            "0049 30 1234567",
            "(030) 123 45 67",
            "030/1234567",
            "030 / 1234567",
            "030 12345678",
            "030 123456",
            "04-2345678",
            "0171-1234567",
            "04101 123456",
            "020 7946 0958",
            "01 42 68 53 00",
            "01.42.68.53.00",
            "0755-88888888",
            "0755-8888 8888",
            "(0755)88888888",
            "010-88888888",
            "13812345678",
            "138-1234-5678",
            "138 1234 5678",
            "8613812345678",
            "86-13812345678",
            "0086 13812345678",
            "(555) 123-4567",
            "(555)123-4567",
            "555-123-4567",
            "555.123.4567",
            "1-800-123-4567",
            "1 (800) 123-4567",
            "400-810-8888",
            "400-8108-888",
        ] {
            for (before, after) in [("", ""), ("Tel.: ", ", or"), ("电话", "找我"), ("Tel:", "."), ("(", ")")]
            {
                if (before, phone.starts_with('(')) != ("(", true) {
                    assert_eq!(phones(&format!("{before}{phone}{after}")), [phone], "{before}{phone}{after}");
                }
            }
        }
    }

    #[test]
    fn other_numbers_are_not() {
        for text in [
            "2019-11-11",
            "11.11.2019",
            "01.02.2019",
            "01-02-2019 12",
            "01-02-2019 1234",
            "2019-11-11 10:00:00",
            "1939-1945 2019/2020",
            "$1,299.99",
            "¥13812345678",
            "13812345678元",
            "1 299 000 000",
            "1.299.000,00",
            "12,345-678-9012",
            "ISBN 978-3-16-148410-0",
            "ISBN 0-306-40615-2",
            "ISBN 0 306 40615 2",
            "9783161484100 0306406152",
            "ISSN 0028-0836",
            "192.168.0.1 255.255.255.255",
            "v1.2.3 1.0.2024.1105",
            "3-2 21-19 21-17 6-4",
            "1:02:03 00:12:34:56",
            "128 256 1024",
            "1571234567 1571234567890",
            "12345678901234567890",
            "11010519491231002X",
            "6222 0212 3456 7890",
            "WH-1000XM4 RTX-4090",
            "SKU-0301-1234567",
            "0301-1234567-X",
            "X13812345678 13812345678x",
            "#13812345678",
            "0.123 45678",
            "00-11-22-33-44-55 01-23-45-67-89-01",
            "555-1234",
            "02134-1234 010 020 030",
            "C++13812345678",
            "10.1000/182",
            "+5 +1000 +/-",
            "",
        ] {
            assert!(phones(text).is_empty(), "{text}: {:?}", phones(text));
        }
    }

    #[test]
    fn several_numbers_are_several() {
        for (text, expected) in [
            ("13812345678 13912345678", vec!["13812345678", "13912345678"]),
            ("13812345678/0755-88888888", vec!["13812345678", "0755-88888888"]),
            ("13812345678、13912345678", vec!["13812345678", "13912345678"]),
            ("2 555-123-4567", vec!["555-123-4567"]),
            ("030 12345678, 040 12345678", vec!["030 12345678", "040 12345678"]),
            ("+49 30 123456 +49 30 654321", vec!["+49 30 123456", "+49 30 654321"]),
        ] {
            assert_eq!(phones(text), expected);
        }
    }
}
