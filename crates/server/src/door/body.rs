//! A stream of HTTP/2 as the body of a request, as the gRPC library takes it.

use bytes::Bytes;
use h2::RecvStream;
use http_body::{Body, Frame};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// What a client sends in one call.
#[derive(Debug)]
pub(super) struct Incoming(pub(super) RecvStream);

impl Body for Incoming {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        let stream = &mut self.0;
        match ready!(stream.poll_data(context)) {
            Some(Ok(piece)) => {
                let _ = stream.flow_control().release_capacity(piece.len());
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
            Some(Err(why)) => Poll::Ready(Some(Err(why))),
            None => match ready!(stream.poll_trailers(context)) {
                Ok(Some(trailers)) => Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
                Ok(None) => Poll::Ready(None),
                Err(why) => Poll::Ready(Some(Err(why))),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }
}
