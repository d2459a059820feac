//! Does every node, in the end, hold everything that any node ever applied?

use super::Violation;
use crate::history::name;
use base::Index;

/// Judges how far each node applied the log. That what it applied is the same
/// is judged entry by entry, whenever it happens.
#[must_use]
pub fn check(last: Index, nodes: &[Index]) -> Vec<Violation> {
    let short = nodes.iter().enumerate().filter(|(_, applied)| **applied != last);
    let what = |(node, applied)| format!("{} holds {applied} of {last}", name(node));
    short.map(|it| Violation::new("durable", what(it))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_is_seen() {
        assert_eq!(check(Index(3), &[Index(3), Index(3)]), []);
        assert!(check(Index(3), &[Index(3), Index(2)])[0].what.contains("n2 holds"));
    }
}
