//! A client's connection, counted as long as it is open.

use super::opening::Opening;
use super::sniff::Start;
use crate::gallery;
use crate::metrics::Metrics;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tonic::transport::server::{Connected, TcpConnectInfo};

/// What is read at once of the beginning of a connection.
const OPENING_READ_BYTES: usize = 4096;

/// A socket, what was read of it to learn its language, and its place among the
/// allowed ones.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) socket: TcpStream,
    pub(super) start: Start,
    /// What a connection of HTTP/2 begins with, until it has passed.
    pub(super) opening: Option<Opening>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) _place: OwnedSemaphorePermit,
}

impl Line {
    /// What comes next from the client, as it came.
    fn poll_raw(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.start.give(buffer) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }

    /// The beginning of the connection, as far as there is some.
    fn poll_opening(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while let Some(mut opening) = self.opening.take() {
            let before = buffer.filled().len();
            opening.give(buffer.remaining()).for_each(|byte| buffer.put_slice(&[byte]));
            let mut space = [0; OPENING_READ_BYTES];
            let mut read = ReadBuf::new(&mut space);
            if buffer.filled().len() > before || opening.is_over() {
                self.opening = (!opening.is_over()).then_some(opening);
                return Poll::Ready(Ok(()));
            }
            let outcome = self.poll_raw(context, &mut read);
            if outcome.is_ready() {
                opening.push(read.filled());
            }
            self.opening = Some(opening);
            std::task::ready!(outcome)?;
        }
        Poll::Ready(Ok(()))
    }

    fn sent(&self, outcome: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(bytes)) = outcome {
            self.metrics.sent(*bytes);
            gallery::step_back();
        }
    }
}

impl Connected for Line {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.socket.connect_info()
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        std::task::ready!(self.poll_opening(context, buffer))?;
        if buffer.filled().len() == before {
            std::task::ready!(self.poll_raw(context, buffer))?;
        }
        self.metrics.received(buffer.filled().len().saturating_sub(before));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.socket).poll_write(context, bytes);
        self.sent(&outcome);
        outcome
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.socket).poll_write_vectored(context, parts);
        self.sent(&outcome);
        outcome
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
