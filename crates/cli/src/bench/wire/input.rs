//! What came in, cut into frames.

use super::super::fault::Fault;
use super::frame::{HEAD, Head, LENGTH_MAX};

/// Two or three of the longest frames, or some hundred answers.
const ROOM: usize = 64 << 10;

/// A buffer that is filled at its end and taken from its beginning.
#[derive(Debug)]
pub(crate) struct Input {
    bytes: Vec<u8>,
    from: usize,
    to: usize,
}

impl Input {
    pub(crate) fn new() -> Self {
        Self { bytes: vec![0; ROOM], from: 0, to: 0 }
    }

    /// Where to put what comes. There is always room, as every whole frame has been taken.
    pub(crate) fn spare(&mut self) -> &mut [u8] {
        if self.from == self.to {
            (self.from, self.to) = (0, 0);
        } else if self.bytes.len() - self.to < HEAD + LENGTH_MAX {
            self.bytes.copy_within(self.from..self.to, 0);
            (self.from, self.to) = (0, self.to - self.from);
        }
        self.bytes.get_mut(self.to..).unwrap_or_default()
    }

    /// So many bytes have been put there.
    pub(crate) fn came(&mut self, count: usize) {
        self.to = (self.to + count).min(self.bytes.len());
    }

    /// The next frame, if it is whole.
    pub(crate) fn next(&mut self) -> Result<Option<(Head, &[u8])>, Fault> {
        let bytes = self.bytes.get(self.from..self.to).unwrap_or_default();
        let Some(head) = Head::read(bytes) else { return Ok(None) };
        if head.length > LENGTH_MAX {
            return Err(Fault::Connection);
        }
        let Some(payload) = bytes.get(HEAD..HEAD + head.length) else { return Ok(None) };
        self.from += HEAD + head.length;
        Ok(Some((head, payload)))
    }
}
