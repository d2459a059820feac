//! Against `h2`, over a socket.

use super::super::super::fault::Fault;
use super::super::super::tally::Kind;
use super::super::calls::Asked;
use super::super::request::Method;
use super::super::{Connection, ask};
use bytes::{Bytes, BytesMut};
use h2::server::{Builder, SendResponse};
use http::{HeaderMap, HeaderValue, Request, Response};
use std::future::poll_fn;
use std::task::Poll;
use std::time::Instant;
use tokio::net::TcpListener;

/// Answers each call with what it was sent, a few at a time.
async fn serve(listener: TcpListener, builder: Builder) {
    loop {
        let Ok((socket, _)) = listener.accept().await else { return };
        let builder = builder.clone();
        drop(tokio::spawn(async move {
            let mut connection = builder.handshake::<_, Bytes>(socket).await.expect("a client");
            while let Some(call) = connection.accept().await {
                let Ok((request, respond)) = call else { return };
                drop(tokio::spawn(echo(request, respond)));
            }
        }));
    }
}

async fn echo(request: Request<h2::RecvStream>, mut respond: SendResponse<Bytes>) {
    let headers = request.headers();
    assert_eq!(headers["te"], "trailers");
    assert_eq!(headers["content-type"], "application/grpc");
    let path = Bytes::copy_from_slice(request.uri().path().as_bytes());
    let (mut stream, mut body) = (request.into_body(), BytesMut::from(path.as_ref()));
    while let Some(Ok(piece)) = stream.data().await {
        stream.flow_control().release_capacity(piece.len()).expect("what came");
        body.extend_from_slice(&piece);
    }
    let mut response = Response::new(());
    response.headers_mut().insert("content-type", grpc());
    let mut answer = respond.send_response(response, false).expect("an open stream");
    answer.send_data(body.freeze(), false).expect("an open stream");
    let status = HeaderMap::from_iter([("grpc-status".parse().unwrap(), HeaderValue::from(0))]);
    answer.send_trailers(status).expect("an open stream");
}

fn grpc() -> HeaderValue {
    HeaderValue::from_static("application/grpc")
}

async fn listen(builder: Builder) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its number").to_string();
    drop(tokio::spawn(serve(listener, builder)));
    address
}

fn asked(key: u64) -> Asked {
    Asked { kind: Kind::Put, key, due: Instant::now() }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(future)
}

const CALLS: [(Method, &str); 3] = [
    (Method::Put, "/etcdserverpb.KV/Put"),
    (Method::Range, "/etcdserverpb.KV/Range"),
    (Method::Txn, "/etcdserverpb.KV/Txn"),
];

/// Makes so many calls, up to ten at once, and looks at each answer.
async fn run(address: &str, count: u64, size: usize) {
    let mut connection = Connection::dial(address).await.expect("a server");
    let body = |key: u64| Bytes::from(key.to_be_bytes().repeat(size.div_ceil(8)));
    let of = |key: u64| CALLS[usize::try_from(key % 3).unwrap()];
    let (mut begun, mut ended) = (0, 0);
    poll_fn(|cx| {
        let heard = connection.receive(cx, |_, asked, answer| {
            let wanted = [of(asked.key).1.as_bytes(), &body(asked.key)].concat();
            assert!(answer.expect("an answer") == wanted);
            ended += 1;
        });
        heard.expect("a connection");
        while connection.ready() && connection.calls() < 10 && begun < count {
            connection.begin(of(begun).0, body(begun), asked(begun));
            begun += 1;
        }
        connection.send(cx).expect("a connection");
        if ended == count { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    assert_eq!(connection.calls(), 0);
}

#[test]
fn what_is_asked_is_answered() {
    block_on(async {
        let address = listen(Builder::new()).await;
        run(&address, 2000, 300).await;
        run(&address, 30, 1_000_000).await;
        let answer = ask(&address, Method::Status, Bytes::from_static(b"!"), asked(0)).await;
        assert_eq!(answer.as_deref(), Ok(&b"/etcdserverpb.Maintenance/Status!"[..]));
    });
}

#[test]
fn narrow_servers_are_served_too() {
    block_on(async {
        let mut builder = Builder::new();
        builder.initial_window_size(100).max_concurrent_streams(3).max_frame_size(20_000);
        let address = listen(builder).await;
        run(&address, 300, 300).await;
        run(&address, 5, 30_000).await;
    });
}

#[test]
fn who_does_not_greet_is_no_server() {
    block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its number").to_string();
        let silent = async { drop(listener.accept().await) };
        let (_, dialled) = tokio::join!(silent, Connection::dial(&address));
        assert_eq!(dialled.err(), Some(Fault::Connection));
        assert_eq!(Connection::dial(&address).await.err(), Some(Fault::Dial));
    });
}
