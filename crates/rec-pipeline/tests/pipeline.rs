//! What is saved is what is loaded, and nothing else is.
#![allow(clippy::unwrap_used, reason = "helpers of tests, where a panic is a failure")]

use std::fs;
use std::path::Path;

use burn::tensor::{Device, Tensor};
use rec_core::{EventWeights, Fingerprint, VectorTable};
use rec_data::{History, Interaction, RankedList, days};
use rec_encoder::TextEncoder;
use rec_interest::{Average, Decay, NrmsConfig, Pooling, TrainedUserEncoder};
use rec_pipeline::{EncoderSource, Error, Pipeline, ScoreModel, UserModel};
use rec_score::{AdditiveLinear, Bilinear, Cosine, Dot, Filter};
use rec_testkit::fixture_path;
use tempfile::TempDir;

const SPACES: [&str; 2] = ["taste", "another"];

/// Forty items of three dimensions.
/// Lists are compared bit by bit, which a host promises and an accelerator does not.
fn device() -> Device {
    rec_core::device::host()
}

fn table(space: &str) -> VectorTable {
    let value = |i: usize| ((i * 37 + 11) % 17) as f32 / 8.0 - 1.0;
    let rows = (0..40).map(|i| (format!("item {i}"), [value(i), value(i + 100), value(3 * i)]));
    VectorTable::from_rows(Fingerprint::declared(space), rows).unwrap()
}

fn average() -> Average {
    let weights = EventWeights::new([("buy", 3.0), ("skip", -0.1)]).with_other(0.7);
    Average::with_decay(Decay::power_law(1.0 / 3.0, days(2))).normalized().with_event_weights(weights)
}

fn additive(scale: f32) -> AdditiveLinear {
    AdditiveLinear::new(&[0.5, -0.25, scale], &[1.0 / 3.0, 0.1, -0.2], 0.125, &device())
}

fn matrix(scale: f32) -> Tensor<2> {
    Tensor::from_data([[0.1, scale, 0.3], [1.0, 0.0, -0.7], [0.2, 0.2, 1.0 / 3.0]], &device())
}

fn pipeline() -> Pipeline {
    let scorer = Bilinear::full(matrix(0.2)).with_bias(additive(1.0));
    Pipeline::with_history_table(table("taste"), table("taste"), average(), scorer)
        .unwrap()
        .with_provenance("template", "{title}. \"{text}\"\n")
}

fn histories() -> Vec<History> {
    let event = |item: usize, time: f64, event: &str| {
        Interaction::new(format!("item {item}"), time * 86_400.0).with_event(event)
    };
    vec![
        History::new([event(3, 0.0, "buy"), event(5, 1.5, "view"), event(7, 9.0, "skip")]).unwrap(),
        History::new([event(1, 2.0, "view"), event(999, 3.0, "buy")]).unwrap(),
        History::default(),
    ]
}

fn lists(pipeline: &Pipeline) -> Vec<RankedList> {
    let histories = histories();
    let filters: Vec<Filter> = histories.iter().map(|history| Filter::exclude(history.items())).collect();
    let users: Vec<&History> = histories.iter().collect();
    pipeline.recommend_batch(&users, 10, &filters).unwrap()
}

fn saved(pipeline: &Pipeline) -> TempDir {
    let folder = TempDir::new().unwrap();
    pipeline.save(folder.path().join("p")).unwrap();
    folder
}

fn load(folder: &TempDir) -> Result<Pipeline, Error> {
    Pipeline::load(folder.path().join("p"), &device())
}

fn refused(folder: &TempDir) -> Error {
    load(folder).unwrap_err()
}

