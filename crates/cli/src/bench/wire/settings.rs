//! What each side tells the other about itself (RFC 9113, section 6.5).

use super::super::fault::Fault;
use super::frame::{HIGHEST, Kind, LENGTH_MAX, put_head, put_number};

/// What begins every connection.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// What is open of a connection's window before anybody says more.
const WINDOW: u32 = 65_535;
/// The table for header blocks that a server has, if it does not say.
const TABLE: u32 = 4096;

const HEADER_TABLE_SIZE: u16 = 1;
const ENABLE_PUSH: u16 = 2;
const MAX_CONCURRENT_STREAMS: u16 = 3;
const INITIAL_WINDOW_SIZE: u16 = 4;
const MAX_FRAME_SIZE: u16 = 5;

/// What the server has said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Settings {
    /// So much of a header block's fields it remembers.
    pub(crate) table: u32,
    /// So many calls may be under way.
    pub(crate) calls: u32,
    /// So much may be sent of a new call.
    pub(crate) window: u32,
    /// So long a frame may be.
    pub(crate) frame: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { table: TABLE, calls: u32::MAX, window: WINDOW, frame: LENGTH_MAX }
    }
}

impl Settings {
    /// Takes a SETTINGS frame.
    pub(crate) fn take(&mut self, payload: &[u8]) -> Result<(), Fault> {
        let (settings, rest) = payload.as_chunks::<6>();
        if !rest.is_empty() {
            return Err(Fault::Connection);
        }
        for [i0, i1, a, b, c, d] in settings {
            let value = u32::from_be_bytes([*a, *b, *c, *d]);
            match u16::from_be_bytes([*i0, *i1]) {
                HEADER_TABLE_SIZE => self.table = value,
                MAX_CONCURRENT_STREAMS => self.calls = value,
                INITIAL_WINDOW_SIZE if value <= HIGHEST => self.window = value,
                MAX_FRAME_SIZE if (16_384..=16_777_215).contains(&value) => {
                    // Longer frames than the shortest maximum gain nothing.
                    self.frame = LENGTH_MAX;
                }
                INITIAL_WINDOW_SIZE | MAX_FRAME_SIZE => return Err(Fault::Connection),
                _ => {}
            }
        }
        Ok(())
    }
}

/// What we say first: neither pushes nor a table for the header blocks of answers,
/// and windows in which nobody ever waits. Without a table equal answers are
/// equal bytes, and no block needs another to be understood.
pub(crate) fn greet(out: &mut Vec<u8>, stream_window: u32, connection_window: u32) {
    let ours = [(HEADER_TABLE_SIZE, 0), (ENABLE_PUSH, 0), (INITIAL_WINDOW_SIZE, stream_window)];
    out.extend_from_slice(PREFACE);
    put_head(out, Kind::Settings, 0, 0, 6 * ours.len());
    for (name, value) in ours {
        out.extend_from_slice(&name.to_be_bytes());
        out.extend_from_slice(&value.to_be_bytes());
    }
    put_number(out, Kind::Window, 0, connection_window.saturating_sub(WINDOW));
}
