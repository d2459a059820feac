//! `sim run`: a seed is a run, twice.

mod harness;

use harness::run;

#[test]
fn the_same_seed_is_the_same_run() {
    let once = run(&["sim", "run", "--seed", "3"]);
    assert!(once.out.starts_with("seed 3\n"), "{once:?}");
    assert!(once.out.contains("elections"), "{once:?}");
    assert_eq!(once, run(&["sim", "run", "--seed", "3"]));
}

#[test]
fn a_seed_must_be_named() {
    let said = run(&["sim", "run"]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("--seed"), "{said:?}");
}
