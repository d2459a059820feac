//! Where does a message begin and end? gRPC puts a flag and a length before it.

use api::etcd::error::{Code, Status};
use base::limits::{REQUEST_BYTES_MAX, REQUEST_OVERHEAD_BYTES_MAX};
use bytes::{BufMut, Bytes, BytesMut};
use prost::Message;

/// What one request may take on the wire.
pub(super) const MESSAGE_BYTES_MAX: usize = REQUEST_BYTES_MAX + REQUEST_OVERHEAD_BYTES_MAX;

/// A flag and a length.
const HEAD_BYTES: usize = 5;

/// The one message of a call that has one, as it comes in.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    /// The first piece: nearly always the whole.
    first: Bytes,
    /// All pieces, if there are more.
    all: BytesMut,
}

impl Incoming {
    /// A further piece. What can be refused is refused at once, so that no more
    /// is kept than a message may have.
    pub(super) fn push(&mut self, piece: Bytes, encoding: Option<&str>) -> Result<(), Status> {
        if self.first.is_empty() {
            self.first = piece;
        } else if !piece.is_empty() {
            if self.all.is_empty() {
                self.all.extend_from_slice(&self.first);
            }
            self.all.extend_from_slice(&piece);
        }
        self.end(encoding).map(|_| ())
    }

    /// The client has said everything.
    pub(super) fn finish(self, encoding: Option<&str>) -> Result<Bytes, Status> {
        let end = self.end(encoding)?.unwrap_or(usize::MAX);
        let whole = if self.all.is_empty() { self.first } else { self.all.freeze() };
        match whole.len() {
            0 => Err(internal("a unary call without a message".into())),
            length if length == end => Ok(whole.slice(HEAD_BYTES..)),
            _ => Err(internal("unexpected EOF".into())),
        }
    }

    /// Where the message ends, as soon as that is known.
    fn end(&self, encoding: Option<&str>) -> Result<Option<usize>, Status> {
        let so_far: &[u8] = if self.all.is_empty() { &self.first } else { &self.all };
        let &[flag, a, b, c, d, ref body @ ..] = so_far else { return Ok(None) };
        check_flag(flag, encoding)?;
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        if length > MESSAGE_BYTES_MAX {
            return Err(too_large(length));
        }
        if body.len() > length {
            return Err(internal("more than one message in a unary call".into()));
        }
        Ok(Some(HEAD_BYTES + length))
    }
}

fn check_flag(flag: u8, encoding: Option<&str>) -> Result<(), Status> {
    let encoding = encoding.unwrap_or("identity");
    match (flag, encoding) {
        (0, _) => Ok(()),
        (1, "identity" | "") => {
            Err(internal("grpc: compressed flag set with identity or empty encoding".into()))
        }
        (1, _) => {
            let why = format!("grpc: Decompressor is not installed for grpc-encoding {encoding:?}");
            Err(Status { code: Code::Unimplemented, text: why.into() })
        }
        _ => Err(internal(format!("grpc: received unexpected payload format {flag}"))),
    }
}

fn too_large(length: usize) -> Status {
    let why = format!("grpc: received message larger than max ({length} vs. {MESSAGE_BYTES_MAX})");
    Status { code: Code::ResourceExhausted, text: why.into() }
}

/// The protocol was not kept to.
pub(super) fn internal(why: String) -> Status {
    Status { code: Code::Internal, text: why.into() }
}

/// A message as it goes out, cut from `room`: small ones share its memory.
pub(super) fn outgoing(message: &impl Message, room: &mut BytesMut) -> Result<Bytes, Status> {
    let bytes = message.encoded_len();
    let length = u32::try_from(bytes)
        .map_err(|_| internal("the answer is larger than a message can be".into()))?;
    room.reserve(HEAD_BYTES + bytes);
    room.put_u8(0);
    room.put_u32(length);
    message.encode_raw(room);
    Ok(room.split().freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&'static [u8]], encoding: Option<&str>) -> Result<Bytes, Status> {
        let mut incoming = Incoming::default();
        for piece in pieces {
            incoming.push(Bytes::from_static(piece), encoding)?;
        }
        incoming.finish(encoding)
    }

    #[test]
    fn a_message_may_come_in_any_pieces() {
        let whole: &[&[u8]] = &[b"\0\0\0\0\x03abc"];
        let pieces: &[&[u8]] = &[b"\0\0", b"", b"\0\0\x03a", b"b", b"c"];
        for pieces in [whole, pieces] {
            assert_eq!(read(pieces, None), Ok(Bytes::from_static(b"abc")));
        }
        assert_eq!(read(&[b"\0\0\0\0\0"], None), Ok(Bytes::new()));
    }

    #[test]
    fn what_is_no_message_is_named() {
        type Row = (&'static [&'static [u8]], Option<&'static str>, Code, &'static str);
        let table: [Row; 8] = [
            (&[], None, Code::Internal, "without a message"),
            (&[b"\0\0"], None, Code::Internal, "unexpected EOF"),
            (&[b"\0\0\0\0\x04abc"], None, Code::Internal, "unexpected EOF"),
            (&[b"\0\0\0\0\x01ab"], None, Code::Internal, "more than one message"),
            (&[b"\x01\0\0\0\x01a"], None, Code::Internal, "compressed flag"),
            (&[b"\x01\0\0\0\x01a"], Some("gzip"), Code::Unimplemented, "\"gzip\""),
            (&[b"\x02\0\0\0\x01a"], None, Code::Internal, "payload format 2"),
            (&[b"\0\xff\xff\xff\xff"], None, Code::ResourceExhausted, "(4294967295 vs. 2097152)"),
        ];
        for (pieces, encoding, code, text) in table {
            let refused = read(pieces, encoding).unwrap_err();
            assert_eq!(refused.code, code, "{pieces:?}");
            assert!(refused.text.contains(text), "{refused:?}");
        }
    }

    #[test]
    fn what_goes_out_can_be_read() {
        let message =
            api::etcd::wire::etcdserverpb::PutRequest { key: "k".into(), ..Default::default() };
        let mut incoming = Incoming::default();
        let frame = outgoing(&message, &mut BytesMut::new()).unwrap();
        incoming.push(frame, None).unwrap();
        assert_eq!(incoming.finish(None).unwrap(), message.encode_to_vec());
    }
}
