//! Raw item text to plain text: [`Cleaner`] on ordinary text, with each preset, and on a megabyte of hostile text.
//!
//! Throughput is in bytes of raw text. For hostile text it should not differ much with the length: the cost is linear
//! whatever a text holds, and `hostile/4` has four megabytes of what `hostile/1` has one of.
#![allow(missing_docs)]

use std::borrow::Cow;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rec_benches::measuring;
use rec_text::Cleaner;

const TITLES: [&str; 6] = [
    "Sony WH-1000XM4 Wireless Noise Cancelling Headphones, Black (2020)",
    "🔥NEW!!! 3&quot; Stainless Steel Hose Clamp – 10 Pack",
    "The Left Hand of Darkness (Hainish Cycle, #4)",
    "Ｔｅｆａｌ 煎锅 28cm　不粘锅 【官方旗舰店】",
    "Harry Potter and the Philosopher&#39;s Stone [VHS]",
    "AAA Batteries, 24-Count &amp; Charger www.example.com",
];

const DESCRIPTIONS: [&str; 3] = [
    "<div class=\"desc\"><h2>Features</h2><ul><li>Up to 30&nbsp;hours</li><li>Bluetooth&reg; 5.0</li></ul></div>",
    "<script>track('x');</script><p>A classic of <b>science fiction</b>.<br/>Winner of the Hugo &amp; Nebula Awards.</p>",
    "<table><tr><td>尺寸</td><td>28cm</td></tr><tr><td>材质</td><td>铝合金</td></tr></table><img src=\"a.jpg\" alt=\"\">",
];

const POSTS: [&str; 4] = [
    "@anna you HAVE to see this!!!! sooooo good 😍😍 https://t.co/AbCdEf #ThrowbackThursday #SlowFood",
    "#新年快乐#今天真好！！！//@小明：转发微博 http://t.cn/abc 电话13812345678",
    "Selling my bike, 2019 model, $1,299.99. Call +49 30 1234567 or mail anna@example.com",
    "just a plain sentence about a film that I liked, without anything to take out of it",
];

/// What is repeated to fill a megabyte.
const HOSTILE: [&str; 20] = [
    "<",
    "&",
    "<div>",
    "<a b=\"",
    "<script>",
    "<template>",
    "&amp;",
    "\u{fdfa}",
    "@",
    "@a",
    "#",
    "#新 ",
    "+",
    "1",
    "1 ",
    "030 (",
    "http://",
    "(www.a",
    "😀\u{200d}",
    "o",
];

fn megabytes(unit: &str, n: usize) -> String {
    unit.repeat((n << 20).div_ceil(unit.len()))
}

fn run(c: &mut Criterion, group: &str, name: &str, cleaner: &Cleaner, texts: &[String]) {
    for text in texts {
        let clean = cleaner.clean(text);
        assert!(matches!(cleaner.clean(&clean), Cow::Borrowed(same) if same == clean), "{name}");
    }
    let mut group = c.benchmark_group(group);
    group.throughput(Throughput::Bytes(texts.iter().map(|text| text.len() as u64).sum()));
    group.bench_function(name, |bencher| {
        bencher.iter(|| texts.iter().map(|text| cleaner.clean(black_box(text)).len()).sum::<usize>())
    });
    group.finish();
}

/// Many short texts, with [`Cleaner::new`] and with the preset for them.
fn ordinary(c: &mut Criterion) {
    let rounds = if measuring() { 1000 } else { 1 };
    for (name, texts, preset) in [
        ("titles", &TITLES[..], Cleaner::titles()),
        ("descriptions", &DESCRIPTIONS[..], Cleaner::titles()),
        ("posts", &POSTS[..], Cleaner::posts()),
    ] {
        let texts: Vec<String> =
            texts.iter().map(|text| (*text).to_owned()).cycle().take(rounds * texts.len()).collect();
        run(c, "clean", &format!("{name}/new"), &Cleaner::new(), &texts);
        run(c, "clean", &format!("{name}/preset"), &preset, &texts);
    }
}

/// One long text that is made to be slow.
fn hostile(c: &mut Criterion) {
    let sizes: &[usize] = if measuring() { &[1, 4] } else { &[1] };
    for &n in sizes {
        for unit in HOSTILE.into_iter().take(if measuring() { HOSTILE.len() } else { 2 }) {
            run(
                c,
                &format!("clean/hostile/{n}"),
                &unit.escape_debug().to_string(),
                &Cleaner::posts(),
                &[megabytes(unit, n)],
            );
        }
    }
}

criterion_group! { name = benches; config = rec_benches::criterion(); targets = ordinary, hostile }
criterion_main!(benches);
