//! What a header block of an answer means. Nearly all are one of two, byte for
//! byte: those are compared, and only what differs is decoded.

use super::super::fault::Fault;
use loona_hpack::Decoder;

/// The fields that matter.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Meaning {
    /// `:status`, which the beginning of an answer has.
    pub(crate) http: Option<u16>,
    /// `grpc-status`; 0 is a success.
    pub(crate) grpc: Option<Result<u16, Fault>>,
}

/// A good beginning, and a good end.
const BEGINS: Meaning = Meaning { http: Some(200), grpc: None };
const ENDS: Meaning = Meaning { http: None, grpc: Some(Ok(0)) };

/// Reads header blocks. They must not depend on each other: the server was told
/// to keep no table.
#[derive(Debug, Default)]
pub(crate) struct Meanings {
    /// The newest block that meant [`BEGINS`], and that meant [`ENDS`].
    begins: Vec<u8>,
    ends: Vec<u8>,
}

impl Meanings {
    pub(crate) fn read(&mut self, block: &[u8]) -> Result<Meaning, Fault> {
        if block == self.ends {
            return Ok(ENDS);
        }
        if block == self.begins {
            return Ok(BEGINS);
        }
        let meaning = decode(block)?;
        let known = match meaning {
            BEGINS => &mut self.begins,
            ENDS => &mut self.ends,
            _ => return Ok(meaning),
        };
        known.clear();
        known.extend_from_slice(block);
        Ok(meaning)
    }
}

impl Meaning {
    /// A call without a status, or with one that is not 0, is no success.
    pub(crate) fn status(&self) -> Result<(), Fault> {
        match self.grpc.unwrap_or(Err(Fault::Answer))? {
            0 => Ok(()),
            code => Err(Fault::Status(code)),
        }
    }
}

fn decode(block: &[u8]) -> Result<Meaning, Fault> {
    let mut decoder = Decoder::new();
    decoder.set_max_table_size(0);
    decoder.set_max_allowed_table_size(0);
    let mut meaning = Meaning::default();
    let read = decoder.decode_with_cb(block, |name, value| match name.as_ref() {
        b":status" => meaning.http = Some(number(&value).unwrap_or_default()),
        b"grpc-status" => meaning.grpc = Some(number(&value).ok_or(Fault::Answer)),
        _ => {}
    });
    read.map(|()| meaning).map_err(|_| Fault::Connection)
}

fn number(text: &[u8]) -> Option<u16> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
