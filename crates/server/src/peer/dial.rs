//! How is an outgoing connection kept open? Dial, greet, send until it breaks, again.

use super::greet::{self, GreetError};
use super::peers::{HELLO_TIMEOUT, Other, Peers};
use base::NodeId;
use base::prng::Prng;
use node::event::Class;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use tracing::info;

const PAUSE_MIN: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// A connection that held so long was a good one; after it the pauses begin anew.
const GOOD_AFTER: Duration = Duration::from_secs(1);

/// The work of keeping every outgoing connection open, to be spawned.
pub(crate) fn dialers(peers: &Arc<Peers>, seed: u64) -> Vec<impl Future<Output = ()> + use<>> {
    let mut prng = Prng::new(seed);
    let lines = peers.others.keys().flat_map(|to| Class::ALL.map(|class| (*to, class)));
    lines.map(|(to, class)| keep(Arc::clone(peers), to, class, prng.fork())).collect()
}

/// Never ends by itself.
async fn keep(peers: Arc<Peers>, to: NodeId, class: Class, mut prng: Prng) {
    let Some(other) = peers.others.get(&to) else { return };
    let (mut pause, mut complaint) = (PAUSE_MIN, String::new());
    loop {
        let began = Instant::now();
        match open(&peers, to, class, other).await {
            Ok(line) => {
                complaint.clear();
                carry(line, class, other).await;
            }
            Err(why) => {
                tell_closed(class, other);
                complain(&mut complaint, why.to_string(), class, other);
            }
        }
        pause = if began.elapsed() > GOOD_AFTER { PAUSE_MIN } else { PAUSE_MAX.min(pause * 2) };
        tokio::select! {
            () = sleep(prng.span(pause / 2, pause)) => {}
            () = other.line(class).redial.notified() => pause = PAUSE_MIN,
        }
    }
}

/// The first of the peer's addresses that answers as the peer.
async fn open(
    peers: &Peers,
    to: NodeId,
    class: Class,
    other: &Other,
) -> Result<TcpStream, GreetError> {
    let mut outcome = Err(GreetError::NoAddress);
    for url in &other.urls {
        outcome = call(peers, to, class, url).await;
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

async fn call(peers: &Peers, to: NodeId, class: Class, url: &str) -> Result<TcpStream, GreetError> {
    let connecting = timeout(HELLO_TIMEOUT, TcpStream::connect(host_of(url)));
    let mut line = connecting.await.map_err(|_| GreetError::Slow)??;
    line.set_nodelay(true)?;
    greet::as_caller(&mut line, peers.identity, to, class).await?;
    Ok(line)
}

/// `host:port` of a URL.
fn host_of(url: &str) -> &str {
    let host = url.split_once("://").map_or(url, |(_, host)| host);
    host.split_once('/').map_or(host, |(host, _)| host)
}

/// Says why a peer is not reached once, not twice in a second for hours.
fn complain(last: &mut String, why: String, class: Class, other: &Other) {
    if *last != why {
        info!(peer = other.name, ?class, why, "cannot reach a peer, trying on");
        *last = why;
    }
}

async fn carry(line: TcpStream, class: Class, other: &Other) {
    let outbox = &other.line(class).outbox;
    let (mut reading, writing) = line.into_split();
    let writing = Arc::new(writing);
    outbox.open(&writing);
    if class == Class::Urgent {
        other.link.outgoing_opened();
    }
    let why = tokio::select! {
        why = outbox.carry(&writing) => why,
        why = end_of(&mut reading) => why,
    };
    let lost = outbox.close();
    tell_closed(class, other);
    info!(peer = other.name, ?class, %why, lost, "a connection to a peer closed");
}

fn tell_closed(class: Class, other: &Other) {
    if class == Class::Urgent {
        other.link.outgoing_closed();
    }
}

/// The other side says nothing after its handshake: whatever can be read here is the end.
async fn end_of(line: &mut (impl AsyncRead + Unpin)) -> io::Error {
    match line.read(&mut [0]).await {
        Ok(0) => io::ErrorKind::UnexpectedEof.into(),
        Ok(_) => io::Error::new(io::ErrorKind::InvalidData, "the peer talks on a one-way line"),
        Err(why) => why,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_host_of_a_url_is_found() {
        for url in ["http://a:1", "https://a:1/", "a:1", "http://a:1/x/y"] {
            assert_eq!(super::host_of(url), "a:1");
        }
        assert_eq!(super::host_of("http://[::1]:2380"), "[::1]:2380");
    }
}
