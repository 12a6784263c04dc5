//! Models that are saved and loaded, and files that are damaged.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt::Debug;
use std::path::Path;
use std::time::Duration;

use rec_cf::{
    Aggregation, CoOccurrence, Ease, EaseConfig, Error, InteractionMatrix, ItemKnn, KnnConfig, Popularity,
    PopularityConfig, Progress, Recency, SessionKnn, SessionKnnConfig, Similarity, Slim, SlimConfig, Slit,
    SlitConfig, Transitions, TransitionsConfig, UserKnn, Weighting,
};
use rec_data::{Interaction, Interactions};

fn log() -> Interactions {
    let events = (0u32..60).map(|n| (n % 7, (n * n + n / 4) % 11, n));
    let event = |(user, item, time): (u32, u32, u32)| {
        let interaction = Interaction::new(format!("item {item}"), f64::from(time));
        (user.to_string(), interaction.with_weight(0.1 + (time % 3) as f32))
    };
    Interactions::new(events.map(event)).unwrap()
}

/// Saves and loads a model, then does the same with every way in which its file may be damaged.
fn check<M: PartialEq + Debug>(
    model: &M,
    save: impl Fn(&M, &Path) -> Result<(), Error>,
    load: impl Fn(&Path) -> Result<M, Error>,
) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.model");
    save(model, &path).unwrap();
    assert_eq!(load(&path).unwrap(), *model);
    let bytes = std::fs::read(&path).unwrap();
    save(model, &path).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), bytes, "the same model gives the same bytes");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);

    let assert_malformed = |bytes: &[u8], what: &str| {
        std::fs::write(&path, bytes).unwrap();
        let error = load(&path).expect_err(what);
        assert!(error.is_malformed(), "{what}: {error}");
        assert!(error.to_string().starts_with(&path.display().to_string()), "{what}: {error}");
    };
    for at in (0..bytes.len()).step_by(1 + bytes.len() / 60) {
        assert_malformed(&bytes[..at], &format!("cut at {at}"));
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        assert_malformed(&flipped, &format!("a bit flipped at {at}"));
    }
    assert_malformed(&[&bytes[..], b"x"].concat(), "more at the end");
    assert!(load(&folder.path().join("no.model")).unwrap_err().is_io());
    assert!(save(model, &folder.path().join("no folder/a.model")).unwrap_err().is_io());
}

#[test]
fn every_model_comes_back_and_damage_is_found() {
    let log = log();
    let go = Progress::ignore;
    let matrix = InteractionMatrix::new(&log, Aggregation::Sum).unwrap();
    check(&CoOccurrence::new(&matrix, u64::MAX, go).unwrap(), |m, p| m.save(p), |p| CoOccurrence::load(p));
    check(&PopularityConfig::new().fit(&matrix, go).unwrap(), |m, p| m.save(p), |p| Popularity::load(p));
    let decayed = PopularityConfig::new().with_half_life(Duration::from_millis(12_345));
    check(&decayed.fit_interactions(&log), |m, p| m.save(p), |p| Popularity::load(p));
    let knn = KnnConfig::new(3).with_weighting(Weighting::Bm25 { k1: 1.1, b: 0.7 }).with_shrinkage(0.1);
    check(&knn.fit_items(&matrix, go).unwrap(), |m, p| m.save(p), |p| ItemKnn::load(p));
    check(&knn.fit_users(&matrix, go).unwrap(), |m, p| m.save(p), |p| UserKnn::load(p));
    let jaccard = KnnConfig::new(usize::MAX).with_similarity(Similarity::Jaccard);
    check(&jaccard.fit_users(&matrix, go).unwrap(), |m, p| m.save(p), |p| UserKnn::load(p));
    check(&EaseConfig::new(0.3).fit(&matrix, go).unwrap(), |m, p| m.save(p), |p| Ease::load(p));
    check(
        &SlimConfig::new().with_candidates(4).fit(&matrix, go).unwrap(),
        |m, p| m.save(p),
        |p| Slim::load(p),
    );
    let slit = SlitConfig::new(0.3).with_decay(0.7).with_window(4);
    check(&slit.fit(&log, log.items(), go).unwrap(), |m, p| m.save(p), |p| Slit::load(p));
    let chain = TransitionsConfig::new().with_window(3).with_last_n(usize::MAX);
    check(&chain.fit(&log, log.items(), go).unwrap(), |m, p| m.save(p), |p| Transitions::load(p));
    let sessions = SessionKnnConfig::new(3).with_recency(Recency::Exponential(0.1));
    check(&sessions.fit(&log, log.items(), go).unwrap(), |m, p| m.save(p), |p| SessionKnn::load(p));
}

