//! What every file but a segment begins with: fields that cannot be added later.

use crate::record::Owner;
use alloc::vec::Vec;
use base::checksum::crc32c;
use base::codec::{CodecError, Reader, Writer};
use base::{ClusterId, Incarnation, NodeId};
use bytes::Bytes;

const FORMAT: u16 = 1;

/// What every file begins with, up to the cluster.
pub fn put_reserved(magic: &[u8; 8], cluster: ClusterId, out: &mut Vec<u8>) {
    out.extend_from_slice(magic);
    out.put_u16(FORMAT);
    out.put_u16(FORMAT);
    // Reserved, feature bits, cipher, key id.
    out.put_u32(0);
    out.put_u64(0);
    out.put_u64(0);
    out.put_u64(0);
    out.put_u64(cluster.0);
}

/// Takes what stands between the magic and the cluster; the first field that only
/// a newer build can have written, if there is one.
pub fn take_newer(reader: &mut Reader) -> Result<Option<(&'static str, u64)>, CodecError> {
    reader.u16()?;
    let least_reader = reader.u16()?;
    reader.u32()?;
    let format = (least_reader > FORMAT).then_some(("format", u64::from(least_reader)));
    let mut newer = format;
    for what in ["feature bits", "cipher", "key id"] {
        let got = reader.u64()?;
        newer = newer.or((got != 0).then_some((what, got)));
    }
    Ok(newer)
}

/// What a file of one node begins with: the same, and whose it is.
pub(crate) fn put_owner(magic: &[u8; 8], owner: &Owner, out: &mut Vec<u8>) {
    put_reserved(magic, owner.cluster, out);
    out.put_u64(owner.node.0);
    out.put_u64(owner.incarnation.0);
}

/// Takes the owner from behind the reserved fields.
pub(crate) fn take_owner(reader: &mut Reader) -> Result<Owner, CodecError> {
    Ok(Owner {
        cluster: ClusterId(reader.u64()?),
        node: NodeId(reader.u64()?),
        incarnation: Incarnation(reader.u64()?),
    })
}

/// A file that ends with its checksum, once that fits.
pub(crate) enum Opened {
    /// What stands between the reserved fields and the checksum.
    Fields(Reader),
    /// A field that only a newer build can have written.
    Newer { what: &'static str, got: u64 },
}

/// Opens a file that begins with `magic` and ends with a checksum. Never panics.
pub(crate) fn open(magic: &[u8; 8], content: &Bytes) -> Result<Opened, CodecError> {
    let crc_at = content.len().saturating_sub(4);
    let fields = content.slice(..crc_at);
    let crc = content.get(crc_at..).unwrap_or_default();
    if crc32c(&fields).to_le_bytes() != crc {
        return Err(CodecError::Invalid { what: "checksum", got: content.len() as u64 });
    }
    let mut reader = Reader::new(fields);
    let begins = reader.take(magic.len())?;
    if begins != magic[..] {
        let got = u64::from(begins.first().copied().unwrap_or_default());
        return Err(CodecError::Invalid { what: "magic", got });
    }
    Ok(match take_newer(&mut reader)? {
        Some((what, got)) => Opened::Newer { what, got },
        None => Opened::Fields(reader),
    })
}
