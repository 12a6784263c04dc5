//! Laws of the cleaner, on arbitrary and on hostile text.

use std::borrow::Cow;
use std::time::Instant;

use proptest::prelude::*;
use rec_text::Cleaner;

/// Any text, and text made of the pieces that the steps act on.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "\\PC{0,6}",
        any::<char>().prop_map(String::from),
        prop::sample::select(vec![
            "<b>",
            "</b>",
            "<p>",
            "</",
            "</>",
            "<",
            ">",
            "&",
            "&lt;",
            "&amp;",
            "&amp;lt;",
            "&gt;",
            "&#0;",
            "&nGt;",
            "&#8203;",
            "&#xff1c;",
            "<script>",
            "</script>",
            "<style>",
            "</style>",
            "<!--",
            "-->",
            "<![CDATA[",
            "]]>",
            "<a href=\"",
            "\"",
            "'",
            "=",
            "\0",
            "\r",
            "\n",
            " ",
            "\u{a0}",
            "\u{3000}",
            "\u{200b}",
            "\u{200c}",
            "\u{200d}",
            "\u{feff}",
            "\u{301}",
            "\u{338}",
            "e",
            "م",
            "👩",
            "\u{fe0f}",
            "\u{ff1c}",
            "\u{ff1e}",
            "\u{ff06}",
            "Ａ",
            "amp;",
            "lt;",
            "\u{e0041}",
            "\u{ad}",
            "\u{b4}",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn cleaner() -> impl Strategy<Value = Cleaner> {
    any::<[bool; 4]>().prop_map(|[html, control, nfkc, whitespace]| {
        Cleaner::new().html(html).control(control).nfkc(nfkc).whitespace(whitespace)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cleaning_twice_is_cleaning_once(text in text(), cleaner in cleaner()) {
        let once = cleaner.clean(&text);
        let twice = cleaner.clean(&once);
        prop_assert_eq!(&twice, &once, "{} of {:?}", cleaner.describe(), text);
        prop_assert!(matches!(twice, Cow::Borrowed(_)));
    }

    #[test]
    fn clean_text_is_clean(text in text()) {
        let clean = Cleaner::new().clean(&text);
        let invisible = |c: char| c.is_control() || matches!(c, '\u{feff}' | '\u{200b}');
        prop_assert!(!clean.contains(invisible));
        prop_assert!(!clean.contains("  ") && clean.trim() == clean);
        prop_assert!(!clean.contains("<b>") && !clean.contains("&lt;"));
    }

    #[test]
    fn plain_words_stay_as_they_are(text in "[a-zA-Z0-9.,:;!?'()*+-]{1,8}( [a-z0-9.<]{1,8}){0,6}") {
        prop_assert!(matches!(Cleaner::new().clean(&text), Cow::Borrowed(same) if same == text));
    }
}

/// A megabyte of `unit`.
fn megabyte(unit: &str) -> String {
    unit.repeat((1 << 20) / unit.len())
}

/// One tag with 200 000 attributes of different names.
fn attributes(separator: &str) -> String {
    let names: String = (0..200_000).map(|i| format!("{separator}{i:x}")).collect();
    format!("<a{names}>")
}

#[test]
fn a_hostile_megabyte_costs_linear_time() {
    let hostile = [
        "<",
        "&",
        "<a ",
        "<a b=\"",
        "</>",
        "<div>",
        "&amp;",
        "&amp",
        "&a",
        "<!--",
        "<script>",
        "</script",
        "<![CDATA[",
        "]]>",
        "e\u{301}",
        "\u{301}",
        "\u{200d}",
        "م\u{200d}",
        "\u{fdfa}",
        "\u{a0}",
        "\0",
        "<p ='>'",
        "\r",
        "&#",
        "&#x0;",
        "\u{ff06}amp;",
    ];
    let texts = hostile.into_iter().map(megabyte);
    for text in texts.chain([" ", "/", "=''"].map(attributes)).chain([format!("&{}", megabyte("amp;"))]) {
        let start = Instant::now();
        let clean = Cleaner::new().clean(&text);
        assert_eq!(Cleaner::new().clean(&clean), clean);
        // Quadratic work takes minutes; the limit leaves room for a slow and busy machine.
        let seconds = start.elapsed().as_secs_f64();
        println!("{seconds:.2} s  {:?}", text.chars().take(16).collect::<String>());
        assert!(seconds < 20.0, "{seconds} s for {:?}", text.chars().take(16).collect::<String>());
    }
}
