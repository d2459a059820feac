//! Leases, and a lock made of them, by the crate `etcd-client`.

use etcd_client::{
    Client, Compare, CompareOp, EventType, GetOptions, LeaseGrantOptions, LeaseTimeToLiveOptions,
    PutOptions, SortOrder, SortTarget, Txn, TxnOp, WatchOptions,
};
use interop::{Cluster, soon, wait_until};

#[tokio::test]
async fn a_lease_is_granted_kept_told_revoked_and_ends() {
    let cluster = Cluster::up("leases", 3);
    let mut client = Client::connect(cluster.endpoints(), None).await.expect("a client");
    let granted = client.lease_grant(60, Some(LeaseGrantOptions::new().with_id(77))).await;
    let granted = granted.expect("grant");
    assert_eq!((granted.id(), granted.ttl()), (77, 60));
    let twice = client.lease_grant(60, Some(LeaseGrantOptions::new().with_id(77))).await;
    assert!(twice.is_err_and(|why| why.to_string().contains("lease already exists")));
    for key in ["a", "b"] {
        let options = PutOptions::new().with_lease(77);
        client.put(key, "v", Some(options)).await.expect("put");
    }
    let (mut keeper, mut answers) = client.lease_keep_alive(77).await.expect("keep alive");
    keeper.keep_alive().await.expect("asked");
    let answer = soon("a renewal", answers.message()).await.expect("no error").expect("one");
    assert_eq!((answer.id(), answer.ttl()), (77, 60));
    let told = client.lease_time_to_live(77, Some(LeaseTimeToLiveOptions::new().with_keys())).await;
    let told = told.expect("told");
    let mut keys = told.keys().to_vec();
    keys.sort();
    assert_eq!((told.granted_ttl(), keys), (60, vec![b"a".to_vec(), b"b".to_vec()]));
    assert!((1..=60).contains(&told.ttl()));
    let leases = client.leases().await.expect("listed");
    assert_eq!(leases.leases().iter().map(|lease| lease.id()).collect::<Vec<_>>(), [77]);
    client.lease_revoke(77).await.expect("revoked");
    let left = client.get("", Some(GetOptions::new().with_all_keys())).await.expect("get");
    assert_eq!(left.count(), 0, "its keys went with it");
    let gone = client.lease_time_to_live(77, None).await.expect("told");
    assert_eq!((gone.ttl(), gone.granted_ttl()), (-1, 0));
    let refused = client.lease_revoke(77).await.expect_err("it is gone");
    assert!(refused.to_string().contains("requested lease not found"), "{refused}");

    let short = client.lease_grant(1, None).await.expect("grant").id();
    let options = PutOptions::new().with_lease(short);
    let at = client.put("short", "v", Some(options)).await.expect("put");
    let from = at.header().expect("a header").revision() + 1;
    let options = WatchOptions::new().with_start_revision(from);
    let mut watch = client.watch("short", Some(options)).await.expect("watch");
    let end = async {
        loop {
            let answer = watch.message().await.expect("no error").expect("it goes on");
            if let Some(event) = answer.events().first() {
                return event.event_type();
            }
        }
    };
    assert_eq!(soon("its end", end).await, EventType::Delete);
    wait_until("the lease is gone", async || {
        client.clone().leases().await.is_ok_and(|all| all.leases().is_empty())
    })
    .await;
}

/// The recipe of etcd's own clients: the owner is the key with the lowest
/// creation revision below the prefix.
async fn ask_for_the_lock(client: &mut Client, lease: i64) -> i64 {
    let key = format!("lock/{lease:x}");
    let put = TxnOp::put(key.clone(), "", Some(PutOptions::new().with_lease(lease)));
    let free = Compare::create_revision(key.clone(), CompareOp::Equal, 0);
    let txn = Txn::new().when([free]).and_then([put]).or_else([TxnOp::get(key.clone(), None)]);
    client.txn(txn).await.expect("txn");
    let answer = client.get(key, None).await.expect("get");
    answer.kvs().first().expect("it is there").create_revision()
}

async fn owner(client: &mut Client) -> i64 {
    let oldest = GetOptions::new().with_prefix().with_limit(1);
    let oldest = oldest.with_sort(SortTarget::Create, SortOrder::Ascend);
    let answer = client.get("lock/", Some(oldest)).await.expect("get");
    answer.kvs().first().map_or(0, |kv| kv.create_revision())
}

#[tokio::test]
async fn a_lock_by_hand_passes_on_in_order_and_across_a_kill() {
    let cluster = Cluster::up("lock", 3);
    let endpoints = cluster.endpoints();
    let mut client = Client::connect(&endpoints[1..], None).await.expect("a client");
    let mut tickets = Vec::new();
    for _ in 0..3 {
        let lease = client.lease_grant(60, None).await.expect("grant").id();
        let ticket = ask_for_the_lock(&mut client, lease).await;
        assert_eq!(
            ask_for_the_lock(&mut client, lease).await,
            ticket,
            "asking again is nothing new"
        );
        tickets.push((ticket, lease));
    }
    let [first, second, third] = tickets.as_slice() else { panic!("three tickets") };
    assert!(first.0 < second.0 && second.0 < third.0);
    assert_eq!(owner(&mut client).await, first.0);
    cluster.dev(&["kill", "n1"]);
    wait_until("the others lead", async || client.clone().get("lock/", None).await.is_ok()).await;
    assert_eq!(owner(&mut client).await, first.0, "nobody loses it with a node");
    client.lease_revoke(first.1).await.expect("revoked");
    assert_eq!(owner(&mut client).await, second.0);
    client.delete(format!("lock/{:x}", second.1), None).await.expect("unlocked");
    assert_eq!(owner(&mut client).await, third.0);
}
