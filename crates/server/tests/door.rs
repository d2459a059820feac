//! The client port under bytes that no well-kept client sends.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test a panic is the message"
)]

mod world;

use api::etcd::wire::etcdserverpb as wire;
use bytes::{Bytes, BytesMut};
use h2::client::{ResponseFuture, SendRequest};
use http::{HeaderMap, Method, Request, StatusCode};
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use world::{World, put, range};

const PUT: &str = "/etcdserverpb.KV/Put";
const RANGE: &str = "/etcdserverpb.KV/Range";

/// What came back: HTTP's status, gRPC's code and text, and the message.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Outcome {
    http: StatusCode,
    code: i32,
    text: String,
    body: Bytes,
}

async fn connect(world: &World) -> SendRequest<Bytes> {
    let socket = TcpStream::connect(world.nodes[0].config.listen_client[0]).await.unwrap();
    let mut builder = h2::client::Builder::new();
    // The library counts small unread frames against this.
    builder.initial_connection_window_size(8 << 20);
    let (client, connection) = builder.handshake(socket).await.unwrap();
    tokio::spawn(connection);
    client.ready().await.unwrap()
}

fn frame(message: &impl Message) -> Bytes {
    raw_frame(0, &message.encode_to_vec())
}

fn raw_frame(flag: u8, message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[flag], &length[..], message].concat().into()
}

