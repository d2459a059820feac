//! A session, and a server that is whatever frames a test writes.

use super::super::super::fault::Fault;
use super::super::super::tally;
use super::super::calls::Asked;
use super::super::frame::{ACK, END_HEADERS, END_STREAM, Head, Kind, put_head, put_number};
use super::super::input::Input;
use super::super::request::Method;
use super::super::session::Session;
use bytes::Bytes;
use std::time::Instant;

/// `:status: 200`, and `grpc-status: 0`.
pub(super) const BEGIN: &[u8] = &[0x88];
pub(super) const END: &[u8] = b"\x00\x0bgrpc-status\x010";

/// One side is real.
pub(super) struct Stage {
    pub(super) session: Session,
    input: Input,
    /// Each call's key and how it ended, in order.
    pub(super) ended: Vec<(u64, Result<Vec<u8>, Fault>)>,
    began: u64,
}

impl Stage {
    /// After the greeting, with these settings of the server.
    pub(super) fn new(settings: &[(u16, u32)]) -> Self {
        let (session, input) = (Session::new("localhost:2379"), Input::new());
        let mut stage = Self { session, input, ended: Vec::new(), began: 0 };
        assert_eq!(stage.hear(&self::settings(settings)), Ok(()));
        let said = stage.said();
        assert!(said.iter().any(|(head, _)| head.kind == Kind::Settings && head.has(ACK)));
        stage
    }

    /// Begins a call, whose key is its number from 0 on.
    pub(super) fn begin(&mut self, body: &[u8]) {
        self.call(Method::Put, body);
    }

    pub(super) fn call(&mut self, method: Method, body: &[u8]) {
        assert!(self.session.ready());
        let asked = Asked { kind: tally::Kind::Put, key: self.began, due: Instant::now() };
        self.began += 1;
        self.session.begin(method, Bytes::copy_from_slice(body), asked);
    }

    pub(super) fn hear(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.hear_in_pieces(bytes, bytes.len().max(1))
    }

    pub(super) fn hear_in_pieces(&mut self, bytes: &[u8], length: usize) -> Result<(), Fault> {
        let Self { session, input, ended, .. } = self;
        let mut ends = |asked: Asked, how: Result<&[u8], Fault>| {
            ended.push((asked.key, how.map(<[u8]>::to_vec)));
        };
        for mut piece in bytes.chunks(length) {
            while !piece.is_empty() {
                let space = input.spare();
                let count = piece.len().min(space.len());
                space[..count].copy_from_slice(&piece[..count]);
                input.came(count);
                piece = &piece[count..];
                while let Some((head, payload)) = input.next()? {
                    session.take(head, payload, &mut ends)?;
                }
            }
        }
        session.resume();
        Ok(())
    }

    /// The frames that were sent since this was asked last.
    pub(super) fn said(&mut self) -> Vec<(Head, Vec<u8>)> {
        let outbox = &mut self.session.outbox;
        let bytes = outbox.pending().to_vec();
        outbox.wrote(bytes.len());
        let mut rest = bytes.strip_prefix(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap_or(&bytes);
        let mut frames = Vec::new();
        while let Some(head) = Head::read(rest) {
            let (payload, behind) = rest[9..].split_at(head.length);
            frames.push((head, payload.to_vec()));
            rest = behind;
        }
        assert!(rest.is_empty());
        frames
    }

    /// The pieces of requests that were sent: stream, length, and whether it was the last.
    pub(super) fn sent(&mut self) -> Vec<(u32, usize, bool)> {
        let said = self.said().into_iter().filter(|(head, _)| head.kind == Kind::Data);
        said.map(|(head, _)| (head.stream, head.length, head.has(END_STREAM))).collect()
    }
}

pub(super) fn frame(kind: Kind, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_head(&mut out, kind, flags, stream, payload.len());
    out.extend_from_slice(payload);
    out
}

pub(super) fn settings(all: &[(u16, u32)]) -> Vec<u8> {
    let bytes = |(name, value): &(u16, u32)| {
        name.to_be_bytes().into_iter().chain(value.to_be_bytes()).collect::<Vec<u8>>()
    };
    frame(Kind::Settings, 0, 0, &all.iter().flat_map(bytes).collect::<Vec<u8>>())
}

pub(super) fn window(stream: u32, by: u32) -> Vec<u8> {
    let mut out = Vec::new();
    put_number(&mut out, Kind::Window, stream, by);
    out
}

pub(super) fn begins(stream: u32) -> Vec<u8> {
    frame(Kind::Headers, END_HEADERS, stream, BEGIN)
}

pub(super) fn data(stream: u32, bytes: &[u8]) -> Vec<u8> {
    frame(Kind::Data, 0, stream, bytes)
}

pub(super) fn ends(stream: u32, block: &[u8]) -> Vec<u8> {
    frame(Kind::Headers, END_HEADERS | END_STREAM, stream, block)
}

/// A whole answer, as most servers give it.
pub(super) fn answer(stream: u32, body: &[u8]) -> Vec<u8> {
    [begins(stream), data(stream, body), ends(stream, END)].concat()
}
