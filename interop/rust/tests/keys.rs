//! Keys and transactions, by the crate `etcd-client`.

use etcd_client::{
    Client, CompactionOptions, Compare, CompareOp, DeleteOptions, GetOptions, PutOptions,
    SortOrder, SortTarget, Txn, TxnOp, TxnOpResponse,
};
use interop::Cluster;

/// The pairs of an answer as text.
fn pairs(answer: &etcd_client::GetResponse) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    answer.kvs().iter().map(|kv| (text(kv.key()), text(kv.value()))).collect()
}

fn keys(answer: &etcd_client::GetResponse) -> String {
    pairs(answer).into_iter().map(|(key, _)| key).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn every_option_of_a_put_a_get_and_a_delete() {
    let cluster = Cluster::up("keys", 1);
    let mut client = Client::connect(cluster.endpoints(), None).await.expect("a client");
    assert!(client.put("a", "1", None).await.expect("put").prev_key().is_none());
    let options = PutOptions::new().with_prev_key();
    let answer = client.put("a", "2", Some(options)).await.expect("put");
    let before = answer.prev_key().expect("there was a pair");
    assert_eq!((before.value(), before.mod_revision(), before.version()), (&b"1"[..], 2, 1));
    let lease = client.lease_grant(60, None).await.expect("grant").id();
    let options = PutOptions::new().with_lease(lease).with_ignore_value();
    client.put("a", "", Some(options)).await.expect("put");
    client.put("a", "3", Some(PutOptions::new().with_ignore_lease())).await.expect("put");
    let answer = client.get("a", None).await.expect("get");
    let kv = answer.kvs().first().expect("it is there");
    assert_eq!((kv.value(), kv.lease(), kv.version()), (&b"3"[..], lease, 4));
    assert_eq!((kv.create_revision(), kv.mod_revision()), (2, 5));
    let refused = client.put("none", "", Some(PutOptions::new().with_ignore_value())).await;
    assert!(refused.is_err_and(|why| why.to_string().contains("etcdserver: key not found")));

    for (key, value) in [("b", "2"), ("c", "1"), ("d", "0")] {
        client.put(key, value, None).await.expect("put");
    }
    let all = || GetOptions::new().with_all_keys();
    for (key, options, right) in [
        ("a", GetOptions::new().with_range("c"), "a b"),
        ("b", GetOptions::new().with_from_key(), "b c d"),
        ("", GetOptions::new().with_prefix(), "a b c d"),
        ("", all().with_sort(SortTarget::Value, SortOrder::Ascend), "d c b a"),
        ("", all().with_sort(SortTarget::Mod, SortOrder::Descend), "d c b a"),
        ("", all().with_sort(SortTarget::Version, SortOrder::Descend).with_limit(1), "a"),
        ("", all().with_sort(SortTarget::Create, SortOrder::Descend).with_limit(2), "d c"),
        ("", all().with_sort(SortTarget::Key, SortOrder::Descend), "d c b a"),
        ("", all().with_limit(2), "a b"),
        ("", all().with_revision(6), "a b"),
        ("", all().with_serializable(), "a b c d"),
        ("", all().with_min_mod_revision(7), "c d"),
        ("", all().with_max_mod_revision(6), "a b"),
        ("", all().with_min_create_revision(7), "c d"),
        ("", all().with_max_create_revision(2), "a"),
    ] {
        let answer = client.get(key, Some(options.clone())).await.expect("get");
        assert_eq!(keys(&answer), right, "{options:?}");
    }
    let answer = client.get("", Some(all().with_limit(1))).await.expect("get");
    assert_eq!((answer.more(), answer.count()), (true, 4));
    let answer = client.get("", Some(all().with_count_only())).await.expect("get");
    assert_eq!((answer.kvs().len(), answer.count()), (0, 4));
    let answer = client.get("", Some(all().with_keys_only())).await.expect("get");
    assert!(answer.kvs().iter().all(|kv| kv.value().is_empty()) && answer.kvs().len() == 4);

    let options = DeleteOptions::new().with_range("c").with_prev_key();
    let answer = client.delete("a", Some(options)).await.expect("delete");
    assert_eq!((answer.deleted(), answer.prev_kvs().len()), (2, 2));
    assert_eq!(client.delete("a", None).await.expect("delete").deleted(), 0);
    let answer = client.get("", Some(all().with_revision(8))).await.expect("history is kept");
    assert_eq!(keys(&answer), "a b c d");
    client.compact(9, Some(CompactionOptions::new().with_physical())).await.expect("compact");
    let gone = client.get("", Some(all().with_revision(8))).await.expect_err("it is gone");
    assert!(gone.to_string().contains("required revision has been compacted"), "{gone}");
    let options = DeleteOptions::new().with_all_keys();
    assert_eq!(client.delete("", Some(options)).await.expect("delete").deleted(), 2);
}

#[tokio::test]
async fn a_transaction_and_one_inside_it() {
    let cluster = Cluster::up("txn", 3);
    let mut client = Client::connect(cluster.endpoints(), None).await.expect("a client");
    client.put("k", "v", None).await.expect("put");
    let inner = Txn::new()
        .when([
            Compare::value("k", CompareOp::Equal, "v"),
            Compare::version("x", CompareOp::Equal, 0),
        ])
        .and_then([TxnOp::put("x", "inner", None), TxnOp::get("k", None)])
        .or_else([TxnOp::put("x", "never", None)]);
    let outer = Txn::new()
        .when([
            Compare::mod_revision("k", CompareOp::Less, 3),
            Compare::create_revision("k", CompareOp::Greater, 1),
            Compare::version("k", CompareOp::NotEqual, 2),
            Compare::lease("k", CompareOp::Equal, 0),
            Compare::version("k", CompareOp::Greater, 0).with_prefix(),
        ])
        .and_then([
            TxnOp::put("k", "w", Some(PutOptions::new().with_prev_key())),
            TxnOp::txn(inner),
            TxnOp::delete("none", None),
        ]);
    let answer = client.txn(outer).await.expect("txn");
    assert!(answer.succeeded());
    let responses = answer.op_responses();
    let [TxnOpResponse::Put(put), TxnOpResponse::Txn(inner), TxnOpResponse::Delete(delete)] =
        responses.as_slice()
    else {
        panic!("three answers: {responses:?}");
    };
    assert_eq!(put.prev_key().map(|kv| kv.value()), Some(&b"v"[..]));
    assert_eq!(delete.deleted(), 0);
    // Compares saw the state before the transaction, operations what came before them.
    assert!(inner.succeeded());
    let responses = inner.op_responses();
    let [TxnOpResponse::Put(_), TxnOpResponse::Get(get)] = responses.as_slice() else {
        panic!("two answers: {responses:?}");
    };
    assert_eq!(pairs(get), [("k".to_owned(), "w".to_owned())]);
    let answer = client.get("", Some(GetOptions::new().with_all_keys())).await.expect("get");
    assert!(answer.kvs().iter().all(|kv| kv.mod_revision() == 3), "one revision for all of it");

    let failing = Txn::new()
        .when([Compare::value("k", CompareOp::Equal, "v")])
        .or_else([TxnOp::get("k", None)]);
    let answer = client.txn(failing).await.expect("txn");
    assert!(!answer.succeeded() && answer.op_responses().len() == 1);
    let twice = Txn::new().and_then([TxnOp::put("k", "1", None), TxnOp::put("k", "2", None)]);
    let refused = client.txn(twice).await.expect_err("one key, two puts");
    assert!(refused.to_string().contains("duplicate key given in txn request"), "{refused}");
}
