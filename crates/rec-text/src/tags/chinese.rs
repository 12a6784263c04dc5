use std::sync::Arc;

use super::{Tag, Tagger};
use crate::Segmenter;
use crate::language::is_han;
use crate::segment::{Dictionary, Entry};

/// Tags Chinese words by the dictionary of [jieba](https://github.com/fxsjy/jieba).
///
/// The dictionary gives each word one part of speech, in the tag set of Peking University, and a hidden Markov model
/// gives one to words that it lacks. This table makes universal tags of them:
///
/// | code | means | tag |
/// |---|---|---|
/// | `n` `ng` `s` `f` `t` `tg` `q` `mq` `vn` `an` `zg` `g` `jn` `ln` | nouns; places, directions, times; measure words; nominal verbs and adjectives; morphemes | NOUN |
/// | `nr` `nrt` `nrfg` `ns` `nt` `nz` `j` | persons, places, organizations, other names; abbreviations | PROPN |
/// | `v` `vg` `vi` `vq` `l` | verbs; phrases | VERB |
/// | `a` `ag` `b` `bg` `z` `i` `in` | adjectives, attributes, states, idioms | ADJ |
/// | `d` `df` `dg` `ad` `vd` | adverbs; adverbial adjectives and verbs | ADV |
/// | `m` `mg` | numbers; NOUN without a numeral, as in 年 | NUM |
/// | `r` `rg` `rr` `rz` | pronouns | PRON |
/// | `p` | prepositions | ADP |
/// | `c` | conjunctions | SCONJ |
/// | `ul` `uz` `ug` | aspects: 了, 着, 过 | AUX |
/// | `u` `ud` `uj` `uv` `y` `yg` `h` `k` `qe` `qg` | other particles; affixes | PART |
/// | `e` `en` `o` | interjections; sounds | INTJ |
/// | `x` `w` `eng` | by their characters, see below | |
///
/// Three things come before and after the table. About 150 function words have tags of their own, where the codes are
/// coarser than Universal Dependencies: 是 is AUX, 和 CCONJ, 因为 ADP, 该 DET. Words without Chinese characters are
/// tagged by what they hold: letters make them X, digits NUM, and the rest is PUNCT or SYM. And ten rules look at the
/// neighbours: 的 after a verb or an adjective is SCONJ and otherwise PART, a verb after 的 is a noun, the last syllable
/// of a compound (性, 者, 化) that stands alone after a noun is PART.
///
/// A dictionary knows no context, so words that are both verb and noun are the most frequent errors, and common nouns
/// that jieba takes for names the next.
///
/// # Accuracy
///
/// On UD_Chinese-GSDSimp (commit eb3aed31), by `examples/measure_chinese.rs`. Function words, suffixes and rules were
/// chosen on the dev part; the test part was measured once.
///
/// | | dev | test |
/// |---|---|---|
/// | tags on the words of the treebank, accuracy | 83.4 % | 83.0 % |
/// | words by [`Segmenter::chinese`], precision | 83.8 % | 84.0 % |
/// | words, recall | 75.3 % | 76.2 % |
/// | words, F1 | 79.3 % | 79.9 % |
/// | words with the right tag, F1 | 67.9 % | 68.4 % |
///
/// The treebank cuts suffixes off (加速 度) and the dictionary does not: much of what segmentation loses is that.
///
/// ```
/// use rec_text::{ChineseTagger, Tag, Tagger};
///
/// let tags = ChineseTagger::new().tag(&["我", "在", "北京", "买", "了", "三", "个", "手机", "。"]);
/// let names: Vec<_> = tags.into_iter().map(Tag::as_str).collect();
/// assert_eq!(names, ["PRON", "ADP", "PROPN", "VERB", "AUX", "NUM", "NOUN", "NOUN", "PUNCT"]);
/// ```
#[derive(Clone, Debug)]
pub struct ChineseTagger {
    dictionary: Arc<Dictionary>,
}

impl Default for ChineseTagger {
    /// The same as [`ChineseTagger::new`].
    fn default() -> Self {
        Self::new()
    }
}

impl ChineseTagger {
    /// A tagger with the built-in dictionary, which it shares with all segmenters.
    #[must_use]
    pub fn new() -> Self {
        Self { dictionary: Dictionary::shared() }
    }

