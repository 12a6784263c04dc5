//! Histories to interests: [`Average`] with a half-life, from the lookup in the table to vectors on the host.
//!
//! Throughput is in events.
#![allow(missing_docs)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rand::RngExt;
use rec_benches::{random, targets, vectors};
use rec_core::{HistoryBatch, Interests};
use rec_data::{History, days, hours};
use rec_interest::{Average, Decay, UserEncoder};

const USERS: [usize; 2] = [1, 64];
const LENGTHS: [usize; 2] = [10, 100];
const N_ITEMS: usize = 10_000;
const DIM: usize = 384;

fn histories(n: usize, len: usize) -> Vec<History> {
    let mut rng = random(3);
    let mut event = || (rng.random_range(0..N_ITEMS).to_string(), hours(rng.random_range(0..2000)));
    (0..n).map(|_| (0..len).map(|_| event()).collect()).collect()
}

fn fuse(c: &mut Criterion) {
    let items = vectors(N_ITEMS, DIM, 4);
    let model = Average::with_decay(Decay::half_life(days(30)));
    let mut group = c.benchmark_group("fuse");
    for target in targets() {
        for (users, len) in USERS.iter().flat_map(|&users| LENGTHS.map(|len| (users, len))) {
            if target.smallest_only && (users, len) != (USERS[0], LENGTHS[0]) {
                continue;
            }
            let histories = histories(users, len);
            let fuse = || {
                let batch = HistoryBatch::new(&items, &histories, &target.device);
                Interests::from_sequence(&model.encode(&batch), items.space())
                    .unwrap_or_else(|error| panic!("{error}"))
            };
            let first = |users: &[Interests]| -> Vec<f32> { users[0].iter().flatten().copied().collect() };
            let on_host = first(&[model.interest(&items, &histories[0])]);
            rec_testkit::assert_close("interest", &first(&fuse()), &on_host, 1e-4);

            group.throughput(Throughput::Elements((users * len) as u64));
            group.bench_function(format!("{}/users={users}/len={len}", target.label), |bencher| {
                bencher.iter(fuse);
            });
        }
    }
    group.finish();
}

criterion_group! { name = benches; config = rec_benches::criterion(); targets = fuse }
criterion_main!(benches);
