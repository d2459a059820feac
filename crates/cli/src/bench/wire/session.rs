//! A connection without its socket: frames in, ends of calls and frames out.
//!
//! The server is a stranger: whatever it sends is bounded, and what is no HTTP/2
//! is [`Fault::Connection`], after which the session must be dropped.

use super::super::fault::Fault;
use super::calls::{Asked, Calls, Found, Stage};
use super::frame::{
    ACK, CANCEL, END_HEADERS, END_STREAM, HIGHEST, Head, Kind, number, put_head, put_number,
};
use super::meaning::{Meaning, Meanings};
use super::outbox::Outbox;
use super::request::{Method, Requests};
use super::settings::{Settings, greet};
use bytes::Bytes;

/// An answer may be so long, and the server may send it without being asked on.
const ANSWER_MAX: usize = 64 << 20;
/// So much may come on the whole connection before the server is told that it was taken.
const WINDOW: u32 = 64 << 20;
/// A header block in pieces may be so long.
const BLOCK_MAX: usize = 64 << 10;

/// Learns how calls end.
pub(crate) trait Ends: FnMut(Asked, Result<&[u8], Fault>) {}
impl<F: FnMut(Asked, Result<&[u8], Fault>)> Ends for F {}

/// What both sides know of each other.
#[derive(Debug)]
pub(crate) struct Session {
    calls: Calls,
    requests: Requests,
    meanings: Meanings,
    pub(crate) outbox: Outbox,
    server: Settings,
    /// The server's first SETTINGS have come.
    pub(crate) greeted: bool,
    /// No further call can begin here.
    leaving: bool,
    /// DATA that came since the server's window was last topped up.
    taken: u32,
    block: Option<Block>,
}

/// A header block that goes on in CONTINUATION frames.
#[derive(Debug)]
struct Block {
    stream: u32,
    ends: bool,
    bytes: Vec<u8>,
}

impl Session {
    pub(crate) fn new(authority: &str) -> Self {
        let server = Settings::default();
        let mut outbox = Outbox::new(server.window, server.frame);
        greet(&mut outbox.bytes, ANSWER_MAX as u32, WINDOW);
        Self {
            calls: Calls::new(),
            requests: Requests::new(authority),
            meanings: Meanings::default(),
            outbox,
            server,
            greeted: false,
            leaving: false,
            taken: 0,
            block: None,
        }
    }

    /// The calls under way.
    pub(crate) fn calls(&self) -> usize {
        self.calls.len()
    }

    /// Another call may begin now.
    pub(crate) fn ready(&self) -> bool {
        let room = u32::try_from(self.calls.len()).is_ok_and(|open| open < self.server.calls);
        room && !self.leaving && self.calls.next().is_some()
    }

    /// Nothing more can come of it.
    pub(crate) fn spent(&self) -> bool {
        self.calls.len() == 0 && (self.leaving || self.calls.next().is_none())
    }

    /// Begins a call. It must be [`Self::ready`].
    pub(crate) fn begin(&mut self, method: Method, body: Bytes, asked: Asked) {
        let Some(stream) = self.calls.next() else { return };
        let block = self.requests.block(method);
        put_head(&mut self.outbox.bytes, Kind::Headers, END_HEADERS, stream, block.len());
        self.outbox.bytes.extend_from_slice(block);
        let call = self.calls.open(asked, body, self.server.window.into());
        self.outbox.send(stream, call);
    }

    /// Sends what waited, as far as it may go.
    pub(crate) fn resume(&mut self) {
        self.outbox.resume(&mut self.calls);
    }

    /// None of them will be answered.
    pub(crate) fn abandon(&mut self, mut ends: impl FnMut(Asked)) {
        let open: Vec<u32> = self.calls.streams().collect();
        for stream in open {
            if let Some(call) = self.calls.close(stream) {
                ends(call.asked);
            }
        }
    }

