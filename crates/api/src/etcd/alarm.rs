//! Alarms, which are a part of the Maintenance service: what is wrong with members.

use crate::etcd::error::Status;
use crate::etcd::header::Header;
use crate::etcd::wire::etcdserverpb as wire;
use crate::etcd::wire::etcdserverpb::AlarmType;
use crate::etcd::wire::etcdserverpb::alarm_request::AlarmAction;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use kv::command::{Alarm, AlarmChange, AlarmKind, OpReply, Reply};

/// What an `Alarm` request comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AlarmAsk {
    /// List the alarms that stand: [`listed`] picks these kinds of them,
    /// whoever's they are.
    List(Option<AlarmKind>),
    /// Raise one or call it off, through the log.
    Change(AlarmChange),
    /// It names no alarm or no action that exists: nothing is done, which is no error.
    Nothing,
}

/// `Alarm`.
#[must_use]
pub fn alarm(request: wire::AlarmRequest) -> AlarmAsk {
    let kind = match AlarmType::try_from(request.alarm) {
        Ok(AlarmType::None) => None,
        Ok(AlarmType::Nospace) => Some(AlarmKind::NoSpace),
        Ok(AlarmType::Corrupt) => Some(AlarmKind::Corrupt),
        Err(_) => return AlarmAsk::Nothing,
    };
    let change = |raise| match kind {
        Some(kind) => {
            let alarm = Alarm { member: request.member_id, kind };
            AlarmAsk::Change(AlarmChange { alarm, raise })
        }
        None => AlarmAsk::Nothing,
    };
    match AlarmAction::try_from(request.action) {
        Ok(AlarmAction::Get) => AlarmAsk::List(kind),
        Ok(AlarmAction::Activate) => change(true),
        Ok(AlarmAction::Deactivate) => change(false),
        Err(_) => AlarmAsk::Nothing,
    }
}

/// The answer to a request for the alarms that stand.
#[must_use]
pub fn listed(alarms: &[Alarm], kind: Option<AlarmKind>, header: Header) -> wire::AlarmResponse {
    let wanted = |alarm: &&Alarm| kind.is_none_or(|kind| alarm.kind == kind);
    response(alarms.iter().filter(wanted), header)
}

/// The answer to a change: those that were raised or called off.
pub fn changed(reply: Reply, header: Header) -> Result<wire::AlarmResponse, Status> {
    match reply.result? {
        OpReply::Alarm(alarms) => Ok(response(alarms.iter(), header.at(reply.revision))),
        _ => Err(Status::WRONG_ANSWER),
    }
}

/// An alarm in the way in which `Status` lists it among its errors.
#[must_use]
pub(super) fn text(alarm: &Alarm) -> String {
    format!("memberID:{} alarm:{}", alarm.member, word(alarm.kind))
}

/// The name of an alarm, as health checks and lists show it.
#[must_use]
pub fn word(kind: AlarmKind) -> &'static str {
    name(kind).as_str_name()
}

fn response<'a>(alarms: impl Iterator<Item = &'a Alarm>, header: Header) -> wire::AlarmResponse {
    let alarms: Vec<_> = alarms
        .map(|alarm| wire::AlarmMember { member_id: alarm.member, alarm: name(alarm.kind).into() })
        .collect();
    wire::AlarmResponse { header: Some(header.wire()), alarms }
}

const fn name(kind: AlarmKind) -> AlarmType {
    match kind {
        AlarmKind::NoSpace => AlarmType::Nospace,
        AlarmKind::Corrupt => AlarmType::Corrupt,
    }
}