    /// A tagger that knows the words of the user that `segmenter` knows; the tag of such a word holds everywhere.
    ///
    /// ```
    /// use rec_text::{ChineseTagger, Segmenter, Tag, Tagger};
    ///
    /// let segmenter = Segmenter::chinese().with_word("小米", None, Some(Tag::ProperNoun));
    /// assert_eq!(ChineseTagger::with_segmenter(&segmenter).tag(&["小米"]), [Tag::ProperNoun]);
    /// assert_eq!(ChineseTagger::new().tag(&["小米"]), [Tag::Noun]);
    /// ```
    #[must_use]
    pub fn with_segmenter(segmenter: &Segmenter) -> Self {
        Self { dictionary: segmenter.dictionary().map_or_else(Dictionary::shared, Arc::clone) }
    }
}

impl Tagger for ChineseTagger {
    fn tag(&self, words: &[&str]) -> Vec<Tag> {
        let alone: Vec<_> = words.iter().map(|word| Guess::of(word, &self.dictionary)).collect();
        let mut tags: Vec<Tag> = Vec::with_capacity(words.len());
        for (at, guess) in alone.iter().enumerate() {
            let neighbours = Neighbours {
                before: at.checked_sub(1).map(|before| (words[before], tags[before])),
                after: words.get(at + 1).zip(alone.get(at + 1)).map(|(&word, guess)| (word, guess.tag)),
            };
            tags.push(if guess.is_final { guess.tag } else { neighbours.settle(words[at], guess) });
        }
        tags
    }
}

/// The tag of a word as it stands alone.
struct Guess {
    tag: Tag,
    /// A noun that the dictionary knows as a verb, too.
    is_nominal_verb: bool,
    /// A verb that is no function word.
    is_full_verb: bool,
    /// Whether it holds whatever stands beside it: the user said so.
    is_final: bool,
}

impl Guess {
    fn of(word: &str, dictionary: &Dictionary) -> Self {
        let plain = |tag| Self { tag, is_nominal_verb: false, is_full_verb: false, is_final: false };
        if !word.contains(is_han) {
            return plain(foreign(word));
        }
        let code = match dictionary.lookup(word) {
            Entry::User(tag) => return Self { is_final: true, ..plain(tag) },
            Entry::Code(code) => code,
        };
        if let Some(tag) = function_word(word) {
            return plain(tag);
        }
        let tag = match universal(code).unwrap_or(Tag::Noun) {
            Tag::Numeral if !word.contains(is_numeral) => Tag::Noun,
            _ if word.chars().nth(1).is_some() && word.chars().all(is_numeral) => Tag::Numeral,
            tag => tag,
        };
        Self { is_nominal_verb: code == "vn", is_full_verb: tag == Tag::Verb, ..plain(tag) }
    }
}

/// What stands beside a word: the one before with its tag, and the one after with its tag alone.
struct Neighbours<'w> {
    before: Option<(&'w str, Tag)>,
    after: Option<(&'w str, Tag)>,
}

impl Neighbours<'_> {
    fn settle(&self, word: &str, guess: &Guess) -> Tag {
        let (word_before, before) = self.before.unzip();
        let (word_after, after) = self.after.unzip();
        let before_is = |tags: &[Tag]| before.is_some_and(|tag| tags.contains(&tag));
        let after_is = |tags: &[Tag]| after.is_some_and(|tag| tags.contains(&tag));
        let predicate = [Tag::Verb, Tag::Adjective, Tag::Auxiliary, Tag::Adverb];
        match word {
            "的" | "之" if before_is(&predicate) => return Tag::SubordinatingConjunction,
            "的" | "之" => return Tag::Particle,
            "为" | "于" if before == Some(Tag::Verb) => return Tag::Verb,
            "位" if matches!(word_after, Some("于" | "在")) => return Tag::Verb,
            "这" | "那" if after_is(&[Tag::Auxiliary, Tag::Verb, Tag::Adposition, Tag::Punctuation]) => {
                return Tag::Pronoun;
            }
            "会" if after_is(&[Tag::Verb, Tag::Adposition, Tag::Auxiliary]) => return Tag::Auxiliary,
            _ => {}
        }
        let compound = [Tag::Noun, Tag::ProperNoun, Tag::Verb, Tag::Adjective, Tag::Other];
        if is_suffix(word) && before_is(&compound)
            || is_prefix(word) && after_is(&[Tag::Noun, Tag::ProperNoun, Tag::Verb])
        {
            return Tag::Particle;
        }
        if guess.is_full_verb
            && matches!(word_before, Some("的" | "之"))
            && !matches!(word_after, Some("的" | "了"))
        {
            return Tag::Noun;
        }
        let takes_object = matches!(word_after, Some("了" | "于" | "过" | "着"));
        let follows = before_is(&[Tag::Adverb, Tag::Auxiliary, Tag::SubordinatingConjunction]);
        if guess.is_nominal_verb && (takes_object || follows) {
            return Tag::Verb;
        }
        guess.tag
    }
}

