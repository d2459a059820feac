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

#[test]
fn a_failure_that_was_found_with_a_theme_or_a_lying_disk_can_be_repeated() {
    let words = ["sim", "run", "--seed", "3", "--theme", "elections", "--lying-disk"];
    let once = run(&words);
    assert!(once.out.contains("  Elections: 3 nodes"), "{once:?}");
    assert!(once.out.contains("  disk   lying"), "{once:?}");
    assert_eq!(once, run(&words));
    let said = run(&["sim", "run", "--seed", "3", "--theme", "weather"]);
    assert!(said.err.contains("mixed") && said.err.contains("elections"), "{said:?}");
}
