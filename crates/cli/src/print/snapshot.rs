//! What a backup holds, in the columns of etcdctl.

use super::format::{Format, Lines};
use super::object::Object;
use super::table::table;
use super::{fields, go};

/// What a backup holds.
pub(crate) struct SnapshotStatus {
    pub(crate) hash: u32,
    pub(crate) revision: u64,
    pub(crate) keys: u64,
    pub(crate) bytes: u64,
}

/// A number of bytes for people.
pub(crate) fn size(bytes: u64) -> String {
    go::size(bytes)
}

pub(crate) fn status(format: Format, status: &SnapshotStatus) -> Vec<u8> {
    let SnapshotStatus { hash, revision, keys, bytes } = status;
    let row = [format!("{hash:x}"), revision.to_string(), keys.to_string(), size(*bytes)];
    match format {
        Format::Table => table(["hash", "revision", "total keys", "total size"], &[row]),
        Format::Lines(Lines::Simple) => format!("{}\n", row.join(", ")).into_bytes(),
        Format::Lines(Lines::Json) => {
            // Zeros are not left out here.
            let mut object = Object::default();
            object.raw("hash", &hash.to_string());
            object.raw("revision", &revision.to_string());
            object.raw("totalKey", &keys.to_string());
            object.raw("totalSize", &bytes.to_string());
            object.line()
        }
        Format::Lines(Lines::Fields) => {
            let mut out = String::new();
            fields::field(&mut out, "Hash", hash);
            fields::field(&mut out, "Revision", revision);
            fields::field(&mut out, "Keys", keys);
            fields::field(&mut out, "Size", bytes);
            out.into_bytes()
        }
    }
}