fn request(path: &str) -> http::request::Builder {
    Request::builder()
        .method(Method::POST)
        .uri(format!("http://trimaran{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
}

/// Sends a body as fast as it is taken; a server may have answered before.
async fn send(
    client: &mut SendRequest<Bytes>,
    head: Request<()>,
    mut body: Bytes,
) -> ResponseFuture {
    let (response, mut stream) = client.send_request(head, body.is_empty()).unwrap();
    while !body.is_empty() {
        stream.reserve_capacity(body.len());
        let room = std::future::poll_fn(|context| stream.poll_capacity(context)).await;
        let Some(Ok(room)) = room else { break };
        let piece = body.split_to(room.min(body.len()));
        if stream.send_data(piece, body.is_empty()).is_err() {
            break;
        }
    }
    response
}

async fn outcome(response: ResponseFuture) -> Outcome {
    let (parts, mut stream) = response.await.unwrap().into_parts();
    let mut body = BytesMut::new();
    while let Some(piece) = stream.data().await {
        let piece = piece.unwrap();
        stream.flow_control().release_capacity(piece.len()).unwrap();
        body.extend_from_slice(&piece);
    }
    let trailers = stream.trailers().await.unwrap().unwrap_or(parts.headers);
    let (code, text) = (header(&trailers, "grpc-status"), header(&trailers, "grpc-message"));
    Outcome { http: parts.status, code: code.parse().unwrap(), text, body: body.freeze() }
}

fn header(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

async fn call(client: &mut SendRequest<Bytes>, path: &str, body: Bytes) -> Outcome {
    let response = send(client, request(path).body(()).unwrap(), body).await;
    outcome(response).await
}

async fn works(client: &mut SendRequest<Bytes>) {
    let done = call(client, PUT, frame(&put("k", "v"))).await;
    assert_eq!((done.http, done.code), (StatusCode::OK, 0), "{done:?}");
    let answer = wire::PutResponse::decode(&done.body[5..]).unwrap();
    assert!(answer.header.unwrap().revision > 1);
}

#[test]
fn what_is_no_message_is_refused_and_its_connection_goes_on() {
    let world = World::new("malformed", 1);
    world.ready();
    let large = raw_frame(0, &vec![0; 3 << 20]);
    let twice = [frame(&put("a", "b")), frame(&put("c", "d"))].concat().into();
    let bad = Bytes::from_static(b"\0\0\0\0\x02\x0a\x7f");
    let table: Vec<(Bytes, i32, &str)> = vec![
        (Bytes::new(), 13, "without a message"),
        (Bytes::from_static(b"\0\0\0"), 13, "unexpected EOF"),
        (Bytes::from_static(b"\0\0\0\0\x05abc"), 13, "unexpected EOF"),
        (raw_frame(1, b"abc"), 13, "compressed flag"),
        (raw_frame(7, b"abc"), 13, "payload format 7"),
        (bad, 13, "error unmarshalling"),
        (twice, 13, "more than one message"),
        (large, 8, "received message larger than max (3145728 vs. 2097152)"),
        (frame(&put("", "v")), 3, "etcdserver: key is not provided"),
    ];
    world.run(async {
        let mut client = connect(&world).await;
        for (body, code, text) in table {
            let refused = call(&mut client, PUT, body).await;
            assert_eq!((refused.http, refused.code), (StatusCode::OK, code), "{refused:?}");
            assert!(refused.text.contains(text), "{refused:?}");
            works(&mut client).await;
        }
        let gzip = request(PUT).header("grpc-encoding", "gzip").body(()).unwrap();
        let refused = outcome(send(&mut client, gzip, raw_frame(1, b"x")).await).await;
        assert_eq!(refused.code, 12, "{refused:?}");
        let found = call(&mut client, RANGE, frame(&range("a"))).await;
        assert_eq!(wire::RangeResponse::decode(&found.body[5..]).unwrap().count, 0);
    });
}

#[test]
fn what_is_no_grpc_call_is_told_so_in_http() {
    let world = World::new("not-grpc", 1);
    world.ready();
    world.run(async {
        let mut client = connect(&world).await;
        let unknown = call(&mut client, "/etcdserverpb.KV/Nothing", Bytes::new()).await;
        assert_eq!((unknown.http, unknown.code), (StatusCode::OK, 12));
        let unknown = call(&mut client, "/no.such.Service/Call", Bytes::new()).await;
        assert_eq!((unknown.http, unknown.code), (StatusCode::OK, 12));
        let builder = Request::builder().method(Method::POST).uri(format!("http://t{PUT}"));
        let json = builder.header("content-type", "application/json").body(()).unwrap();
        let refused = outcome(send(&mut client, json, Bytes::from_static(b"{}")).await).await;
        assert_eq!(refused.http, StatusCode::UNSUPPORTED_MEDIA_TYPE);
        let get = request(PUT).method(Method::GET).body(()).unwrap();
        let refused = outcome(send(&mut client, get, Bytes::new()).await).await;
        assert_eq!(refused.http, StatusCode::METHOD_NOT_ALLOWED);
        works(&mut client).await;
    });
}

#[test]
fn a_message_may_come_in_many_pieces_and_be_larger_than_the_window() {
    let world = World::new("pieces", 1);
    world.ready();
    let value = "v".repeat(1_500_000);
    world.run(async {
        let mut client = connect(&world).await;
        let done = call(&mut client, PUT, frame(&put("large", &value))).await;
        assert_eq!(done.code, 0, "{done:?}");
        let (response, mut stream) =
            client.send_request(request(RANGE).body(()).unwrap(), false).unwrap();
        for byte in frame(&range("large")) {
            stream.send_data(Bytes::copy_from_slice(&[byte]), false).unwrap();
            tokio::task::yield_now().await;
        }
        stream.send_data(Bytes::new(), true).unwrap();
        let found = outcome(response).await;
        let found = wire::RangeResponse::decode(&found.body[5..]).unwrap();
        assert_eq!(found.kvs[0].value, value.as_bytes());
        works(&mut client).await;
    });
}

#[test]
fn garbage_closes_its_own_connection_and_no_other() {
    let world = World::new("garbage", 1);
    world.ready();
    world.run(async {
        let mut client = connect(&world).await;
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        let settings = b"\0\0\0\x04\0\0\0\0\0";
        let table: [&[u8]; 5] = [
            b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
            &[0xff; 100],
            &[&preface[..], &[0xff; 64]].concat(),
            // Settings of a stream, data for a stream that was never opened.
            &[&preface[..], b"\0\0\0\x04\0\0\0\0\x01"].concat(),
            &[&preface[..], settings, b"\0\0\x01\0\0\0\0\0\x05x"].concat(),
        ];
        for garbage in table {
            let address = world.nodes[0].config.listen_client[0];
            let mut socket = TcpStream::connect(address).await.unwrap();
            socket.write_all(garbage).await.unwrap();
            let _ = socket.write_all(b"\r\n\r\n").await;
            let mut told = Vec::new();
            // It ends, in good order or by a reset.
            let _ = socket.read_to_end(&mut told).await;
            works(&mut client).await;
        }
    });
}

#[test]
fn a_client_that_gives_up_or_ran_out_of_time_harms_nobody() {
    let world = World::new("cancel", 1);
    world.ready();
    world.run(async {
        let mut client = connect(&world).await;
        for n in 0..200 {
            let head = request(PUT).body(()).unwrap();
            let (response, mut stream) = client.send_request(head, false).unwrap();
            let body = frame(&put(&format!("given-up-{n}"), "v"));
            if n % 2 == 0 {
                stream.send_data(body.slice(..4), false).unwrap();
            } else {
                stream.send_data(body, true).unwrap();
            }
            tokio::task::yield_now().await;
            stream.send_reset(h2::Reason::CANCEL);
            drop(response);
        }
        works(&mut client).await;
        // A call whose message never ends is ended by its own deadline.
        let head = request(PUT).header("grpc-timeout", "50m").body(()).unwrap();
        let (response, _stream) = client.send_request(head, false).unwrap();
        let late = outcome(response).await;
        assert_eq!((late.code, &late.text[..]), (4, "context deadline exceeded"));
        let head = request(PUT).header("grpc-timeout", "soon").body(()).unwrap();
        let refused = outcome(send(&mut client, head, frame(&put("k", "v"))).await).await;
        assert_eq!(refused.code, 13);
        works(&mut client).await;
    });
}

#[test]
fn a_deadline_ends_a_call_that_waits_for_the_lane() {
    let mut world = World::new("deadline", 3);
    world.ready();
    // Without its majority a node decides nothing.
    world.nodes[1].kill();
    world.nodes[2].kill();
    world.run(async {
        let mut client = connect(&world).await;
        let head = || request(PUT).header("grpc-timeout", "100m").body(()).unwrap();
        let late = outcome(send(&mut client, head(), frame(&put("k", "v"))).await).await;
        assert_eq!((late.code, &late.text[..]), (4, "context deadline exceeded"));
        let late = send(&mut client, head(), frame(&put("k", "v"))).await;
        drop(client);
        assert_eq!(outcome(late).await.code, 4);
    });
}

#[test]
fn a_thousand_calls_at_once_on_one_connection_are_all_served() {
    let world = World::new("thousand", 1);
    world.ready();
    world.run(async {
        let mut client = connect(&world).await;
        let mut responses = Vec::new();
        for n in 0..1000 {
            let body = frame(&put(&format!("k{n:04}"), "v"));
            responses.push(send(&mut client, request(PUT).body(()).unwrap(), body).await);
        }
        let mut revisions = Vec::new();
        for response in responses {
            let done = outcome(response).await;
            assert_eq!(done.code, 0, "{done:?}");
            let answer = wire::PutResponse::decode(&done.body[5..]).unwrap();
            revisions.push(answer.header.unwrap().revision);
        }
        revisions.sort_unstable();
        assert_eq!(revisions, (2..1002).collect::<Vec<_>>());
    });
}

#[test]
fn a_server_that_stops_says_goodbye() {
    let mut world = World::new("goodbye", 1);
    world.ready();
    let mut client = world.run(connect(&world));
    world.run(works(&mut client));
    world.nodes[0].stop();
    let refused = world.run(async {
        match client.ready().await {
            Ok(mut client) => client.send_request(request(PUT).body(()).unwrap(), true).err(),
            Err(why) => Some(why),
        }
    });
    assert!(refused.is_some());
}

#[test]
fn health_version_and_numbers_are_told_over_http1() {
    let world = World::new("http1", 1);
    world.ready();
    world.put(0, "k", "v");
    let ok = "HTTP/1.1 200 OK";
    let healthy = r#"{"health":"true","reason":""}"#;
    assert_eq!(world.get_page("/health"), (ok.into(), healthy.into()));
    assert_eq!(world.get_page("/health?serializable=true"), (ok.into(), healthy.into()));
    assert_eq!(world.get_page("/livez"), (ok.into(), "ok\n".into()));
    assert_eq!(world.get_page("/readyz/linearizable_read"), (ok.into(), "ok\n".into()));
    let verbose = world.get_page("/readyz?verbose&exclude=non_learner").1;
    assert!(verbose.contains("[+]linearizable_read ok\n"), "{verbose}");
    assert!(world.get_page("/version").1.starts_with(r#"{"etcdserver":"3."#));
    assert_eq!(world.get_page("/nothing").0, "HTTP/1.1 404 Not Found");
    assert_eq!(world.page("POST", "/health").0, "HTTP/1.1 405 Method Not Allowed");
    let numbers = world.get_page("/metrics").1;
    for expected in [
        "etcd_server_has_leader 1\n",
        "trimaran_protocol{protocol=\"raft\"} 1\n",
        "etcd_server_is_leader 1\n",
        "etcd_server_leader_changes_seen_total 1\n",
        "etcd_debugging_mvcc_current_revision 2\n",
        "grpc_method=\"Put\",grpc_code=\"OK\"} 1\n",
        "etcd_disk_wal_fsync_duration_seconds_count",
        "etcd_server_quota_backend_bytes 2147483648\n",
        "etcd_server_health_success 2\n",
        "etcd_server_health_failures 0\n",
    ] {
        assert!(numbers.contains(expected), "{expected} in {numbers}");
    }
}

#[test]
fn a_node_without_its_majority_is_alive_and_not_ready() {
    let mut world = World::new("unready", 3);
    world.ready();
    world.nodes[1].kill();
    world.nodes[2].kill();
    assert_eq!(world.get_page("/livez").0, "HTTP/1.1 200 OK");
    let unready = "HTTP/1.1 503 Service Unavailable";
    let (line, why) = world.get_page("/readyz");
    assert!(line == unready && why.contains("[-]linearizable_read failed: etcdserver: "), "{why}");
    let (line, body) = world.get_page("/health");
    assert!(line == unready && body.starts_with(r#"{"health":"false","reason":""#), "{body}");
}

/// What etcdctl 3.4 sends where it has an endpoint from the members: `Status`,
/// with a URL for the authority.
const BY_URL: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\
    \0\0\0\x04\0\0\0\0\0\
    \0\0\x77\x01\x04\0\0\0\x01\
    \x83\x86\x45\x97\x60\xa9\x24\x88\x2d\x9d\xcb\x65\x71\xaf\xa0\x66\xa9\x25\xa8\x75\x10\xac\x6e\
    \x48\xd3\x6a\x3f\x41\x90\x9d\x29\xae\xe3\x0c\x04\x4e\xae\x05\xc0\xb8\x6e\x09\xf7\xdf\x7f\x5f\
    \x8b\x1d\x75\xd0\x62\x0d\x26\x3d\x4c\x4d\x65\x64\x7a\x8b\x9a\xca\xc8\xb4\xc7\x60\x2b\xb2\xca\
    \xec\xff\x40\x02\x74\x65\x86\x4d\x83\x35\x05\xb1\x1f\x40\x89\x9a\xca\xc8\xb2\x4d\x49\x4f\x6a\
    \x7f\x86\x69\xf7\x9f\x75\xc7\x6d\x40\x8d\x25\x06\x2d\x49\x58\x75\x99\x6e\xe5\xb1\x06\x3d\x5f\
    \x03\x33\x2e\x34\
    \0\0\x05\0\x01\0\0\0\x01\0\0\0\0\0";

#[test]
fn a_client_that_calls_us_by_a_url_is_served() {
    let world = World::new("by-url", 1);
    world.ready();
    world.run(async {
        let address = world.nodes[0].config.listen_client[0];
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(BY_URL).await.unwrap();
        let mut kinds = Vec::new();
        // Headers, the answer, and the headers behind it, on its stream.
        while kinds.len() < 3 {
            let mut head = [0; 9];
            socket.read_exact(&mut head).await.unwrap();
            let length = usize::from(head[1]) << 8 | usize::from(head[2]);
            socket.read_exact(&mut vec![0; length]).await.unwrap();
            if head[8] == 1 {
                kinds.push(head[3]);
            }
        }
        assert_eq!(kinds, [1, 0, 1]);
    });
}
