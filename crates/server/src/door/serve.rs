//! How are clients served? One port for HTTP/1 and HTTP/2, with every bound set
//! here, and a task for each connection.

use super::connection::{Connection, House};
use super::count::Count;
use super::desk::Desk;
use super::http1;
use super::line::Line;
use super::opening::Opening;
use super::routes::routes;
use super::sniff::{Language, Start};
use crate::listen;
use bytes::Bytes;
use rustix::process::{Resource, getrlimit};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::debug;

/// Some small requests fit in a stream's window, and a few of the largest in a
/// connection's. The library closes a connection whose small unread frames
/// overrun half of the latter, so it is generous.
const STREAM_WINDOW_BYTES: u32 = 1 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 8 << 20;

/// The smallest that is allowed: one large message does not hold up the others.
const FRAME_BYTES_MAX: u32 = 16 << 10;

/// Requests and watch streams at once on one connection.
const STREAMS_MAX: u32 = 16_384;

const HEADER_LIST_BYTES_MAX: u32 = 64 << 10;

/// A client may give up many requests at once; only a flood closes the connection.
const RESETS_PENDING_MAX: usize = 4096;

/// Streams that we reset because of what the client sent, at most, and how many
/// are remembered so that what still comes for them is no error.
const RESETS_OURS_MAX: usize = 1024;

/// A stranger says within this time which language it speaks.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Client connections at once, and the descriptors that are kept for the rest
/// of the process: beyond them a flood of clients would cut off the peers.
const CONNECTIONS_MAX: usize = 65_536;
const DESCRIPTORS_KEPT: usize = 128;

/// How clients are served.
#[derive(Debug)]
pub(crate) struct Manner {
    /// Where connections with watches are.
    pub(crate) gallery: Handle,
    /// Whether the hot calls go straight to the lane.
    pub(crate) direct: bool,
}

/// Serves clients on all sockets until the desk closes and the last one has gone.
pub(crate) async fn serve(listeners: Vec<TcpListener>, desk: Desk, manner: Manner) {
    let places_max = connections_max();
    let places = Arc::new(Semaphore::new(places_max));
    let count = Count::new(Arc::clone(desk.metrics()));
    let Manner { gallery, direct } = manner;
    let house = House { routes: routes(&desk), desk, count, gallery, direct };
    let closing = house.desk.closing();
    let accepting = listeners.into_iter().map(|listener| {
        let (house, places) = (house.clone(), Arc::clone(&places));
        listen::accept(listener, move |socket, from| admit(socket, from, &house, &places))
    });
    let accepting: JoinSet<()> = accepting.collect();
    closing.await;
    drop(accepting);
    // Every connection has a place until it ends.
    let all = u32::try_from(places_max).unwrap_or(u32::MAX);
    let _ = places.acquire_many(all).await;
}

fn admit(socket: TcpStream, from: SocketAddr, house: &House, places: &Arc<Semaphore>) {
    match Arc::clone(places).try_acquire_owned() {
        Ok(place) => drop(tokio::spawn(welcome(socket, from, house.clone(), place))),
        Err(_) => debug!(%from, "too many connections: closed one"),
    }
}

/// A connection from its first byte to its last. What goes wrong on it is the
/// matter of nobody else.
async fn welcome(
    mut socket: TcpStream,
    from: SocketAddr,
    house: House,
    place: OwnedSemaphorePermit,
) {
    let mut start = Start::default();
    let closing = house.desk.closing();
    let language = tokio::select! {
        Ok(Ok(language)) = timeout(HANDSHAKE_TIMEOUT, start.read(&mut socket)) => language,
        () = closing => return,
        else => return,
    };
    let metrics = Arc::clone(house.desk.metrics());
    let opening = (language == Language::Http2).then(Opening::new);
    let line = Line { socket, start, opening, metrics, _place: place };
    match language {
        Language::Http1 => http1::serve(line, house.desk).await,
        Language::Http2 => http2(line, from, house).await,
    }
}

/// A connection that watches goes where it disturbs nobody.
async fn serve_well(connection: Connection, house: &House) {
    if let Some(watching) = connection.serve(house.desk.closing()).await {
        let closing = house.desk.closing();
        // It has its place among the allowed ones until it ends.
        drop(house.gallery.spawn(async move { watching.serve(closing).await.is_some() }));
    }
}

async fn http2(line: Line, from: SocketAddr, house: House) {
    match timeout(HANDSHAKE_TIMEOUT, builder().handshake::<_, Bytes>(line)).await {
        Ok(Ok(line)) => serve_well(Connection::new(house.clone(), line), &house).await,
        Ok(Err(why)) => debug!(%from, %why, "no HTTP/2 after all"),
        Err(_) => debug!(%from, "no HTTP/2 settings came"),
    }
}

fn builder() -> h2::server::Builder {
    let mut builder = h2::server::Builder::new();
    builder
        .initial_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_frame_size(FRAME_BYTES_MAX)
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEADER_LIST_BYTES_MAX)
        .max_pending_accept_reset_streams(RESETS_PENDING_MAX)
        .max_local_error_reset_streams(Some(RESETS_OURS_MAX))
        .max_concurrent_reset_streams(RESETS_OURS_MAX);
    builder
}

fn connections_max() -> usize {
    let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let descriptors = usize::try_from(descriptors).unwrap_or(usize::MAX);
    descriptors.saturating_sub(DESCRIPTORS_KEPT).clamp(1, CONNECTIONS_MAX)
}
