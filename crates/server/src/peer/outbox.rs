//! What waits for a connection? Frames, bounded; what finds no room is lost,
//! as anything on a network may be.

use crate::bounds::PEER_QUEUE_BYTES_MAX;
use crate::metrics::PeerMeter;
use bytes::Bytes;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: Mutex<Waiting>,
    bell: Notify,
    meter: PeerMeter,
}

#[derive(Debug, Default)]
struct Waiting {
    frames: Vec<Bytes>,
    bytes: usize,
    open: bool,
    lost: u64,
}

impl Outbox {
    pub(super) fn new(meter: PeerMeter) -> Self {
        Self { meter, ..Self::default() }
    }

    /// A frame to send, or to lose.
    pub(super) fn push(&self, frame: Bytes) {
        let mut waiting = self.lock();
        let bytes = waiting.bytes.saturating_add(frame.len());
        if !waiting.open || bytes > PEER_QUEUE_BYTES_MAX {
            waiting.lost += 1;
            self.meter.lost(1);
            return;
        }
        waiting.bytes = bytes;
        self.meter.waits(bytes);
        waiting.frames.push(frame);
        drop(waiting);
        self.bell.notify_one();
    }

    /// A connection is there. What was meant for an older one is not sent.
    pub(super) fn open(&self) {
        *self.lock() = Waiting { open: true, ..Waiting::default() };
    }

    /// The connection is gone. Says how many frames were lost since it was opened.
    pub(super) fn close(&self) -> u64 {
        let gone = std::mem::take(&mut *self.lock());
        self.meter.lost(gone.frames.len() as u64);
        self.meter.waits(0);
        gone.lost + gone.frames.len() as u64
    }

    /// Everything that waits, once there is something.
    pub(super) async fn take(&self) -> Vec<Bytes> {
        loop {
            let frames = self.take_now();
            if !frames.is_empty() {
                return frames;
            }
            self.bell.notified().await;
        }
    }

    fn take_now(&self) -> Vec<Bytes> {
        let mut waiting = self.lock();
        self.meter.sent(std::mem::take(&mut waiting.bytes));
        self.meter.waits(0);
        std::mem::take(&mut waiting.frames)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::limits::FRAME_BYTES_MAX;

    #[tokio::test]
    async fn what_comes_together_is_taken_together_and_what_finds_no_room_is_lost() {
        let outbox = Outbox::default();
        outbox.push(Bytes::from_static(b"before"));
        outbox.open();
        let large = Bytes::from(vec![0; FRAME_BYTES_MAX]);
        (0..5).for_each(|_| outbox.push(large.clone()));
        assert_eq!(outbox.take().await.len(), 4);
        outbox.push(Bytes::from_static(b"left"));
        assert_eq!(outbox.close(), 2);
        outbox.push(Bytes::from_static(b"behind"));
        assert!(outbox.take_now().is_empty());
    }
}
