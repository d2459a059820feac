//! HTTP/2 for calls that send one message and get one, as cheap as it can be:
//! header blocks that were made before, all that begins in one poll in one write,
//! nothing allocated for a call. `docs/decisions/0017-load-wire.md` says why.
//!
//! | file | job |
//! |---|---|
//! | `frame` | the nine bytes before everything |
//! | `settings` | what each side tells the other about itself |
//! | `request` | header blocks of requests |
//! | `meaning` | header blocks of answers |
//! | `calls` | which call a frame belongs to |
//! | `outbox`, `input` | bytes to write, bytes that came |
//! | `session` | the protocol, without a socket |

pub(crate) mod calls;
mod frame;
mod input;
mod meaning;
mod outbox;
pub(crate) mod request;
mod session;
mod settings;
#[cfg(test)]
mod tests;

use super::fault::Fault;
use bytes::Bytes;
use calls::Asked;
use input::Input;
use request::{AUTHORITY_MAX, Method};
use session::Session;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// How long a server may take to accept a connection and to greet.
const DIAL: Duration = Duration::from_secs(5);
/// After so many reads others get their turn.
const READS: usize = 16;

/// A connection. It must be polled for anything to happen.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: TcpStream,
    input: Input,
    session: Session,
}

impl Connection {
    /// Connects, and hears the server's settings.
    pub(crate) async fn dial(endpoint: &str) -> Result<Self, Fault> {
        if endpoint.len() > AUTHORITY_MAX {
            return Err(Fault::Dial);
        }
        let connect = async {
            let socket = TcpStream::connect(endpoint).await.map_err(|_| Fault::Dial)?;
            socket.set_nodelay(true).map_err(|_| Fault::Dial)?;
            let mut connection =
                Self { socket, input: Input::new(), session: Session::new(endpoint) };
            std::future::poll_fn(|cx| connection.poll_greeted(cx)).await?;
            Ok(connection)
        };
        tokio::time::timeout(DIAL, connect).await.unwrap_or(Err(Fault::Dial))
    }

    fn poll_greeted(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        self.send(cx)?;
        self.receive(cx, |_, _, _| {})?;
        if !self.session.greeted {
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    /// The calls under way.
    pub(crate) fn calls(&self) -> usize {
        self.session.calls()
    }

    /// Another call may begin now.
    pub(crate) fn ready(&self) -> bool {
        self.session.ready()
    }

    /// Nothing more can come of it: the server wants to be left.
    pub(crate) fn spent(&self) -> bool {
        self.session.spent()
    }

    /// Begins a call. The connection must be ready, and polled to send it.
    pub(crate) fn begin(&mut self, method: Method, body: Bytes, asked: Asked) {
        self.session.begin(method, body, asked);
    }

    /// The calls under way will not be answered.
    pub(crate) fn abandon(&mut self, ends: impl FnMut(Asked)) {
        self.session.abandon(ends);
    }

    /// Reads what has come, and tells of each call that ended, and when that was seen.
    pub(crate) fn receive(
        &mut self,
        cx: &mut Context<'_>,
        mut ends: impl FnMut(Instant, Asked, Result<&[u8], Fault>),
    ) -> Result<(), Fault> {
        for _ in 0..READS {
            let mut space = ReadBuf::new(self.input.spare());
            match Pin::new(&mut self.socket).poll_read(cx, &mut space) {
                Poll::Pending => return Ok(()),
                Poll::Ready(read) => read.map_err(|_| Fault::Connection)?,
            }
            let count = space.filled().len();
            if count == 0 {
                return Err(Fault::Connection);
            }
            self.input.came(count);
            let now = Instant::now();
            let mut ends = |asked: Asked, how: Result<&[u8], Fault>| ends(now, asked, how);
            while let Some((head, payload)) = self.input.next()? {
                self.session.take(head, payload, &mut ends)?;
            }
        }
        cx.waker().wake_by_ref();
        Ok(())
    }

    /// Writes what is to be sent, in as few writes as possible.
    pub(crate) fn send(&mut self, cx: &mut Context<'_>) -> Result<(), Fault> {
        loop {
            self.session.resume();
            let outbox = &mut self.session.outbox;
            if outbox.pending().is_empty() {
                return Ok(());
            }
            match Pin::new(&mut self.socket).poll_write(cx, outbox.pending()) {
                Poll::Pending => return Ok(()),
                Poll::Ready(Ok(count)) if count > 0 => outbox.wrote(count),
                Poll::Ready(_) => return Err(Fault::Connection),
            }
        }
    }
}

/// One call on a connection of its own.
pub(crate) async fn ask(
    endpoint: &str,
    method: Method,
    body: Bytes,
    asked: Asked,
) -> Result<Vec<u8>, Fault> {
    let mut connection = Connection::dial(endpoint).await?;
    if !connection.ready() {
        return Err(Fault::Connection);
    }
    connection.begin(method, body, asked);
    std::future::poll_fn(|cx| {
        let mut answer = None;
        let heard = connection.receive(cx, |_, _, how| answer = Some(how.map(<[u8]>::to_vec)));
        if let Some(answer) = answer {
            return Poll::Ready(answer);
        }
        heard?;
        connection.send(cx)?;
        Poll::Pending
    })
    .await
}
