//! The calls under way, found by the number of their stream.

use super::super::tally::Kind;
use super::frame::HIGHEST;
use bytes::Bytes;
use std::collections::VecDeque;
use std::time::Instant;

/// What is asked, for when the answer comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Asked {
    pub(crate) kind: Kind,
    pub(crate) key: u64,
    /// Its latency counts from this time.
    pub(crate) due: Instant,
}

/// A call.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) asked: Asked,
    pub(crate) stage: Stage,
    /// What has come of the answer. Its room is used again by later calls.
    pub(crate) body: Vec<u8>,
    /// What has not been sent of the request.
    pub(crate) rest: Bytes,
    /// The whole request is on its way.
    pub(crate) sent: bool,
    /// So much more of it the server takes; less than nothing if it changed its mind.
    pub(crate) window: i64,
}

/// What comes next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stage {
    Head,
    Body,
}

/// What a stream number stands for.
#[derive(Debug)]
pub(crate) enum Found<'a> {
    Open(&'a mut Call),
    /// It was one, or it was given up.
    Over,
    /// No call had it yet.
    Unheard,
}

/// A place in the ring whose call is over.
const NONE: u32 = u32::MAX;

/// Our streams have odd numbers in order, so a ring finds them: it begins with the
/// oldest call that is open. Calls live in a slab beside it.
#[derive(Debug)]
pub(crate) struct Calls {
    slab: Vec<Call>,
    free: Vec<u32>,
    ring: VecDeque<u32>,
    /// The stream of the ring's first place.
    first: u32,
}

impl Calls {
    pub(crate) fn new() -> Self {
        Self { slab: Vec::new(), free: Vec::new(), ring: VecDeque::new(), first: 1 }
    }

    /// How many are open.
    pub(crate) fn len(&self) -> usize {
        self.slab.len() - self.free.len()
    }

    /// The next stream's number, unless they are used up.
    pub(crate) fn next(&self) -> Option<u32> {
        let used = u32::try_from(self.ring.len()).ok()?.checked_mul(2)?;
        self.first.checked_add(used).filter(|next| *next <= HIGHEST)
    }

    /// Opens a call on the next stream.
    pub(crate) fn open(&mut self, asked: Asked, rest: Bytes, window: i64) -> &mut Call {
        let at = match self.free.pop() {
            Some(at) => at as usize,
            None => {
                self.slab.push(Call {
                    asked,
                    stage: Stage::Head,
                    body: Vec::new(),
                    rest: Bytes::new(),
                    sent: false,
                    window,
                });
                self.slab.len() - 1
            }
        };
        self.ring.push_back(u32::try_from(at).unwrap_or(NONE));
        let call = self.slab.get_mut(at).expect("a place that is free or was just made");
        (call.asked, call.stage, call.sent) = (asked, Stage::Head, false);
        (call.rest, call.window) = (rest, window);
        call.body.clear();
        call
    }

    fn place(&self, stream: u32) -> Option<usize> {
        usize::try_from(stream.checked_sub(self.first)? / 2).ok()
    }

    pub(crate) fn find(&mut self, stream: u32) -> Found<'_> {
        // Even numbers are the server's own streams, of which it may open none.
        if stream.is_multiple_of(2) {
            return Found::Unheard;
        }
        let Some(place) = self.place(stream) else { return Found::Over };
        match self.ring.get(place) {
            None => Found::Unheard,
            Some(&NONE) => Found::Over,
            Some(&at) => match self.slab.get_mut(at as usize) {
                Some(call) => Found::Open(call),
                None => Found::Over,
            },
        }
    }

    /// Closes a call and shows it a last time.
    pub(crate) fn close(&mut self, stream: u32) -> Option<&mut Call> {
        let place = self.place(stream)?;
        let entry = self.ring.get_mut(place).filter(|entry| **entry != NONE)?;
        let at = std::mem::replace(entry, NONE);
        while self.ring.front() == Some(&NONE) {
            let _ = self.ring.pop_front();
            self.first += 2;
        }
        self.free.push(at);
        let call = self.slab.get_mut(at as usize)?;
        call.rest = Bytes::new();
        Some(call)
    }

    /// All streams that are open, oldest first.
    pub(crate) fn streams(&self) -> impl Iterator<Item = u32> + '_ {
        let numbers = (self.first..).step_by(2);
        self.ring.iter().zip(numbers).filter(|(at, _)| **at != NONE).map(|(_, stream)| stream)
    }

    /// The server takes so much more, or less, of each.
    pub(crate) fn widen(&mut self, by: i64) {
        // Those that are over have a window too, which nobody looks at.
        self.slab.iter_mut().for_each(|call| call.window = call.window.saturating_add(by));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_end() {
        let asked = Asked { kind: Kind::Put, key: 0, due: Instant::now() };
        let mut calls = Calls::new();
        calls.first = HIGHEST - 2;
        let _ = calls.open(asked, Bytes::new(), 0);
        assert_eq!(calls.next(), Some(HIGHEST));
        let _ = calls.open(asked, Bytes::new(), 0);
        assert_eq!(calls.next(), None);
        assert_eq!(calls.streams().collect::<Vec<u32>>(), [HIGHEST - 2, HIGHEST]);
        for stream in [HIGHEST, HIGHEST - 2] {
            assert!(matches!(calls.find(stream), Found::Open(_)));
            assert!(calls.close(stream).is_some() && calls.close(stream).is_none());
            assert!(matches!(calls.find(stream), Found::Over));
        }
        assert_eq!((calls.len(), calls.next()), (0, None));
    }

    #[test]
    fn an_old_call_holds_up_no_other() {
        let asked = Asked { kind: Kind::Put, key: 0, due: Instant::now() };
        let mut calls = Calls::new();
        let _ = calls.open(asked, Bytes::new(), 0);
        for stream in (3..4001).step_by(2) {
            assert_eq!(calls.next(), Some(stream));
            let _ = calls.open(asked, Bytes::new(), 0);
            assert!(calls.close(stream).is_some());
        }
        // Places are used again; only the numbers are remembered.
        assert_eq!((calls.len(), calls.slab.len(), calls.ring.len()), (1, 2, 2000));
        assert!(calls.close(1).is_some());
        assert_eq!((calls.len(), calls.ring.len(), calls.first), (0, 0, 4001));
    }
}
