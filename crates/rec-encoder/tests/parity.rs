//! Tiny random BERT checkpoints against `transformers` and `sentence-transformers`: whole tensors, every layer, every
//! pooling, on the device under test. `fixtures/README.md` says how the expected values were made.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests: a panic is a failure, a print is a report"
)]

mod common;

use common::{bound, copy_folder, edit_json, real_values, strings, token_batch};
use rec_core::{Pooling, Sequence};
use rec_encoder::{TextEncoder, TokenEncoder, Transformer};
use rec_testkit::{Fixture, assert_close, device, fixture_path, max_abs_diff};
use rec_text::{Encoding, PaddingSide, TokenBatch};

const FOLDERS: [&str; 3] = ["tiny", "tiny-dense", "tiny-relu"];

const POOLINGS: [(Pooling, &str); 6] = [
    (Pooling::Cls, "cls"),
    (Pooling::Mean, "mean"),
    (Pooling::Max, "max"),
    (Pooling::LastToken, "lasttoken"),
    (Pooling::WeightedMean, "weightedmean"),
    (Pooling::MeanSqrtLen, "mean_sqrt_len_tokens"),
];

#[test]
fn every_layer_matches_transformers() {
    for folder in FOLDERS {
        let fixture = Fixture::open(&format!("bert/{folder}/expected.safetensors"));
        let (model, report) =
            Transformer::from_dir(fixture_path(&format!("bert/{folder}")), &device()).unwrap();
        println!("{folder}: {report}");
        let states = model.hidden_states(&token_batch(&fixture));
        assert_eq!(states.len(), model.config().layers.len() + 1);
        for (layer, states) in states.iter().enumerate() {
            let (actual, expected) = real_values(states, &fixture.f32(&format!("hidden.{layer}")).1);
            assert_close(&format!("{folder} hidden.{layer}"), &actual, &expected, bound());
        }
    }
}

#[test]
fn every_pooling_matches_sentence_transformers() {
    for folder in FOLDERS {
        let fixture = Fixture::open(&format!("bert/{folder}/expected.safetensors"));
        let (model, _) = Transformer::from_dir(fixture_path(&format!("bert/{folder}")), &device()).unwrap();
        let states = model.encode(&token_batch(&fixture));
        for (pooling, name) in POOLINGS {
            let pooled: Vec<f32> = pooling.pool(&states).try_into_vec_as().unwrap();
            let name = format!("pooled.{name}");
            assert_close(&format!("{folder} {name}"), &pooled, &fixture.f32(&name).1, bound());
        }
    }
}

#[test]
fn text_to_vector_matches_sentence_transformers() {
    for folder in FOLDERS.into_iter().chain(["tiny-saved"]) {
        let path = fixture_path(&format!("bert/{folder}"));
        let fixture = Fixture::open(&format!("bert/{folder}/expected.safetensors"));
        let encoder = TextEncoder::from_dir(&path, &device()).unwrap();
        let texts = strings(&path.join("texts.json"));

        let ids: Vec<Vec<u32>> =
            serde_json::from_slice(&std::fs::read(path.join("text_ids.json")).unwrap()).unwrap();
        let encodings = encoder.tokenizer().encode_batch(&texts).unwrap();
        assert_eq!(encodings.into_iter().map(|e| e.ids).collect::<Vec<_>>(), ids, "{folder}");

        let encoded = encoder.encode(&texts).unwrap();
        let (shape, expected) = fixture.f32("sentence_embedding");
        assert_eq!([encoded.len(), encoded.dim()], shape[..]);
        assert_close(&format!("{folder} sentence_embedding"), encoded.values(), &expected, bound());
        assert!(encoded.n_truncated_texts() > 0, "{folder} has a text that is too long");
    }
}

/// The suite sees mistakes: each of the usual ones moves a value far beyond the bound.
#[test]
fn mutations_are_caught() {
    let original = fixture_path("bert/tiny");
    let fixture = Fixture::open("bert/tiny/expected.safetensors");
    let (batch, states) = (token_batch(&fixture), fixture.f32("last_hidden_state").1);
    let caught = |name: &str, diff: f32| {
        println!("mutation {name}: max abs difference {diff:.1e}");
        assert!(diff > 5.0 * bound(), "{name} hides below the bound: {diff:e}");
    };
    let edited = |file: &str, edit: &dyn Fn(&mut serde_json::Value)| {
        let folder = copy_folder(&original);
        edit_json(folder.path().join(file), edit);
        folder
    };

    let states_of = |edit: &dyn Fn(&mut serde_json::Value)| {
        let (model, _) = Transformer::from_dir(edited("config.json", edit).path(), &device()).unwrap();
        let (actual, expected) = real_values(&model.encode(&batch), &states);
        max_abs_diff(&actual, &expected)
    };
    caught("layer norm epsilon 1e-5", states_of(&|c| c["layer_norm_eps"] = 1e-5.into()));
    caught("tanh GELU", states_of(&|c| c["hidden_act"] = "gelu_new".into()));
    caught("other heads", states_of(&|c| c["num_attention_heads"] = 2.into()));

    // Padding taken for tokens: the same ids, nothing masked.
    let rows = batch.ids().chunks(batch.len()).zip(batch.type_ids().chunks(batch.len()));
    let unmasked: Vec<Encoding> = rows
        .map(|(ids, types)| Encoding { ids: ids.to_vec(), type_ids: types.to_vec(), n_truncated: 0 })
        .collect();
    let unmasked = TokenBatch::collate(&unmasked, 0, PaddingSide::Right, None);
    let (model, _) = Transformer::from_dir(&original, &device()).unwrap();
    let mask = model.encode(&batch).mask_pad().cloned();
    let leaky = Sequence::new(model.encode(&unmasked).values().clone(), mask);
    let (actual, expected) = real_values(&leaky, &states);
    caught("padding attended to", max_abs_diff(&actual, &expected));

    let texts = strings(&original.join("texts.json"));
    let vectors = fixture.f32("sentence_embedding").1;
    let vectors_of = |file: &str, edit: &dyn Fn(&mut serde_json::Value)| {
        let encoder = TextEncoder::from_dir(edited(file, edit).path(), &device()).unwrap();
        max_abs_diff(encoder.encode(&texts).unwrap().values(), &vectors)
    };
    let cls = |config: &mut serde_json::Value| {
        config["pooling_mode_mean_tokens"] = false.into();
        config["pooling_mode_cls_token"] = true.into();
    };
    caught("cls for mean pooling", vectors_of("1_Pooling/config.json", &cls));
    caught("no normalisation", vectors_of("modules.json", &|m| drop(m.as_array_mut().unwrap().pop())));
    caught("a longer limit", vectors_of("sentence_bert_config.json", &|c| c["max_seq_length"] = 40.into()));
}
