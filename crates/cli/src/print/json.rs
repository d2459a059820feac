//! `-w json`: one line per answer, as Go writes etcd's messages: bytes in
//! base64, fields that hold nothing left out.

use client::mvccpb::{Event, KeyValue};
use client::wire::{
    DeleteRangeResponse, PutResponse, RangeResponse, ResponseHeader, WatchResponse,
};

pub(super) fn put(answer: &PutResponse) -> Vec<u8> {
    let mut object = with_header(answer.header.as_ref());
    if let Some(kv) = &answer.prev_kv {
        object.raw("prev_kv", &pair(kv));
    }
    object.line()
}

pub(super) fn range(answer: &RangeResponse) -> Vec<u8> {
    let mut object = with_header(answer.header.as_ref());
    object.list("kvs", answer.kvs.iter().map(pair));
    if answer.more {
        object.raw("more", "true");
    }
    object.number("count", answer.count);
    object.line()
}

pub(super) fn delete(answer: &DeleteRangeResponse) -> Vec<u8> {
    let mut object = with_header(answer.header.as_ref());
    object.number("deleted", answer.deleted);
    object.list("prev_kvs", answer.prev_kvs.iter().map(pair));
    object.line()
}

/// The odd one: it has the field names of Go's client, and leaves nothing out.
pub(super) fn watch(answer: &WatchResponse) -> Vec<u8> {
    let mut object = Object::default();
    object.raw("Header", &header(answer.header.as_ref()));
    object.list("Events", answer.events.iter().map(event));
    object.raw("CompactRevision", &answer.compact_revision.to_string());
    object.raw("Canceled", &answer.canceled.to_string());
    object.raw("Created", &answer.created.to_string());
    object.line()
}

fn with_header(from: Option<&ResponseHeader>) -> Object {
    let mut object = Object::default();
    object.raw("header", &header(from));
    object
}

fn header(from: Option<&ResponseHeader>) -> String {
    let from = from.cloned().unwrap_or_default();
    let mut object = Object::default();
    object.number("cluster_id", from.cluster_id);
    object.number("member_id", from.member_id);
    object.number("revision", from.revision);
    object.number("raft_term", from.raft_term);
    object.text()
}

fn event(event: &Event) -> String {
    let mut object = Object::default();
    object.number("type", event.r#type);
    if let Some(kv) = &event.kv {
        object.raw("kv", &pair(kv));
    }
    if let Some(kv) = &event.prev_kv {
        object.raw("prev_kv", &pair(kv));
    }
    object.text()
}

fn pair(pair: &KeyValue) -> String {
    let mut object = Object::default();
    object.bytes("key", &pair.key);
    object.number("create_revision", pair.create_revision);
    object.number("mod_revision", pair.mod_revision);
    object.number("version", pair.version);
    object.bytes("value", &pair.value);
    object.number("lease", pair.lease);
    object.text()
}

/// An object in the making: its fields so far, without the braces. Names are
/// ours and need no escape; no value is free text.
#[derive(Default)]
struct Object(String);

impl Object {
    fn raw(&mut self, name: &str, value: &str) {
        if !self.0.is_empty() {
            self.0.push(',');
        }
        self.0.push_str(&format!("\"{name}\":{value}"));
    }

    fn number(&mut self, name: &str, value: impl Into<i128>) {
        let value = value.into();
        if value != 0 {
            self.raw(name, &value.to_string());
        }
    }

    fn bytes(&mut self, name: &str, value: &[u8]) {
        if !value.is_empty() {
            self.raw(name, &format!("\"{}\"", base64(value)));
        }
    }

    fn list(&mut self, name: &str, values: impl Iterator<Item = String>) {
        let values: Vec<String> = values.collect();
        if !values.is_empty() {
            self.raw(name, &format!("[{}]", values.join(",")));
        }
    }

    fn text(self) -> String {
        format!("{{{}}}", self.0)
    }

    fn line(self) -> Vec<u8> {
        format!("{}\n", self.text()).into_bytes()
    }
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = (0..3).fold(0u32, |word, at| {
            word << 8 | u32::from(chunk.get(at).copied().unwrap_or_default())
        });
        for digit in 0..4usize {
            let value = word >> (18 - 6 * digit) & 63;
            let sign = DIGITS.get(value as usize).copied().unwrap_or_default();
            out.push(if digit > chunk.len() { '=' } else { char::from(sign) });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_as_in_the_rfc() {
        let pairs =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")];
        for (plain, coded) in pairs {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}
