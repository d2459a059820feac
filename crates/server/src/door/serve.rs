//! How is gRPC spoken? All services on one port, with every bound set here.

use super::cluster::ClusterDoor;
use super::desk::Desk;
use super::kv::KvDoor;
use super::line::Line;
use super::maintenance::MaintenanceDoor;
use super::watch::WatchDoor;
use super::words::stub::cluster_server::ClusterServer;
use super::words::stub::kv_server::KvServer;
use super::words::stub::maintenance_server::MaintenanceServer;
use super::words::stub::watch_server::WatchServer;
use crate::listen;
use base::limits::{REQUEST_BYTES_MAX, REQUEST_OVERHEAD_BYTES_MAX};
use rustix::process::{Resource, getrlimit};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Server;
use tonic::transport::server::Router;
use tracing::{debug, error};

/// What one request may take on the wire.
const MESSAGE_BYTES_MAX: usize = REQUEST_BYTES_MAX + REQUEST_OVERHEAD_BYTES_MAX;

/// One request fits in a stream's window, and a few of them in a connection's.
/// The library closes a connection whose small unread frames overrun half of
/// the latter, so it is generous.
const STREAM_WINDOW_BYTES: u32 = 2 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 8 << 20;

/// Requests and watch streams at once on one connection.
const STREAMS_MAX: u32 = 16_384;

const HEADER_LIST_BYTES_MAX: u32 = 64 << 10;

/// A client may give up many requests at once; only a flood closes the connection.
const RESETS_PENDING_MAX: usize = 4096;

/// A client that is gone without a word is noticed after these two.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(60);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// Client connections at once, and the descriptors that are kept for the rest
/// of the process: beyond them a flood of clients would cut off the peers.
const CONNECTIONS_MAX: usize = 65_536;
const DESCRIPTORS_KEPT: usize = 128;

/// Connections between accepting and serving.
const ACCEPTED_WAITING: usize = 64;

/// Serves clients on all sockets until the desk closes and the last one has gone.
pub(crate) async fn serve(listeners: Vec<TcpListener>, desk: Desk) {
    let (lines, incoming) = mpsc::channel(ACCEPTED_WAITING);
    let places = Arc::new(Semaphore::new(connections_max()));
    let accepting = listeners.into_iter().map(|listener| {
        let (lines, places) = (lines.clone(), Arc::clone(&places));
        listen::accept(listener, move |socket, from| admit(socket, from, &lines, &places))
    });
    let accepting: tokio::task::JoinSet<()> = accepting.collect();
    drop(lines);
    let incoming = ReceiverStream::new(incoming);
    let closing = desk.closing();
    let closed = async move {
        closing.await;
        drop(accepting);
    };
    let served = router(&desk).serve_with_incoming_shutdown(incoming, closed).await;
    if let Err(why) = served {
        error!(%why, "the client port is no longer served");
    }
}

type Lines = mpsc::Sender<io::Result<Line>>;

fn admit(socket: TcpStream, from: SocketAddr, lines: &Lines, places: &Arc<Semaphore>) {
    let place = Arc::clone(places).try_acquire_owned();
    let admitted =
        place.is_ok_and(|place| lines.try_send(Ok(Line { socket, _place: place })).is_ok());
    if !admitted {
        debug!(%from, "too many connections: closed one");
    }
}

fn router(desk: &Desk) -> Router {
    let desk = || desk.clone();
    Server::builder()
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_concurrent_streams(STREAMS_MAX)
        .http2_max_header_list_size(HEADER_LIST_BYTES_MAX)
        .http2_max_pending_accept_reset_streams(Some(RESETS_PENDING_MAX))
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .add_service(unbounded(KvServer::new(KvDoor { desk: desk() })))
        .add_service(
            WatchServer::new(WatchDoor { desk: desk() })
                .max_decoding_message_size(MESSAGE_BYTES_MAX)
                .max_encoding_message_size(usize::MAX),
        )
        .add_service(ClusterServer::new(ClusterDoor { desk: desk() }))
        .add_service(MaintenanceServer::new(MaintenanceDoor { desk: desk() }))
}

/// Bounded inwards only: how large an answer is, the client has decided.
fn unbounded(kv: KvServer<KvDoor>) -> KvServer<KvDoor> {
    kv.max_decoding_message_size(MESSAGE_BYTES_MAX).max_encoding_message_size(usize::MAX)
}

fn connections_max() -> usize {
    let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let descriptors = usize::try_from(descriptors).unwrap_or(usize::MAX);
    descriptors.saturating_sub(DESCRIPTORS_KEPT).clamp(1, CONNECTIONS_MAX)
}
