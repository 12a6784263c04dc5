//! Similarities and weights against scikit-learn, implicit and scipy: `fixtures/cf`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::print_stdout, reason = "the measured errors are shown")]

use rec_cf::{
    Aggregation, BilinearConfig, InteractionMatrix, KnnConfig, Progress, Similarity, SlimConfig, Weighting,
};
use rec_data::{IdMap, Interaction, Interactions};
use serde_json::Value;

fn fixture() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/cf/cf.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn numbers(rows: &Value) -> Vec<Vec<f64>> {
    serde_json::from_value(rows.clone()).unwrap()
}

/// The matrix of the fixture; its columns are numbered as there, and its rows without the user who has nothing.
fn matrix(rows: &[Vec<f64>]) -> InteractionMatrix {
    let log = rows.iter().enumerate().flat_map(|(user, row)| {
        let counted = row.iter().enumerate().filter(|&(_, &count)| count != 0.0);
        counted.map(move |(item, &count)| {
            (user.to_string(), Interaction::new(item.to_string(), 0.0).with_weight(count as f32))
        })
    });
    let items = IdMap::try_from_ids((0..rows[0].len()).map(|item| item.to_string())).unwrap();
    InteractionMatrix::with_items(&Interactions::new(log).unwrap(), &items, Aggregation::Sum).unwrap()
}

/// The config of a name in the fixture.
fn config(name: &str, bm25: &Value) -> KnnConfig {
    let parts: Vec<&str> = name.split(", ").collect();
    let similarity = match parts[0] {
        "cosine" => Similarity::Cosine,
        "dot" => Similarity::Dot,
        "jaccard" => Similarity::Jaccard,
        other => panic!("no similarity {other}"),
    };
    let weighting = match parts[1] {
        "none" => Weighting::None,
        "tf_idf" => Weighting::TfIdf,
        "bm25" => Weighting::Bm25 { k1: bm25["k1"].as_f64().unwrap(), b: bm25["b"].as_f64().unwrap() },
        other => panic!("no weighting {other}"),
    };
    KnnConfig::new(usize::MAX)
        .with_similarity(similarity)
        .with_weighting(weighting)
        .with_shrinkage(parts[2].parse().unwrap())
}

#[test]
fn similarities_of_items() {
    let fixture = fixture();
    // A user who has nothing is a term that no document has.
    let matrix = matrix(&numbers(&fixture["matrix"]));
    let mut worst: f64 = 0.0;
    for (name, expected) in fixture["items"].as_object().unwrap() {
        let model = config(name, &fixture["bm25"]).fit_items(&matrix, Progress::ignore).unwrap();
        for (i, row) in numbers(expected).iter().enumerate() {
            for (j, &expected) in row.iter().enumerate() {
                // Nothing that is not positive makes a neighbour.
                let (found, expected) = (f64::from(model.similarity(i, j)), expected.max(0.0));
                let error = (found - expected).abs() / expected.abs().max(1.0);
                assert!(error < 1e-6, "{name}: [{i}, {j}] is {found}, expected {expected}");
                worst = worst.max(error);
            }
        }
    }
    println!("largest error of a similarity of items: {worst:.1e}");
}

#[test]
fn similarities_of_users() {
    let fixture = fixture();
    let rows = numbers(&fixture["matrix"]);
    // The user who has nothing is a document, which idf and the mean length count: zeros make a user without values.
    let log = rows.iter().enumerate().flat_map(|(user, row)| {
        row.iter().enumerate().map(move |(item, &count)| {
            (user.to_string(), Interaction::new(item.to_string(), 0.0).with_weight(count as f32))
        })
    });
    let matrix = InteractionMatrix::new(&Interactions::new(log).unwrap(), Aggregation::Sum).unwrap();
    assert_eq!((matrix.users().len(), matrix.row(1).len()), (rows.len(), 0));
    let mut worst: f64 = 0.0;
    for (name, expected) in fixture["users"].as_object().unwrap() {
        let model = config(name, &fixture["bm25"]).fit_users(&matrix, Progress::ignore).unwrap();
        for (user, expected) in numbers(expected).iter().enumerate() {
            let history: Vec<(usize, f32)> = matrix.row(user).collect();
            let mut found = vec![0.0; rows.len()];
            for (other, similarity) in model.neighbours(&history) {
                found[other] = f64::from(similarity);
            }
            found[user] = 0.0;
            for (other, (found, expected)) in found.iter().zip(expected).enumerate() {
                let error = (found - expected.max(0.0)).abs();
                assert!(error < 1e-6, "{name}: [{user}, {other}] is {found}, expected {expected}");
                worst = worst.max(error);
            }
        }
    }
    println!("largest error of a similarity of users: {worst:.1e}");
}