    /// Takes a frame.
    pub(crate) fn take(
        &mut self,
        head: Head,
        payload: &[u8],
        ends: &mut impl Ends,
    ) -> Result<(), Fault> {
        // Section 3.4: the server's first word are its settings.
        let first = !self.greeted && (head.kind != Kind::Settings || head.has(ACK));
        // Section 6.10: nothing may stand between the pieces of a header block.
        let between = self.block.is_some() != (head.kind == Kind::Continuation);
        // Sections 6.5, 6.7, 6.8: what is about the whole connection says so.
        let misplaced =
            matches!(head.kind, Kind::Settings | Kind::Ping | Kind::GoAway) && head.stream != 0;
        if first || between || misplaced || self.outbox.flooded() {
            return Err(Fault::Connection);
        }
        match head.kind {
            Kind::Data => self.on_data(head, payload, ends),
            Kind::Headers => self.on_headers(head, payload, ends),
            Kind::Continuation => self.on_continuation(head, payload, ends),
            Kind::Reset => self.on_reset(head, payload, ends),
            Kind::Settings => self.on_settings(head, payload),
            Kind::Ping => self.on_ping(head, payload),
            Kind::GoAway => self.on_go_away(head, payload, ends),
            Kind::Window => self.on_window(head, payload),
            // It was told not to push.
            Kind::Push => Err(Fault::Connection),
            Kind::Priority | Kind::Unknown => Ok(()),
        }
    }

    fn on_data(&mut self, head: Head, payload: &[u8], ends: &mut impl Ends) -> Result<(), Fault> {
        let content = head.content(payload)?;
        self.top_up(payload.len());
        let call = match self.calls.find(head.stream) {
            Found::Open(call) => call,
            Found::Over => return Ok(()),
            Found::Unheard => return Err(Fault::Connection),
        };
        let fits = call.body.len() + content.len() <= ANSWER_MAX;
        // An answer ends with its status, which is not here.
        if call.stage == Stage::Head || !fits || head.has(END_STREAM) {
            self.end(head.stream, head.has(END_STREAM), Err(Fault::Answer), ends);
            return Ok(());
        }
        call.body.extend_from_slice(content);
        Ok(())
    }

    /// Tells the server now and then that what it sent has been taken.
    fn top_up(&mut self, length: usize) {
        self.taken += u32::try_from(length).unwrap_or_default();
        if self.taken >= WINDOW / 2 {
            put_number(&mut self.outbox.bytes, Kind::Window, 0, self.taken);
            self.taken = 0;
        }
    }

    fn on_headers(
        &mut self,
        head: Head,
        payload: &[u8],
        ends: &mut impl Ends,
    ) -> Result<(), Fault> {
        let content = head.content(payload)?;
        if head.has(END_HEADERS) {
            return self.on_block(head.stream, head.has(END_STREAM), content, ends);
        }
        let bytes = content.to_vec();
        self.block = Some(Block { stream: head.stream, ends: head.has(END_STREAM), bytes });
        Ok(())
    }

    fn on_continuation(
        &mut self,
        head: Head,
        payload: &[u8],
        ends: &mut impl Ends,
    ) -> Result<(), Fault> {
        let mut block = self.block.take().ok_or(Fault::Connection)?;
        if block.stream != head.stream || block.bytes.len() + payload.len() > BLOCK_MAX {
            return Err(Fault::Connection);
        }
        block.bytes.extend_from_slice(payload);
        if head.has(END_HEADERS) {
            return self.on_block(block.stream, block.ends, &block.bytes, ends);
        }
        self.block = Some(block);
        Ok(())
    }

    fn on_block(
        &mut self,
        stream: u32,
        last: bool,
        block: &[u8],
        ends: &mut impl Ends,
    ) -> Result<(), Fault> {
        let call = match self.calls.find(stream) {
            Found::Open(call) => call,
            // No block needs another, so it need not be read.
            Found::Over => return Ok(()),
            Found::Unheard => return Err(Fault::Connection),
        };
        let meaning = self.meanings.read(block)?;
        let how = match call.stage {
            Stage::Body => meaning.status().and(if last { Ok(()) } else { Err(Fault::Answer) }),
            Stage::Head => match begins(&meaning, last) {
                Begins::Later => return Ok(()),
                Begins::Body => {
                    call.stage = Stage::Body;
                    return Ok(());
                }
                Begins::Failed(fault) => Err(fault),
            },
        };
        self.end(stream, last, how, ends);
        Ok(())
    }

