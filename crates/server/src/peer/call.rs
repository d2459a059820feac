//! Who calls? Incoming connections: greeted, told from strangers, and read
//! until they break.

use super::frame;
use super::greet::{self, GreetError};
use super::peers::{Other, Peers};
use base::NodeId;
use node::event::Class;
use node::hello::Hello;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncRead, BufReader};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, oneshot};
use tracing::{info, warn};

/// Connections whose handshake is not over. Further ones are closed at once.
const GREETINGS_MAX: usize = 256;

const READ_BUFFER_BYTES: usize = 64 << 10;

/// All incoming connections of peers.
#[derive(Debug)]
pub(crate) struct Calls {
    peers: Arc<Peers>,
    greetings: Semaphore,
    /// The newest call of each peer and class; dropping its end closes the older one.
    newest: Mutex<BTreeMap<(NodeId, Class), oneshot::Sender<()>>>,
}

impl Calls {
    pub(crate) fn new(peers: Arc<Peers>) -> Self {
        Self { peers, greetings: Semaphore::new(GREETINGS_MAX), newest: Mutex::default() }
    }

    /// Serves one connection to its end.
    pub(crate) async fn serve(&self, mut line: TcpStream, from: SocketAddr) {
        match self.greet(&mut line).await {
            Ok((hello, other)) => self.listen(line, hello, other).await,
            Err(why) => warn!(%from, %why, "refused a call on the peer port"),
        }
    }

    async fn greet(&self, line: &mut TcpStream) -> Result<(Hello, &Other), GreetError> {
        let _permit = self.greetings.try_acquire().map_err(|_| GreetError::Busy)?;
        let hello = greet::as_callee(line, self.peers.identity).await?;
        let other = self.peers.others.get(&hello.node);
        Ok((hello, other.ok_or(GreetError::Stranger(hello.node))?))
    }

    async fn listen(&self, line: TcpStream, hello: Hello, other: &Other) {
        let replaced = self.replace(&hello);
        other.lines.iter().for_each(|line| line.redial.notify_one());
        other.link.incoming_opened(hello.class);
        let mut line = BufReader::with_capacity(READ_BUFFER_BYTES, line);
        let why = tokio::select! {
            why = self.receive(&mut line, &hello, other) => why.to_string(),
            _ = replaced => "replaced by a newer one".into(),
        };
        other.link.incoming_closed(hello.class);
        info!(peer = other.name, class = ?hello.class, why, "a connection of a peer closed");
    }

    fn replace(&self, hello: &Hello) -> oneshot::Receiver<()> {
        let (newest, replaced) = oneshot::channel();
        let mut calls = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        calls.insert((hello.node, hello.class), newest);
        replaced
    }

    async fn receive(
        &self,
        line: &mut (impl AsyncRead + Unpin),
        hello: &Hello,
        other: &Other,
    ) -> std::io::Error {
        loop {
            match frame::read(line).await {
                Ok(frame) => {
                    other.received.inc_by(frame.len() as u64);
                    self.peers.inbox.push_frame(hello.node, hello.class, frame).await;
                }
                Err(why) => return why,
            }
        }
    }
}
