//! How does what a watch is told go out? The few bytes that are a watch's own,
//! and behind them events in the memory that all who are told the same share.

use super::trailers;
use api::etcd::error::Status;
use api::etcd::sheet::Response;
use bytes::{BufMut, Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Body, Frame};
use prost::Message;
use std::convert::Infallible;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// Events that take no more than this are copied behind their head: a frame of
/// their own would cost more. What is small goes out together.
const COPIED_BYTES_MAX: usize = 1 << 10;
const TOGETHER_BYTES: usize = 8 << 10;

/// The body of the answer to a call of Watch.
#[derive(Debug)]
pub(super) struct Outgoing {
    said: mpsc::Receiver<Result<Response, Status>>,
    /// Messages that go out next.
    room: BytesMut,
    /// Events that go out behind them, as they are.
    behind: Bytes,
    end: End,
}

/// How far the end of a stream is.
#[derive(Debug)]
enum End {
    NotYet,
    /// These are behind everything that was said.
    Trailers(HeaderMap),
    Over,
}

impl Outgoing {
    pub(super) fn new(said: mpsc::Receiver<Result<Response, Status>>) -> Self {
        Self { said, room: BytesMut::new(), behind: Bytes::new(), end: End::NotYet }
    }

    /// Takes what was said, as much as goes out together.
    fn take(&mut self, context: &mut Context<'_>) {
        while matches!(self.end, End::NotYet)
            && self.behind.is_empty()
            && self.room.len() < TOGETHER_BYTES
            && let Poll::Ready(said) = self.said.poll_recv(context)
        {
            match said {
                Some(Ok(response)) => self.put(response),
                Some(Err(why)) => self.end = End::Trailers(trailers::failed(&why)),
                None => self.end = End::Trailers(trailers::ok()),
            }
        }
    }

    /// A message: a flag, its length, and the response, whose events come last.
    fn put(&mut self, response: Response) {
        let Response { head, events } = response;
        let bytes = head.encoded_len();
        // Larger than that is no page of ours.
        let length = u32::try_from(bytes + events.len()).unwrap_or(u32::MAX);
        self.room.reserve(5 + bytes);
        self.room.put_u8(0);
        self.room.put_u32(length);
        head.encode_raw(&mut self.room);
        if events.len() <= COPIED_BYTES_MAX {
            self.room.put_slice(&events);
        } else {
            self.behind = events;
        }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        if this.room.is_empty() && !this.behind.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(mem::take(&mut this.behind)))));
        }
        this.take(context);
        if !this.room.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(this.room.split().freeze()))));
        }
        match mem::replace(&mut this.end, End::Over) {
            End::NotYet => {
                this.end = End::NotYet;
                Poll::Pending
            }
            End::Trailers(trailers) => Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
            End::Over => Poll::Ready(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::etcd::wire::etcdserverpb::WatchResponse;
    use std::task::Waker;

    fn response(id: i64, events: &Bytes) -> Response {
        let head = WatchResponse { watch_id: id, ..WatchResponse::default() };
        Response { head, events: events.clone() }
    }

    fn message(response: &Response) -> Vec<u8> {
        let body = response.encode_to_vec();
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&[0], &length[..], &body].concat()
    }

    /// What comes out by now.
    fn frames(outgoing: &mut Outgoing) -> Vec<Frame<Bytes>> {
        let mut context = Context::from_waker(Waker::noop());
        let next = || match Pin::new(&mut *outgoing).poll_frame(&mut context) {
            Poll::Ready(Some(Ok(frame))) => Some(frame),
            _ => None,
        };
        std::iter::from_fn(next).collect()
    }

    fn data(frames: Vec<Frame<Bytes>>) -> Vec<Bytes> {
        frames.into_iter().map(|frame| frame.into_data().unwrap()).collect()
    }

    #[test]
    fn small_messages_go_out_together_and_large_events_as_they_are() {
        let (say, said) = mpsc::channel(8);
        let mut outgoing = Outgoing::new(said);
        let (small, large) = (Bytes::from(vec![1; 20]), Bytes::from(vec![2; 5000]));
        let all = [(1, &small), (2, &small), (3, &large), (4, &large), (5, &small)];
        let all = all.map(|(id, events)| response(id, events));
        for response in &all {
            say.try_send(Ok(response.clone())).unwrap();
        }
        let pieces = data(frames(&mut outgoing));
        let wanted: Vec<u8> = all.iter().flat_map(message).collect();
        assert_eq!(pieces.concat(), wanted);
        assert_eq!(pieces.len(), 5, "three heads, the second with nothing but its own");
        for piece in [&pieces[1], &pieces[3]] {
            assert_eq!(piece.as_ptr(), large.as_ptr(), "shared, not copied");
        }
        assert!(frames(&mut outgoing).is_empty());
    }

    #[test]
    fn the_end_says_how_it_came() {
        for (end, code) in [(None, "0"), (Some(Status::NO_LEADER), "14")] {
            let (say, said) = mpsc::channel(8);
            let mut outgoing = Outgoing::new(said);
            say.try_send(Ok(response(1, &Bytes::new()))).unwrap();
            if let Some(why) = end {
                say.try_send(Err(why)).unwrap();
            }
            drop(say);
            let mut frames = frames(&mut outgoing);
            let trailers = frames.pop().unwrap().into_trailers().unwrap();
            assert_eq!(trailers["grpc-status"], code);
            assert_eq!(data(frames).concat(), message(&response(1, &Bytes::new())));
        }
    }
}
