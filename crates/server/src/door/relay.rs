//! How do all other calls go? Through the gRPC library's routes, or to a watch,
//! with the stream at both ends.

use super::body::Incoming;
use super::count::WATCH;
use super::deadline;
use super::desk::Desk;
use super::leader;
use super::trailers;
use super::watch;
use api::etcd::error::{Code, Status};
use bytes::{Buf, Bytes};
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Request, Response};
use http_body::Body as _;
use std::future::poll_fn;
use std::pin::pin;
use tokio::time::sleep_until;
use tonic::body::Body;
use tonic::service::Routes;
use tower_service::Service;

/// Serves one call to its end, or to its client's. Says how it ended.
pub(super) async fn relay(
    mut routes: Routes,
    desk: &Desk,
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
) -> i32 {
    let deadline = match deadline::deadline(request.headers()) {
        Ok(deadline) => deadline,
        Err(why) => return refuse(respond, &why),
    };
    let wants_leader = leader::is_wanted(request.headers());
    if wants_leader && !desk.is_led() {
        return refuse(respond, &Status::NO_LEADER);
    }
    let forsaken = wants_leader.then(|| desk.forsaken());
    let response = tokio::select! {
        response = answer(&mut routes, desk, request.map(Incoming)) => response,
        _ = poll_fn(|context| respond.poll_reset(context)) => return Code::Canceled as i32,
        () = until(deadline.map(sleep_until)) => return refuse(respond, &deadline::exceeded()),
    };
    // What the library refuses has its code in the only headers.
    send(response, respond, forsaken).await.unwrap_or(Code::Canceled as i32)
}

async fn answer(routes: &mut Routes, desk: &Desk, request: Request<Incoming>) -> Response<Body> {
    if request.uri().path() == WATCH {
        return watch::serve(desk, request);
    }
    let Ok(response) = routes.call(request).await;
    response
}

fn refuse(mut respond: SendResponse<Bytes>, why: &Status) -> i32 {
    // A client that has gone meanwhile hears nothing.
    let _ = respond.send_response(trailers::refusal(why), true);
    why.code as i32
}

/// Sends an answer as fast as the client takes it, and no faster. A stream whose
/// client wants a leader ends when it is `forsaken`.
async fn send(
    response: Response<Body>,
    mut respond: SendResponse<Bytes>,
    forsaken: Option<impl Future<Output = ()>>,
) -> Result<i32, h2::Error> {
    let (parts, mut body) = response.into_parts();
    let (ends, code) = (body.is_end_stream(), trailers::code(&parts.headers));
    let mut stream = respond.send_response(Response::from_parts(parts, ()), ends)?;
    if ends {
        return Ok(code);
    }
    let mut forsaken = pin!(until(forsaken));
    loop {
        let frame = tokio::select! {
            frame = poll_fn(|context| std::pin::Pin::new(&mut body).poll_frame(context)) => frame,
            reset = poll_fn(|context| stream.poll_reset(context)) => return Err(reset?.into()),
            () = &mut forsaken => {
                let why = Status::NO_LEADER;
                return stream.send_trailers(trailers::failed(&why)).map(|()| why.code as i32);
            }
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

async fn until(end: Option<impl Future<Output = ()>>) {
    match end {
        Some(end) => end.await,
        None => std::future::pending().await,
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
