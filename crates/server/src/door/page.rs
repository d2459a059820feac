//! What does an answer over HTTP/1 look like? A status, a kind and a text.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// What is answered.
pub(super) type Page = Response<Full<Bytes>>;

pub(super) fn json(status: StatusCode, body: String) -> Page {
    page_of(status, JSON, body)
}

pub(super) fn text(status: StatusCode, body: impl Into<String>) -> Page {
    page_of(status, TEXT, body.into())
}

pub(super) fn page_of(status: StatusCode, kind: HeaderValue, body: String) -> Page {
    let mut page = Response::new(Full::new(Bytes::from(body)));
    *page.status_mut() = status;
    page.headers_mut().insert(CONTENT_TYPE, kind);
    page
}
