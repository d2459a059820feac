//! `-w json`: one line per answer, as Go writes etcd's messages: bytes in
//! base64, fields that hold nothing left out.

use super::object::Object;
use client::mvccpb::{Event, KeyValue};
use client::wire::{
    DeleteRangeResponse, PutResponse, RangeResponse, ResponseHeader, WatchResponse,
};

pub(super) fn put(answer: &PutResponse) -> Object {
    let mut object = with_header(answer.header.as_ref());
    if let Some(kv) = &answer.prev_kv {
        object.raw("prev_kv", &pair(kv));
    }
    object
}

pub(super) fn range(answer: &RangeResponse) -> Object {
    let mut object = with_header(answer.header.as_ref());
    object.list("kvs", answer.kvs.iter().map(pair));
    if answer.more {
        object.raw("more", "true");
    }
    object.number("count", answer.count);
    object
}

pub(super) fn delete(answer: &DeleteRangeResponse) -> Object {
    let mut object = with_header(answer.header.as_ref());
    object.number("deleted", answer.deleted);
    object.list("prev_kvs", answer.prev_kvs.iter().map(pair));
    object
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

pub(super) fn with_header(from: Option<&ResponseHeader>) -> Object {
    let mut object = Object::default();
    object.raw("header", &header(from));
    object
}

fn header(from: Option<&ResponseHeader>) -> String {
    bare_header(from).text()
}

/// The fields of a header, where Go's client has them beside the others.
pub(super) fn bare_header(from: Option<&ResponseHeader>) -> Object {
    let from = from.cloned().unwrap_or_default();
    let mut object = Object::default();
    object.number("cluster_id", from.cluster_id);
    object.number("member_id", from.member_id);
    object.number("revision", from.revision);
    object.number("raft_term", from.raft_term);
    object
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
