//! Which protocols there are.

/// A protocol, as it is named in settings, on disk and on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum ProtocolKind {
    /// Raft, as in Ongaro's dissertation.
    Raft = 1,
}

impl ProtocolKind {
    /// Every protocol, in order.
    pub const ALL: &[Self] = &[Self::Raft];

    /// The protocol with this number, if there is one.
    #[must_use]
    pub const fn from_u8(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Raft),
            _ => None,
        }
    }

    /// Its name in settings and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raft => "raft",
        }
    }
}
