//! What a caller is told when members are dead, silent or hang up: whether its
//! write can have happened.

use client::wire::{PutRequest, RangeRequest, WatchCreateRequest};
use client::{Client, Error, Timeouts};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

/// Silence is waited for to its end; a slow machine must have connected before.
const TIMEOUTS: Timeouts =
    Timeouts { dial: Duration::from_secs(5), command: Duration::from_secs(3) };
/// Whoever hangs up is not waited for.
const PATIENT: Timeouts =
    Timeouts { dial: Duration::from_secs(60), command: Duration::from_secs(60) };

/// A member that nobody listens for.
async fn dead() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    listener.local_addr().expect("its number").to_string()
}

/// A member that takes a connection and, once it has heard something, hangs up,
/// or is silent for ever.
async fn listener(hangs_up: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its number").to_string();
    tokio::spawn(async move {
        while let Ok((mut line, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut bytes = [0; 64];
                while line.read(&mut bytes).await.is_ok_and(|count| count > 0) && !hangs_up {}
            });
        }
    });
    address
}

fn put() -> PutRequest {
    PutRequest { key: "k".into(), value: "v".into(), ..PutRequest::default() }
}

#[tokio::test]
async fn a_write_to_nobody_was_never_sent() {
    let client = Client::connect(&[dead().await, dead().await], TIMEOUTS).expect("a client");
    let error = client.put(put()).await.expect_err("nobody is there");
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    let error = client.range(RangeRequest::default()).await.expect_err("nobody is there");
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    let error = client.watch(WatchCreateRequest::default()).next().await.expect_err("nobody");
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_write_that_was_cut_off_has_an_unknown_outcome() {
    let endpoint = listener(true).await;
    let client = Client::connect(&[&endpoint], PATIENT).expect("a client");
    let error = client.put(put()).await.expect_err("it hung up");
    assert!(matches!(error, Error::UnknownOutcome { endpoint: at, .. } if at == endpoint));
}

#[tokio::test]
async fn a_write_that_is_not_answered_has_an_unknown_outcome() {
    let client = Client::connect(&[listener(false).await], TIMEOUTS).expect("a client");
    let error = client.put(put()).await.expect_err("it is silent");
    assert!(matches!(error, Error::UnknownOutcome { .. }), "{error:?}");
    let error = client.range(RangeRequest::default()).await.expect_err("it is silent");
    assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
}

/// The first member is dead, so that nothing was sent to it: the write goes to
/// the second and no further, whatever becomes of it there.
#[tokio::test]
async fn a_write_moves_on_from_a_dead_member_and_from_no_other() {
    let silent = listener(false).await;
    let endpoints = [dead().await, silent.clone(), listener(false).await];
    let client = Client::connect(&endpoints, TIMEOUTS).expect("a client");
    let error = client.put(put()).await.expect_err("it is silent");
    assert!(matches!(error, Error::UnknownOutcome { endpoint, .. } if endpoint == silent));
}

#[test]
fn no_endpoint_is_no_client() {
    let none: [&str; 0] = [];
    let error = Client::connect(&none, TIMEOUTS).expect_err("nobody was named");
    assert!(matches!(error, Error::BadEndpoint { .. }), "{error:?}");
}
