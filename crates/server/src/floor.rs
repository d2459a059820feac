//! How fast is the door alone? Everything up to the lane's queue is as it always
//! is, and behind it stands nobody: puts and gets are answered at once, with the
//! same words. What it can do is the ceiling of what a node can.

use crate::config::ProtocolKind;
use crate::door::{self, Manner};
use crate::driver::Waiting;
use crate::error::ServerError;
use crate::face::Face;
use crate::inbox::{Inbox, LaneEnd};
use crate::item::Item;
use crate::listen::Listeners;
use crate::metrics::Metrics;
use crate::replies::Answered;
use crate::server::adopt;
use crate::wheel::{Next, Wheel};
use base::{ClusterId, Index, NodeId, Revision, Time};
use bytes::Bytes;
use kv::command::{Command, KeyValue, OpReply, RangeReply, Reply};
use node::event::{Answer, Ask, Event, Query, Queues, Refused, Status};
use std::collections::VecDeque;
use std::sync::Arc;
use std::thread;
use tokio::sync::watch;

const ME: NodeId = NodeId(1);
const TERM: u64 = 1;
const REVISION: Revision = Revision(2);

/// What every key has.
const VALUE: Bytes = Bytes::from_static(&[b'v'; 256]);

/// Serves clients on these sockets for as long as `until` takes.
pub fn run(listeners: Listeners, until: impl FnOnce()) -> Result<(), ServerError> {
    let inbox = Arc::new(Inbox::new());
    let face = Arc::new(Face::new(ClusterId(1), ME));
    face.leads(true);
    let closing = watch::Sender::new(false);
    let metrics = Arc::new(Metrics::new(ME));
    let desk = door::Desk::new(Arc::clone(&inbox), face, metrics, closing.subscribe());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_name("sockets")
        .enable_all()
        .build()
        .map_err(ServerError::Threads)?;
    let manner = Manner { gallery: runtime.handle().clone(), direct: true };
    let inside = runtime.enter();
    let sockets = adopt(listeners.client).map_err(ServerError::Threads)?;
    drop(runtime.spawn(door::serve(sockets, desk, manner)));
    drop(inside);
    let end = LaneEnd::new(&inbox, Nobody(Waiting::default()));
    let lane = thread::Builder::new().name("lane".into()).spawn(move || end.serve());
    let lane = lane.map_err(ServerError::Threads)?;
    until();
    closing.send_replace(true);
    inbox.push(Item::Stop);
    lane.join().unwrap_or(Err(ServerError::BrokeDown("lane")))
}

/// What is turned as a lane's driver is.
#[derive(Debug)]
struct Nobody(Waiting);

impl Wheel for Nobody {
    fn turn(&mut self, batch: &mut VecDeque<Item>) -> Result<Next, ServerError> {
        for item in batch.drain(..) {
            match self.0.admit(item) {
                Some(Event::Ask { id, ask }) => {
                    self.0.answer(id, Answered { term: TERM, answer: said(&ask) });
                }
                Some(_) => {}
                None => return Ok(Next::Stop),
            }
        }
        self.0.ring();
        Ok(Next::Turn)
    }

    fn deadline(&self) -> Option<Time> {
        None
    }

    fn is_crowded(&self) -> bool {
        false
    }
}

fn said(ask: &Ask) -> Answer {
    let result = match ask {
        Ask::Write { command: Command::Put(_), .. } => OpReply::Put { previous: None },
        Ask::Read { query: Query::Range(_), .. } => OpReply::Range(pair()),
        Ask::Status => return Answer::Status(status()),
        _ => return Answer::Refused(Refused::NoSuchKeyspace),
    };
    Answer::Kv(Reply { revision: REVISION, result: Ok(result) })
}

fn pair() -> RangeReply {
    let pair = KeyValue {
        key: Bytes::from_static(b"bench/0000000000"),
        create: REVISION,
        modified: REVISION,
        version: 1,
        lease: 0,
        value: VALUE,
        extension: Bytes::new(),
    };
    RangeReply { kvs: vec![pair], more: false, count: 1 }
}

fn status() -> Status {
    Status {
        protocol: ProtocolKind::default(),
        leader: Some(ME),
        term: TERM,
        commit: Index(1),
        applied: Index(1),
        revision: REVISION,
        bytes: 0,
        quota: None,
        alarms: Vec::new(),
        no_room: false,
        healing: None,
        queues: Queues::default(),
    }
}