#[test]
fn every_part_makes_the_round_trip() {
    let nrms = NrmsConfig { d_item: 3, n_heads: 1, d_attention: 4, dropout: 0.1 }.init(&device(), 1);
    let trained = TrainedUserEncoder::new(nrms, Fingerprint::declared("taste"));
    let users: [UserModel; 4] =
        [average().into(), Average::new().into(), Pooling::MeanSqrtLen.into(), trained.clone().into()];
    let low_rank = Bilinear::low_rank(matrix(0.5).slice([0..3, 0..2]), matrix(0.9).slice([0..3, 1..3]));
    let user_space = |space: &str| Fingerprint::declared(space);
    let scorers: [ScoreModel; 8] = [
        Dot.into(),
        Cosine.into(),
        additive(2.0).into(),
        Bilinear::identity().into(),
        Bilinear::identity().with_bias(additive(3.0)).into(),
        Bilinear::diagonal(Tensor::from_data([0.1, 1.0 / 3.0, -2.0], &device())).into(),
        Bilinear::full(matrix(0.3)).with_bias(additive(0.1)).into(),
        low_rank.into(),
    ];
    for user in users {
        for scorer in &scorers {
            let before = Pipeline::new(table("taste"), user.clone(), scorer.clone()).unwrap();
            let folder = saved(&before);
            let after = load(&folder).unwrap();
            assert_eq!(lists(&after), lists(&before), "{} {}", user.name(), scorer.name());
            assert_eq!((after.user().name(), after.scorer().name()), (user.name(), scorer.name()));
            assert!(lists(&after)[0].len() == 10);
        }
    }

    // A learned model is refused beside items that it was not trained with, of another space or of other dimensions.
    assert!(Pipeline::new(table("another"), trained.clone(), Dot).unwrap_err().is_space_mismatch());
    let short = VectorTable::from_rows(Fingerprint::declared("taste"), [("a", [1.0, 2.0])]).unwrap();
    let message = Pipeline::new(short, trained, Dot).unwrap_err().to_string();
    assert!(message.contains("the items of `nrms`"), "{message}");

    // Two towers: users in a space of their own.
    let scorer = Bilinear::full(matrix(0.3)).with_user_space(user_space("users"));
    let before =
        Pipeline::with_history_table(table("users"), table("taste"), Average::new(), scorer).unwrap();
    let after = load(&saved(&before)).unwrap();
    assert_eq!(lists(&after), lists(&before));
    assert_eq!(after.history_table().space(), user_space("users"));
}

#[test]
fn one_user_and_many_get_the_same() {
    let pipeline = pipeline();
    for (history, expected) in histories().iter().zip(lists(&pipeline)) {
        let list = pipeline.recommend(history, 10, &Filter::exclude(history.items())).unwrap();
        assert!(list.iter().map(|hit| &hit.id).eq(expected.iter().map(|hit| &hit.id)));
    }
    assert!(pipeline.recommend(&histories()[0], 0, &Filter::none()).unwrap().is_empty());
    assert_eq!(pipeline.recommend(&histories()[0], 99, &Filter::none()).unwrap().len(), 40);
    assert!(pipeline.recommend_batch(&[], 3, &[]).unwrap().is_empty());
}

#[test]
fn provenance_is_kept() {
    let folder = saved(&pipeline());
    assert_eq!(load(&folder).unwrap().provenance(), pipeline().provenance());
    // Saved again, the manifest is the same but for files whose bytes differ.
    let again = saved(&load(&folder).unwrap());
    assert_eq!(lists(&load(&again).unwrap()), lists(&pipeline()));
}

#[test]
fn threads_share_a_pipeline() {
    fn shared<T: Send + Sync + Clone>() {}
    shared::<Pipeline>();

    let pipeline = load(&saved(&pipeline())).unwrap();
    let expected = lists(&pipeline);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..20).for_each(|_| assert_eq!(lists(&pipeline), expected)));
        }
    });
}

