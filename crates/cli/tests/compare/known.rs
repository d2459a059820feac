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

/// Which side a difference comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Verbs,
    Server,
}

/// Each example of the scripts that does not say what it says with etcd.
pub(crate) const KNOWN: &[(&str, Side)] = &[
    ("version", Side::Verbs),
    ("version word", Side::Verbs),
    ("nonsense", Side::Verbs),
    ("get --nonsense", Side::Verbs),
    ("get foo --rev x", Side::Verbs),
    ("lease nonsense", Side::Verbs),
    ("endpoint", Side::Verbs),
    ("get a b c", Side::Verbs),
    ("put stray words here", Side::Verbs),
    ("put foo bar -w xml", Side::Verbs),
    ("watch -i -w simple", Side::Verbs),
    ("watch w1 --rev 2 -w json", Side::Verbs),
    ("txn -i -w simple", Side::Verbs),
    ("move-leader 1", Side::Server),
    ("move-leader XMEMBER1", Side::Server),
    ("move-leader XMEMBER0", Side::Server),
];

pub(crate) fn is_known(pair: Pair, line: &str) -> bool {
    KNOWN.iter().any(|(example, side)| {
        *example == line
            && match side {
                Side::Verbs => pair.our_verbs,
                Side::Server => pair.our_server,
            }
    })
}
