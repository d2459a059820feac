//! Header blocks of requests, as a server reads them.

use super::super::request::{Method, Requests};
use loona_hpack::Decoder;

const ALL: [Method; 4] = [Method::Put, Method::Range, Method::Txn, Method::Status];

fn path(method: Method) -> &'static str {
    match method {
        Method::Put => "/etcdserverpb.KV/Put",
        Method::Range => "/etcdserverpb.KV/Range",
        Method::Txn => "/etcdserverpb.KV/Txn",
        Method::Status => "/etcdserverpb.Maintenance/Status",
    }
}

/// Has the server read the next block, and says how long that was.
fn read(requests: &mut Requests, server: &mut Decoder<'_>, method: Method) -> usize {
    let block = requests.block(method);
    let fields = server.decode(block).expect("a block that can be read");
    let wanted = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path(method)),
        (":authority", "localhost:2379"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
    ];
    let bytes = |(name, value): (&str, &str)| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
    assert_eq!(fields, wanted.map(bytes));
    block.len()
}

#[test]
fn fields_are_spelled_out_once() {
    let (mut requests, mut server) = (Requests::new("localhost:2379"), Decoder::new());
    for round in 0..3 {
        for method in [ALL, [Method::Txn, Method::Put, Method::Status, Method::Range]].concat() {
            let length = read(&mut requests, &mut server, method);
            assert!(round == 0 || length == 6);
        }
    }
}

#[test]
fn a_server_without_a_table_gets_everything_spelled_out() {
    for known in [0, 3] {
        let (mut requests, mut server) = (Requests::new("localhost:2379"), Decoder::new());
        for method in ALL.into_iter().take(known) {
            let _ = read(&mut requests, &mut server, method);
        }
        requests.fit(0);
        server.set_max_allowed_table_size(0);
        // The first block says that the table is used no longer.
        assert_eq!(requests.block(Method::Put).first(), Some(&0x20));
        assert_ne!(requests.block(Method::Put).first(), Some(&0x20));
        server.set_max_table_size(0);
        for method in [ALL, ALL].concat() {
            assert!(read(&mut requests, &mut server, method) > 60);
        }
        // Once is enough, even if the server has a table again.
        requests.fit(4096);
        assert!(read(&mut requests, &mut server, Method::Put) > 60);
    }
}
