//! What goes out: the frames of all that began in one poll, in one buffer, and
//! requests that the server's windows have no room for yet.

use super::calls::{Call, Calls, Found};
use super::frame::{END_STREAM, HIGHEST, Kind, put_head};
use std::collections::VecDeque;

/// With so much unwritten, no more of the requests is put into the buffer.
const FULL: usize = 256 << 10;
/// With so much unwritten, the server asks for answers and takes none.
const FLOODED: usize = 4 << 20;

/// The bytes to write, and the connection's window.
#[derive(Debug)]
pub(crate) struct Outbox {
    pub(crate) bytes: Vec<u8>,
    written: usize,
    /// So much more DATA the server takes on the whole connection.
    window: i64,
    /// The longest frame that the server takes.
    pub(crate) frame: usize,
    /// Streams whose requests are not all in the buffer.
    waiting: VecDeque<u32>,
}

/// Why no more of a request was put into the buffer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stopped {
    Done,
    /// By the window of its own stream: others may go on.
    Stream,
    All,
}

impl Outbox {
    pub(crate) fn new(window: u32, frame: usize) -> Self {
        let (bytes, waiting) = (Vec::new(), VecDeque::new());
        Self { bytes, written: 0, window: window.into(), frame, waiting }
    }

    /// What is to be written.
    pub(crate) fn pending(&self) -> &[u8] {
        self.bytes.get(self.written..).unwrap_or_default()
    }

    pub(crate) fn wrote(&mut self, count: usize) {
        self.written += count;
        if self.written >= self.bytes.len() {
            self.bytes.clear();
            self.written = 0;
        } else if self.written >= FULL {
            let _ = self.bytes.drain(..self.written);
            self.written = 0;
        }
    }

    pub(crate) fn flooded(&self) -> bool {
        self.bytes.len() > FLOODED
    }

    /// The server takes more on the whole connection; false if that cannot be.
    pub(crate) fn widen(&mut self, by: u32) -> bool {
        self.window += i64::from(by);
        self.window <= i64::from(HIGHEST)
    }

    /// Sends a call's request, as much of it as may go now. Its head has been sent.
    pub(crate) fn send(&mut self, stream: u32, call: &mut Call) {
        if !self.waiting.is_empty() || self.put(stream, call) != Stopped::Done {
            self.waiting.push_back(stream);
        }
    }

    /// Sends what waited and may go now.
    pub(crate) fn resume(&mut self, calls: &mut Calls) {
        for _ in 0..self.waiting.len() {
            let Some(stream) = self.waiting.pop_front() else { return };
            let Found::Open(call) = calls.find(stream) else { continue };
            match self.put(stream, call) {
                Stopped::Done => {}
                Stopped::Stream => self.waiting.push_back(stream),
                Stopped::All => {
                    self.waiting.push_front(stream);
                    return;
                }
            }
        }
    }

    fn put(&mut self, stream: u32, call: &mut Call) -> Stopped {
        loop {
            let wanted = call.rest.len().min(self.frame);
            let allowed = usize::try_from(self.window.min(call.window)).unwrap_or_default();
            let length = wanted.min(allowed);
            if length == 0 && wanted > 0 {
                return if self.window > 0 { Stopped::Stream } else { Stopped::All };
            }
            if self.bytes.len() - self.written > FULL {
                return Stopped::All;
            }
            let piece = call.rest.split_to(length);
            call.sent = call.rest.is_empty();
            let flags = if call.sent { END_STREAM } else { 0 };
            put_head(&mut self.bytes, Kind::Data, flags, stream, length);
            self.bytes.extend_from_slice(&piece);
            // No frame is longer than 16,384 bytes.
            let length = i64::try_from(length).unwrap_or(i64::MAX);
            self.window -= length;
            call.window -= length;
            if call.sent {
                return Stopped::Done;
            }
        }
    }
}
