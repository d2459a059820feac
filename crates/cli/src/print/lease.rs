//! Leases.

use super::format::Lines;
use super::object::{Object, base64};
use super::{fields, json};
use client::wire::{
    LeaseGrantResponse, LeaseKeepAliveResponse, LeaseLeasesResponse, LeaseRevokeResponse,
    LeaseTimeToLiveResponse,
};

pub(super) fn grant(format: Lines, answer: &LeaseGrantResponse) -> Vec<u8> {
    let LeaseGrantResponse { header, id, ttl, error } = answer;
    match format {
        Lines::Simple => format!("lease {id:016x} granted with TTL({ttl}s)\n").into_bytes(),
        Lines::Json => {
            let mut object = json::bare_header(header.as_ref());
            object.raw("ID", &id.to_string());
            object.raw("TTL", &ttl.to_string());
            object.raw("Error", &super::object::escaped(error));
            object.line()
        }
        Lines::Fields => {
            let mut out = fields::header(header.as_ref());
            fields::field(&mut out, "ID", id);
            fields::field(&mut out, "TTL", ttl);
            out.into_bytes()
        }
    }
}

pub(super) fn revoke(format: Lines, id: i64, answer: &LeaseRevokeResponse) -> Vec<u8> {
    match format {
        Lines::Simple => format!("lease {id:016x} revoked\n").into_bytes(),
        Lines::Json => json::with_header(answer.header.as_ref()).line(),
        Lines::Fields => fields::header(answer.header.as_ref()).into_bytes(),
    }
}

/// A lease that is gone is said to be, whatever the format.
pub(super) fn keep_alive(format: Lines, answer: &LeaseKeepAliveResponse) -> Vec<u8> {
    let LeaseKeepAliveResponse { header, id, ttl } = answer;
    match format {
        Lines::Simple if *ttl > 0 => {
            format!("lease {id:016x} keepalived with TTL({ttl})\n").into_bytes()
        }
        Lines::Simple => format!("lease {id:016x} expired or revoked.\n").into_bytes(),
        Lines::Json => {
            let mut object = json::bare_header(header.as_ref());
            object.raw("ID", &id.to_string());
            object.raw("TTL", &ttl.to_string());
            object.line()
        }
        Lines::Fields => {
            let mut out = fields::header(header.as_ref());
            fields::field(&mut out, "ID", id);
            fields::field(&mut out, "TTL", ttl);
            out.into_bytes()
        }
    }
}

pub(super) fn time_to_live(format: Lines, answer: &LeaseTimeToLiveResponse, keys: bool) -> Vec<u8> {
    match format {
        Lines::Simple => simple_time_to_live(answer, keys),
        Lines::Json => json_time_to_live(answer),
        Lines::Fields => {
            let mut out = fields::header(answer.header.as_ref());
            fields::field(&mut out, "ID", answer.id);
            fields::field(&mut out, "TTL", answer.ttl);
            fields::field(&mut out, "GrantedTTL", answer.granted_ttl);
            for key in &answer.keys {
                fields::field(&mut out, "Key", fields::quoted(key));
            }
            out.into_bytes()
        }
    }
}

fn simple_time_to_live(answer: &LeaseTimeToLiveResponse, keys: bool) -> Vec<u8> {
    let LeaseTimeToLiveResponse { id, ttl, granted_ttl, .. } = answer;
    if *granted_ttl == 0 && *ttl == -1 {
        return format!("lease {id:016x} already expired\n").into_bytes();
    }
    let head = format!("lease {id:016x} granted with TTL({granted_ttl}s), remaining({ttl}s)");
    let mut out = head.into_bytes();
    if keys {
        out.extend_from_slice(b", attached keys([");
        out.extend(answer.keys.join(&b' '));
        out.extend_from_slice(b"])");
    }
    out.push(b'\n');
    out
}

fn json_time_to_live(answer: &LeaseTimeToLiveResponse) -> Vec<u8> {
    let mut object = json::bare_header(answer.header.as_ref());
    object.raw("id", &answer.id.to_string());
    object.raw("ttl", &answer.ttl.to_string());
    object.raw("granted-ttl", &answer.granted_ttl.to_string());
    let keys: Vec<String> = answer.keys.iter().map(|key| format!("\"{}\"", base64(key))).collect();
    match keys.as_slice() {
        [] => object.raw("keys", "null"),
        keys => object.raw("keys", &format!("[{}]", keys.join(","))),
    }
    object.line()
}

pub(super) fn list(format: Lines, answer: &LeaseLeasesResponse) -> Vec<u8> {
    let ids = answer.leases.iter().map(|lease| lease.id);
    match format {
        Lines::Simple => {
            let mut out = format!("found {} leases\n", answer.leases.len());
            ids.for_each(|id| out.push_str(&format!("{id:016x}\n")));
            out.into_bytes()
        }
        Lines::Json => {
            let mut object = json::bare_header(answer.header.as_ref());
            let leases: Vec<String> = ids.map(json_of).collect();
            object.raw("leases", &format!("[{}]", leases.join(",")));
            object.line()
        }
        Lines::Fields => {
            let mut out = fields::header(answer.header.as_ref());
            ids.for_each(|id| fields::field(&mut out, "ID", id));
            out.into_bytes()
        }
    }
}

fn json_of(id: i64) -> String {
    let mut object = Object::default();
    object.raw("id", &id.to_string());
    object.text()
}
