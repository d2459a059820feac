//! Which protocols there are.

/// A protocol, as it is named in settings, on disk and on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[repr(u8)]
pub enum ProtocolKind {
    /// Raft, as in Ongaro's dissertation.
    #[default]
    Raft = 1,
    /// Multi-Paxos: one prepare for all that follows.
    Paxos = 2,
    /// Zab, as published in 2011.
    Zab = 3,
}

impl ProtocolKind {
    /// Every protocol, in order.
    pub const ALL: &[Self] = &[Self::Raft, Self::Paxos, Self::Zab];

    /// The protocol with this number, if there is one.
    #[must_use]
    pub fn from_u8(byte: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| *kind as u8 == byte)
    }

    /// The protocol with this name, if there is one.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// Its name in settings and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raft => "raft",
            Self::Paxos => "paxos",
            Self::Zab => "zab",
        }
    }

    /// Whether its log has gaps: each place is filled and accepted for itself, so
    /// that a hole in what a disk gives back is no damage.
    #[must_use]
    pub const fn has_gaps(self) -> bool {
        match self {
            Self::Raft | Self::Zab => false,
            Self::Paxos => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_own_number_and_name() {
        for kind in ProtocolKind::ALL {
            assert_eq!(ProtocolKind::from_u8(*kind as u8), Some(*kind));
            assert_eq!(ProtocolKind::named(kind.name()), Some(*kind));
        }
        assert_eq!((ProtocolKind::from_u8(0), ProtocolKind::named("")), (None, None));
    }
}
