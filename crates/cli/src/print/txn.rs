//! What a transaction came to, and the answer to each of its operations.

use super::object::Object;
use super::{fields, json, simple};
use client::wire::TxnResponse;
use client::wire::response_op::Response;

pub(super) fn simple(answer: &TxnResponse, hex: bool) -> Vec<u8> {
    let verdict = if answer.succeeded { "SUCCESS\n" } else { "FAILURE\n" };
    let mut out = verdict.as_bytes().to_vec();
    for response in answer.responses.iter().filter_map(|op| op.response.as_ref()) {
        out.push(b'\n');
        out.extend(match response {
            Response::ResponsePut(put) => simple::put(put, hex),
            Response::ResponseRange(range) => simple::range(range, hex, false),
            Response::ResponseDeleteRange(delete) => simple::delete(delete, hex),
            Response::ResponseTxn(inner) => simple(inner, hex),
        });
    }
    out
}

pub(super) fn json(answer: &TxnResponse) -> Object {
    let mut object = json::with_header(answer.header.as_ref());
    object.flag("succeeded", answer.succeeded);
    let responses = answer.responses.iter().filter_map(|op| op.response.as_ref());
    object.list("responses", responses.map(json_of));
    object
}

/// Go wraps each answer twice: in the field, and in the case of the union.
fn json_of(response: &Response) -> String {
    let (case, answer) = match response {
        Response::ResponsePut(put) => ("response_put", json::put(put)),
        Response::ResponseRange(range) => ("response_range", json::range(range)),
        Response::ResponseDeleteRange(delete) => ("response_delete_range", json::delete(delete)),
        Response::ResponseTxn(inner) => ("response_txn", json(inner)),
    };
    format!("{{\"Response\":{{\"{case}\":{}}}}}", answer.text())
}

pub(super) fn fields(answer: &TxnResponse) -> Vec<u8> {
    let mut out = fields::header(answer.header.as_ref());
    fields::field(&mut out, "Succeeded", answer.succeeded);
    let mut out = out.into_bytes();
    for response in answer.responses.iter().filter_map(|op| op.response.as_ref()) {
        out.extend(match response {
            Response::ResponsePut(put) => fields::put(put),
            Response::ResponseRange(range) => fields::range(range),
            Response::ResponseDeleteRange(delete) => fields::delete(delete),
            Response::ResponseTxn(inner) => fields(inner),
        });
    }
    out
}
