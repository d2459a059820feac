//! `-w simple`: keys and values, a line each.

use client::mvccpb::KeyValue;
use client::mvccpb::event::EventType;
use client::wire::{DeleteRangeResponse, PutResponse, RangeResponse, WatchResponse};

pub(super) fn put(answer: &PutResponse, hex: bool) -> Vec<u8> {
    let mut out = Vec::new();
    line(&mut out, b"OK");
    if let Some(pair) = &answer.prev_kv {
        push(&mut out, pair, hex);
    }
    out
}

pub(super) fn range(answer: &RangeResponse, hex: bool, value_only: bool) -> Vec<u8> {
    let mut out = Vec::new();
    for pair in &answer.kvs {
        match value_only {
            true => line(&mut out, &bytes(&pair.value, hex)),
            false => push(&mut out, pair, hex),
        }
    }
    out
}

pub(super) fn delete(answer: &DeleteRangeResponse, hex: bool) -> Vec<u8> {
    let mut out = Vec::new();
    line(&mut out, answer.deleted.to_string().as_bytes());
    for pair in &answer.prev_kvs {
        push(&mut out, pair, hex);
    }
    out
}

pub(super) fn watch(answer: &WatchResponse, hex: bool) -> Vec<u8> {
    let mut out = Vec::new();
    for event in &answer.events {
        line(&mut out, kind(event.r#type()).as_bytes());
        for pair in event.prev_kv.iter().chain(&event.kv) {
            push(&mut out, pair, hex);
        }
    }
    out
}

pub(super) fn kind(kind: EventType) -> &'static str {
    match kind {
        EventType::Put => "PUT",
        EventType::Delete => "DELETE",
    }
}

fn push(out: &mut Vec<u8>, pair: &KeyValue, hex: bool) {
    line(out, &bytes(&pair.key, hex));
    line(out, &bytes(&pair.value, hex));
}

fn line(out: &mut Vec<u8>, text: &[u8]) {
    out.extend_from_slice(text);
    out.push(b'\n');
}

/// Bytes as they are, or `\x66\x6f\x6f`.
fn bytes(text: &[u8], hex: bool) -> Vec<u8> {
    if !hex {
        return text.to_vec();
    }
    text.iter().flat_map(|byte| format!("\\x{byte:02x}").into_bytes()).collect()
}
