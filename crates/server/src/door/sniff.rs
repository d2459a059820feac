//! Which language does a stranger speak? The first bytes tell.

use std::io;
use tokio::io::{AsyncReadExt, ReadBuf};
use tokio::net::TcpStream;

/// What every HTTP/2 connection begins with (RFC 9113 section 3.4). No request
/// of HTTP/1 can.
const PREFACE: [u8; 24] = *b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The languages of the client port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Language {
    /// HTTP/1, or nothing that is known: its server says so.
    Http1,
    /// HTTP/2.
    Http2,
}

/// What was read to learn the language, given back to whoever speaks it.
#[derive(Clone, Default, Debug)]
pub(super) struct Start {
    bytes: [u8; PREFACE.len()],
    filled: usize,
    given: usize,
}

impl Start {
    /// Reads until it is sure.
    pub(super) async fn read(&mut self, socket: &mut TcpStream) -> io::Result<Language> {
        loop {
            if let Some(language) = self.language() {
                return Ok(language);
            }
            let room = self.bytes.get_mut(self.filled..).unwrap_or_default();
            match socket.read(room).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => self.filled += count,
            }
        }
    }

    /// Gives back what is left of it. False if nothing is.
    pub(super) fn give(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let left = self.bytes.get(self.given..self.filled).unwrap_or_default();
        let some = left.get(..buffer.remaining()).unwrap_or(left);
        buffer.put_slice(some);
        self.given += some.len();
        !some.is_empty()
    }

    fn language(&self) -> Option<Language> {
        let read = self.bytes.get(..self.filled).unwrap_or_default();
        match PREFACE.starts_with(read) {
            false => Some(Language::Http1),
            true => (read.len() == PREFACE.len()).then_some(Language::Http2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(read: &[u8]) -> Start {
        let mut start = Start { filled: read.len(), ..Start::default() };
        start.bytes[..read.len()].copy_from_slice(read);
        start
    }

    #[test]
    fn the_first_byte_that_differs_decides() {
        let table: [(&[u8], Option<Language>); 6] = [
            (b"", None),
            (b"P", None),
            (b"PU", Some(Language::Http1)),
            (b"GET /health HTTP/1.1\r\n", Some(Language::Http1)),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r", None),
            (&PREFACE, Some(Language::Http2)),
        ];
        for (read, language) in table {
            assert_eq!(start(read).language(), language, "{read:?}");
        }
    }

    #[test]
    fn what_was_read_is_given_back_in_pieces_and_once() {
        let mut start = start(b"GET /");
        let mut room = [0; 3];
        let mut buffer = ReadBuf::new(&mut room);
        assert!(start.give(&mut buffer));
        assert_eq!(buffer.filled(), b"GET");
        buffer.clear();
        assert!(start.give(&mut buffer));
        assert_eq!(buffer.filled(), b" /");
        assert!(!start.give(&mut buffer));
    }
}