#[test]
fn slim_is_the_elastic_net() {
    let fixture = fixture();
    let matrix = matrix(&numbers(&fixture["matrix"]));
    let mut worst: f64 = 0.0;
    for case in fixture["slim"].as_array().unwrap() {
        let config = SlimConfig::new()
            .with_l1(case["l1"].as_f64().unwrap())
            .with_l2(case["l2"].as_f64().unwrap())
            .with_tolerance(1e-9);
        let model = config.fit(&matrix, Progress::ignore).unwrap();
        assert_eq!(model.n_unfinished(), 0);
        let expected = numbers(&case["weights"]);
        let n_expected = expected.iter().flatten().filter(|&&weight| weight > 0.0).count();
        assert_eq!(model.n_weights(), n_expected);
        assert!(n_expected > 20, "{n_expected} weights say little");
        for (i, row) in expected.iter().enumerate() {
            for (j, &expected) in row.iter().enumerate() {
                let error = (f64::from(model.weight(i, j)) - expected).abs();
                assert!(error < 1e-6, "W[{i}, {j}] is {}, expected {expected}", model.weight(i, j));
                worst = worst.max(error);
            }
        }
    }
    println!("largest error of a weight of SLIM: {worst:.1e}");
}

#[test]
fn bilinear_map_is_the_solution_of_both_sides() {
    let fixture = fixture();
    let matrix = matrix(&numbers(&fixture["matrix"]));
    let case = &fixture["bilinear"];
    let rows = numbers(&case["vectors"]);
    let vectors: Vec<f32> = rows.iter().flatten().map(|&value| value as f32).collect();
    let number = |name: &str| case[name].as_f64().unwrap();
    let config =
        BilinearConfig::new().without_whitening().with_regularization(number("lambda"), number("mu"));
    let model = config.fit(&matrix, &vectors, rows[0].len(), Progress::ignore).unwrap();
    let expected = numbers(&case["map"]).concat();
    let mut worst: f64 = 0.0;
    for (at, (&found, expected)) in model.map().iter().zip(&expected).enumerate() {
        let error = (f64::from(found) - expected).abs();
        assert!(error < 1e-7, "W[{at}] is {found}, expected {expected}");
        worst = worst.max(error);
    }
    assert_eq!(model.map().len(), expected.len());
    println!("largest error of the bilinear map: {worst:.1e}");
}

#[test]
fn whitened_vectors_have_the_cosines_of_scaled_principal_components() {
    let fixture = fixture();
    let matrix = matrix(&numbers(&fixture["matrix"]));
    let rows = numbers(&fixture["bilinear"]["vectors"]);
    let (dim, vectors): (usize, Vec<f32>) =
        (rows[0].len(), rows.iter().flatten().map(|&value| value as f32).collect());
    let mut worst: f64 = 0.0;
    for case in fixture["whitening"].as_array().unwrap() {
        let config = BilinearConfig::new().with_whitening(case["power"].as_f64().unwrap());
        let model = config.fit(&matrix, &vectors, dim, Progress::ignore).unwrap();
        for (i, row) in numbers(&case["cosines"]).iter().enumerate() {
            for (j, &expected) in row.iter().enumerate() {
                let of = |item: usize| {
                    model.vectors()[item * dim..(item + 1) * dim].iter().copied().map(f64::from)
                };
                let found: f64 = of(i).zip(of(j)).map(|(a, b)| a * b).sum();
                assert!((found - expected).abs() < 1e-5, "[{i}, {j}] is {found}, expected {expected}");
                worst = worst.max((found - expected).abs());
            }
        }
    }
    println!("largest error of a cosine: {worst:.1e}");
}
