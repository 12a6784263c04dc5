//! What learned models make of the weights of events: two of an item are an item of weight 2, and none is no item.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use rec_core::{Fingerprint, VectorTable};
use rec_data::{History, Interaction};
use rec_interest::{AdditiveAttentionConfig, NrmsConfig, PolyAttentionConfig, UserEncoder};
use rec_testkit::{assert_close, device};

const D: usize = 8;

fn items() -> VectorTable {
    let row = |i: usize| (0..D).map(|j| ((i * 5 + j * 3 + 1) as f32).sin()).collect::<Vec<f32>>();
    VectorTable::from_rows(Fingerprint::declared("sines"), (0..5).map(|i| (i.to_string(), row(i)))).unwrap()
}

fn history(events: &[(usize, f32)]) -> History {
    let event = |(at, (item, weight)): (usize, &(usize, f32))| {
        Interaction::new(item.to_string(), at as f64).with_weight(*weight)
    };
    History::new(events.iter().enumerate().map(event)).unwrap()
}

fn models() -> [(&'static str, Box<dyn UserEncoder>); 3] {
    let device = device();
    let additive = AdditiveAttentionConfig { d_item: D, d_attention: 6 }.init(&device, 1);
    let nrms = NrmsConfig { d_item: D, n_heads: 2, d_attention: 6, dropout: 0.0 }.init(&device, 1);
    let poly = PolyAttentionConfig { d_item: D, d_attention: 6, n_interests: 3, n_positions: 0 };
    [("additive", Box::new(additive)), ("nrms", Box::new(nrms)), ("poly", Box::new(poly.init(&device, 1)))]
}

fn assert_same(name: &str, one: &[(usize, f32)], other: &[(usize, f32)]) {
    let items = items();
    for (model, encoder) in models() {
        // Beside another user, whose history is longer.
        let beside = history(&[(4, 1.0); 7]);
        let values = |events: &[(usize, f32)]| -> Vec<f32> {
            let interests = encoder.interests(&items, &[&history(events), &beside]);
            interests[0].iter().flatten().copied().collect()
        };
        assert_close(&format!("{model}, {name}"), &values(one), &values(other), 2e-6);
    }
}

#[test]
fn a_weight_is_a_number_of_times() {
    let repeated = [(0, 1.0), (1, 1.0), (1, 1.0), (1, 1.0), (2, 1.0), (2, 1.0)];
    assert_same("repeated", &[(0, 1.0), (1, 3.0), (2, 2.0)], &repeated);
    assert_same("scaled", &[(0, 0.5), (1, 1.5), (2, 1.0)], &repeated);
}

#[test]
fn what_weighs_nothing_is_not_there() {
    assert_same("none", &[(3, 0.0), (0, 1.0), (3, -2.0), (1, 1.0)], &[(0, 1.0), (1, 1.0)]);
    assert_same("only dislikes", &[(3, -1.0), (0, 0.0)], &[]);
}
