//! What waits for a connection? Nothing while little is to be sent: whoever has a
//! frame writes it. Under load, and when the connection does not take it at once, it
//! waits here, bounded; what finds no room is lost, as anything on a network may be.

use super::frame::Train;
use crate::bounds::PEER_QUEUE_BYTES_MAX;
use crate::metrics::PeerMeter;
use crate::wheel::Hand;
use bytes::Bytes;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::Notify;

#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: Mutex<Waiting>,
    /// Rung when something waits.
    bell: Notify,
    meter: PeerMeter,
}

#[derive(Debug, Default)]
struct Waiting {
    train: Train,
    /// Of the frames in it.
    bytes: usize,
    line: Option<Arc<OwnedWriteHalf>>,
    lost: u64,
}

impl Waiting {
    /// Writes as much as the connection takes now.
    fn write(&mut self) -> io::Result<()> {
        let Some(line) = &self.line else { return Ok(()) };
        self.train.write(|slices| line.try_write_vectored(slices))
    }
}

impl Outbox {
    pub(super) fn new(meter: PeerMeter) -> Self {
        Self { meter, ..Self::default() }
    }

    /// A frame to send, or to lose. A free hand writes it at once if nothing is before
    /// it; what cannot be is the matter of [`Self::carry`], which takes several at once.
    pub(super) fn push(&self, hand: Hand, frame: Bytes) {
        let mut waiting = self.lock();
        let bytes = waiting.bytes.saturating_add(frame.len());
        if waiting.line.is_none() || bytes > PEER_QUEUE_BYTES_MAX {
            waiting.lost += 1;
            self.meter.lost(1);
            return;
        }
        let first = waiting.train.is_empty();
        waiting.bytes = bytes;
        waiting.train.push(frame);
        if first && hand == Hand::Free && waiting.write().is_ok() {
            return self.sent(&mut waiting);
        }
        self.meter.waits(bytes);
        drop(waiting);
        if first {
            self.bell.notify_one();
        }
    }

    /// A connection is there. What was meant for an older one is not sent.
    pub(super) fn open(&self, line: &Arc<OwnedWriteHalf>) {
        *self.lock() = Waiting { line: Some(Arc::clone(line)), ..Waiting::default() };
    }

    /// The connection is gone. Says how many frames were lost since it was opened.
    pub(super) fn close(&self) -> u64 {
        let gone = std::mem::take(&mut *self.lock());
        let unsent = gone.train.len() as u64;
        self.meter.lost(unsent);
        self.meter.waits(0);
        gone.lost + unsent
    }

    /// Writes what waits whenever something does, until the connection breaks.
    pub(super) async fn carry(&self, line: &OwnedWriteHalf) -> io::Error {
        loop {
            self.bell.notified().await;
            if let Err(why) = self.write_out(line).await {
                return why;
            }
        }
    }

    async fn write_out(&self, line: &OwnedWriteHalf) -> io::Result<()> {
        loop {
            line.writable().await?;
            let mut waiting = self.lock();
            match waiting.write() {
                Ok(()) => {
                    self.sent(&mut waiting);
                    self.meter.waits(0);
                    return Ok(());
                }
                Err(why) if why.kind() == io::ErrorKind::WouldBlock => {}
                Err(why) => return Err(why),
            }
        }
    }

    /// Nothing waits any more.
    fn sent(&self, waiting: &mut Waiting) {
        self.meter.sent(std::mem::take(&mut waiting.bytes));
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame;
    use super::*;
    use base::limits::FRAME_BYTES_MAX;
    use tokio::net::{TcpListener, TcpStream};

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap());
        let (near, far) = tokio::join!(near, listener.accept());
        (near.unwrap(), far.unwrap().0)
    }

    #[tokio::test]
    async fn what_a_connection_does_not_take_waits_and_what_finds_no_room_is_lost() {
        let outbox = Outbox::default();
        outbox.push(Hand::Free, Bytes::from_static(b"before"));
        let (near, mut far) = pair().await;
        near.writable().await.unwrap();
        let line = Arc::new(near.into_split().1);
        outbox.open(&line);
        outbox.push(Hand::Free, Bytes::from_static(b"first"));
        assert!(outbox.lock().train.is_empty(), "written by who had it");
        let large = Bytes::from(vec![7; FRAME_BYTES_MAX]);
        // More than the system keeps for a connection that is not read.
        let mut pushed = 0;
        while outbox.lock().lost == 0 {
            outbox.push(Hand::Free, large.clone());
            pushed += 1;
        }
        let reading = async {
            assert_eq!(frame::read(&mut far).await.unwrap(), "first");
            for _ in 1..pushed {
                assert_eq!(frame::read(&mut far).await.unwrap(), large);
            }
        };
        tokio::select! {
            why = outbox.carry(&line) => panic!("{why}"),
            () = reading => {}
        }
        assert!(outbox.lock().train.is_empty());
        assert_eq!(outbox.close(), 1);
        outbox.push(Hand::Free, Bytes::from_static(b"behind"));
        assert!(outbox.lock().train.is_empty());
    }

    #[tokio::test]
    async fn a_connection_that_breaks_is_noticed_by_who_carries() {
        let outbox = Outbox::default();
        let (near, far) = pair().await;
        near.writable().await.unwrap();
        let line = Arc::new(near.into_split().1);
        outbox.open(&line);
        drop(far);
        let pushing = async {
            loop {
                outbox.push(Hand::Free, Bytes::from_static(b"anybody?"));
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            why = outbox.carry(&line) => assert_ne!(why.kind(), io::ErrorKind::WouldBlock),
            () = pushing => {}
        }
        assert!(outbox.close() > 0);
    }
}
