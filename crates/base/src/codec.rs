//! Numbers and byte strings to bytes and back: little-endian, no alignment,
//! every length checked before anything is taken.

use alloc::vec::Vec;
use bytes::{Buf, Bytes};
use core::fmt;

/// Why bytes do not say what was expected. Nothing was changed by the attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CodecError {
    /// The bytes end too early.
    Short {
        /// How many bytes were needed.
        wanted: usize,
        /// How many were left.
        left: usize,
    },
    /// A field holds a value that no version of the format gives it.
    Invalid {
        /// The field.
        what: &'static str,
        /// What stood there.
        got: u64,
    },
    /// Bytes remain after the last field.
    Trailing {
        /// How many.
        left: usize,
    },
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short { wanted, left } => write!(f, "{wanted} bytes expected, {left} left"),
            Self::Invalid { what, got } => write!(f, "{what} cannot be {got}"),
            Self::Trailing { left } => write!(f, "{left} bytes after the end"),
        }
    }
}

impl core::error::Error for CodecError {}

/// Appends fields to a buffer; the mirror of [`Reader`].
pub trait Writer {
    /// One byte.
    fn put_u8(&mut self, value: u8);
    /// Two bytes, little-endian.
    fn put_u16(&mut self, value: u16);
    /// Four bytes, little-endian.
    fn put_u32(&mut self, value: u32);
    /// Eight bytes, little-endian.
    fn put_u64(&mut self, value: u64);
    /// A length as LEB128 of at most ten bytes, small numbers first.
    fn put_varint(&mut self, value: u64);
    /// A varint length, then the bytes.
    fn put_bytes(&mut self, bytes: &[u8]);
}

impl Writer for Vec<u8> {
    #[inline]
    fn put_u8(&mut self, value: u8) {
        self.push(value);
    }
    #[inline]
    fn put_u16(&mut self, value: u16) {
        self.extend_from_slice(&value.to_le_bytes());
    }
    #[inline]
    fn put_u32(&mut self, value: u32) {
        self.extend_from_slice(&value.to_le_bytes());
    }
    #[inline]
    fn put_u64(&mut self, value: u64) {
        self.extend_from_slice(&value.to_le_bytes());
    }
    #[inline]
    fn put_varint(&mut self, mut value: u64) {
        if value < 0x80 {
            return self.push(value as u8);
        }
        while value >= 0x80 {
            self.push((value as u8) | 0x80);
            value >>= 7;
        }
        self.push(value as u8);
    }
    #[inline]
    fn put_bytes(&mut self, bytes: &[u8]) {
        self.put_varint(bytes.len() as u64);
        self.extend_from_slice(bytes);
    }
}

/// Takes fields off the front of shared bytes. Byte strings come out as slices
/// of the same allocation: nothing is copied. Numbers are read in place: only
/// what is taken out shares the memory, for to share costs more than to read.
#[derive(Clone, Debug)]
pub struct Reader {
    whole: Bytes,
    /// How far it was read. at <= whole.len().
    at: usize,
}

impl Reader {
    /// Reads `bytes` from the front.
    #[must_use]
    pub const fn new(bytes: Bytes) -> Self {
        Self { whole: bytes, at: 0 }
    }

    /// How many bytes are left.
    #[must_use]
    #[inline]
    pub const fn left(&self) -> usize {
        self.whole.len().saturating_sub(self.at)
    }

    #[inline]
    fn ahead(&self) -> &[u8] {
        self.whole.get(self.at..).unwrap_or_default()
    }

    /// The next `count` bytes.
    #[inline]
    pub fn take(&mut self, count: usize) -> Result<Bytes, CodecError> {
        let left = self.left();
        if count > left {
            return Err(CodecError::Short { wanted: count, left });
        }
        let from = self.at;
        self.at += count;
        Ok(self.whole.slice(from..self.at))
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        let short = CodecError::Short { wanted: N, left: self.left() };
        let array = *self.ahead().first_chunk::<N>().ok_or(short)?;
        self.at += N;
        Ok(array)
    }

    /// One byte.
    #[inline]
    pub fn u8(&mut self) -> Result<u8, CodecError> {
        self.array().map(u8::from_le_bytes)
    }
    /// Two bytes, little-endian.
    #[inline]
    pub fn u16(&mut self) -> Result<u16, CodecError> {
        self.array().map(u16::from_le_bytes)
    }
    /// Four bytes, little-endian.
    #[inline]
    pub fn u32(&mut self) -> Result<u32, CodecError> {
        self.array().map(u32::from_le_bytes)
    }
    /// Eight bytes, little-endian.
    #[inline]
    pub fn u64(&mut self) -> Result<u64, CodecError> {
        self.array().map(u64::from_le_bytes)
    }

    /// A LEB128 number. Overlong or overflowing forms are refused, so one
    /// number has one encoding.
    #[inline]
    pub fn varint(&mut self) -> Result<u64, CodecError> {
        match self.whole.get(self.at) {
            Some(byte) if *byte < 0x80 => {
                self.at += 1;
                Ok(u64::from(*byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, CodecError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 || byte == 0 && shift > 0 {
                return Err(CodecError::Invalid { what: "varint byte", got: u64::from(byte) });
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(CodecError::Invalid { what: "varint", got: value })
    }

    /// A varint length, then so many bytes.
    #[inline]
    pub fn bytes(&mut self) -> Result<Bytes, CodecError> {
        let length = self.varint()?;
        let count = usize::try_from(length)
            .map_err(|_| CodecError::Invalid { what: "length", got: length })?;
        self.take(count)
    }

    /// What is left, all of it.
    pub fn rest(&mut self) -> Bytes {
        let mut rest = core::mem::take(&mut self.whole);
        rest.advance(core::mem::take(&mut self.at));
        rest
    }

    /// Says that nothing may be left.
    pub fn finish(self) -> Result<(), CodecError> {
        match self.left() {
            0 => Ok(()),
            left => Err(CodecError::Trailing { left }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let numbers = [0, 1, 127, 128, 300, 1 << 20, u64::MAX >> 1, u64::MAX];
        let mut bytes = Vec::new();
        for number in numbers {
            bytes.put_varint(number);
            bytes.put_u64(number);
        }
        bytes.put_bytes(b"end");
        let mut reader = Reader::new(bytes.into());
        for number in numbers {
            assert_eq!((reader.varint(), reader.u64()), (Ok(number), Ok(number)));
        }
        assert_eq!(reader.bytes().as_deref(), Ok(&b"end"[..]));
        assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn every_truncation_is_refused() {
        let mut whole = Vec::new();
        whole.put_u16(7);
        whole.put_bytes(&[9; 200]);
        for cut in 0..whole.len() {
            let mut reader = Reader::new(Bytes::copy_from_slice(&whole[..cut]));
            let read = reader.u16().and_then(|_| reader.bytes());
            assert!(matches!(read, Err(CodecError::Short { .. })), "cut at {cut}: {read:?}");
        }
    }

    #[test]
    fn one_number_has_one_encoding() {
        for bad in [&[0x80, 0x00][..], &[0xff; 10][..], &[0x80; 11][..]] {
            let read = Reader::new(Bytes::copy_from_slice(bad)).varint();
            assert!(matches!(read, Err(CodecError::Invalid { .. })), "{bad:x?}: {read:?}");
        }
    }
}
