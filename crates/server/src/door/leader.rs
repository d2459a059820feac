//! Does a caller want a leader to be there? It says so in a header of its call,
//! and would rather be refused at once than wait for an election.

use http::{HeaderMap, HeaderName};

/// etcd's name of that header.
const HAS_LEADER: HeaderName = HeaderName::from_static("hasleader");

/// Whether the caller wants one.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    headers.get(&HAS_LEADER).is_some_and(|value| value.as_bytes() == b"true")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn only_true_wants_a_leader() {
        let wanted = |value| {
            let value = HeaderValue::from_static(value);
            is_wanted(&HeaderMap::from_iter([(HAS_LEADER, value)]))
        };
        assert!(wanted("true"));
        assert!(!wanted("false") && !wanted("") && !is_wanted(&HeaderMap::new()));
    }
}
