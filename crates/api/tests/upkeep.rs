//! Alarms and compaction: what clients ask and what they are told.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the message")]

use api::etcd::alarm::{self, AlarmAsk};
use api::etcd::error::Status;
use api::etcd::header::Header;
use api::etcd::kv::Ask;
use api::etcd::wire::etcdserverpb::{AlarmRequest, AlarmResponse, CompactionRequest};
use api::etcd::{answer, kv as words};
use base::{ClusterId, NodeId, Revision};
use kv::command::{Alarm, AlarmChange, AlarmKind, Command, Compact, KvError, OpReply, Reply};

const HEADER: Header =
    Header { cluster_id: ClusterId(7), member_id: NodeId(2), revision: Revision(10), raft_term: 3 };

const GET: i32 = 0;
const ACTIVATE: i32 = 1;
const DEACTIVATE: i32 = 2;

fn reply(result: Result<OpReply, KvError>) -> Reply {
    Reply { revision: Revision(11), result }
}

fn asked(action: i32, alarm: i32) -> AlarmAsk {
    alarm::alarm(AlarmRequest { action, member_id: 4, alarm })
}

const FULL: Alarm = Alarm { member: 4, kind: AlarmKind::NoSpace };
const DAMAGED: Alarm = Alarm { member: 3, kind: AlarmKind::Corrupt };

fn shown(response: &AlarmResponse) -> Vec<(u64, i32)> {
    response.alarms.iter().map(|alarm| (alarm.member_id, alarm.alarm)).collect()
}

#[test]
fn a_list_is_of_one_kind_or_of_all_and_of_every_member() {
    assert_eq!(asked(GET, 0), AlarmAsk::List(None));
    assert_eq!(asked(GET, 1), AlarmAsk::List(Some(AlarmKind::NoSpace)));
    assert_eq!(asked(GET, 2), AlarmAsk::List(Some(AlarmKind::Corrupt)));
    let alarms = [FULL, DAMAGED];
    assert_eq!(shown(&alarm::listed(&alarms, None, HEADER)), [(4, 1), (3, 2)]);
    let corrupt = alarm::listed(&alarms, Some(AlarmKind::Corrupt), HEADER);
    assert_eq!(shown(&corrupt), [(3, 2)]);
    assert_eq!(corrupt.header.unwrap().revision, 10);
}

#[test]
fn an_alarm_is_raised_and_called_off_for_the_member_that_is_named() {
    let change = |raise| AlarmAsk::Change(AlarmChange { alarm: FULL, raise });
    assert_eq!(asked(ACTIVATE, 1), change(true));
    assert_eq!(asked(DEACTIVATE, 1), change(false));
}

#[test]
fn without_an_alarm_or_an_action_that_exists_nothing_is_done() {
    let pairs = [(ACTIVATE, 0), (DEACTIVATE, 0), (ACTIVATE, 3), (GET, -1), (3, 1), (-1, 0)];
    for (action, kind) in pairs {
        assert_eq!(asked(action, kind), AlarmAsk::Nothing, "{action} {kind}");
    }
}

#[test]
fn a_change_is_answered_with_the_alarms_that_changed() {
    let response = alarm::changed(reply(Ok(OpReply::Alarm(vec![FULL]))), HEADER).unwrap();
    assert_eq!(shown(&response), [(4, 1)]);
    assert_eq!(response.header.unwrap().revision, 11);
    let none = alarm::changed(reply(Ok(OpReply::Alarm(Vec::new()))), HEADER).unwrap();
    assert!(none.alarms.is_empty());
    let other = alarm::changed(reply(Ok(OpReply::Compact)), HEADER);
    assert_eq!(other, Err(Status::WRONG_ANSWER));
}

#[test]
fn a_compaction_names_its_revision_and_whether_to_wait() {
    for (revision, physical) in [(0, false), (7, true), (i64::MAX, false)] {
        let ask = words::compact(CompactionRequest { revision, physical }).unwrap();
        let revision = Revision(revision as u64);
        assert_eq!(ask, Ask::Write(Command::Compact(Compact { revision, physical })));
    }
}

#[test]
fn what_lies_before_zero_is_compacted_since_ever() {
    for revision in [-1, i64::MIN] {
        let refused = words::compact(CompactionRequest { revision, physical: false });
        assert_eq!(refused, Err(Status::COMPACTED));
    }
}

#[test]
fn a_compaction_is_answered_at_the_revision_of_now() {
    let response = answer::compact(reply(Ok(OpReply::Compact)), HEADER).unwrap();
    assert_eq!(response.header.unwrap().revision, 11);
    let oldest = Revision(8);
    let compacted = answer::compact(reply(Err(KvError::Compacted { oldest })), HEADER);
    assert_eq!(compacted, Err(Status::COMPACTED));
    let future = answer::compact(reply(Err(KvError::FutureRevision)), HEADER);
    assert_eq!(future, Err(Status::FUTURE_REVISION));
    let other = answer::compact(reply(Ok(OpReply::LeaseRevoke)), HEADER);
    assert_eq!(other, Err(Status::WRONG_ANSWER));
}
