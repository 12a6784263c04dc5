//! A worked example that goes round for the additive linear model r = sigmoid(beta·u + gamma·x + b), checked.
//!
//! You will see the eight scores as they are printed there beside what their own products add up to, then what the formula
//! gives as it is defined, and why its order of items is the same for every user. A dot product then ranks by user. In the
//! end each user gets the one item that is new to them.

use std::io::Write;
use std::process::ExitCode;

use burn::tensor::Tensor;
use rec_core::{Fingerprint, Interests, Sequence, VectorTable, device};
use rec_examples::{Error, run};
use rec_score::{AdditiveLinear, Dot, Filter, FlatIndex, Scorer, probability};

const USERS: [[f32; 5]; 2] = [[0.1, 0.2, 0.3, 0.4, 0.5], [0.2, 0.3, 0.4, 0.5, 0.6]];
const BOUGHT: [[&str; 3]; 2] = [["1", "2", "3"], ["2", "3", "4"]];
const ITEMS: [&str; 4] = ["1", "2", "3", "4"];
const ITEM_NUMBERS: [f32; 4] = [0.3, 0.4, 0.5, 0.6];
const BETA: f32 = 0.1;
const GAMMA: f32 = 0.2;
const B: f32 = 0.3;

/// For each user and item: the component of the user's vector that the example takes, and the score that it prints.
const PRINTED: [[(f32, f32); 4]; 2] = [
    [(0.1, 0.26), (0.2, 0.31), (0.3, 0.36), (0.4, 0.43)],
    [(0.2, 0.21), (0.2, 0.25), (0.3, 0.30), (0.4, 0.35)],
];

fn main() -> ExitCode {
    run(paper)
}

pub(crate) fn paper(out: &mut dyn Write) -> Result<(), Error> {
    let device = device::host();
    let space = Fingerprint::declared("the users of the worked example");

    writeln!(
        out,
        "1. As printed: beta·(one component of u) + gamma·(a number for the item) + b, no sigmoid"
    )?;
    writeln!(out, "\n   user  item   terms                         printed  correct")?;
    let scalars = AdditiveLinear::new(&[BETA], &[GAMMA], B, &device);
    for (user, row) in PRINTED.iter().enumerate() {
        for ((item, number), (component, printed)) in ITEMS.iter().zip(ITEM_NUMBERS).zip(row) {
            let one = |value: f32| Sequence::single(Tensor::from_data([[value]], &device));
            let sum: f32 = scalars.logits(&one(*component), &one(number)).into_scalar();
            assert!((sum - (BETA * component + GAMMA * number + B)).abs() < 1e-6);
            assert!((sum - printed).abs() > 0.02, "none of the printed scores is right");
            writeln!(
                out,
                "   {:<5} {item:<5}  {BETA}·{component} + {GAMMA}·{number} + {B}  {printed:>16.2}  {sum:>7.2}",
                user + 1
            )?;
        }
    }
    writeln!(out, "\n   By the printed numbers, too, user 2 gets item 4 first, not [3, 4] as concluded;")?;
    writeln!(out, "   and both conclusions hold items that the user has bought already.")?;
    assert!(PRINTED[1][3].1 > PRINTED[1][2].1);

    writeln!(
        out,
        "\n2. As defined: beta a vector like u, gamma a vector like x (here of one number), and the sigmoid"
    )?;
    writeln!(out, "\n   user  beta·u   item 1   item 2   item 3   item 4   order")?;
    let model = AdditiveLinear::new(&[BETA; 5], &[GAMMA], B, &device).with_user_space(space);
    let numbers = VectorTable::from_rows(
        Fingerprint::declared("one number an item"),
        ITEMS.iter().zip(ITEM_NUMBERS).map(|(id, number)| (*id, [number])),
    )?;
    let index = FlatIndex::with_scorer(numbers.clone(), &model)?;
    for (i, u) in USERS.into_iter().enumerate() {
        let user = Interests::new(u.to_vec(), 5, space)?;
        let list = index.top_k(&user, 4, &Filter::none())?;
        let order = ids(&list);
        assert_eq!(order, ["4", "3", "2", "1"], "the same for every user");
        let interest = Sequence::single(Tensor::from_data([u], &device));
        let items = Sequence::new(numbers.gather(&[0, 1, 2, 3], &device).unsqueeze_dim(0), None);
        let p: Vec<f32> = probability(model.logits(&interest, &items)).try_into_vec_as()?;
        let expected = |x: f32| 1.0 / (1.0 + (-(BETA * u.iter().sum::<f32>() + GAMMA * x + B)).exp());
        assert!(p.iter().zip(ITEM_NUMBERS).all(|(p, x)| (p - expected(x)).abs() < 1e-6));
        write!(out, "   {:<5} {:>6.2}", i + 1, BETA * u.iter().sum::<f32>())?;
        p.iter().try_for_each(|p| write!(out, "   {p:.4}"))?;
        writeln!(out, "   {}", order.join(" > "))?;
    }
    writeln!(
        out,
        "\n   beta·u + b is one number a user and the sigmoid rises: everyone gets the order of gamma·x."
    )?;

    writeln!(
        out,
        "\n3. A model that is personal: u·x, with item vectors of our own, for the example has none"
    )?;
    writeln!(out, "\n   user  order")?;
    let vectors = [
        ("1", [0.0, 0.0, 0.0, 0.0, 1.3]),
        ("2", [0.0, 0.0, 1.0, 0.0, 0.5]),
        ("3", [0.5, 0.5, 0.0, 0.0, 0.0]),
        ("4", [1.0, 1.0, 1.0, 0.0, 0.0]),
    ];
    let personal = FlatIndex::with_scorer(VectorTable::from_rows(space, vectors)?, &Dot)?;
    for (i, expected) in [["1", "4", "2", "3"], ["4", "1", "2", "3"]].iter().enumerate() {
        let user = Interests::new(USERS[i].to_vec(), 5, space)?;
        let list = personal.top_k(&user, 4, &Filter::none())?;
        let order = ids(&list);
        assert_eq!(order, expected);
        writeln!(out, "   {:<5} {}", i + 1, order.join(" > "))?;
    }

    writeln!(out, "\n4. Recommendations: what a user has bought is excluded, and one item each is left")?;
    writeln!(out, "\n   user  bought   additive  dot")?;
    for (i, (bought, new)) in BOUGHT.iter().zip(["4", "1"]).enumerate() {
        let user = Interests::new(USERS[i].to_vec(), 5, space)?;
        let seen = Filter::exclude(*bought);
        let (additive, dot) = (index.top_k(&user, 4, &seen)?, personal.top_k(&user, 4, &seen)?);
        assert_eq!((ids(&additive), ids(&dot)), (vec![new], vec![new]));
        writeln!(
            out,
            "   {:<5} {}  item {}    item {}",
            i + 1,
            bought.join(", "),
            additive[0].id,
            dot[0].id
        )?;
    }
    Ok(())
}

fn ids(list: &rec_data::RankedList) -> Vec<&str> {
    list.iter().map(|hit| hit.id.as_str()).collect()
}
