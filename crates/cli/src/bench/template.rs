//! A request that was encoded once and is patched for every call.
//!
//! Encoding is what the load would otherwise spend much of its time on; and a
//! load that costs much measures itself.

use bytes::{Bytes, BytesMut};
use prost::Message;

/// Every key is this and ten digits.
pub(crate) const PREFIX: &[u8] = b"bench/";
const DIGITS: usize = 10;
/// gRPC puts this before a message: not compressed, and its length.
pub(crate) const FRAME: usize = 5;
/// How much is taken from the allocator at once.
const CHUNK: usize = 64 * 1024;

/// A framed message with places for a key and a time.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    bytes: Vec<u8>,
    key_at: usize,
    stamp_at: Option<usize>,
}

impl Template {
    /// Takes the places from the message: that of key 0, and of the stamp if one is named.
    pub(crate) fn new(message: &impl Message, stamp: Option<&[u8]>) -> Option<Self> {
        let bytes = framed(message).to_vec();
        let find = |part: &[u8]| bytes.windows(part.len()).position(|window| window == part);
        let key_at = find(&key(0))? + PREFIX.len();
        let stamp_at = match stamp {
            Some(stamp) => Some(find(stamp)?),
            None => None,
        };
        Some(Self { bytes, key_at, stamp_at })
    }

    /// The message for this key and time.
    pub(crate) fn fill(&self, space: &mut BytesMut, key: u64, stamp: u64) -> Bytes {
        if space.capacity() < self.bytes.len() {
            space.reserve(CHUNK.max(self.bytes.len()));
        }
        space.extend_from_slice(&self.bytes);
        if let Some(place) = space.get_mut(self.key_at..self.key_at + DIGITS) {
            write_digits(place, key);
        }
        let stamp_at = self.stamp_at.map(|at| at..at + 8);
        if let Some(place) = stamp_at.and_then(|range| space.get_mut(range)) {
            place.copy_from_slice(&stamp.to_be_bytes());
        }
        space.split().freeze()
    }
}

/// The message with gRPC's five bytes before it.
pub(crate) fn framed(message: &impl Message) -> Bytes {
    let body = message.encode_to_vec();
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    let mut bytes = Vec::with_capacity(FRAME + body.len());
    bytes.push(0);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(&body);
    bytes.into()
}

/// Key number `number`.
pub(crate) fn key(number: u64) -> Vec<u8> {
    let mut key = PREFIX.to_vec();
    key.resize(PREFIX.len() + DIGITS, b'0');
    if let Some(place) = key.get_mut(PREFIX.len()..) {
        write_digits(place, number);
    }
    key
}

fn write_digits(place: &mut [u8], mut number: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use client::wire::PutRequest;

    #[test]
    fn a_filled_template_is_the_message() {
        let stamp = [0xfe; 8];
        let put = |key: Vec<u8>, value: &[u8]| PutRequest {
            key: key.into(),
            value: Bytes::copy_from_slice(value),
            ..PutRequest::default()
        };
        let template = Template::new(&put(key(0), &stamp), Some(&stamp)).expect("its places");
        let mut space = BytesMut::new();
        for number in [0, 7, 1_234_567_890] {
            let filled = template.fill(&mut space, number, 5);
            let wanted = put(key(number), &5u64.to_be_bytes());
            assert_eq!(filled, framed(&wanted));
        }
        assert_eq!(key(42), b"bench/0000000042");
    }
}
