//! The handshake of a connection between nodes, to the byte. Drawn in docs/formats.md.

use crate::event::Class;
use alloc::vec::Vec;
use base::codec::{CodecError, Reader, Writer};
use base::{ClusterId, Incarnation, NodeId};
use bytes::Bytes;
use core::fmt;

/// The version of the peer protocol that is spoken, and the oldest that is understood.
pub const VERSION: u16 = 1;
const VERSION_MIN: u16 = 1;
const MAGIC: [u8; 8] = *b"TRIMPEER";

/// The first bytes of each side of a peer connection: who calls whom.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hello {
    /// The cluster both must belong to.
    pub cluster: ClusterId,
    /// The node that speaks.
    pub node: NodeId,
    /// Which life of its disk.
    pub incarnation: Incarnation,
    /// The node it believes to speak to.
    pub to: NodeId,
    /// What the connection is for.
    pub class: Class,
}

/// Why a connection is refused. Nothing was changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HelloError {
    /// The bytes are no handshake.
    NotOurs,
    /// The other side speaks only versions that are not understood here.
    Version {
        /// The oldest version it understands.
        oldest: u16,
        /// The newest.
        newest: u16,
    },
    /// The other side requires features that are not known here.
    Features(u64),
    /// The other side encrypts its frames, with this cipher and key.
    Cipher(u32),
    /// The other side belongs to another cluster.
    Cluster(ClusterId),
    /// The other side wants to speak to another node.
    WrongNode(NodeId),
    /// The checksum does not fit.
    Damaged,
}

impl fmt::Display for HelloError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOurs => write!(f, "not a trimaran peer connection"),
            Self::Version { oldest, newest } => {
                write!(f, "the peer speaks versions {oldest} to {newest}, this node {VERSION}")
            }
            Self::Features(bits) => write!(f, "the peer requires unknown features {bits:#x}"),
            Self::Cipher(id) => write!(f, "the peer uses the unknown cipher and key {id:#x}"),
            Self::Cluster(other) => write!(f, "the peer belongs to the cluster {other}"),
            Self::WrongNode(other) => write!(f, "the peer looks for the node {other}"),
            Self::Damaged => write!(f, "the handshake is damaged"),
        }
    }
}

impl core::error::Error for HelloError {}

impl Hello {
    /// The length of a handshake.
    pub const BYTES: usize = 64;

    /// The bytes on the wire.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::BYTES);
        bytes.extend_from_slice(&MAGIC);
        bytes.put_u16(VERSION_MIN);
        bytes.put_u16(VERSION);
        bytes.put_u8(self.class as u8);
        bytes.extend_from_slice(&[0; 3]);
        bytes.put_u64(0); // feature bits that the other side must know
        bytes.put_u64(self.cluster.0);
        bytes.put_u64(self.node.0);
        bytes.put_u64(self.incarnation.0);
        bytes.put_u64(self.to.0);
        bytes.put_u32(0); // cipher and key id: none
        let crc = base::checksum::crc32c(&bytes);
        bytes.put_u32(crc);
        bytes
    }

    /// Reads a handshake of [`Hello::BYTES`] bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, HelloError> {
        let (body, crc) = bytes.split_last_chunk::<4>().ok_or(HelloError::NotOurs)?;
        if bytes.len() != Self::BYTES || !body.starts_with(&MAGIC) {
            return Err(HelloError::NotOurs);
        }
        if base::checksum::crc32c(body) != u32::from_le_bytes(*crc) {
            return Err(HelloError::Damaged);
        }
        let mut reader = Reader::new(Bytes::copy_from_slice(body));
        Self::fields(&mut reader).map_err(|_| HelloError::NotOurs)?
    }

    fn fields(reader: &mut Reader) -> Result<Result<Self, HelloError>, CodecError> {
        reader.take(MAGIC.len())?;
        let (oldest, newest) = (reader.u16()?, reader.u16()?);
        if oldest > VERSION || newest < VERSION_MIN {
            return Ok(Err(HelloError::Version { oldest, newest }));
        }
        let class = if reader.u8()? == Class::Bulk as u8 { Class::Bulk } else { Class::Urgent };
        reader.take(3)?;
        let features = reader.u64()?;
        if features != 0 {
            return Ok(Err(HelloError::Features(features)));
        }
        let hello = Self {
            cluster: ClusterId(reader.u64()?),
            node: NodeId(reader.u64()?),
            incarnation: Incarnation(reader.u64()?),
            to: NodeId(reader.u64()?),
            class,
        };
        let cipher = reader.u32()?;
        Ok(if cipher == 0 { Ok(hello) } else { Err(HelloError::Cipher(cipher)) })
    }

    /// Whether the other side may be spoken with by the one that says `own`.
    pub fn check(&self, own: &Self) -> Result<(), HelloError> {
        if self.cluster != own.cluster {
            return Err(HelloError::Cluster(self.cluster));
        }
        if self.to != own.node {
            return Err(HelloError::WrongNode(self.to));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello() -> Hello {
        Hello {
            cluster: ClusterId(7),
            node: NodeId(1),
            incarnation: Incarnation(9),
            to: NodeId(2),
            class: Class::Bulk,
        }
    }

    #[test]
    fn a_handshake_is_read_back_and_checked() {
        let bytes = hello().encode();
        assert_eq!(bytes.len(), Hello::BYTES);
        assert_eq!(Hello::decode(&bytes), Ok(hello()));
        let own = Hello { node: NodeId(2), to: NodeId(1), ..hello() };
        assert_eq!(hello().check(&own), Ok(()));
        let foreign = Hello { cluster: ClusterId(8), ..own };
        assert_eq!(hello().check(&foreign), Err(HelloError::Cluster(ClusterId(7))));
        let other = Hello { node: NodeId(3), ..own };
        assert_eq!(hello().check(&other), Err(HelloError::WrongNode(NodeId(2))));
    }

    #[test]
    fn a_cipher_that_is_not_known_is_refused() {
        let mut bytes = hello().encode();
        bytes[Hello::BYTES - 8] = 7;
        let crc = base::checksum::crc32c(&bytes[..Hello::BYTES - 4]);
        bytes[Hello::BYTES - 4..].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(Hello::decode(&bytes), Err(HelloError::Cipher(7)));
    }

    #[test]
    fn every_flipped_bit_of_a_handshake_is_refused() {
        for bit in 0..Hello::BYTES * 8 {
            let mut bytes = hello().encode();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(Hello::decode(&bytes).is_err(), "bit {bit}");
        }
    }
}
