//! What are the hot calls? Four, each a message in and a message out, with no
//! library between the stream and the lane.

use super::frame::{Incoming, internal, outgoing};
use super::kv::to_node;
use super::trailers;
use super::words::node_refusal;
use api::etcd::error::Status;
use api::etcd::header::Header;
use api::etcd::{answer, kv as words};
use bytes::{Bytes, BytesMut};
use h2::RecvStream;
use h2::server::SendResponse;
use http::HeaderMap;
use node::event::{Answer, Ask};
use prost::Message;
use std::task::{Context, Poll, ready};
use tokio::time::Instant;

/// The hot calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Method {
    Range,
    Put,
    DeleteRange,
    Txn,
}

impl Method {
    pub(super) const ALL: [Self; 4] = [Self::Range, Self::Put, Self::DeleteRange, Self::Txn];

    /// The hot call of this path, if it is one.
    pub(super) fn of(path: &str) -> Option<Self> {
        let name = path.strip_prefix("/etcdserverpb.KV/")?;
        Self::ALL.into_iter().find(|method| method.name() == name)
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Range => "Range",
            Self::Put => "Put",
            Self::DeleteRange => "DeleteRange",
            Self::Txn => "Txn",
        }
    }

    /// What the message asks.
    pub(super) fn ask(self, message: Bytes) -> Result<Ask, Status> {
        let ask = match self {
            Self::Range => words::range(decoded(message)?),
            Self::Put => words::put(decoded(message)?),
            Self::DeleteRange => words::delete_range(decoded(message)?),
            Self::Txn => words::txn(decoded(message)?),
        };
        ask.map(to_node)
    }

    /// The answer as it goes out, cut from `room`.
    pub(super) fn answer(
        self,
        answer: Answer,
        header: Header,
        room: &mut BytesMut,
    ) -> Result<Bytes, Status> {
        let reply = match answer {
            Answer::Kv(reply) => reply,
            Answer::Refused(why) => return Err(node_refusal(why)),
            _ => return Err(Status::WRONG_ANSWER),
        };
        match self {
            Self::Range => outgoing(&answer::range(reply, header)?, room),
            Self::Put => outgoing(&answer::put(reply, header)?, room),
            Self::DeleteRange => outgoing(&answer::delete_range(reply, header)?, room),
            Self::Txn => outgoing(&answer::txn(reply, header)?, room),
        }
    }
}

fn decoded<M: Message + Default>(message: Bytes) -> Result<M, Status> {
    M::decode(message).map_err(|why| internal(format!("grpc: error unmarshalling request: {why}")))
}

/// A call whose client waits for the end.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) deadline: Option<Instant>,
    pub(super) respond: SendResponse<Bytes>,
}

impl Call {
    /// Sends the answer. A client that has gone meanwhile hears nothing. The
    /// library keeps what the client's window has no room for yet.
    pub(super) fn reply(mut self, frame: Bytes) {
        if let Ok(mut stream) = self.respond.send_response(trailers::head(), false)
            && stream.send_data(frame, false).is_ok()
        {
            let _ = stream.send_trailers(trailers::ok());
        }
    }

    /// Whether nobody waits any more: the deadline has passed or the client has
    /// given it up.
    pub(super) fn ended(&mut self, now: Instant, context: &mut Context<'_>) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now)
            || self.respond.poll_reset(context).is_ready()
    }

    /// Says why there is no answer.
    pub(super) fn refuse(mut self, why: &Status) {
        let _ = self.respond.send_response(trailers::refusal(why), true);
    }
}

/// A message that comes in.
#[derive(Debug)]
pub(super) struct Reading {
    body: RecvStream,
    encoding: Option<String>,
    incoming: Incoming,
}

/// The message, or why it is none; nothing if the client has gone.
pub(super) type Read = Option<Result<Bytes, Status>>;

impl Reading {
    pub(super) fn new(body: RecvStream, headers: &HeaderMap) -> Self {
        let encoding = headers.get("grpc-encoding").and_then(|it| it.to_str().ok());
        Self { body, encoding: encoding.map(Into::into), incoming: Incoming::default() }
    }

    /// Goes on reading, up to the end of the stream. What was read may be sent
    /// again by the client's window.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Read> {
        let encoding = self.encoding.as_deref();
        while !self.body.is_end_stream() {
            let Some(piece) = ready!(self.body.poll_data(context)) else { break };
            let Ok(piece) = piece else { return Poll::Ready(None) };
            let _ = self.body.flow_control().release_capacity(piece.len());
            if let Err(why) = self.incoming.push(piece, encoding) {
                return Poll::Ready(Some(Err(why)));
            }
        }
        Poll::Ready(Some(std::mem::take(&mut self.incoming).finish(encoding)))
    }
}
