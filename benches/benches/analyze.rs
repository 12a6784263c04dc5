//! Text on the way to terms: language detection, word segmentation, part-of-speech tags, and all of it as [`Analyzer`].
//!
//! Throughput is in texts, but for the taggers: there it is in words.
#![allow(missing_docs)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rec_text::{Analyzer, ChineseTagger, Language, PerceptronTagger, Segmenter, Tag, Tagger};

const ENGLISH: [&str; 4] = [
    "Telescope sees weather on a planet of another star",
    "Trail running shoes with deep lugs, made for mud and wet rock",
    "My sourdough starter is three years old today, and here is how I feed it",
    "A programming course: tokens, trees, and code for a real machine",
];

const CHINESE: [&str; 4] = [
    "轨道探测器在永久阴影区拍到了冰层，为将来的月球基地提供了水源",
    "在阳台上就能看清土星环和月球环形山，附两个目镜",
    "面粉、水、一点盐，配上番茄鸡蛋卤，全家都吃光了",
    "iPhone 15手机壳 轻薄透明 防摔",
];

fn each_text(c: &mut Criterion) {
    let mut group = c.benchmark_group("texts");
    group.throughput(Throughput::Elements(ENGLISH.len() as u64));
    let (unicode, chinese) = (Segmenter::unicode(), Segmenter::chinese());
    for (name, texts) in [("english", &ENGLISH), ("chinese", &CHINESE)] {
        let analyzer = Analyzer::new(Language::ENGLISH).with_segmenter(Segmenter::chinese());
        let tagged = PerceptronTagger::english().map(|english| {
            let analyzer = analyzer.clone().with_tagger(Language::ENGLISH, english);
            let analyzer = analyzer.with_tagger(Language::CHINESE, ChineseTagger::new());
            analyzer.keep_tags(&Tag::ALL.into_iter().filter(|tag| tag.is_content()).collect::<Vec<_>>())
        });
        let tagged = tagged.unwrap_or_else(|error| panic!("{error}"));
        group.bench_function(format!("detect/{name}"), |b| {
            b.iter(|| texts.iter().filter_map(|text| Language::detect(text)).count())
        });
        group.bench_function(format!("words/unicode/{name}"), |b| {
            b.iter(|| texts.iter().map(|text| unicode.words(text).len()).sum::<usize>())
        });
        group.bench_function(format!("words/jieba/{name}"), |b| {
            b.iter(|| texts.iter().map(|text| chinese.words(text).len()).sum::<usize>())
        });
        group.bench_function(format!("terms/{name}"), |b| {
            b.iter(|| texts.iter().map(|text| analyzer.terms(text).len()).sum::<usize>())
        });
        group.bench_function(format!("terms of content words/{name}"), |b| {
            b.iter(|| texts.iter().map(|text| tagged.terms(text).len()).sum::<usize>())
        });
    }
    group.finish();
}

fn taggers(c: &mut Criterion) {
    let english = PerceptronTagger::english().unwrap_or_else(|error| panic!("{error}"));
    let segmenter = Segmenter::chinese();
    let chinese = ChineseTagger::new();
    let mut group = c.benchmark_group("tag");
    for (name, tagger, texts) in
        [("english", &english as &dyn Tagger, &ENGLISH), ("chinese", &chinese as &dyn Tagger, &CHINESE)]
    {
        let sentences: Vec<Vec<&str>> = texts.iter().map(|text| segmenter.words(text)).collect();
        group.throughput(Throughput::Elements(sentences.iter().map(|words| words.len() as u64).sum()));
        group.bench_function(name, |b| {
            b.iter(|| sentences.iter().map(|words| tagger.tag(words).len()).sum::<usize>())
        });
    }
    group.finish();
}

criterion_group!(benches, each_text, taggers);
criterion_main!(benches);