#[test]
fn empty_models_come_back() {
    let log = Interactions::default();
    let go = Progress::ignore;
    let matrix = InteractionMatrix::new(&log, Aggregation::Sum).unwrap();
    check(&PopularityConfig::new().fit(&matrix, go).unwrap(), |m, p| m.save(p), |p| Popularity::load(p));
    check(&KnnConfig::new(3).fit_users(&matrix, go).unwrap(), |m, p| m.save(p), |p| UserKnn::load(p));
    check(&EaseConfig::new(0.3).fit(&matrix, go).unwrap(), |m, p| m.save(p), |p| Ease::load(p));
    check(&SlimConfig::new().fit(&matrix, go).unwrap(), |m, p| m.save(p), |p| Slim::load(p));
}

#[test]
fn a_file_of_another_model_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.model");
    let matrix = InteractionMatrix::new(&log(), Aggregation::Binary).unwrap();
    EaseConfig::new(1.0).fit(&matrix, Progress::ignore).unwrap().save(&path).unwrap();
    let error = Slim::load(&path).unwrap_err();
    assert!(error.is_malformed());
    assert!(error.to_string().ends_with("the file holds a model `ease`, expected `slim`"), "{error}");
}

/// A file of a sound check sum, whose contents were changed by somebody who knew how.
fn forged(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
    let mut bytes = [&bytes[..at], to, &bytes[at + from.len()..]].concat();
    let end = bytes.len() - 4;
    let sum = crc32fast::hash(&bytes[..end]).to_le_bytes();
    bytes[end..].copy_from_slice(&sum);
    bytes
}

#[test]
fn contents_are_checked_behind_the_check_sum() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.model");
    let matrix = InteractionMatrix::new(&log(), Aggregation::Binary).unwrap();
    let model = KnnConfig::new(3).with_shrinkage(0.5).fit_items(&matrix, Progress::ignore).unwrap();
    model.save(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let similarity = (0..11).flat_map(|i| (0..11).map(move |j| (i, j)));
    let similarity =
        similarity.map(|(i, j)| model.similarity(i, j)).find(|&s| s > 0.0).unwrap().to_le_bytes();
    for (from, to, problem) in [
        (&b"item 10"[..], &b"item 00"[..], "are not in ascending order"),
        (b"item 0", b"item 1", "duplicate id"),
        (b"\"shrinkage\":0.5", b"\"shrinkage\":-10", "out of its range"),
        (b"\"shrinkage\":0.5", b"\"shrinkage\":\"x\"", "the config is malformed"),
        (b"weights.begins", b"weights.begino", "is missing"),
        (b"cosine", b"cosima", "the config is malformed"),
        (&similarity, &f32::NAN.to_le_bytes(), "not finite"),
    ] {
        std::fs::write(&path, forged(&bytes, from, to)).unwrap();
        let error = ItemKnn::load(&path).unwrap_err();
        assert!(error.is_malformed() && error.to_string().contains(problem), "{error}");
    }
    let mut other_version = bytes.clone();
    other_version[8] = 9;
    std::fs::write(&path, other_version).unwrap();
    let error = ItemKnn::load(&path).unwrap_err();
    assert!(error.to_string().ends_with("the version of the format is 9, and this reads 1"), "{error}");
    // A header that claims to be longer than any memory.
    let mut long = bytes;
    long[12..20].copy_from_slice(&u64::MAX.to_le_bytes());
    std::fs::write(&path, long).unwrap();
    assert!(ItemKnn::load(&path).unwrap_err().to_string().ends_with("the file ends early"));
}