#[test]
fn parts_that_do_not_belong_together_are_named() {
    let short = |space: &str| Fingerprint::declared(space).short();
    let two_spaces = Pipeline::with_history_table(table("another"), table("taste"), average(), Dot);
    let error = two_spaces.unwrap_err();
    assert!(error.is_space_mismatch());
    let message = error.to_string();
    for part in ["`average`", "`history`", "`dot`", "`items`", &short("taste"), &short("another")] {
        assert!(message.contains(part), "{message} lacks {part}");
    }

    let tower = Bilinear::identity().with_user_space(Fingerprint::declared("users"));
    assert!(Pipeline::new(table("taste"), average(), tower).unwrap_err().is_space_mismatch());

    let space = Fingerprint::declared("taste");
    let wide = VectorTable::from_rows(space, [("item 1", [1.0, 2.0])]).unwrap();
    let message = Pipeline::with_history_table(wide.clone(), table("taste"), average(), Cosine)
        .unwrap_err()
        .to_string();
    assert!(message.contains("2 and 3 dimensions") && message.contains("`cosine`"), "{message}");
    let message = Pipeline::new(wide, average(), Bilinear::full(matrix(1.0))).unwrap_err().to_string();
    assert!(message.contains("2 dimensions"), "{message}");

    let encoder = TextEncoder::from_dir(fixture_path("bert/tiny"), &device()).unwrap();
    let error = pipeline().with_encoder(encoder.clone(), EncoderSource::Saved).unwrap_err();
    assert!(error.is_space_mismatch());
    let message = error.to_string();
    for part in ["bert/tiny`", "`items`", &short("taste"), &encoder.space().short()] {
        assert!(message.contains(part), "{message} lacks {part}");
    }
}

/// Pipelines that differ in one part, and the file that holds it.
fn foreign() -> [(&'static str, Pipeline); 4] {
    let with = |items: &str, user: UserModel, scale: f32| {
        let scorer = Bilinear::full(matrix(scale)).with_bias(additive(1.0));
        Pipeline::with_history_table(table(items), table(items), user, scorer).unwrap()
    };
    [
        ("items.safetensors", with("another", average().into(), 0.2)),
        ("history.safetensors", with("another", average().into(), 0.2)),
        ("scorer.safetensors", with("taste", average().into(), 0.3)),
        ("pipeline.json", with("another", Average::new().into(), 0.2)),
    ]
}

#[test]
fn foreign_parts_are_refused() {
    for (file, other) in foreign() {
        let (folder, other) = (saved(&pipeline()), saved(&other));
        fs::copy(other.path().join("p").join(file), folder.path().join("p").join(file)).unwrap();
        let error = refused(&folder);
        let message = error.to_string();
        assert!(error.is_space_mismatch() || error.is_changed(), "{file}: {message}");
        assert!(message.contains("pipeline.json"), "{file}: {message}");
        match file {
            "scorer.safetensors" => assert!(error.is_changed() && message.contains(file), "{message}"),
            _ => SPACES.iter().for_each(|space| {
                assert!(message.contains(&Fingerprint::declared(space).short()), "{file}: {message}");
            }),
        }
    }

    // The same space, but other vectors.
    let folder = saved(&pipeline());
    let other =
        VectorTable::from_rows(Fingerprint::declared("taste"), [("item 1", [1.0, 2.0, 3.0])]).unwrap();
    other.save(folder.path().join("p/items.safetensors")).unwrap();
    let error = refused(&folder);
    assert!(error.is_changed() && error.to_string().contains("items.safetensors"), "{error}");

    // The scorer of another kind, which is not even looked at.
    let folder = saved(&pipeline());
    additive(1.0).save(folder.path().join("p/scorer.safetensors")).unwrap();
    assert!(refused(&folder).is_changed());
}

#[test]
fn every_byte_of_the_manifest_counts() {
    let folder = saved(&pipeline());
    let path = folder.path().join("p/pipeline.json");
    let bytes = fs::read(&path).unwrap();
    for at in 0..bytes.len() {
        for other in [bytes[at] ^ 1, bytes[at] ^ 0x20, b'9', b' ', 0xff] {
            if other == bytes[at] {
                continue;
            }
            let mut damaged = bytes.clone();
            damaged[at] = other;
            fs::write(&path, &damaged).unwrap();
            let message = refused(&folder).to_string();
            assert!(message.contains("pipeline.json"), "byte {at} as {other}: {message}");
        }
    }
    for end in 0..bytes.len() {
        fs::write(&path, &bytes[..end]).unwrap();
        assert!(load(&folder).is_err(), "{end} bytes");
    }
    fs::write(&path, [&*bytes, b" "].concat()).unwrap();
    assert!(load(&folder).is_err());
    fs::write(&path, &bytes).unwrap();
    load(&folder).unwrap();
}

#[test]
fn truncated_damaged_and_missing_files_are_errors_that_name_them() {
    let folder = saved(&pipeline());
    for file in ["items.safetensors", "history.safetensors", "scorer.safetensors", "pipeline.json"] {
        let path = folder.path().join("p").join(file);
        let bytes = fs::read(&path).unwrap();
        // Replaced, not written in place: a file that is mapped must not shrink.
        let put = |content: &[u8]| {
            fs::remove_file(&path).unwrap();
            fs::write(&path, content).unwrap();
            let message = refused(&folder).to_string();
            assert!(message.contains(file), "{message}");
        };
        (0..bytes.len()).step_by(7).for_each(|end| put(&bytes[..end]));
        for at in (0..bytes.len()).step_by(5) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x41;
            put(&damaged);
        }
        fs::remove_file(&path).unwrap();
        let message = refused(&folder).to_string();
        assert!(message.contains(file), "{message}");
        fs::write(&path, bytes).unwrap();
    }
    load(&folder).unwrap();
    let error = Pipeline::load(folder.path().join("nothing"), &device()).unwrap_err();
    assert!(error.to_string().contains("pipeline.json"), "{error}");
}

