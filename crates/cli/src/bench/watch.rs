//! Many watchers of one prefix, on a few streams, as etcd's own client has them.

use super::fault::Fault;
use super::heard::Heard;
use super::link::{Link, WATCH, dial, route};
use super::plan::STAMP;
use super::tally::{Kind, Success, Tally};
use super::template::{FRAME, PREFIX, framed};
use bytes::{Buf, Bytes, BytesMut};
use client::wire::watch_request::RequestUnion;
use client::wire::{WatchCreateRequest, WatchRequest, WatchResponse};
use h2::{RecvStream, SendStream};
use prost::Message;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// One stream with its share of the watchers.
pub(crate) struct Ear {
    stream: RecvStream,
    buffer: BytesMut,
    /// The revision that each watcher heard of last.
    heard: BTreeMap<i64, i64>,
    /// The stream lives as long as its other half and its connection.
    _ask: SendStream<Bytes>,
    _link: Link,
}

impl Ear {
    /// Makes so many watchers and waits until the server has confirmed them all.
    pub(crate) async fn open(endpoint: &str, watchers: usize) -> Result<Self, Fault> {
        let (mut link, pump) = dial(endpoint).await?;
        // It ends with the connection, and the calls on it learn why.
        tokio::task::spawn_local(async move { drop(pump.await) });
        std::future::poll_fn(|cx| link.sender.poll_ready(cx)).await?;
        let (response, mut ask) = link.open(&route(endpoint, WATCH)?)?;
        let create = framed(&create());
        for _ in 0..watchers {
            ask.send_data(create.clone(), false)?;
        }
        let stream = response.await?.into_body();
        let (buffer, heard) = (BytesMut::new(), BTreeMap::new());
        let mut ear = Self { stream, buffer, heard, _ask: ask, _link: link };
        while ear.heard.len() < watchers {
            let answer = ear.next().await?;
            if answer.canceled || !answer.created {
                return Err(Fault::Watch);
            }
            let revision = answer.header.map_or(0, |header| header.revision);
            let _ = ear.heard.insert(answer.watch_id, revision);
        }
        Ok(ear)
    }

    /// The watchers, and the revision that each heard of last.
    pub(crate) fn watchers(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        self.heard.iter().map(|(id, revision)| (*id, *revision))
    }

    /// Only counts, as cheaply as can be, until the stream ends.
    pub(crate) async fn count(mut self, heard: Rc<RefCell<Heard>>) {
        loop {
            while let Some(message) = take(&mut self.buffer) {
                if heard.borrow_mut().hear(&message).is_err() {
                    return;
                }
            }
            let Some(Ok(piece)) = self.stream.data().await else { return };
            if self.stream.flow_control().release_capacity(piece.len()).is_err() {
                return;
            }
            self.buffer.extend_from_slice(&piece);
            std::thread::yield_now();
        }
    }

    /// Counts what is heard, until the stream ends.
    pub(crate) async fn listen(mut self, tally: Rc<RefCell<Tally>>, origin: Instant) {
        loop {
            let Ok(answer) = self.next().await else {
                tally.borrow_mut().failed(Fault::Watch, Instant::now());
                return;
            };
            self.hear(&answer, &tally, origin);
        }
    }

    fn hear(&mut self, answer: &WatchResponse, tally: &RefCell<Tally>, origin: Instant) {
        let (now, mut tally) = (Instant::now(), tally.borrow_mut());
        if answer.canceled {
            tally.failed(Fault::Watch, now);
        }
        let last = self.heard.entry(answer.watch_id).or_default();
        for pair in answer.events.iter().filter_map(|event| event.kv.as_ref()) {
            let Some(due) = stamped(&pair.value, origin) else { continue };
            let in_order = pair.mod_revision >= *last;
            let how = if in_order { Ok(Success::Done) } else { Err(Fault::Watch) };
            *last = pair.mod_revision;
            tally.ended(Kind::Event, due, now, how);
        }
    }

    /// The next message, which need not end where a DATA frame ends.
    async fn next(&mut self) -> Result<WatchResponse, Fault> {
        loop {
            if let Some(message) = take(&mut self.buffer) {
                return WatchResponse::decode(message).map_err(|_| Fault::Answer);
            }
            let piece = self.stream.data().await.ok_or(Fault::Watch)??;
            self.stream.flow_control().release_capacity(piece.len())?;
            self.buffer.extend_from_slice(&piece);
        }
    }
}

/// A whole message, if it has come.
fn take(buffer: &mut BytesMut) -> Option<Bytes> {
    let length = buffer.get(1..FRAME)?.try_into().ok().map(u32::from_be_bytes)?;
    let length = usize::try_from(length).ok()?;
    if buffer.len() - FRAME < length {
        return None;
    }
    buffer.advance(FRAME);
    Some(buffer.split_to(length).freeze())
}

/// When the value was meant to be sent.
fn stamped(value: &Bytes, origin: Instant) -> Option<Instant> {
    let nanos = value.get(..STAMP)?.try_into().ok().map(u64::from_be_bytes)?;
    origin.checked_add(Duration::from_nanos(nanos))
}

/// Watches every key of ours.
fn create() -> WatchRequest {
    let mut end = PREFIX.to_vec();
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    let create = WatchCreateRequest {
        key: Bytes::from_static(PREFIX),
        range_end: end.into(),
        ..WatchCreateRequest::default()
    };
    WatchRequest { request_union: Some(RequestUnion::CreateRequest(create)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_cut_where_they_end() {
        let message = WatchResponse { watch_id: 300, ..WatchResponse::default() };
        let frame = framed(&message);
        let mut buffer = BytesMut::new();
        for byte in frame.iter().chain(frame.iter()).take(2 * frame.len() - 1) {
            assert!(buffer.len() < frame.len());
            buffer.extend_from_slice(&[*byte]);
            if let Some(taken) = take(&mut buffer) {
                assert_eq!(WatchResponse::decode(taken), Ok(message.clone()));
                assert!(buffer.is_empty());
            }
        }
        assert_eq!(buffer.len(), frame.len() - 1);
    }

    #[test]
    fn a_stamp_is_a_time() {
        let origin = Instant::now();
        let value = Bytes::copy_from_slice(&[&7u64.to_be_bytes()[..], b"rest"].concat());
        assert_eq!(stamped(&value, origin), Some(origin + Duration::from_nanos(7)));
        assert_eq!(stamped(&value.slice(..7), origin), None);
    }
}
