//! The examples check their own claims; here they run, printing into memory.

use clap::Parser;

#[path = "../movielens.rs"]
#[expect(dead_code, reason = "its `main` is not ours")]
mod movielens;
#[path = "../paper.rs"]
#[expect(dead_code, reason = "its `main` is not ours")]
mod paper;
#[path = "../recommend.rs"]
#[expect(dead_code, reason = "its `main` is not ours")]
mod recommend;

#[test]
fn paper_holds() {
    let mut out = Vec::new();
    paper::paper(&mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains("0.26     0.37") && text.contains("0.35     0.46"), "{text}");
}

#[test]
fn recommend_holds() {
    let mut out = Vec::new();
    recommend::recommend(&recommend::Args::parse_from(["recommend"]), &mut out).unwrap();
    assert!(String::from_utf8(out).unwrap().contains("Finn, who is new"));
}

#[test]
fn movielens_tells_how_to_get_its_data() {
    let args = movielens::Args::parse_from(["movielens", "--data", "no/such/folder"]);
    let error = movielens::movielens(&args, &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("scripts/fetch ml-100k"), "{error}");
}