#[test]
fn a_newer_format_is_told_from_damage() {
    let folder = saved(&pipeline());
    let path = folder.path().join("p/pipeline.json");
    for text in [r#"{"format": 2, "crate_version": "7.8.9", "future": true}"#, r#"{"format": 2}"#] {
        fs::write(&path, text).unwrap();
        let error = refused(&folder);
        assert!(error.is_newer() && error.to_string().contains("format 2"), "{error}");
    }
    fs::write(&path, r#"{"format": 0}"#).unwrap();
    assert!(!refused(&folder).is_newer());
}

/// A pipeline over a tiny encoder, and what it makes of a text.
fn with_encoder(source: &EncoderSource) -> Pipeline {
    let encoder = TextEncoder::from_dir(fixture_path("bert/tiny"), &device()).unwrap();
    let items = encoder.embed([("a", "a desert planet"), ("b", "a garden"), ("c", "the planet")]).unwrap();
    Pipeline::new(items, Average::new(), Cosine).unwrap().with_encoder(encoder, source.clone()).unwrap()
}

fn encode(pipeline: &Pipeline) -> Vec<f32> {
    pipeline.encoder().unwrap().encode(&["a planet"]).unwrap().values().to_vec()
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_folder(&entry.path(), &target),
            false => fs::copy(entry.path(), target).map(drop).unwrap(),
        }
    }
}

#[test]
fn encoders_come_back_from_where_they_are() {
    let place = TempDir::new().unwrap();
    copy_folder(&fixture_path("bert/tiny"), &place.path().join("model"));
    for (name, source) in [
        ("saved", EncoderSource::Saved),
        ("relative", EncoderSource::Folder("../model".into())),
        ("absolute", EncoderSource::Folder(place.path().join("model"))),
    ] {
        let (before, folder) = (with_encoder(&source), place.path().join(name));
        before.save(&folder).unwrap();
        let after = Pipeline::load(&folder, &device()).unwrap();
        assert_eq!(encode(&after), encode(&before), "{name}");
        assert_eq!(folder.join("encoder").exists(), source == EncoderSource::Saved);

        let without = Pipeline::load_without_encoder(&folder, &device()).unwrap();
        assert!(without.encoder().is_none());
        let encoder = before.encoder().unwrap().clone();
        without.with_encoder(encoder, source).unwrap();
    }

    // The folder has moved, and later holds another model.
    fs::rename(place.path().join("model"), place.path().join("moved")).unwrap();
    let message = Pipeline::load(place.path().join("relative"), &device()).unwrap_err().to_string();
    assert!(message.contains("../model"), "{message}");
    copy_folder(&fixture_path("pooling/truncated"), &place.path().join("model"));
    let error = Pipeline::load(place.path().join("relative"), &device()).unwrap_err();
    let message = error.to_string();
    assert!(error.is_space_mismatch() && message.contains("../model"), "{message}");
    assert!(message.contains(&with_encoder(&EncoderSource::Saved).items().space().short()), "{message}");
}