/// The tag that a code of the dictionary stands for; `None` for an unknown code.
pub(crate) fn universal(code: &str) -> Option<Tag> {
    Some(match code {
        "n" | "ng" | "s" | "f" | "t" | "tg" | "q" | "mq" | "vn" | "an" | "zg" | "g" | "jn" | "ln" => {
            Tag::Noun
        }
        "nr" | "nrt" | "nrfg" | "ns" | "nt" | "nz" | "j" => Tag::ProperNoun,
        "v" | "vg" | "vi" | "vq" | "l" => Tag::Verb,
        "a" | "ag" | "b" | "bg" | "z" | "i" | "in" => Tag::Adjective,
        "d" | "df" | "dg" | "ad" | "vd" => Tag::Adverb,
        "m" | "mg" => Tag::Numeral,
        "r" | "rg" | "rr" | "rz" => Tag::Pronoun,
        "p" => Tag::Adposition,
        "c" => Tag::SubordinatingConjunction,
        "ul" | "uz" | "ug" => Tag::Auxiliary,
        "u" | "ud" | "uj" | "uv" | "y" | "yg" | "h" | "k" | "qe" | "qg" => Tag::Particle,
        "e" | "en" | "o" => Tag::Interjection,
        "w" => Tag::Punctuation,
        "x" | "eng" => Tag::Other,
        _ => return None,
    })
}

/// The tag of a word without Chinese characters.
fn foreign(word: &str) -> Tag {
    if word.contains(char::is_alphabetic) {
        Tag::Other
    } else if word.contains(char::is_numeric) {
        Tag::Numeral
    } else if word.contains(is_symbol) {
        Tag::Symbol
    } else {
        Tag::Punctuation
    }
}

/// Signs of currency, mathematics and technique, and emoji, as against punctuation.
fn is_symbol(c: char) -> bool {
    "$%+<=>^`|~¢£¤¥¦§¨©¬®¯°±´¸×÷‰‱′″￥＄％＋＜＝＞＾｀｜￠￡".contains(c)
        || matches!(c, '\u{20a0}'..='\u{214f}' | '\u{2190}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}')
}

fn is_numeral(c: char) -> bool {
    c.is_numeric() || "一二三四五六七八九十百千万亿兆两零几半多数双第".contains(c)
}

/// Syllables that make nouns of what stands before them.
fn is_suffix(word: &str) -> bool {
    const SUFFIXES: &str = "人军线队国区性乡州机部化室院官局门省商业量币学楼力街站会家场级员县物论度厂剂馆语者们式型率感品版\
                            团族党宫府镇村校所系河湖岛";
    is_one_of(word, SUFFIXES)
}

/// Syllables that make a noun of the noun or verb after them.
fn is_prefix(word: &str) -> bool {
    is_one_of(word, "大新总副小古")
}

fn is_one_of(word: &str, syllables: &str) -> bool {
    let mut chars = word.chars();
    chars.next().is_some_and(|c| syllables.contains(c)) && chars.next().is_none()
}

