//! Is the client still there? One that is gone without a word answers no ping.

use h2::{Ping, PingPong};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

/// How long after an answer it is asked again.
const INTERVAL: Duration = Duration::from_secs(60);

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Asks a client again and again whether it is there.
pub(super) struct Pulse {
    line: Option<PingPong>,
    timer: Pin<Box<Sleep>>,
    asked: bool,
}

impl Pulse {
    pub(super) fn new(line: Option<PingPong>) -> Self {
        Self { line, timer: Box::pin(sleep(INTERVAL)), asked: false }
    }

    /// Ready when the client has gone.
    pub(super) fn poll_gone(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(line) = &mut self.line else { return Poll::Pending };
        loop {
            if self.asked && line.poll_pong(context).is_ready() {
                self.asked = false;
                self.timer.as_mut().reset(Instant::now() + INTERVAL);
            }
            std::task::ready!(self.timer.as_mut().poll(context));
            if self.asked || line.send_ping(Ping::opaque()).is_err() {
                return Poll::Ready(());
            }
            self.asked = true;
            self.timer.as_mut().reset(Instant::now() + PATIENCE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    /// A client that says hello and, if it `answers`, what HTTP/2 wants to hear.
    async fn gone_after(answers: bool) -> Duration {
        let (near, mut far) = duplex(1 << 16);
        let client = tokio::spawn(async move {
            if answers {
                let (_client, connection) = h2::client::handshake(far).await.unwrap();
                return drop(connection.await);
            }
            far.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
            let mut all = Vec::new();
            let _ = far.read_to_end(&mut all).await;
        });
        let mut line = h2::server::handshake(near).await.unwrap();
        let mut pulse = Pulse::new(line.ping_pong());
        let begun = Instant::now();
        let gone = poll_fn(|context| {
            let _ = line.poll_accept(context);
            pulse.poll_gone(context)
        });
        let _ = tokio::time::timeout(10 * INTERVAL, gone).await;
        client.abort();
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_answers_no_ping_is_gone_and_one_that_does_is_not() {
        // Time is told, not waited for.
        let silent = gone_after(false).await;
        assert!(silent < INTERVAL + 2 * PATIENCE, "{silent:?}");
        assert!(gone_after(true).await >= 10 * INTERVAL);
    }
}
