//! `Cleaner` on any text, with any choice of steps: no panic, and cleaning twice is cleaning once.

#![no_main]

use std::borrow::Cow;

use libfuzzer_sys::fuzz_target;
use rec_text::Cleaner;

fuzz_target!(|input: &[u8]| {
    // The first byte chooses the steps: its bits 0 to 3 switch one off each, so that a digit 0 or a space keeps all on.
    let Some((switches, text)) = input.split_first() else { return };
    let on = |bit: u8| switches & (1 << bit) == 0;
    let cleaner = Cleaner::new().html(on(0)).control(on(1)).nfkc(on(2)).whitespace(on(3));
    let text = String::from_utf8_lossy(text);

    let once = cleaner.clean(&text);
    let twice = cleaner.clean(&once);
    assert_eq!(twice, once, "{} of {text:?}", cleaner.describe());
    assert!(matches!(twice, Cow::Borrowed(_)), "{} copies the clean text {once:?}", cleaner.describe());
    if on(1) {
        assert!(!once.contains(|c: char| c.is_control() && !c.is_whitespace()), "{once:?}");
    }
    if on(3) {
        assert!(once.trim() == once && !once.contains("  "), "{once:?}");
    }
});