/// The tag of a function word, where Universal Dependencies tells apart what the codes do not.
///
/// Adverbs that connect clauses (也, 还, 就) are subordinating conjunctions in the treebank.
#[rustfmt::skip]
fn function_word(word: &str) -> Option<Tag> {
    Some(match word {
        "和" | "与" | "及" | "或" | "以及" | "或者" | "或是" | "乃至" | "暨" => Tag::CoordinatingConjunction,
        "也" | "亦" | "都" | "还" | "就" | "才" | "则" | "却" | "便" | "又" | "甚至" | "而" | "但" | "并" | "并且"
        | "但是" | "所" | "所以" | "于是" | "然而" | "因而" | "而且" | "可是" | "不过" | "即" | "来" =>
            Tag::SubordinatingConjunction,
        "因为" | "由于" | "因" | "虽然" | "虽" | "如果" | "若" | "无论" | "不论" | "尽管" | "不仅" | "即使" | "除非" | "只要"
        | "当" | "将" | "把" | "距" | "起" | "直到" | "直至" | "透过" | "时" | "内" | "中" | "上" | "后" | "下" | "前"
        | "里" | "外" | "间" | "末" | "初" | "之后" | "之前" | "之内" | "之外" | "之间" | "之初" | "之上" | "之下"
        | "之中" | "以来" | "以前" | "以后" => Tag::Adposition,
        "是" | "为" | "被" | "会" | "可" | "要" | "可能" | "能" | "需" | "想" | "能够" | "可以" | "应" | "应该" | "必须"
        | "须" | "敢" | "不会" | "不能" | "不可" | "都是" | "也是" | "则是" | "仍是" | "而是" | "了" | "着" | "过" =>
            Tag::Auxiliary,
        "该" | "其他" | "其它" | "这些" | "那些" | "任何" | "本" | "各" | "每" | "另" | "各种" | "这种" | "各个" | "其余"
        | "某" | "某些" | "一切" | "所有" | "历届" | "整个" | "各式" | "此等" | "那" | "这" => Tag::Determiner,
        "其" | "此" | "自己" | "自身" | "它" | "他" | "她" => Tag::Pronoun,
        "等" | "等等" | "北" | "南" | "东" | "西" | "同时" | "此外" | "其后" | "此后" | "其中" | "前身" | "几何" | "各国"
        | "本国" => Tag::Noun,
        "由" | "有" | "任" | "用" | "除" | "给" | "只有" | "成" => Tag::Verb,
        "另外" | "不" | "最" | "仍" => Tag::Adverb,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(sentence: &str) -> Vec<&'static str> {
        let words: Vec<_> = sentence.split(' ').collect();
        ChineseTagger::new().tag(&words).into_iter().map(Tag::as_str).collect()
    }

    #[test]
    fn neighbours_decide() {
        assert_eq!(tag("漂亮 的 手机"), ["ADJ", "SCONJ", "NOUN"]);
        assert_eq!(tag("公司 的 手机"), ["NOUN", "PART", "NOUN"]);
        assert_eq!(tag("公司 的 成立"), ["NOUN", "PART", "NOUN"]);
        assert_eq!(tag("他 会 游泳"), ["PRON", "AUX", "VERB"]);
        assert_eq!(tag("成立 于 北京"), ["VERB", "VERB", "PROPN"]);
        assert_eq!(tag("这 是 书"), ["PRON", "AUX", "NOUN"]);
        assert_eq!(tag("可能 性"), ["AUX", "NOUN"]);
        assert_eq!(tag("安全 性"), ["NOUN", "PART"]);
    }

    #[test]
    fn foreign_words_are_tagged_by_their_characters() {
        assert_eq!(
            tag("iPhone 15 3.5mm ， … ％ 👍 ２０２４ カメラ"),
            ["X", "NUM", "X", "PUNCT", "PUNCT", "SYM", "SYM", "NUM", "X"]
        );
        assert_eq!(ChineseTagger::new().tag(&["", " "]), [Tag::Punctuation, Tag::Punctuation]);
        assert_eq!(ChineseTagger::new().tag(&[]), []);
    }

    #[test]
    fn unknown_and_long_words_have_a_tag() {
        assert_eq!(tag("王小明 二〇二四 第三 年"), ["PROPN", "NUM", "NUM", "NOUN"]);
        let long = "龘".repeat(300_000);
        assert_eq!(ChineseTagger::new().tag(&[&long]).len(), 1);
    }
}
