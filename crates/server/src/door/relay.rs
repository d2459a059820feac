//! How do all other calls go? Through the gRPC library's routes, with the
//! stream at both ends.

use super::body::Incoming;
use super::deadline;
use super::trailers;
use api::etcd::error::{Code, Status};
use bytes::{Buf, Bytes};
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Request, Response};
use http_body::Body as _;
use std::future::poll_fn;
use tokio::time::{Instant, sleep_until};
use tonic::body::Body;
use tonic::service::Routes;
use tower_service::Service;

/// Serves one call to its end, or to its client's. Says how it ended.
pub(super) async fn relay(
    mut routes: Routes,
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
) -> i32 {
    let deadline = match deadline::deadline(request.headers()) {
        Ok(deadline) => deadline,
        Err(why) => return refuse(respond, &why),
    };
    let response = tokio::select! {
        response = routes.call(request.map(Incoming)) => response,
        _ = poll_fn(|context| respond.poll_reset(context)) => return Code::Canceled as i32,
        () = wait(deadline) => return refuse(respond, &deadline::exceeded()),
    };
    let Ok(response) = response;
    // What the library refuses has its code in the only headers.
    send(response, respond).await.unwrap_or(Code::Canceled as i32)
}

fn refuse(mut respond: SendResponse<Bytes>, why: &Status) -> i32 {
    // A client that has gone meanwhile hears nothing.
    let _ = respond.send_response(trailers::refusal(why), true);
    why.code as i32
}

async fn wait(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Sends an answer as fast as the client takes it, and no faster.
async fn send(
    response: Response<Body>,
    mut respond: SendResponse<Bytes>,
) -> Result<i32, h2::Error> {
    let (parts, mut body) = response.into_parts();
    let (ends, code) = (body.is_end_stream(), trailers::code(&parts.headers));
    let mut stream = respond.send_response(Response::from_parts(parts, ()), ends)?;
    if ends {
        return Ok(code);
    }
    loop {
        let frame = tokio::select! {
            frame = poll_fn(|context| std::pin::Pin::new(&mut body).poll_frame(context)) => frame,
            reset = poll_fn(|context| stream.poll_reset(context)) => return Err(reset?.into()),
        };
        let trailers = match frame.map(|frame| frame.map(http_body::Frame::into_data)) {
            Some(Ok(Ok(data))) => {
                send_data(&mut stream, data).await?;
                continue;
            }
            Some(Ok(Err(other))) => other.into_trailers().unwrap_or_default(),
            Some(Err(_)) => {
                stream.send_reset(Reason::INTERNAL_ERROR);
                return Ok(Code::Internal as i32);
            }
            None => HeaderMap::new(),
        };
        let code = trailers::code(&trailers);
        return stream.send_trailers(trailers).map(|()| code);
    }
}

async fn send_data(stream: &mut SendStream<Bytes>, mut data: Bytes) -> Result<(), h2::Error> {
    while data.has_remaining() {
        stream.reserve_capacity(data.len());
        let Some(room) = poll_fn(|context| stream.poll_capacity(context)).await else {
            return Err(Reason::CANCEL.into());
        };
        let room = room?.min(data.len());
        stream.send_data(data.split_to(room), false)?;
    }
    Ok(())
}
