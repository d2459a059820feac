//! Frames: nine bytes, then what they announce (RFC 9113, section 4).

use super::super::fault::Fault;

/// Bytes before a frame's payload.
pub(crate) const HEAD: usize = 9;
/// A frame's longest payload, as long as nobody has said otherwise. We never do.
pub(crate) const LENGTH_MAX: usize = 16_384;
/// The highest stream number, and the widest window.
pub(crate) const HIGHEST: u32 = 0x7fff_ffff;

/// What a call's last frame has.
pub(crate) const END_STREAM: u8 = 0x1;
/// What a header block's last frame has.
pub(crate) const END_HEADERS: u8 = 0x4;
/// What an answer to SETTINGS or PING has.
pub(crate) const ACK: u8 = 0x1;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

/// RST_STREAM with this says that nobody waits for the answer any more.
pub(crate) const CANCEL: u32 = 0x8;

/// What a frame is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Data,
    Headers,
    Priority,
    Reset,
    Settings,
    Push,
    Ping,
    GoAway,
    Window,
    Continuation,
    /// Section 5.5: to be skipped.
    Unknown,
}

const KINDS: [Kind; 10] = [
    Kind::Data,
    Kind::Headers,
    Kind::Priority,
    Kind::Reset,
    Kind::Settings,
    Kind::Push,
    Kind::Ping,
    Kind::GoAway,
    Kind::Window,
    Kind::Continuation,
];

/// A frame's first nine bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Head {
    pub(crate) length: usize,
    pub(crate) kind: Kind,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
}

impl Head {
    /// None while they have not all come.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let [a, b, c, kind, flags, s0, s1, s2, s3] = *bytes.first_chunk::<HEAD>()?;
        Some(Self {
            length: u32::from_be_bytes([0, a, b, c]) as usize,
            kind: KINDS.get(usize::from(kind)).copied().unwrap_or(Kind::Unknown),
            flags,
            stream: u32::from_be_bytes([s0, s1, s2, s3]) & HIGHEST,
        })
    }

    pub(crate) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// What is in a DATA or HEADERS frame besides padding and priority.
    pub(crate) fn content<'a>(&self, payload: &'a [u8]) -> Result<&'a [u8], Fault> {
        let mut rest = payload;
        if self.has(PADDED) {
            let (padding, behind) = rest.split_first().ok_or(Fault::Connection)?;
            let length = behind.len().checked_sub(usize::from(*padding));
            rest = length.and_then(|length| behind.get(..length)).ok_or(Fault::Connection)?;
        }
        if self.kind == Kind::Headers && self.has(PRIORITY) {
            rest = rest.get(5..).ok_or(Fault::Connection)?;
        }
        Ok(rest)
    }
}

/// Begins a frame. The payload must follow.
pub(crate) fn put_head(out: &mut Vec<u8>, kind: Kind, flags: u8, stream: u32, length: usize) {
    let kind = KINDS.iter().position(|known| *known == kind).unwrap_or(usize::from(u8::MAX));
    let [_, a, b, c] = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    let [s0, s1, s2, s3] = stream.to_be_bytes();
    out.extend_from_slice(&[a, b, c, kind as u8, flags, s0, s1, s2, s3]);
}

/// A frame that holds one number: RST_STREAM or WINDOW_UPDATE.
pub(crate) fn put_number(out: &mut Vec<u8>, kind: Kind, stream: u32, number: u32) {
    put_head(out, kind, 0, stream, 4);
    out.extend_from_slice(&number.to_be_bytes());
}

/// The first number of a payload.
pub(crate) fn number(payload: &[u8]) -> Result<u32, Fault> {
    payload.first_chunk().map(|bytes| u32::from_be_bytes(*bytes)).ok_or(Fault::Connection)
}
