//! `-w fields`: every field with its name, a line each. `--hex` changes nothing
//! here, as with etcdctl.

use super::simple::kind;
use client::mvccpb::KeyValue;
use client::wire::{
    DeleteRangeResponse, PutResponse, RangeResponse, ResponseHeader, WatchResponse,
};
use std::fmt::Display;

pub(super) fn put(answer: &PutResponse) -> Vec<u8> {
    let mut out = header(answer.header.as_ref());
    if let Some(kv) = &answer.prev_kv {
        pair(&mut out, "Prev", kv);
    }
    out.into_bytes()
}

pub(super) fn range(answer: &RangeResponse) -> Vec<u8> {
    let mut out = header(answer.header.as_ref());
    for kv in &answer.kvs {
        pair(&mut out, "", kv);
    }
    field(&mut out, "More", answer.more);
    field(&mut out, "Count", answer.count);
    out.into_bytes()
}

pub(super) fn delete(answer: &DeleteRangeResponse) -> Vec<u8> {
    let mut out = header(answer.header.as_ref());
    field(&mut out, "Deleted", answer.deleted);
    for kv in &answer.prev_kvs {
        pair(&mut out, "Prev", kv);
    }
    out.into_bytes()
}

pub(super) fn watch(answer: &WatchResponse) -> Vec<u8> {
    let mut out = header(answer.header.as_ref());
    for event in &answer.events {
        field(&mut out, "Type", kind(event.r#type()));
        if let Some(kv) = &event.prev_kv {
            pair(&mut out, "Prev", kv);
        }
        if let Some(kv) = &event.kv {
            pair(&mut out, "", kv);
        }
    }
    out.into_bytes()
}

pub(super) fn header(header: Option<&ResponseHeader>) -> String {
    let header = header.cloned().unwrap_or_default();
    let mut out = String::new();
    field(&mut out, "ClusterID", header.cluster_id);
    field(&mut out, "MemberID", header.member_id);
    field(&mut out, "Revision", header.revision);
    field(&mut out, "RaftTerm", header.raft_term);
    out
}

fn pair(out: &mut String, prefix: &str, pair: &KeyValue) {
    let mut put = |name: &str, value: &dyn Display| field(out, &format!("{prefix}{name}"), value);
    put("Key", &quoted(&pair.key));
    put("CreateRevision", &pair.create_revision);
    put("ModRevision", &pair.mod_revision);
    put("Version", &pair.version);
    put("Value", &quoted(&pair.value));
    put("Lease", &pair.lease);
}

pub(super) fn field(out: &mut String, name: &str, value: impl Display) {
    out.push_str(&format!("\"{name}\" : {value}\n"));
}

/// As Go's `%q` writes bytes: what is not text is escaped byte by byte.
pub(crate) fn quoted(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for chunk in bytes.utf8_chunks() {
        for sign in chunk.valid().chars() {
            push_escaped(&mut out, sign);
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    out.push('"');
    out
}

fn push_escaped(out: &mut String, sign: char) {
    match sign {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\x07' => out.push_str("\\a"),
        '\x08' => out.push_str("\\b"),
        '\x0c' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\x0b' => out.push_str("\\v"),
        low if u32::from(low) < 0x20 || low == '\x7f' => {
            out.push_str(&format!("\\x{:02x}", u32::from(low)));
        }
        other => out.push(other),
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn bytes_are_quoted_as_go_does() {
        assert_eq!(quoted(b"b\"a\tz"), r#""b\"a\tz""#);
        assert_eq!(quoted(&[b'a', 0, 0xff, b'\\']), r#""a\x00\xff\\""#);
        assert_eq!(quoted("ü".as_bytes()), "\"ü\"");
    }
}
