//! Watches, by the crate `etcd-client`.

use etcd_client::{Client, EventType, WatchFilterType, WatchOptions, WatchResponse, WatchStream};
use interop::{Cluster, soon};

/// Events as text: sign, key, revision, and the value before if it was asked for.
fn told(answer: &WatchResponse) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let event = |event: &etcd_client::Event| {
        let kv = event.kv().expect("an event has a pair");
        let sign = if event.event_type() == EventType::Put { '+' } else { '-' };
        let before = event.prev_kv().map(|kv| format!(" was {}", text(kv.value())));
        format!("{sign}{}@{}{}", text(kv.key()), kv.mod_revision(), before.unwrap_or_default())
    };
    answer.events().iter().map(event).collect()
}

async fn next(stream: &mut WatchStream) -> WatchResponse {
    let answer = soon("an answer", stream.message()).await.expect("no error");
    answer.expect("the stream goes on")
}

/// So many events, over as many answers as they need.
async fn events(stream: &mut WatchStream, count: usize) -> Vec<String> {
    let mut all = Vec::new();
    while all.len() < count {
        all.extend(told(&next(stream).await));
    }
    all
}

#[tokio::test]
async fn prefixes_revisions_filters_progress_and_cancels() {
    let cluster = Cluster::up("watches", 1);
    let mut client = Client::connect(cluster.endpoints(), None).await.expect("a client");
    client.put("p/a", "1", None).await.expect("put");
    client.put("q", "1", None).await.expect("put");
    client.put("p/b", "2", None).await.expect("put");
    client.delete("p/a", None).await.expect("delete");

    let options = WatchOptions::new().with_prefix().with_start_revision(2).with_prev_key();
    let mut stream = client.watch("p/", Some(options)).await.expect("watch");
    let first = next(&mut stream).await;
    assert!(first.created() && told(&first).is_empty());
    assert_eq!(events(&mut stream, 3).await, ["+p/a@2", "+p/b@4", "-p/a@5 was 1"]);
    client.put("p/b", "3", None).await.expect("put");
    assert_eq!(events(&mut stream, 1).await, ["+p/b@6 was 2"]);

    // Two more on the same stream, with ids of their own.
    let none = WatchFilterType::NoDelete;
    let options = WatchOptions::new().with_start_revision(2).with_filters([none]).with_watch_id(7);
    stream.watch("p/a", Some(options)).await.expect("watch");
    let (created, answer) = (next(&mut stream).await, next(&mut stream).await);
    assert_eq!((created.created(), created.watch_id(), answer.watch_id()), (true, 7, 7));
    assert_eq!(told(&answer), ["+p/a@2"]);
    let none = WatchFilterType::NoPut;
    let options = WatchOptions::new().with_start_revision(2).with_filters([none]).with_watch_id(8);
    stream.watch("p/a", Some(options)).await.expect("watch");
    assert!(next(&mut stream).await.created());
    assert_eq!(told(&next(&mut stream).await), ["-p/a@5"]);

    stream.request_progress().await.expect("asked");
    let progress = next(&mut stream).await;
    assert_eq!((progress.watch_id(), told(&progress).len()), (-1, 0));
    assert_eq!(progress.header().map(|header| header.revision()), Some(6));
    stream.cancel(7).await.expect("asked");
    let canceled = next(&mut stream).await;
    assert_eq!((canceled.watch_id(), canceled.canceled()), (7, true));

    client.compact(5, None).await.expect("compact");
    let options = WatchOptions::new().with_start_revision(2);
    let mut late = client.watch("p/a", Some(options)).await.expect("watch");
    assert!(next(&mut late).await.created());
    let gone = next(&mut late).await;
    assert_eq!((gone.canceled(), gone.compact_revision()), (true, 5));
}

#[tokio::test]
async fn a_watch_goes_on_at_another_node_where_it_was() {
    let cluster = Cluster::up("watch-kill", 3);
    let endpoints = cluster.endpoints();
    let [first, rest @ ..] = endpoints.as_slice() else { panic!("three nodes") };
    let mut doomed = Client::connect([first], None).await.expect("a client");
    let mut others = Client::connect(rest, None).await.expect("a client");
    let from = |revision| WatchOptions::new().with_prefix().with_start_revision(revision);
    let mut stream = doomed.watch("k", Some(from(1))).await.expect("watch");
    assert!(next(&mut stream).await.created());
    others.put("k1", "a", None).await.expect("put");
    assert_eq!(events(&mut stream, 1).await, ["+k1@2"]);
    cluster.dev(&["kill", "n1"]);
    let end = soon("its end", stream.message()).await;
    assert!(!matches!(end, Ok(Some(_))), "a stream does not outlive its node: {end:?}");

    // This client does not resume by itself: it is done by hand, as its users do.
    interop::wait_until("the others take writes", async || {
        others.clone().get("k1", None).await.is_ok()
    })
    .await;
    others.put("k2", "b", None).await.expect("put");
    let mut stream = others.watch("k", Some(from(3))).await.expect("watch");
    assert!(next(&mut stream).await.created());
    assert_eq!(events(&mut stream, 1).await, ["+k2@3"]);
    cluster.dev(&["start", "n1"]);
    others.put("k3", "c", None).await.expect("put");
    assert_eq!(events(&mut stream, 1).await, ["+k3@4"]);
}
