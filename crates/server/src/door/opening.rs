//! How does a connection of HTTP/2 begin? Its bytes go through here up to the
//! first request, whose headers may need a correction; all others go by.

use super::authority::without_scheme;

/// What a connection begins with (RFC 9113 section 3.4).
const PREFACE_BYTES: usize = 24;

/// Length, kind, flags and stream of a frame, and those that matter here.
const HEAD_BYTES: usize = 9;
const HEADERS: u8 = 1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;
const PRIORITY_BYTES: usize = 5;

/// Headers are held back until they are whole; larger ones pass as they are.
const HELD_BYTES_MAX: usize = 16 << 10;

/// The beginning of a connection.
#[derive(Debug)]
pub(super) struct Opening {
    /// What was read and may not pass yet.
    held: Vec<u8>,
    /// What may pass.
    ready: Vec<u8>,
    /// So much of what is still to come passes as it comes: the rest of the
    /// preface, or of a frame.
    passes: usize,
    over: bool,
}

impl Opening {
    /// Of a connection of HTTP/2.
    pub(super) fn new() -> Self {
        Self { held: Vec::new(), ready: Vec::new(), passes: PREFACE_BYTES, over: false }
    }

    /// Whether everything passes from now on.
    pub(super) fn is_over(&self) -> bool {
        self.over && self.ready.is_empty()
    }

    /// Takes what was read; nothing is the end of the connection.
    pub(super) fn push(&mut self, read: &[u8]) {
        self.held.extend_from_slice(read);
        while !self.over && self.pass() {}
        if self.over || read.is_empty() {
            self.over = true;
            self.ready.append(&mut self.held);
        }
    }

    /// Gives out as much as there is room for.
    pub(super) fn give(&mut self, room: usize) -> impl Iterator<Item = u8> + '_ {
        let count = room.min(self.ready.len());
        self.ready.drain(..count)
    }

    /// Lets pass what may; whether there may be more.
    fn pass(&mut self) -> bool {
        let count = self.passes.min(self.held.len());
        self.passes -= count;
        self.ready.extend(self.held.drain(..count));
        let Some((head, rest)) = self.held.split_at_checked(HEAD_BYTES) else { return false };
        let &[a, b, c, kind, flags, ..] = head else { return false };
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        if kind != HEADERS {
            self.passes = HEAD_BYTES + length;
            return true;
        }
        let whole = rest.get(..length);
        self.over = whole.is_some() || length > HELD_BYTES_MAX;
        if let Some(frame) = whole.and_then(|body| corrected(head, flags, body)) {
            self.ready.extend(frame);
            self.held.drain(..HEAD_BYTES + length);
        }
        false
    }
}

/// The frame with a host where it has a URL.
fn corrected(head: &[u8], flags: u8, body: &[u8]) -> Option<Vec<u8>> {
    if flags & END_HEADERS == 0 || flags & PADDED != 0 {
        return None;
    }
    let before = if flags & PRIORITY == 0 { 0 } else { PRIORITY_BYTES };
    let (before, headers) = body.split_at_checked(before)?;
    let headers = without_scheme(headers)?;
    let length = u32::try_from(before.len() + headers.len()).ok()?.to_be_bytes();
    Some([length.get(1..)?, head.get(3..)?, before, &headers].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, body: &[u8]) -> Vec<u8> {
        let length = u8::try_from(body.len()).unwrap();
        [&[0, 0, length, kind, flags, 0, 0, 0, 1], body].concat()
    }

    /// What comes out if this comes in, in pieces of this size.
    fn passed(bytes: &[u8], piece: usize) -> Vec<u8> {
        let (mut opening, mut out) = (Opening::new(), Vec::new());
        for read in bytes.chunks(piece) {
            opening.push(read);
            out.extend(opening.give(usize::MAX));
        }
        opening.push(&[]);
        out.extend(opening.give(usize::MAX));
        assert!(opening.is_over());
        out
    }

    #[test]
    fn only_the_first_request_is_corrected_whatever_the_pieces() {
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        let settings = frame(4, 0, b"");
        let url = |flags: u8, before: &[u8]| {
            frame(HEADERS, flags, &[before, b"\x83\x41\x0ahttp://a:1"].concat())
        };
        let host = |flags: u8, before: &[u8]| {
            frame(HEADERS, flags, &[before, b"\x83\x41\x03a:1"].concat())
        };
        let with = |first: Vec<u8>| {
            [&preface[..], &settings, &first, &url(END_HEADERS, b""), &settings].concat()
        };
        for piece in [1, 7, 1000] {
            for (flags, before) in [(END_HEADERS, &b""[..]), (END_HEADERS | PRIORITY, b"01234")] {
                let through = passed(&with(url(flags, before)), piece);
                assert_eq!(through, with(host(flags, before)), "{piece}");
            }
            for flags in [0, END_HEADERS | PADDED] {
                let as_it_is = with(url(flags, b""));
                assert_eq!(passed(&as_it_is, piece), as_it_is, "{piece}");
            }
            let cut = &with(url(END_HEADERS, b""))[..40];
            assert_eq!(passed(cut, piece), cut, "{piece}");
        }
    }
}
