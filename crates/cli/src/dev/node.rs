//! One node of a dev cluster, as it is meant to be.

/// A node as it is meant to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) client_port: u16,
    pub(crate) peer_port: u16,
}

impl Node {
    /// `127.0.0.1:2379`.
    pub(crate) fn client(&self) -> String {
        format!("127.0.0.1:{}", self.client_port)
    }

    /// `127.0.0.1:2380`.
    pub(crate) fn peer(&self) -> String {
        format!("127.0.0.1:{}", self.peer_port)
    }
}
