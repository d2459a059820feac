//! What is there for those who speak HTTP/1? Health, versions and numbers, for
//! people, probes and dashboards.

use super::desk::Desk;
use super::health;
use super::line::Line;
use super::page::{Page, json, page_of, text};
use crate::process::process;
use http::header::ALLOW;
use http::{HeaderValue, Method, Request, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use node::event::{Answer, Ask};
use std::convert::Infallible;
use std::time::Duration;

/// How long the headers of a request may take.
const HEADERS_TIMEOUT: Duration = Duration::from_secs(30);

const BUFFER_BYTES_MAX: usize = 64 << 10;

const METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// Serves until the client goes or the desk closes.
pub(super) async fn serve(line: Line, desk: Desk) {
    let closing = desk.closing();
    let service = service_fn(|request| {
        let desk = desk.clone();
        async move { Ok::<_, Infallible>(page(&request, &desk).await) }
    });
    let mut builder = Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADERS_TIMEOUT);
    builder.max_buf_size(BUFFER_BYTES_MAX);
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(line), service));
    tokio::select! {
        // What a client does wrong ends its own connection and nothing else.
        _ = connection.as_mut() => return,
        () = closing => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

async fn page(request: &Request<Incoming>, desk: &Desk) -> Page {
    if request.method() != Method::GET {
        let mut page = text(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed\n");
        page.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
        return page;
    }
    let query = request.uri().query().unwrap_or_default();
    match request.uri().path() {
        "/health" => health::health(desk, query).await,
        "/version" => json(StatusCode::OK, version()),
        "/metrics" => metrics(desk).await,
        path => match health::checks(path) {
            Some(checks) => health::answer(desk, &checks, query).await,
            None => text(StatusCode::NOT_FOUND, "404 page not found\n"),
        },
    }
}

fn version() -> String {
    use api::etcd::{STORAGE_VERSION, VERSION};
    let cluster = VERSION.rsplit_once('.').map_or(VERSION, |(minor, _)| minor);
    format!(
        r#"{{"etcdserver":"{VERSION}","etcdcluster":"{cluster}.0","storage":"{STORAGE_VERSION}"}}"#
    )
}

async fn metrics(desk: &Desk) -> Page {
    match desk.ask(Ask::Status, 0).await {
        Ok((Answer::Status(status), _)) => {
            page_of(StatusCode::OK, METRICS, desk.metrics().text(&status, desk.waits(), process()))
        }
        _ => text(StatusCode::SERVICE_UNAVAILABLE, "the server is stopping\n"),
    }
}
