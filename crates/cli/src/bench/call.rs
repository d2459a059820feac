//! One call: from the request that was sent to the status in its trailers.

use super::fault::Fault;
use super::tally::Kind;
use bytes::{Bytes, BytesMut};
use h2::RecvStream;
use h2::client::ResponseFuture;
use http::{HeaderMap, HeaderName, StatusCode};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

static GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// What is asked, for when the answer comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Asked {
    pub(crate) kind: Kind,
    pub(crate) key: u64,
    /// Its latency counts from this time.
    pub(crate) due: Instant,
}

/// A call under way. It ends with what came in DATA frames.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) asked: Asked,
    stage: Stage,
    body: Body,
}

#[derive(Debug)]
enum Stage {
    Head(ResponseFuture),
    Body(RecvStream),
}

/// Most answers are one piece, which is kept as it came.
#[derive(Debug)]
enum Body {
    One(Bytes),
    Many(BytesMut),
}

impl Call {
    pub(crate) fn new(asked: Asked, response: ResponseFuture) -> Self {
        Self { asked, stage: Stage::Head(response), body: Body::One(Bytes::new()) }
    }

    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, Fault>> {
        if let Stage::Head(response) = &mut self.stage {
            let (head, stream) = ready!(Pin::new(response).poll(cx))?.into_parts();
            if head.status != StatusCode::OK {
                return Poll::Ready(Err(Fault::Http(head.status.as_u16())));
            }
            // An answer that is only an error has its status here.
            if head.headers.contains_key(&GRPC_STATUS) {
                return Poll::Ready(status(&head.headers).and(Err(Fault::Answer)));
            }
            self.stage = Stage::Body(stream);
        }
        let Stage::Body(stream) = &mut self.stage else {
            return Poll::Ready(Err(Fault::Answer));
        };
        while let Some(piece) = ready!(stream.poll_data(cx)) {
            let piece = piece?;
            stream.flow_control().release_capacity(piece.len())?;
            self.body.push(piece);
        }
        let trailers = ready!(stream.poll_trailers(cx))?;
        status(&trailers.unwrap_or_default())?;
        Poll::Ready(Ok(self.body.take()))
    }
}

impl Future for Call {
    type Output = (Asked, Result<Bytes, Fault>);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(self.poll_answer(cx));
        Poll::Ready((self.asked, answer))
    }
}

impl Body {
    fn push(&mut self, piece: Bytes) {
        match self {
            Self::One(first) if first.is_empty() => *first = piece,
            Self::One(first) => {
                let mut all = BytesMut::from(first.as_ref());
                all.extend_from_slice(&piece);
                *self = Self::Many(all);
            }
            Self::Many(all) => all.extend_from_slice(&piece),
        }
    }

    fn take(&mut self) -> Bytes {
        match self {
            Self::One(bytes) => std::mem::take(bytes),
            Self::Many(all) => all.split().freeze(),
        }
    }
}

/// A call without a status, or with one that is not 0, is no success.
fn status(headers: &HeaderMap) -> Result<(), Fault> {
    let value = headers.get(&GRPC_STATUS).ok_or(Fault::Answer)?;
    let code = value.to_str().ok().and_then(|text| text.parse().ok());
    match code.ok_or(Fault::Answer)? {
        0 => Ok(()),
        code => Err(Fault::Status(code)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn only_status_0_is_a_success() {
        let with = |value: &'static str| {
            HeaderMap::from_iter([(GRPC_STATUS.clone(), HeaderValue::from_static(value))])
        };
        assert_eq!(status(&with("0")), Ok(()));
        assert_eq!(status(&with("14")), Err(Fault::Status(14)));
        assert_eq!(status(&with("x")), Err(Fault::Answer));
        assert_eq!(status(&HeaderMap::new()), Err(Fault::Answer));
    }

    #[test]
    fn pieces_are_joined() {
        let mut body = Body::One(Bytes::new());
        for piece in ["ab", "c", "", "d"] {
            body.push(Bytes::from_static(piece.as_bytes()));
        }
        assert_eq!(body.take(), "abcd");
    }
}
