//! What does every answer begin with? Who answers, and the newest it has heard.

use api::etcd::header::Header;
use base::{ClusterId, NodeId, Revision};
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::watch;

/// This node as clients see it. The numbers only grow, each for itself: an
/// answer that has its own revision shows that one.
#[derive(Debug)]
pub(crate) struct Face {
    cluster: ClusterId,
    me: NodeId,
    term: AtomicU64,
    revision: AtomicU64,
    led: watch::Sender<bool>,
}

impl Face {
    pub(crate) fn new(cluster: ClusterId, me: NodeId) -> Self {
        // A term of 0 would tell clients that a member does not know itself.
        let (term, revision) = (AtomicU64::new(1), AtomicU64::new(0));
        Self { cluster, me, term, revision, led: watch::Sender::new(false) }
    }

    /// A leader is known, or none is any more.
    pub(crate) fn leads(&self, known: bool) {
        self.led.send_replace(known);
    }

    /// Whether a leader is known, now and from now on.
    pub(crate) fn led(&self) -> watch::Receiver<bool> {
        self.led.subscribe()
    }

    /// The lane said something in this term, at this revision.
    pub(crate) fn heard(&self, term: u64, revision: Revision) {
        self.term.fetch_max(term, Ordering::Relaxed);
        self.revision.fetch_max(revision.0, Ordering::Relaxed);
    }

    /// A header in the newest term that was heard.
    pub(crate) fn header(&self) -> Header {
        self.header_in(self.term.load(Ordering::Relaxed))
    }

    /// A header in the term of an answer.
    pub(crate) fn header_in(&self, term: u64) -> Header {
        Header {
            cluster_id: self.cluster,
            member_id: self.me,
            revision: Revision(self.revision.load(Ordering::Relaxed)),
            raft_term: term.max(1),
        }
    }
}
