//! `sim`: a seed is a run, twice; and what can be seen of it.

mod harness;

use harness::{directory, run, text};
use std::fs;

#[test]
fn the_same_seed_is_the_same_run() {
    let once = run(&["sim", "run", "--seed", "3"]);
    assert!(once.out.starts_with("seed 3 of trimaran "), "{once:?}");
    assert!(once.out.contains("elections") && once.out.contains("never reached"), "{once:?}");
    assert!(once.err.contains("operations and") && once.err.contains("steps per CPU second"));
    assert_eq!(once.out, run(&["sim", "run", "--seed", "3"]).out);
}

#[test]
fn a_seed_must_be_named() {
    let said = run(&["sim", "run"]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("--seed"), "{said:?}");
}

#[test]
fn a_seed_of_another_version_is_refused() {
    let said = run(&["sim", "run", "--seed", "0.0.1-7"]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("seed 0.0.1-7 is of trimaran 0.0.1, and this is "), "{said:?}");
}

#[test]
fn a_failure_that_was_found_with_a_theme_or_a_lying_disk_can_be_repeated() {
    let words = ["sim", "run", "--seed", "3", "--theme", "elections", "--lying-disk"];
    let once = run(&words);
    assert!(once.out.contains("  Elections: 3 nodes"), "{once:?}");
    assert!(once.out.contains("  disk   lying"), "{once:?}");
    assert_eq!(once.out, run(&words).out);
    let said = run(&["sim", "run", "--seed", "3", "--theme", "weather"]);
    for theme in ["mixed", "elections", "checkpoints", "leases"] {
        assert!(said.err.contains(theme), "{said:?}");
    }
}

#[test]
fn many_seeds_are_one_sum_however_many_run_at_a_time() {
    let sum = |jobs: &str| {
        let words = ["sim", "run", "--seeds", "40..46", "--jobs", jobs, "--time", "500ms"];
        run(&words).ok()
    };
    let one = sum("1");
    assert!(one.starts_with("6 seeds from 40 on") && one.contains("0 failed"), "{one}");
    assert_eq!(one, sum("3"));
    assert_eq!(run(&["sim", "run", "--seeds", "9..3"]).code, Some(128));
}

#[test]
fn json_is_for_programs() {
    let said =
        run(&["sim", "run", "--seed", "5", "--time", "300ms", "--nodes", "5", "--json"]).ok();
    let json = said.trim();
    assert!(json.starts_with("{\"version\":\"") && json.ends_with('}'), "{json}");
    for field in ["\"seed\":5,", "\"passed\":true,", "\"operations\":", "\"steps_per_cpu_second\":"]
    {
        assert!(json.contains(field), "{field} in {json}");
    }
}

#[test]
fn scenarios_are_named_and_run() {
    let named = run(&["sim", "ls"]).ok();
    assert!(named.contains("minority-leader  The leader reaches nobody any more"), "{named}");
    let said = run(&["sim", "replay", "4", "minority-leader"]).ok();
    for told in ["RequestVote", "leads term 1", "is cut off from all others", "leads term 2"] {
        assert!(said.contains(told), "{told} in {said}");
    }
    assert!(said.trim_end().ends_with("every promise was kept"), "{said}");
    assert_eq!(said, run(&["sim", "replay", "4", "minority-leader"]).ok());
}

#[test]
fn a_fault_in_a_scenario_is_found_by_line_and_word() {
    let folder = directory("scenario");
    fs::create_dir_all(&folder).expect("a folder");
    let file = folder.join("mine.txt");
    fs::write(&file, "# Mine.\nnodes 3\nat 1s cut n9\n").expect("a file");
    let said = run(&["sim", "run", text(&file)]);
    assert_eq!(said.code, Some(3));
    assert!(said.err.contains("mine.txt, line 3, word 4: \"n9\" is none of n1 to n3"), "{said:?}");
    let said = run(&["sim", "run", "no-such"]);
    assert!(said.err.contains("is no file and no scenario; there are "), "{said:?}");
    fs::remove_dir_all(&folder).expect("it is gone");
}

#[test]
fn a_picture_is_one_page_and_a_place_for_it_is_looked_for_first() {
    let folder = directory("picture");
    fs::create_dir_all(&folder).expect("a folder");
    let (page, still) = (folder.join("a.html"), folder.join("a.svg"));
    let said = run(&[
        "sim",
        "run",
        "quiet",
        "--time",
        "500ms",
        "--html",
        text(&page),
        "--svg",
        text(&still),
    ]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let drawn = fs::read_to_string(&page).expect("a page");
    assert!(drawn.contains("How to read this") && drawn.ends_with("</html>\n"));
    assert!(fs::read_to_string(&still).expect("a still").starts_with("<svg "));
    let nowhere = folder.join("no/such/folder.html");
    let said = run(&["sim", "run", "--seed", "7", "--html", text(&nowhere)]);
    assert_eq!((said.code, said.out.as_str()), (Some(6), ""), "{said:?}");
    fs::remove_dir_all(&folder).expect("it is gone");
}

#[test]
fn a_seed_that_fails_is_made_small() {
    let lying = |seed: &str| {
        let said = run(&["sim", "run", "--seed", seed, "--lying-disk"]);
        (said.code == Some(1)).then(|| seed.to_owned())
    };
    let seed = (0..36).find_map(|seed: u32| lying(&seed.to_string())).expect("some seed fails");
    let said = run(&["sim", "shrink", &seed, "--lying-disk", "--runs", "300"]).ok();
    assert!(said.contains("left after") && said.contains("Then everything heals, and"), "{said}");
    let said = run(&["sim", "shrink", &seed, "--time", "100ms"]);
    assert!(said.err.contains("this seed passes"), "{said:?}");
}
