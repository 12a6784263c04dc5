//! From texts to terms: languages, words, stop words and the analyzer, on ordinary and on hostile text.

#![allow(clippy::print_stdout, reason = "tests report what they measured")]

use std::time::Instant;

use proptest::prelude::*;
use rec_text::{Analyzer, Language, Script, SegmentKind, Segmenter, StopWords, Tag, Tagger};
use unicode_segmentation::UnicodeSegmentation;

/// Any text, and text made of the pieces that segmentation acts on.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "\\PC{0,6}",
        any::<char>().prop_map(String::from),
        "[a-zA-Z0-9.,'’ +-]{1,8}",
        "[一-龥]{1,6}",
        prop::sample::select(vec![
            "我爱Rust",
            "iPhone 15手机壳",
            "T恤",
            "卡拉OK",
            "C++程序",
            "naïve15手",
            "3.5mm耳机",
            "二〇二四年",
            "人々",
            "字\u{301}\u{e0100}",
            "カメラ",
            "ひらがな",
            "한국어",
            "ภาษาไทย",
            "The ",
            "don't",
            "e\u{301}",
            "\u{200d}",
            "👩\u{200d}👩",
            "🇩🇪🇫🇷",
            "\r\n",
            "\u{3000}",
            "！",
            "…",
            ". ",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

fn segmenters() -> Vec<Segmenter> {
    vec![
        Segmenter::unicode(),
        #[cfg(feature = "chinese")]
        Segmenter::chinese(),
    ]
}

/// A tagger that gives tags by the length of words, and so shows whether they arrive where they belong.
struct ByLength;

impl ByLength {
    fn tag_of(word: &str) -> Tag {
        Tag::ALL[word.len() % Tag::ALL.len()]
    }
}

impl Tagger for ByLength {
    fn tag(&self, words: &[&str]) -> Vec<Tag> {
        assert!(words.iter().all(|word| !word.trim().is_empty()));
        words.iter().map(|word| Self::tag_of(word)).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn segments_joined_are_the_text(text in text()) {
        for segmenter in segmenters() {
            let mut end = 0;
            for segment in segmenter.segments(&text) {
                prop_assert_eq!(segment.offset, end);
                prop_assert!(!segment.text.is_empty());
                prop_assert_eq!(&text[end..end + segment.text.len()], segment.text);
                prop_assert_eq!(
                    segment.kind == SegmentKind::Word,
                    segment.text.contains(char::is_alphanumeric)
                );
                end += segment.text.len();
            }
            prop_assert_eq!(end, text.len());
        }
    }

    #[test]
    fn words_are_those_of_the_standard(text in text()) {
        let words: Vec<_> = text.unicode_words().collect();
        prop_assert_eq!(Segmenter::unicode().words(&text), words);
    }

    #[test]
    fn an_analyzer_keeps_what_its_steps_keep(text in text()) {
        for segmenter in segmenters() {
            let analyzer = Analyzer::new(Language::ENGLISH).with_segmenter(segmenter.clone()).min_chars(2);
            let terms = analyzer.terms(&text);
            let stop_words = StopWords::of(analyzer.language_of(&text)).unwrap_or_default();
            prop_assert!(terms.iter().all(|term| !stop_words.contains(term) && term.chars().count() > 1));
            // All words, less those that were dropped.
            let all = Analyzer::new(Language::ENGLISH).with_segmenter(segmenter.clone()).without_stop_words();
            let kept: Vec<_> = all.terms(&text).into_iter()
                .filter(|term| !stop_words.contains(term) && term.chars().count() > 1)
                .collect();
            prop_assert_eq!(&terms, &kept);
            prop_assert_eq!(all.terms(&text).len(), segmenter.words(&text).len());
            // Words with their places are the same words.
            let words = analyzer.words(&text);
            prop_assert_eq!(&words.iter().map(|word| word.text.clone()).collect::<Vec<_>>(), &terms);
            for word in words {
                let again = Analyzer::fixed(Language::ENGLISH).with_segmenter(segmenter.clone()).without_stop_words();
                prop_assert_eq!(again.terms(&text[word.range.clone()]).concat(), word.text);
            }
        }
    }

    #[test]
    fn tags_arrive_at_their_words(text in text()) {
        for segmenter in segmenters() {
            let tagged = Analyzer::fixed(Language::ENGLISH)
                .with_tagger(Language::ENGLISH, ByLength)
                .with_segmenter(segmenter)
                .without_stop_words();
            let words = tagged.words(&text);
            for word in &words {
                prop_assert_eq!(word.tag, Some(ByLength::tag_of(&text[word.range.clone()])));
            }
            let kept = [Tag::Noun, Tag::Verb, Tag::ALL[3], Tag::ALL[6]];
            let expected: Vec<_> = words.into_iter()
                .filter(|word| word.tag.is_some_and(|tag| kept.contains(&tag)))
                .map(|word| word.text)
                .collect();
            prop_assert_eq!(tagged.keep_tags(&kept).terms(&text), expected);
        }
    }

    #[test]
    fn detection_never_leaves_its_range(text in text()) {
        if let Some(found) = Language::detect(&text) {
            prop_assert!((0.0..=1.0).contains(&found.confidence));
            prop_assert_eq!(found.is_reliable, found.confidence > 0.9);
            prop_assert_eq!(Language::detect(&text), Some(found));
        } else {
            let letters = |c: char| c.is_alphabetic() && c.is_ascii();
            prop_assert!(!text.contains(letters));
        }
    }
}

#[test]
fn languages_are_detected() {
    for (code, script, text) in [
        (
            "en",
            Script::Latin,
            "The young apprentice leaves the island to hunt the shadow that he has called up.",
        ),
        (
            "de",
            Script::Latin,
            "Der Junge liest ein Buch und merkt, dass er selbst in der Geschichte vorkommt.",
        ),
        (
            "fr",
            Script::Latin,
            "Un aviateur perdu dans le désert rencontre un enfant venu d'une autre planète.",
        ),
        (
            "es",
            Script::Latin,
            "La historia de una familia a lo largo de varias generaciones en un pueblo pequeño.",
        ),
        (
            "it",
            Script::Latin,
            "Un frate indaga su una serie di morti misteriose nella biblioteca dell'abbazia.",
        ),
        (
            "pl",
            Script::Latin,
            "Zbiór opowiadań o łowcy potworów, który przemierza świat w poszukiwaniu zleceń.",
        ),
        (
            "tr",
            Script::Latin,
            "Şehrin eski sokaklarında geçen bu roman, kayıp bir kadını arayan adamı anlatıyor.",
        ),
        ("vi", Script::Latin, "Câu chuyện về một chú dế mèn rời quê hương để đi khám phá thế giới rộng lớn."),
        ("ru", Script::Cyrillic, "Роман о том, как дьявол приезжает в Москву и что из этого получается."),
        (
            "uk",
            Script::Cyrillic,
            "Повість про кохання двох молодих людей, яких розлучила давня сварка їхніх родів.",
        ),
        ("ar", Script::Arabic, "مجموعة من القصص الشعبية التي ترويها شهرزاد للملك كل ليلة"),
        (
            "hi",
            Script::Devanagari,
            "यह उपन्यास एक गरीब किसान के जीवन और उसके संघर्ष की कहानी है, जो अपने परिवार के लिए सब कुछ करता है",
        ),
        ("he", Script::Hebrew, "סיפור על ילדות בירושלים ועל משפחה שהגיעה מאירופה"),
        ("el", Script::Other, "Ένα μυθιστόρημα για τη φιλία"),
        ("th", Script::Other, "นวนิยายเกี่ยวกับมิตรภาพ"),
        ("zh", Script::Han, "长篇科幻小说，讲述地球文明与三体文明的故事。"),
        ("ja", Script::Han, "京都大学の学生が主人公の小説"),
        ("ja", Script::Kana, "ノルウェイの森"),
        ("ko", Script::Hangul, "어느 날 아침 이상한 꿈에서 깨어난 사람의 이야기"),
    ] {
        let found = Language::detect(text).unwrap();
        assert_eq!((found.language.code2(), found.script), (Some(code), script), "{text}");
        assert!(found.is_reliable, "{text}: {}", found.confidence);
    }
}

#[test]
fn scripts_outweigh_what_stands_beside_them() {
    let code = |text| Language::detect(text).map(|found| found.language.code());
    // Full-width punctuation is no Hangul, and full-width letters are letters.
    assert_eq!(code("你好！！！！！！"), Some("cmn"));
    assert_eq!(code("！！！"), None);
    assert_eq!(code("ｶﾀｶﾅ"), Some("jpn"));
    assert_eq!(code("Apple iPhone 15 Pro Max 手机壳"), Some("cmn"));
    assert_eq!(code("Sony ソニー WH-1000XM5 ヘッドホン"), Some("jpn"));
    assert_eq!(code("삼성 Galaxy S24 케이스"), Some("kor"));
    let mixed =
        Language::detect("The Analects and the meaning of the character 道 in the books of the Daoists");
    assert_eq!(mixed.map(|found| found.language), Some(Language::ENGLISH));
    for text in ["", " ", "1984", "10/10 !?", "★★★", "\u{301}"] {
        assert_eq!(code(text), None, "{text:?}");
    }
}

#[test]
fn short_titles_have_the_default_language() {
    let english = Analyzer::new(Language::ENGLISH);
    let titles = [
        "Star Wars",
        "Toy Story",
        "Die Hard",
        "Blade Runner",
        "Donkey Kong",
        "Gran Torino",
        "Super Mario",
        "Dune",
        "Casino Royale",
        "Final Fantasy",
        "42",
        "",
    ];
    for title in titles {
        assert_eq!(english.language_of(title), Language::ENGLISH, "{title}");
        assert_eq!(Analyzer::new(Language::CHINESE).language_of(title), Language::CHINESE, "{title}");
    }
    // A default that is not written in the script of the text is worse than a guess.
    assert_ne!(english.language_of("Война и мир"), Language::ENGLISH);
    let russian = Language::from_code("ru").unwrap();
    assert_eq!(Analyzer::new(russian).language_of("Мир"), russian);
}

#[test]
fn terms_in_several_languages() {
    let analyzer = Analyzer::new(Language::ENGLISH);
    assert_eq!(
        analyzer.terms("It wasn’t the dragon's gold that the Wizard wanted; it was the dragon's name."),
        ["dragon's", "gold", "wizard", "dragon's"]
    );
    let german =
        analyzer.terms("Der Junge liest ein Buch und merkt, dass er selbst in der Geschichte vorkommt.");
    assert_eq!(german, ["junge", "liest", "buch", "merkt", "geschichte", "vorkommt"]);
    assert_eq!(analyzer.terms("그리고 나는 책을 읽는다"), ["나는", "책을", "읽는다"]);
    assert_eq!(analyzer.terms(" \n"), [""; 0]);
}

/// A megabyte of `unit`.
fn megabyte(unit: &str) -> String {
    unit.repeat((1 << 20) / unit.len())
}

#[test]
fn a_hostile_megabyte_costs_linear_time() {
    let hostile = [
        "a ",
        "e\u{301}",
        "\u{200d}",
        "a\u{200d}'",
        "'",
        "1,",
        "1.",
        ". ",
        ".\"",
        "_",
        "👩\u{200d}",
        "\u{5d0}\"",
        "あ",
        "ก",
        "中",
        "龘",
        "。",
        "中a",
        "中\u{301}",
        "T恤",
        "中国",
    ];
    for unit in hostile {
        let text = megabyte(unit);
        let start = Instant::now();
        let analyzer = Analyzer::new(Language::CHINESE).with_tagger(Language::CHINESE, ByLength);
        #[cfg(feature = "chinese")]
        let analyzer = analyzer
            .with_segmenter(Segmenter::chinese())
            .with_tagger(Language::CHINESE, rec_text::ChineseTagger::new());
        let words = analyzer.words(&text);
        // Quadratic work takes minutes; the limit leaves room for a slow and busy machine.
        let seconds = start.elapsed().as_secs_f64();
        println!("{seconds:.2} s  {} words of {unit:?}", words.len());
        assert!(seconds < 20.0, "{seconds} s for {unit:?}");
    }
}

#[cfg(feature = "chinese")]
mod chinese {
    use std::error::Error as _;
    use std::path::PathBuf;

    use super::*;
    use rec_text::{ChineseTagger, Error};

    /// What Python's jieba 0.42.1 gives (Python 3.11.7): `list(jieba.cut(sentence))`.
    #[test]
    fn words_are_those_of_jieba() {
        for (sentence, words) in [
            ("小明硕士毕业于中国科学院计算所", "小明 硕士 毕业 于 中国科学院 计算所"),
            ("我来到北京清华大学", "我 来到 北京 清华大学"),
            ("他来到了网易杭研大厦", "他 来到 了 网易 杭研 大厦"),
            ("乒乓球拍卖完了", "乒乓球 拍卖 完 了"),
            ("这款无线蓝牙耳机续航时间很长", "这 款 无线 蓝牙 耳机 续航 时间 很长"),
            ("故宫博物院的文创产品", "故宫博物院 的 文创 产品"),
            (
                "长篇科幻小说三体讲述地球文明与外星文明的故事",
                "长篇 科幻小说 三体 讲述 地球 文明 与 外星 文明 的 故事",
            ),
            ("石墨烯床垫", "石墨 烯 床垫"),
            ("纯棉短袖T恤男装夏季新款", "纯棉 短袖 T恤 男装 夏季 新款"),
            ("小米手机壳防摔", "小米 手机 壳 防 摔"),
            ("二十四史", "二十四史"),
        ] {
            assert_eq!(Segmenter::chinese().words(sentence).join(" "), words);
        }
    }

    #[test]
    fn mixed_text_is_cut_sanely() {
        for (text, words) in [
            ("iPhone 15手机壳", "iPhone 15 手机 壳"),
            ("我爱Rust", "我 爱 Rust"),
            ("3.5mm耳机，Wi-Fi音箱", "3.5mm 耳机 Wi Fi 音箱"),
            ("café手机", "café 手机"),
            ("naïve15手机", "naïve15 手机"),
            ("《三体》（刘慈欣）", "三体 刘慈欣"),
            ("don't停", "don't 停"),
            ("字\u{e0100}典", "字\u{e0100} 典"),
            ("カメラと写真", "カメラ と 写真"),
        ] {
            assert_eq!(Segmenter::chinese().words(text).join(" "), words, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn text_without_chinese_characters_is_cut_as_ever(text in "[ -~éßа-яあア한。！\n]{0,40}") {
            prop_assert_eq!(Segmenter::chinese().segments(&text), Segmenter::unicode().segments(&text));
        }

        #[test]
        fn every_word_has_a_tag(text in text()) {
            let words = Segmenter::chinese().words(&text);
            prop_assert_eq!(ChineseTagger::new().tag(&words).len(), words.len());
        }
    }

    #[test]
    fn an_analyzer_filters_parts_of_speech() {
        let content: Vec<_> =
            Tag::ALL.into_iter().filter(|tag| tag.is_content()).chain([Tag::Other]).collect();
        let analyzer = Analyzer::new(Language::CHINESE)
            .with_segmenter(Segmenter::chinese())
            .with_tagger(Language::CHINESE, ChineseTagger::new())
            .keep_tags(&content);
        let terms = analyzer.terms("这款 iPhone 15 的手机壳很漂亮，而且非常便宜！");
        assert_eq!(terms, ["款", "iphone", "15", "手机", "壳", "很漂亮", "非常", "便宜"]);
        let nouns = analyzer.keep_tags(&[Tag::Noun]);
        assert_eq!(nouns.terms("我在北京买了三个手机。"), ["手机"]);
        let tags: Vec<_> = nouns.words("三个手机").iter().map(|word| word.tag).collect();
        assert_eq!(tags, [Some(Tag::Noun)]);
    }

    #[test]
    fn words_of_the_user_change_segmentation() {
        let own = Segmenter::chinese().with_word("手机壳", None, None).with_word("防摔", Some(1000), None);
        assert_eq!(own.words("小米手机壳防摔").join(" "), "小米 手机壳 防摔");
        assert_eq!(Segmenter::chinese().words("小米手机壳防摔").join(" "), "小米 手机 壳 防 摔", "shared");
        // A rare word does not hold against frequent ones.
        let rare = Segmenter::chinese().with_word("摔手", Some(0), None).with_word("", None, None);
        assert_eq!(rare.words("防摔手机").join(" "), "防 摔 手机");
        let from_unicode = Segmenter::unicode().with_word("手机壳", None, None);
        assert_eq!(from_unicode.words("手机壳"), ["手机壳"]);
    }

    /// A file with these bytes, in a folder that lives as long as the first value.
    fn dictionary(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("words.txt");
        std::fs::write(&path, bytes).expect("a file");
        (folder, path)
    }

    fn refused(bytes: &[u8]) -> Error {
        let (_folder, path) = dictionary(bytes);
        Segmenter::chinese().with_user_dictionary(path).expect_err("a bad file")
    }

    #[test]
    fn dictionaries_of_the_user_are_read() {
        let file = "\u{feff}手机壳 200000 n\r\n\n小米 nz\n石墨烯\n二手书\t300\nT恤衫 5 NOUN";
        let (_folder, path) = dictionary(file.as_bytes());
        let segmenter = Segmenter::chinese().with_user_dictionary(path).unwrap();
        assert_eq!(segmenter.words("小米手机壳石墨烯二手书").join(" "), "小米 手机壳 石墨烯 二手书");
        let tagger = ChineseTagger::with_segmenter(&segmenter);
        let tags = tagger.tag(&["手机壳", "小米", "石墨烯", "T恤衫"]);
        assert_eq!(tags, [Tag::Noun, Tag::ProperNoun, Tag::Noun, Tag::Noun]);
        // A known word whose line has no tag keeps its own.
        assert_eq!(tagger.tag(&["二手书"]), ChineseTagger::new().tag(&["二手书"]));
    }

    #[test]
    fn bad_dictionaries_are_refused_by_line() {
        for (bytes, line, problem) in [
            (&b"\xe4\xb8\xad 3 n\nx -3"[..], 2, "\"-3\" is no frequency, a whole number up to 4294967295"),
            (b"x 3.5 n", 1, "\"3.5\" is no frequency, a whole number up to 4294967295"),
            (b"x 99999999999", 1, "\"99999999999\" is no frequency, a whole number up to 4294967295"),
            (b"\nx 3 noun", 2, "unknown part-of-speech tag \"noun\""),
            (b"x 3 n n", 1, "\"n\" follows the word, the frequency and the tag"),
            (b"a\nb\n\xff\n", 3, "not UTF-8"),
        ] {
            let message = refused(bytes).to_string();
            assert!(message.ends_with(&format!("words.txt, line {line}: {problem}")), "{message}");
        }
        let missing = Segmenter::chinese().with_user_dictionary("no/such/words.txt").unwrap_err();
        assert!(missing.is_read() && missing.source().is_some());
    }
}