    /// A call is over; `last`: the server has said all that it will.
    fn end(&mut self, stream: u32, last: bool, how: Result<(), Fault>, ends: &mut impl Ends) {
        let Some(call) = self.calls.close(stream) else { return };
        if !last || !call.sent {
            put_number(&mut self.outbox.bytes, Kind::Reset, stream, CANCEL);
        }
        ends(call.asked, how.map(|()| call.body.as_slice()));
    }

    fn on_reset(&mut self, head: Head, payload: &[u8], ends: &mut impl Ends) -> Result<(), Fault> {
        let _code = number(payload)?;
        if let Found::Unheard = self.calls.find(head.stream) {
            return Err(Fault::Connection);
        }
        if let Some(call) = self.calls.close(head.stream) {
            ends(call.asked, Err(Fault::Reset));
        }
        Ok(())
    }

    fn on_settings(&mut self, head: Head, payload: &[u8]) -> Result<(), Fault> {
        if head.has(ACK) {
            return Ok(());
        }
        let before = self.server.window;
        self.server.take(payload)?;
        self.greeted = true;
        self.requests.fit(self.server.table);
        self.outbox.frame = self.server.frame;
        self.calls.widen(i64::from(self.server.window) - i64::from(before));
        put_head(&mut self.outbox.bytes, Kind::Settings, ACK, 0, 0);
        Ok(())
    }

    /// Servers measure the line with pings, and give up who does not answer.
    fn on_ping(&mut self, head: Head, payload: &[u8]) -> Result<(), Fault> {
        if payload.len() != 8 {
            return Err(Fault::Connection);
        }
        if !head.has(ACK) {
            put_head(&mut self.outbox.bytes, Kind::Ping, ACK, 0, payload.len());
            self.outbox.bytes.extend_from_slice(payload);
        }
        Ok(())
    }

    /// Calls up to a stream will be answered, later ones not (section 6.8).
    fn on_go_away(
        &mut self,
        _head: Head,
        payload: &[u8],
        ends: &mut impl Ends,
    ) -> Result<(), Fault> {
        let last = number(payload)? & HIGHEST;
        self.leaving = true;
        let lost: Vec<u32> = self.calls.streams().filter(|stream| *stream > last).collect();
        for stream in lost {
            if let Some(call) = self.calls.close(stream) {
                ends(call.asked, Err(Fault::Connection));
            }
        }
        Ok(())
    }

    fn on_window(&mut self, head: Head, payload: &[u8]) -> Result<(), Fault> {
        let by = number(payload)? & HIGHEST;
        let well = match head.stream {
            0 => self.outbox.widen(by),
            stream => match self.calls.find(stream) {
                Found::Open(call) => {
                    call.window += i64::from(by);
                    call.window <= i64::from(HIGHEST)
                }
                Found::Over => true,
                Found::Unheard => false,
            },
        };
        if well && by > 0 { Ok(()) } else { Err(Fault::Connection) }
    }
}

/// What the first header block of an answer leads to.
enum Begins {
    /// It was an interim one.
    Later,
    Body,
    Failed(Fault),
}

fn begins(meaning: &Meaning, last: bool) -> Begins {
    match (meaning.http, meaning.grpc) {
        (Some(100..=199), _) if !last => Begins::Later,
        (Some(200), None) if !last => Begins::Body,
        // An answer that is only an error has its status here.
        (Some(200), Some(_)) => Begins::Failed(meaning.status().err().unwrap_or(Fault::Answer)),
        (Some(100..=200) | None, _) => Begins::Failed(Fault::Answer),
        (Some(status), _) => Begins::Failed(Fault::Http(status)),
    }
}
