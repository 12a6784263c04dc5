//! Laws of the cleaner, on arbitrary and on hostile text.

use std::borrow::Cow;

use proptest::prelude::*;
use rec_text::{Cleaner, Found};

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
            "http://",
            "www.",
            "a.com",
            "/",
            ":",
            ".",
            ",",
            "@",
            "＠",
            "anna_b",
            "AbC",
            "mailto:",
            "#",
            "＃",
            "新年",
            "_",
            "+49",
            "030",
            "1234567",
            "13812345678",
            "555-123-4567",
            "(",
            ")",
            "-",
            "1",
            "\u{20e3}",
            "🏽",
            "🇩",
            "🇪",
            "™",
            "\u{fe0e}",
            "!!!",
            "?!",
            "...",
            "…",
            "~~",
            "ooo",
            "XXXL",
            "iii",
            "ß",
        ])
        .prop_map(str::to_owned),
    ];
    let pieces = prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat());
    // Nested so deep that what is inside is not reached in eight rounds.
    let parts = prop::collection::vec(pieces.clone(), 3).prop_map(|parts| {
        let short = |part: &str| part.chars().take(8).collect::<String>();
        [short(&parts[0]).repeat(12), parts[1].clone(), short(&parts[2]).repeat(12)].concat()
    });
    prop_oneof![3 => pieces, 1 => parts]
}

fn found() -> impl Strategy<Value = Found> {
    let put = prop::sample::select(vec!["[URL]", "URL", "_", "a", "]["]).prop_map(Found::Replace);
    prop_oneof![Just(Found::Keep), Just(Found::Drop), Just(Found::Words), put]
}

/// Any choice of what becomes of the things that are found, with all else off.
fn finder() -> impl Strategy<Value = Cleaner> {
    let found = (found(), found(), found(), found(), found(), found());
    found.prop_map(|(urls, emails, mentions, hashtags, phones, emoji)| {
        let links = Cleaner::none().urls(urls).emails(emails);
        links.mentions(mentions).hashtags(hashtags).phones(phones).emoji(emoji)
    })
}

/// Any choice of steps.
fn cleaner() -> impl Strategy<Value = Cleaner> {
    (finder(), any::<[bool; 7]>()).prop_map(|(finder, on)| {
        let [html, control, full_width, nfkc, punctuation, letters, whitespace] = on;
        let cleaner = finder.html(html).control(control).full_width(full_width).nfkc(nfkc);
        cleaner.repeated_punctuation(punctuation).repeated_letters(letters).whitespace(whitespace)
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
    fn the_presets_obey_the_laws(text in text()) {
        for cleaner in [Cleaner::new(), Cleaner::titles(), Cleaner::reviews(), Cleaner::posts()] {
            let once = cleaner.clean(&text);
            let twice = cleaner.clean(&once);
            prop_assert_eq!(&twice, &once, "{} of {:?}", cleaner.describe(), text);
            prop_assert!(matches!(twice, Cow::Borrowed(_)));
        }
    }

    #[test]
    fn growth_is_bounded(text in text(), cleaner in cleaner()) {
        // The longest placeholder has 5 bytes: normalisation makes more.
        prop_assert!(cleaner.clean(&text).len() <= 11 * text.len());
    }

    #[test]
    fn folding_before_normalising_changes_nothing(text in text()) {
        let folded = Cleaner::none().full_width(true).clean(&text).into_owned();
        let nfkc = Cleaner::none().nfkc(true);
        prop_assert_eq!(nfkc.clean(&folded), nfkc.clean(&text));
    }

    /// What is on one side of a barrier has no influence on the other.
    #[test]
    fn cleaning_is_local(left in text(), right in text(), finder in finder(), on in any::<[bool; 4]>()) {
        let [control, full_width, punctuation, letters] = on;
        let cleaner = finder.control(control).full_width(full_width);
        let cleaner = cleaner.repeated_punctuation(punctuation).repeated_letters(letters);
        let barrier = " | ";
        let whole = [&left, barrier, &right].concat();
        let parts = [cleaner.clean(&left), Cow::Borrowed(barrier), cleaner.clean(&right)].concat();
        prop_assert_eq!(cleaner.clean(&whole), parts, "{} of {:?}", cleaner.describe(), whole);
    }

    /// For what holds no white space it does not matter when white space is collapsed.
    #[test]
    fn white_space_can_be_collapsed_at_any_time(text in text(), finder in finder(), repeats in any::<bool>()) {
        let cleaner = finder.hashtags(Found::Keep).phones(Found::Keep);
        let cleaner = cleaner.repeated_punctuation(repeats).repeated_letters(repeats);
        let collapse = Cleaner::none().whitespace(true);
        let last = collapse.clean(&cleaner.clean(&text)).into_owned();
        prop_assert_eq!(cleaner.whitespace(true).clean(&text), last.clone());
        let first = collapse.clean(&text).into_owned();
        let both = cleaner.clean(&first);
        prop_assert_eq!(collapse.clean(&both), last);
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

/// 64 KiB of `unit`: enough for quadratic work to be felt. The benchmark `clean` has a megabyte of each.
fn much(unit: &str) -> String {
    unit.repeat((1 << 16) / unit.len())
}

/// One tag with ten thousand attributes of different names.
fn attributes(separator: &str) -> String {
    let names: String = (0..10_000).map(|i| format!("{separator}{i:x}")).collect();
    format!("<a{names}>")
}

#[test]
fn hostile_text_obeys_the_laws() {
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
        "<template>",
        "<noscript>",
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
        "@",
        "@a",
        "a@",
        "a@b.c",
        "a@b.co ",
        "#",
        "#a",
        "#新",
        "#新 ",
        "+",
        "+1",
        "1",
        "1 ",
        "1-",
        "(1",
        "1)",
        "030 (",
        "13812345678 ",
        "http://",
        "://",
        "a://?",
        "http://_:",
        "www.",
        "a.b_",
        ".",
        ":",
        "😀",
        "😀\u{200d}",
        "🏴\u{e0061}",
        "🇩",
        "1\u{fe0f}",
        "!",
        "?!",
        ".",
        "o",
        "Xo",
        "@a-",
        "@a.b",
        "@a@b",
        "_",
    ];
    let texts = hostile.into_iter().map(much);
    let more = [" ", "/", "=''"].map(attributes).into_iter().chain([format!("&{}", much("amp;"))]);
    for text in texts.chain(more) {
        for cleaner in [Cleaner::new(), Cleaner::posts(), Cleaner::posts().hashtags(Found::Replace("[TAG]"))]
        {
            let clean = cleaner.clean(&text);
            assert!(clean.len() <= 11 * text.len());
            assert!(matches!(cleaner.clean(&clean), Cow::Borrowed(same) if same == clean), "{text:.16}");
        }
    }
}
