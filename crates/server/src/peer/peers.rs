//! Who are the other nodes, and what waits for each of them?

use super::link::Link;
use super::outbox::Outbox;
use crate::inbox::Inbox;
use crate::metrics::Counted;
use crate::wheel::Hand;
use base::{ClusterId, Incarnation, NodeId};
use bytes::Bytes;
use node::boot::Peer;
use node::event::Class;
use node::hello::Hello;
use prometheus_client::metrics::counter::Counter;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// How long the other side may take for its part of the handshake.
pub(super) const HELLO_TIMEOUT: Duration = Duration::from_secs(2);

/// Who this node is, to its peers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity {
    pub(crate) cluster: ClusterId,
    pub(crate) me: NodeId,
    pub(crate) incarnation: Incarnation,
}

impl Identity {
    pub(super) fn hello(self, to: NodeId, class: Class) -> Hello {
        Hello { cluster: self.cluster, node: self.me, incarnation: self.incarnation, to, class }
    }
}

/// All other nodes.
#[derive(Debug)]
pub(crate) struct Peers {
    pub(super) identity: Identity,
    pub(super) inbox: Arc<Inbox>,
    pub(super) others: BTreeMap<NodeId, Other>,
}

/// One other node.
#[derive(Debug)]
pub(super) struct Other {
    pub(super) name: String,
    pub(super) urls: Vec<String>,
    pub(super) link: Link,
    pub(super) lines: [Line; 2],
    /// Bytes that came from it.
    pub(super) received: Counter,
}

/// One of the two connections that this node dials.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) outbox: Outbox,
    /// The other node is there: no use in waiting before the next call.
    pub(super) redial: Notify,
}

impl Other {
    fn new(peer: Peer, inbox: &Arc<Inbox>, counted: &Counted) -> Self {
        let link = Link::new(peer.id, Arc::clone(inbox));
        let lines = Class::ALL.map(|class| Line {
            outbox: Outbox::new(counted.peer(peer.id, class)),
            redial: Notify::new(),
        });
        let received = counted.heard_from(peer.id);
        Self { name: peer.name, urls: peer.urls, link, lines, received }
    }

    pub(super) fn line(&self, class: Class) -> &Line {
        let [urgent, bulk] = &self.lines;
        match class {
            Class::Urgent => urgent,
            Class::Bulk => bulk,
        }
    }
}

impl Peers {
    pub(crate) fn new(
        identity: Identity,
        peers: Vec<Peer>,
        inbox: &Arc<Inbox>,
        counted: &Counted,
    ) -> Self {
        let other = |peer: Peer| (peer.id, Other::new(peer, inbox, counted));
        let others = peers.into_iter().map(other).collect();
        Self { identity, inbox: Arc::clone(inbox), others }
    }

    /// Hands a frame to the connection of its class; it is lost if that is not
    /// open or too much waits for it already.
    pub(crate) fn send(&self, hand: Hand, to: NodeId, class: Class, frame: Bytes) {
        if let Some(other) = self.others.get(&to) {
            other.line(class).outbox.push(hand, frame);
        }
    }
}
