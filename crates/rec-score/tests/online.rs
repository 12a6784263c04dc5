//! Online updates of the linear models against PyTorch's optimizers, event by event: `fixtures/feedback/online.safetensors`.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use burn::tensor::Device;
use rec_core::{Fingerprint, Interests, Sequence};
use rec_score::{
    AdditiveLinear, Bilinear, BilinearConfig, Click, Form, OnlineConfig, OnlineLogistic, Scorer, StepSize,
};
use rec_testkit::{Fixture, assert_close, device};

/// Thirty steps in f32, against f64.
const BOUND: f32 = 1e-5;

fn space() -> Fingerprint {
    Fingerprint::declared("online")
}

fn additive(fixture: &Fixture, prefix: &str, device: &Device) -> AdditiveLinear {
    let one = |name: &str| fixture.f32(&format!("{prefix}.{name}")).1;
    AdditiveLinear::new(&one("beta"), &one("gamma"), one("b")[0], device)
}

/// The model of a form with the values that the fixture has under a prefix, such as `full.start`.
fn bilinear(fixture: &Fixture, form: &str, prefix: &str, device: &Device) -> Bilinear {
    let matrix = |name: &str| fixture.tensor::<2>(&format!("{prefix}.{name}"), device);
    let model = match form {
        "identity" => Bilinear::identity(),
        "diagonal" => Bilinear::diagonal(fixture.tensor(&format!("{prefix}.w"), device)),
        "full" => Bilinear::full(matrix("w")),
        _ => Bilinear::low_rank(matrix("p"), matrix("q")),
    };
    model.with_bias(additive(fixture, prefix, device))
}

struct Events {
    users: Vec<Interests>,
    items: Vec<Vec<f32>>,
    labels: Vec<f32>,
    weights: Vec<f32>,
}

impl Events {
    fn of(fixture: &Fixture, form: &str) -> Self {
        let rows = |name: &str| {
            let (shape, values) = fixture.f32(name);
            values.chunks_exact(shape[1]).map(<[f32]>::to_vec).collect::<Vec<_>>()
        };
        let items = if ["identity", "diagonal"].contains(&form) { "square_items" } else { "items" };
        Self {
            users: rows("users").into_iter().map(|u| Interests::new(u, 5, space()).unwrap()).collect(),
            items: rows(items),
            labels: fixture.f32("labels").1,
            weights: fixture.f32("weights").1,
        }
    }

    fn clicks(&self) -> impl Iterator<Item = Click<'_>> {
        (0..self.users.len()).map(|i| Click {
            interests: &self.users[i],
            item: &self.items[i],
            clicked: self.labels[i] > 0.5,
            weight: self.weights[i],
        })
    }
}

/// The loss of a click from the logit before it.
fn loss(click: &Click<'_>, logit: f64) -> f32 {
    let margin = if click.clicked { logit } else { -logit };
    (f64::from(click.weight) * (1.0 + (-margin).exp()).ln()) as f32
}

/// The logits of all items for all users say the same as all parameters.
fn logits(model: &dyn Scorer, events: &Events) -> Vec<f32> {
    let device = device();
    let users: Vec<f32> = events.users.iter().flat_map(|user| user.iter().flatten().copied()).collect();
    let tensor = |values: Vec<f32>| {
        let n = values.len() / events.users.len();
        burn::tensor::Tensor::<2>::from_data(
            burn::tensor::TensorData::new(values, [events.users.len(), n]),
            &device,
        )
    };
    let items = Sequence::new(tensor(events.items.concat()).unsqueeze_dim(0), None);
    model.logits(&Sequence::single(tensor(users)), &items).try_into_vec_as().unwrap()
}

#[test]
fn updates_are_those_of_torch() {
    let (fixture, device) = (Fixture::open("feedback/online.safetensors"), device());
    for (name, step) in [("sgd", StepSize::Constant), ("adagrad", StepSize::AdaGrad)] {
        let config = OnlineConfig { rate: 0.1, penalty: 0.05, step };
        for form in ["additive", "identity", "diagonal", "full", "low_rank"] {
            let events = Events::of(&fixture, form);
            let (start, end) = (format!("{form}.start"), format!("{form}.{name}"));
            let (losses, found, expected) = if form == "additive" {
                let mut online = OnlineLogistic::additive(&additive(&fixture, &start, &device), config);
                let losses: Vec<f32> =
                    events.clicks().map(|click| loss(&click, online.update(click).unwrap())).collect();
                let expected = logits(&additive(&fixture, &end, &device), &events);
                (losses, logits(&online.model(), &events), expected)
            } else {
                let mut online = OnlineLogistic::bilinear(&bilinear(&fixture, form, &start, &device), config);
                let losses: Vec<f32> =
                    events.clicks().map(|click| loss(&click, online.update(click).unwrap())).collect();
                let expected = logits(&bilinear(&fixture, form, &end, &device), &events);
                (losses, logits(&online.model(), &events), expected)
            };
            assert_close(&format!("{end}, losses"), &losses, &fixture.f32(&format!("{end}.losses")).1, BOUND);
            assert_close(&format!("{end}, logits"), &found, &expected, 3.0 * BOUND);
        }
    }
}

/// Events one by one, or in parts with the model handed on between them: the same bits without a memory, as SGD has none.
#[test]
fn only_the_order_of_events_matters() {
    let fixture = Fixture::open("feedback/online.safetensors");
    let config = OnlineConfig { rate: 0.1, penalty: 0.0, step: StepSize::Constant };
    let (events, start) = (Events::of(&fixture, "full"), bilinear(&fixture, "full", "full.start", &device()));
    let run = |parts: &[usize]| {
        let (mut model, mut clicks) = (start.clone(), events.clicks());
        for &n in parts {
            let mut online = OnlineLogistic::bilinear(&model, config);
            clicks.by_ref().take(n).for_each(|click| _ = online.update(click).unwrap());
            model = online.model();
        }
        logits(&model, &events)
    };
    let whole = run(&[30]);
    assert_eq!(run(&[1; 30]), whole);
    assert_eq!(run(&[7, 20, 3]), whole);
}

#[test]
fn what_cannot_be_learned_from_changes_nothing() {
    let device = device();
    let start = BilinearConfig { d_user: 2, d_item: 2, form: Form::Full, bias: true }.init(&device);
    let mut online = OnlineLogistic::bilinear(&start, OnlineConfig::default());
    let user = Interests::new(vec![1.0, 0.5], 2, space()).unwrap();
    let click = Click { interests: &user, item: &[1.0, 2.0], clicked: true, weight: 1.0 };
    let before = online.logit(&user, click.item).unwrap();
    for bad in [
        Click { item: &[f32::NAN, 0.0], ..click },
        Click { weight: f32::NAN, ..click },
        Click { weight: -1.0, ..click },
        Click { weight: f32::MAX, ..click },
        Click { item: &[f32::MAX, f32::MAX], clicked: false, ..click },
    ] {
        let error = online.update(bad).unwrap_err();
        assert!(error.is_not_finite(), "{error}");
    }
    assert!(
        online.update(Click { item: &[1.0], ..click }).unwrap_err().to_string().contains("the item has 1")
    );
    online.update(Click { weight: 0.0, ..click }).unwrap();
    assert_eq!(online.logit(&user, click.item).unwrap(), before);
    // Of several interests the one learns that the item is ranked by.
    let two = Interests::new(vec![-1.0, 0.0, 1.0, 0.5], 2, space()).unwrap();
    assert_eq!(online.logit(&two, click.item).unwrap(), before);
}
