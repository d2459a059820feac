//! A connection for streams: HTTP/2 by `h2`, without TLS.

use super::fault::Fault;
use bytes::Bytes;
use h2::SendStream;
use h2::client::{Builder, Connection, SendRequest};
use http::header::{CONTENT_TYPE, HeaderValue, TE};
use http::{HeaderMap, Method, Request, Uri, Version};
use std::time::Duration;
use tokio::net::TcpStream;

/// Neither side should ever wait for room: answers are small and taken at once.
const STREAM_WINDOW: u32 = 8 << 20;
const CONNECTION_WINDOW: u32 = 64 << 20;
/// How long a server may take to accept a connection.
const DIAL: Duration = Duration::from_secs(5);

/// Reads and writes the socket, and must be polled for anything to happen.
pub(crate) type Pump = Connection<TcpStream, Bytes>;

/// The method that is called.
pub(crate) const WATCH: &str = "/etcdserverpb.Watch/Watch";

/// Begins calls on one connection.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) sender: SendRequest<Bytes>,
    headers: HeaderMap,
}

/// A method at one endpoint, parsed once.
pub(crate) fn route(endpoint: &str, method: &str) -> Result<Uri, Fault> {
    format!("http://{endpoint}{method}").parse().map_err(|_| Fault::Dial)
}

/// Connects.
pub(crate) async fn dial(endpoint: &str) -> Result<(Link, Pump), Fault> {
    let connect = async {
        let stream = TcpStream::connect(endpoint).await.map_err(|_| Fault::Dial)?;
        stream.set_nodelay(true).map_err(|_| Fault::Dial)?;
        let mut builder = Builder::new();
        builder
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .enable_push(false);
        let (sender, pump) = builder.handshake(stream).await?;
        Ok((Link { sender, headers: headers() }, pump))
    };
    tokio::time::timeout(DIAL, connect).await.unwrap_or(Err(Fault::Dial))
}

impl Link {
    /// Begins a call whose request goes on.
    pub(crate) fn open(
        &mut self,
        route: &Uri,
    ) -> Result<(h2::client::ResponseFuture, SendStream<Bytes>), Fault> {
        Ok(self.sender.send_request(self.head(route), false)?)
    }

    fn head(&self, route: &Uri) -> Request<()> {
        let mut request = Request::new(());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = route.clone();
        *request.version_mut() = Version::HTTP_2;
        *request.headers_mut() = self.headers.clone();
        request
    }
}

fn headers() -> HeaderMap {
    HeaderMap::from_iter([
        (TE, HeaderValue::from_static("trailers")),
        (CONTENT_TYPE, HeaderValue::from_static("application/grpc")),
    ])
}