#[test]
#[cfg(feature = "bundled")]
fn the_bundled_encoder_is_a_word_in_the_manifest() {
    let encoder = TextEncoder::bundled(&device()).unwrap();
    let items = encoder.embed([("dune", "A desert planet"), ("emma", "A matchmaker")]).unwrap();
    let pipeline = Pipeline::new(items, Average::new(), Cosine).unwrap();
    let pipeline = pipeline.with_encoder(encoder.clone(), EncoderSource::Bundled).unwrap();
    let after = load(&saved(&pipeline)).unwrap();
    assert_eq!(encode(&after), encode(&pipeline));

    // A source that gives another encoder than the one that made the vectors.
    let short = encoder.truncated(16).unwrap();
    let items = short.embed([("dune", "A desert planet")]).unwrap();
    let pipeline = Pipeline::new(items, Average::new(), Cosine).unwrap();
    let pipeline = pipeline.with_encoder(short, EncoderSource::Bundled).unwrap();
    let folder = TempDir::new().unwrap();
    assert!(pipeline.save(folder.path().join("p")).unwrap_err().is_space_mismatch());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
}

#[test]
fn a_folder_is_never_written_over() {
    let folder = saved(&pipeline());
    let error = pipeline().save(folder.path().join("p")).unwrap_err();
    assert!(error.to_string().contains("exists"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

    let broken = Bilinear::diagonal(Tensor::from_data([1.0, f32::NAN, 1.0], &device()));
    let broken = Pipeline::new(table("taste"), average(), broken).unwrap();
    let error = broken.save(folder.path().join("q")).unwrap_err();
    assert!(error.to_string().contains("`w` is not finite"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
#[cfg(unix)]
fn who_may_read_other_files_may_read_these() {
    use std::os::unix::fs::PermissionsExt;

    let place = TempDir::new().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    let (folder, file) = (place.path().join("folder"), place.path().join("file"));
    fs::create_dir(&folder).unwrap();
    fs::write(&file, "").unwrap();
    with_encoder(&EncoderSource::Saved).save(place.path().join("p")).unwrap();
    fn walk(path: &Path, found: &mut Vec<std::path::PathBuf>) {
        found.push(path.to_owned());
        if path.is_dir() {
            fs::read_dir(path).unwrap().for_each(|entry| walk(&entry.unwrap().path(), found));
        }
    }
    let mut found = Vec::new();
    walk(&place.path().join("p"), &mut found);
    assert!(found.len() > 8);
    for path in found {
        let expected = if path.is_dir() { &folder } else { &file };
        assert_eq!(mode(&path), mode(expected), "{}", path.display());
    }
}

#[test]
fn interests_that_overflow_are_an_error() {
    let rows = [("a", [f32::MAX, 0.0]), ("b", [f32::MAX, 1.0])];
    let items = VectorTable::from_rows(Fingerprint::declared("huge"), rows).unwrap();
    let pipeline = Pipeline::new(items, Pooling::MeanSqrtLen, Dot).unwrap();
    let history = History::from_iter([("a", days(1)), ("b", days(2))]);
    assert!(pipeline.recommend(&history, 1, &Filter::none()).is_err());
}
