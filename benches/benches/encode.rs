//! Texts to vectors: the forward pass over a grid of batch sizes and lengths, and whole texts from tokenizer to vector.
//!
//! The encoder is the bundled one, or the folder that `REC_BENCH_MODEL` names (an absolute path). Throughput is in tokens, or in texts.
//! Every run ends with the vectors on the host, so no device is still computing when the clock stops.
#![allow(missing_docs)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rand::RngExt;
use rec_benches::{Target, random, targets};
use rec_encoder::TextEncoder;
use rec_text::{Encoding, PaddingSide, TokenBatch};

const BATCHES: [usize; 3] = [1, 8, 32];
const LENGTHS: [usize; 3] = [16, 32, 128];

fn encoder(target: &Target) -> TextEncoder {
    let encoder = match std::env::var("REC_BENCH_MODEL") {
        Ok(folder) => TextEncoder::from_dir(folder, &target.device),
        Err(_) => TextEncoder::bundled(&target.device),
    };
    encoder.unwrap_or_else(|error| panic!("{error}"))
}

/// A batch of random tokens without padding.
fn tokens(batch: usize, len: usize, vocab_size: usize) -> TokenBatch {
    let mut rng = random(1);
    let mut row = || Encoding {
        ids: (0..len).map(|_| rng.random_range(0..vocab_size as u32)).collect(),
        type_ids: vec![0; len],
        n_truncated: 0,
    };
    let rows: Vec<Encoding> = (0..batch).map(|_| row()).collect();
    TokenBatch::collate(&rows, 0, PaddingSide::Right, None)
}

fn forward(encoder: &TextEncoder, tokens: &TokenBatch) -> Vec<f32> {
    let vectors = encoder.pooling()[0].pool(&encoder.token_encoder().encode(tokens));
    vectors.try_into_vec_as().unwrap_or_else(|error| panic!("{error}"))
}

fn grid(c: &mut Criterion) {
    let mut group = c.benchmark_group("encode");
    for target in targets() {
        let encoder = encoder(&target);
        let (model, vocab) = (encoder.token_encoder(), encoder.token_encoder().vocab_size());
        let alone = forward(&encoder, &tokens(1, 16, vocab));
        let beside = forward(&encoder, &tokens(2, 16, vocab));
        rec_testkit::assert_close("beside another text", &beside[..alone.len()], &alone, 1e-3);

        let cells = BATCHES.iter().flat_map(|&batch| LENGTHS.map(|len| (batch, len)));
        for (batch, len) in cells.filter(|&(_, len)| len <= model.max_len()) {
            if target.smallest_only && (batch, len) != (BATCHES[0], LENGTHS[0]) {
                continue;
            }
            let tokens = tokens(batch, len, vocab);
            group.throughput(Throughput::Elements((batch * len) as u64));
            group.bench_function(format!("{}/batch={batch}/len={len}", target.label), |bencher| {
                bencher.iter(|| forward(&encoder, &tokens));
            });
        }
    }
    group.finish();
}

fn texts(c: &mut Criterion) {
    const WORDS: [&str; 12] = [
        "a", "night", "at", "the", "harbour", "recipes", "for", "winter", "stars", "without", "maps", "again",
    ];
    let mut group = c.benchmark_group("encode_texts");
    for target in targets() {
        let n = if target.smallest_only { 4 } else { 512 };
        let mut rng = random(2);
        let text = |words: usize, rng: &mut rand_chacha::ChaCha8Rng| {
            (0..words).map(|_| WORDS[rng.random_range(0..WORDS.len())]).collect::<Vec<_>>().join(" ")
        };
        let texts: Vec<String> = (0..n)
            .map(|_| {
                let words = rng.random_range(4..20);
                text(words, &mut rng)
            })
            .collect();
        let encoder = encoder(&target);
        let encode = || encoder.encode(&texts).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(encode().len(), n);
        group.throughput(Throughput::Elements(n as u64));
        group.bench_function(format!("{}/n={n}", target.label), |bencher| bencher.iter(encode));
    }
    group.finish();
}

criterion_group! { name = benches; config = rec_benches::criterion(); targets = grid, texts }
criterion_main!(benches);
