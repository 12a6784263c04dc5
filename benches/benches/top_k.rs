//! Interests to ranked lists: the exact index on the host, and [`rank`], which sends candidates to a device, beside it.
//!
//! Throughput is in bytes of item vectors that are scored: for a batch of queries the index times the queries, though the
//! index is read only once for all of them.
#![allow(missing_docs)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rec_benches::{measuring, targets, vectors};
use rec_core::{Interests, VectorTable};
use rec_score::{Dot, Filter, FlatIndex, rank};

const DIM: usize = 384;
const SIZES: [usize; 3] = [1_000, 17_000, 100_000];

fn users(n: usize) -> Vec<Interests> {
    let table = vectors(n, DIM, 5);
    let user = |(_, vector): (_, std::borrow::Cow<'_, [f32]>)| {
        Interests::new(vector.into_owned(), DIM, table.space())
    };
    table.iter().map(user).collect::<Result<_, _>>().unwrap_or_else(|error| panic!("{error}"))
}

fn bytes(items: &VectorTable, queries: usize) -> Throughput {
    Throughput::Bytes((items.len() * DIM * size_of::<f32>() * queries) as u64)
}

/// The ids of the best items, found by sorting all of them.
fn sorted(items: &VectorTable, user: &Interests, k: usize) -> Vec<String> {
    let score = |vector: &[f32]| -> f32 { user.iter().flatten().zip(vector).map(|(a, b)| a * b).sum() };
    let mut all: Vec<_> = items.iter().map(|(id, vector)| (score(&vector), id.to_string())).collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    all.into_iter().take(k).map(|(_, id)| id).collect()
}

fn index(c: &mut Criterion) {
    let mut group = c.benchmark_group("top_k");
    for n in SIZES.into_iter().take(if measuring() { 3 } else { 1 }) {
        let items = vectors(n, DIM, 6);
        let index = FlatIndex::new(items.clone());
        for queries in [1, 64] {
            let (users, filters) = (users(queries), vec![Filter::none(); queries]);
            for k in [10, 100] {
                let top_k =
                    || index.top_k_batch(&users, k, &filters).unwrap_or_else(|error| panic!("{error}"));
                let found: Vec<String> = top_k()[0].iter().map(|hit| hit.id.to_string()).collect();
                assert_eq!(found, sorted(&items, &users[0], k));

                group.throughput(bytes(&items, queries));
                group.bench_function(format!("host/n={n}/queries={queries}/k={k}"), |bencher| {
                    bencher.iter(top_k)
                });
            }
        }
    }
    group.finish();
}

fn on_devices(c: &mut Criterion) {
    let mut group = c.benchmark_group("rank");
    let user = users(1).swap_remove(0);
    for target in targets() {
        for n in SIZES.into_iter().take(if target.smallest_only { 1 } else { 2 }) {
            let items = vectors(n, DIM, 6);
            let rank = || {
                rank(&Dot, &user, &items, 10, &Filter::none(), &target.device)
                    .unwrap_or_else(|error| panic!("{error}"))
            };
            let found: Vec<String> = rank().iter().map(|hit| hit.id.to_string()).collect();
            assert_eq!(found, sorted(&items, &user, 10));

            group.throughput(bytes(&items, 1));
            group.bench_function(format!("{}/n={n}/k=10", target.label), |bencher| bencher.iter(rank));
        }
    }
    group.finish();
}

criterion_group! { name = benches; config = rec_benches::criterion(); targets = index, on_devices }
criterion_main!(benches);
