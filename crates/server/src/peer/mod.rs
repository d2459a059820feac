//! How do nodes reach each other? Each dials every other one twice, so that
//! bulk never delays a vote; who dials sends, who is dialled receives.

mod call;
mod dial;
mod frame;
mod greet;
mod link;
mod outbox;

use crate::inbox::Inbox;
use base::prng::Prng;
use base::{ClusterId, Incarnation, NodeId};
use bytes::Bytes;
use link::Link;
use node::boot::Peer;
use node::event::Class;
use node::wire::Hello;
use outbox::Outbox;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// How long the other side may take for its part of the handshake.
const HELLO_TIMEOUT: Duration = Duration::from_secs(2);

/// Who this node is, to its peers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity {
    pub(crate) cluster: ClusterId,
    pub(crate) me: NodeId,
    pub(crate) incarnation: Incarnation,
}

impl Identity {
    fn hello(self, to: NodeId, class: Class) -> Hello {
        Hello { cluster: self.cluster, node: self.me, incarnation: self.incarnation, to, class }
    }
}

/// All other nodes.
#[derive(Debug)]
pub(crate) struct Peers {
    identity: Identity,
    inbox: Arc<Inbox>,
    others: BTreeMap<NodeId, Other>,
}

/// One other node.
#[derive(Debug)]
struct Other {
    name: String,
    urls: Vec<String>,
    link: Link,
    lines: [Line; 2],
}

/// One of the two connections that this node dials.
#[derive(Debug, Default)]
struct Line {
    outbox: Outbox,
    /// The other node is there: no use in waiting before the next call.
    redial: Notify,
}

impl Other {
    fn new(peer: Peer, inbox: &Arc<Inbox>) -> Self {
        let link = Link::new(peer.id, Arc::clone(inbox));
        Self { name: peer.name, urls: peer.urls, link, lines: Default::default() }
    }

    fn line(&self, class: Class) -> &Line {
        let [urgent, bulk] = &self.lines;
        match class {
            Class::Urgent => urgent,
            Class::Bulk => bulk,
        }
    }
}

impl Peers {
    pub(crate) fn new(identity: Identity, peers: Vec<Peer>, inbox: &Arc<Inbox>) -> Self {
        let others = peers.into_iter().map(|peer| (peer.id, Other::new(peer, inbox))).collect();
        Self { identity, inbox: Arc::clone(inbox), others }
    }

    /// Hands a frame to the connection of its class; it is lost if that is not
    /// open or too much waits for it already.
    pub(crate) fn send(&self, to: NodeId, class: Class, frame: Bytes) {
        if let Some(other) = self.others.get(&to) {
            other.line(class).outbox.push(frame);
        }
    }

    /// The work of keeping every outgoing connection open, to be spawned.
    pub(crate) fn dialers(self: &Arc<Self>, seed: u64) -> Vec<impl Future<Output = ()> + use<>> {
        let mut prng = Prng::new(seed);
        let lines = self.others.keys().flat_map(|to| Class::ALL.map(|class| (*to, class)));
        lines.map(|(to, class)| dial::keep(Arc::clone(self), to, class, prng.fork())).collect()
    }
}

pub(crate) use call::Calls;
