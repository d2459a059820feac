//! Who is at the other end? Each side says so before anything else, in time.

use super::peers::{HELLO_TIMEOUT, Identity};
use base::NodeId;
use node::event::Class;
use node::hello::{Hello, HelloError};
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Why two nodes do not talk.
#[derive(Debug, thiserror::Error)]
pub(super) enum GreetError {
    #[error("{0}")]
    Line(#[from] io::Error),
    #[error("{0}")]
    Hello(#[from] HelloError),
    #[error("no handshake in time")]
    Slow,
    #[error("the node {0} is not a member")]
    Stranger(NodeId),
    #[error("too many handshakes at once")]
    Busy,
    #[error("no address")]
    NoAddress,
}

/// The side that dials speaks first.
pub(super) async fn as_caller(
    line: &mut TcpStream,
    us: Identity,
    to: NodeId,
    class: Class,
) -> Result<(), GreetError> {
    let own = us.hello(to, class);
    let theirs = in_time(async {
        line.write_all(&own.encode()).await?;
        hear(line).await
    });
    let theirs = theirs.await?;
    theirs.check(&own)?;
    if theirs.node == to { Ok(()) } else { Err(HelloError::WrongNode(theirs.node).into()) }
}

/// The side that is dialled answers even whom it refuses: so the caller can name the reason.
pub(super) async fn as_callee(line: &mut TcpStream, us: Identity) -> Result<Hello, GreetError> {
    let greeting = async {
        let theirs = hear(line).await?;
        let own = us.hello(theirs.node, theirs.class);
        line.write_all(&own.encode()).await?;
        theirs.check(&own)?;
        Ok(theirs)
    };
    in_time(greeting).await
}

async fn hear(line: &mut TcpStream) -> Result<Hello, GreetError> {
    let mut bytes = [0; Hello::BYTES];
    line.read_exact(&mut bytes).await?;
    Ok(Hello::decode(&bytes)?)
}

async fn in_time<T>(work: impl Future<Output = Result<T, GreetError>>) -> Result<T, GreetError> {
    timeout(HELLO_TIMEOUT, work).await.unwrap_or(Err(GreetError::Slow))
}
