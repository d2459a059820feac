//! The small worlds, whole: no rule breaks anywhere in them.

use explore::scope::SHORT;
use explore::search::Search;
use explore::story;

/// Far more than any of them has.
const STATES_MAX: usize = 500_000;

#[test]
fn no_rule_breaks_in_any_state_of_the_small_worlds() {
    for scope in SHORT {
        let mut search = Search::new(scope);
        let report = search.run(STATES_MAX);
        println!("{}", report.line(scope));
        if let Some(violation) = &report.violation {
            panic!(
                "{}\n{}",
                scope.name,
                story::tell(&mut search, &violation.steps, &violation.what)
            );
        }
        assert!(report.exhausted, "{}: more than {STATES_MAX} states", scope.name);
    }
}
