//! Where we differ from etcd; docs/etcdctl.md has the reasons.

/// Whose program asks, and whose server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) our_verbs: bool,
    pub(crate) our_server: bool,
}

impl Pair {
    /// The measure.
    pub(crate) const THEIRS: Self = Self { our_verbs: false, our_server: false };
    pub(crate) const OTHERS: [Self; 3] = [
        Self { our_verbs: false, our_server: true },
        Self { our_verbs: true, our_server: false },
        Self { our_verbs: true, our_server: true },
    ];
}

/// Each example that our verbs do not answer as etcdctl does. Our server has none:
/// asked by etcdctl it says what etcd says.
pub(crate) const KNOWN: &[&str] = &[
    "version",
    "version word",
    "nonsense",
    "get --nonsense",
    "get foo --rev x",
    "lease nonsense",
    "endpoint",
    "get a b c",
    "put stray words here",
    "put foo bar -w xml",
    "watch -i -w simple",
    "watch w1 --rev 2 -w json",
    "txn -i -w simple",
];

pub(crate) fn is_known(pair: Pair, line: &str) -> bool {
    pair.our_verbs && KNOWN.contains(&line)
}
