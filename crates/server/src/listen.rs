//! Who comes in? Sockets are bound once and accepted from for ever.

use crate::error::ServerError;
use std::io::{self, ErrorKind};
use std::net::{self, SocketAddr};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tracing::warn;

/// After an error that time may heal, such as too many open files.
const PAUSE: Duration = Duration::from_millis(50);

/// The sockets of a node, bound before anything else is done.
#[derive(Debug)]
pub struct Listeners {
    pub(crate) client: Vec<net::TcpListener>,
    pub(crate) peer: Vec<net::TcpListener>,
}

impl Listeners {
    /// Binds all addresses, or none.
    pub fn bind(client: &[SocketAddr], peer: &[SocketAddr]) -> Result<Self, ServerError> {
        Ok(Self { client: bind_all(client)?, peer: bind_all(peer)? })
    }

    /// Where clients are listened for; a port that was given as 0 has its number.
    pub fn client_addresses(&self) -> Vec<SocketAddr> {
        self.client.iter().filter_map(|socket| socket.local_addr().ok()).collect()
    }

    /// Where peers are listened for.
    pub fn peer_addresses(&self) -> Vec<SocketAddr> {
        self.peer.iter().filter_map(|socket| socket.local_addr().ok()).collect()
    }
}

fn bind_all(addresses: &[SocketAddr]) -> Result<Vec<net::TcpListener>, ServerError> {
    let bind = |address: &SocketAddr| {
        let socket = net::TcpListener::bind(address).and_then(|socket| {
            socket.set_nonblocking(true)?;
            Ok(socket)
        });
        socket.map_err(|why| ServerError::Listen { address: *address, why })
    };
    addresses.iter().map(bind).collect()
}

/// Hands every connection to `take`. No error ends it: a node that stops
/// accepting because of one bad moment is as good as dead.
pub(crate) async fn accept(listener: TcpListener, take: impl Fn(TcpStream, SocketAddr)) {
    let mut ill = false;
    loop {
        match listener.accept().await {
            Ok((line, from)) => {
                ill = false;
                if line.set_nodelay(true).is_ok() {
                    take(line, from);
                }
            }
            Err(why) if concerns_one_connection(&why) => {}
            Err(why) => {
                if !ill {
                    warn!(%why, "cannot accept connections, trying on");
                }
                ill = true;
                sleep(PAUSE).await;
            }
        }
    }
}

fn concerns_one_connection(why: &io::Error) -> bool {
    let kinds = [ErrorKind::ConnectionAborted, ErrorKind::ConnectionReset, ErrorKind::Interrupted];
    kinds.contains(&why.kind())
}
