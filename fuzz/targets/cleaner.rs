//! `Cleaner` on any text, with any choice of steps: no panic, bounded growth, and cleaning twice is cleaning once.

#![no_main]

use std::borrow::Cow;

use libfuzzer_sys::fuzz_target;
use rec_text::{Cleaner, Found};

/// The longest placeholder is shorter than what normalisation makes of one character.
const PLACEHOLDERS: [&str; 4] = ["[URL]", "URL", "_", "]["];

/// What two of the bits at `bit` choose.
fn found(choices: u16, bit: u32) -> Found {
    match choices >> bit & 3 {
        0 => Found::Keep,
        1 => Found::Drop,
        2 => Found::Replace(PLACEHOLDERS[bit as usize / 2 % PLACEHOLDERS.len()]),
        _ => Found::Words,
    }
}

/// What three bytes choose: a preset, or any mixture of the steps that the first byte does not switch.
fn cleaner(more: u8, choices: u16) -> Cleaner {
    let on = |bit: u8| more & (1 << bit) != 0;
    match more >> 3 & 7 {
        1 => Cleaner::titles(),
        2 => Cleaner::reviews(),
        3 => Cleaner::posts(),
        _ => {
            let links = Cleaner::new().urls(found(choices, 0)).emails(found(choices, 2));
            let tags = links.mentions(found(choices, 4)).hashtags(found(choices, 6));
            let things = tags.phones(found(choices, 8)).emoji(found(choices, 10));
            things.full_width(on(0)).repeated_punctuation(on(1)).repeated_letters(on(2))
        }
    }
}

fuzz_target!(|input: &[u8]| {
    // The first byte chooses the steps: its bits 0 to 3 switch one off each, so that a digit 0 or a space keeps all on.
    // With bit 6, as in `@`, three more bytes choose among the others.
    let Some((switches, text)) = input.split_first() else { return };
    let on = |bit: u8| switches & (1 << bit) == 0;
    let (cleaner, text) = match text {
        [more, low, high, text @ ..] if !on(6) => (cleaner(*more, u16::from_le_bytes([*low, *high])), text),
        _ => (Cleaner::new(), text),
    };
    let cleaner = cleaner.html(on(0)).control(on(1)).nfkc(on(2)).whitespace(on(3));
    let text = String::from_utf8_lossy(text);

    let once = cleaner.clean(&text);
    let twice = cleaner.clean(&once);
    assert_eq!(twice, once, "{} of {text:?}", cleaner.describe());
    assert!(matches!(twice, Cow::Borrowed(_)), "{} copies the clean text {once:?}", cleaner.describe());
    assert!(
        once.len() <= 11 * text.len(),
        "{} makes {} bytes of {}",
        cleaner.describe(),
        once.len(),
        text.len()
    );
    if on(1) {
        assert!(!once.contains(|c: char| c.is_control() && !c.is_whitespace()), "{once:?}");
    }
    if on(3) {
        assert!(once.trim() == once && !once.contains("  "), "{once:?}");
    }
});
