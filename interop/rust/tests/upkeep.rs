//! Members and their maintenance, by the crate `etcd-client`.

use etcd_client::{AlarmAction, AlarmType, Client};
use interop::{Cluster, wait_until};

#[tokio::test]
async fn members_say_who_and_how_they_are() {
    let cluster = Cluster::up("upkeep", 3);
    let endpoints = cluster.endpoints();
    let mut client = Client::connect(&endpoints, None).await.expect("a client");
    // Each member hears from the others where they can be called.
    wait_until("every member is known", async || {
        let members = client.clone().member_list().await;
        let told = |one: &etcd_client::Member| one.client_urls().len() == 1;
        members.is_ok_and(|all| all.members().iter().filter(|one| told(one)).count() == 3)
    })
    .await;
    let members = client.member_list().await.expect("listed");
    let mut names: Vec<&str> = members.members().iter().map(|member| member.name()).collect();
    names.sort_unstable();
    assert_eq!(names, ["n1", "n2", "n3"]);
    assert!(members.members().iter().all(|member| !member.is_learner() && member.id() != 0));
    client.put("k", "v", None).await.expect("put");

    let (mut leaders, mut hashes) = (Vec::new(), Vec::new());
    for endpoint in &endpoints {
        let mut one = Client::connect([endpoint], None).await.expect("a client");
        let status = one.status().await.expect("status");
        assert!(status.version().starts_with("3.") && status.db_size() > 0);
        assert!(status.raft_index() > 0 && status.raft_term() > 0 && status.errors().is_empty());
        leaders.push(status.leader());
        // A read that all agree on: then this member has applied the put, too.
        assert_eq!(one.get("k", None).await.expect("get").count(), 1);
        let hash = one.hash_kv(0).await.expect("hash");
        hashes.push((hash.hash(), hash.hash_revision(), hash.compact_version()));
        let alarms = one.alarm(AlarmAction::Get, AlarmType::None, None).await.expect("alarms");
        assert!(alarms.alarms().is_empty());
        one.defragment().await.expect("there is nothing to do");
    }
    assert!(leaders.iter().all(|leader| *leader != 0 && Some(leader) == leaders.first()));
    assert!(hashes.iter().all(|hash| Some(hash) == hashes.first()), "{hashes:?}");

    let raised = client.alarm(AlarmAction::Activate, AlarmType::Nospace, None).await;
    assert_eq!(raised.expect("raised").alarms().len(), 1);
    let refused = client.put("k", "w", None).await.expect_err("there is an alarm");
    assert!(refused.to_string().contains("database space exceeded"), "{refused}");
    let all = client.alarm(AlarmAction::Get, AlarmType::None, None).await.expect("alarms");
    let alarm = all.alarms().first().expect("it is raised");
    assert_eq!(alarm.alarm(), AlarmType::Nospace);
    let mut options = etcd_client::AlarmOptions::new();
    options.with_member(alarm.member_id());
    let off = client.alarm(AlarmAction::Deactivate, AlarmType::Nospace, Some(options)).await;
    assert_eq!(off.expect("called off").alarms().len(), 1);
    client.put("k", "w", None).await.expect("put");
}
