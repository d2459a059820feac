//! What every file but a segment begins with: fields that cannot be added later.

use alloc::vec::Vec;
use base::ClusterId;
use base::codec::{CodecError, Reader, Writer};

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
