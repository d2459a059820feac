//! Is this node well? What load balancers and kubelets ask for.

use super::desk::Desk;
use super::kv::to_node;
use super::page::{Page, json, text};
use api::etcd::alarm::word;
use api::etcd::kv as words;
use api::etcd::wire::etcdserverpb::RangeRequest;
use http::StatusCode;
use kv::command::{Alarm, AlarmKind};
use node::event::{Answer, Ask};
use std::fmt::Write;

/// One thing that must be as it should.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Check {
    /// No member is known to hold what others do not.
    DataCorruption,
    /// It answers from what it has.
    SerializableRead,
    /// It answers with the newest.
    LinearizableRead,
    /// It is a full member: there are no others yet.
    NonLearner,
}

const LIVE: [Check; 1] = [Check::SerializableRead];
const READY: [Check; 4] =
    [Check::DataCorruption, Check::SerializableRead, Check::LinearizableRead, Check::NonLearner];

impl Check {
    const fn name(self) -> &'static str {
        match self {
            Self::DataCorruption => "data_corruption",
            Self::SerializableRead => "serializable_read",
            Self::LinearizableRead => "linearizable_read",
            Self::NonLearner => "non_learner",
        }
    }

    async fn run(self, desk: &Desk) -> Result<(), String> {
        match self {
            Self::DataCorruption => sound(desk).await,
            Self::NonLearner => Ok(()),
            Self::SerializableRead => read(desk, true).await,
            Self::LinearizableRead => read(desk, false).await,
        }
    }
}

/// The checks that a path asks for.
pub(super) fn checks(path: &str) -> Option<Vec<Check>> {
    let all = |name: &str| match name {
        "livez" => Some(&LIVE[..]),
        "readyz" => Some(&READY[..]),
        _ => None,
    };
    let path = path.strip_prefix('/')?;
    match path.split_once('/') {
        None => all(path).map(<[Check]>::to_vec),
        Some((kind, name)) => {
            let check = all(kind)?.iter().find(|check| check.name() == name)?;
            Some(vec![*check])
        }
    }
}

/// Runs checks and says what came of it.
pub(super) async fn answer(desk: &Desk, checks: &[Check], query: &str) -> Page {
    let excluded: Vec<_> = values(query, "exclude").collect();
    let (mut report, mut well) = (String::new(), true);
    for check in checks {
        let name = check.name();
        if excluded.contains(&name) {
            let _ = writeln!(report, "[+]{name} excluded: ok");
            continue;
        }
        match check.run(desk).await {
            Ok(()) => drop(writeln!(report, "[+]{name} ok")),
            Err(why) => {
                well = false;
                let _ = writeln!(report, "[-]{name} failed: {why}");
            }
        }
    }
    let verbose = values(query, "verbose").next().is_some();
    match (well, verbose) {
        (false, _) => text(StatusCode::SERVICE_UNAVAILABLE, report),
        (true, true) => text(StatusCode::OK, report + "ok\n"),
        (true, false) => text(StatusCode::OK, "ok\n"),
    }
}

/// The older question: does no alarm stand, is there a leader, can be read?
pub(super) async fn health(desk: &Desk, query: &str) -> Page {
    let unwell = unhealthy(desk, query).await;
    desk.metrics().checked(unwell.is_none());
    match unwell {
        None => json(StatusCode::OK, r#"{"health":"true","reason":""}"#.into()),
        Some(why) => {
            let body = format!(r#"{{"health":"false","reason":"{}"}}"#, why.escape_default());
            json(StatusCode::SERVICE_UNAVAILABLE, body)
        }
    }
}

/// In this order, as etcd does: whoever excludes an alarm wants to hear of the rest.
async fn unhealthy(desk: &Desk, query: &str) -> Option<String> {
    let serializable = values(query, "serializable").any(|value| value == "true");
    let status = match status(desk).await {
        Ok(status) => status,
        Err(why) => return Some(why),
    };
    let excluded = |name: &str| values(query, "exclude").any(|excluded| excluded == name);
    let mut alarms = status.alarms.iter().map(|alarm| word(alarm.kind));
    if let Some(alarm) = alarms.find(|name| !excluded(name)) {
        return Some(format!("ALARM {alarm}"));
    }
    if !serializable && status.leader.is_none() {
        return Some("RAFT NO LEADER".into());
    }
    read(desk, serializable).await.err().map(|why| format!("RANGE ERROR:{why}"))
}

async fn sound(desk: &Desk) -> Result<(), String> {
    let corrupt = |alarm: &Alarm| alarm.kind == AlarmKind::Corrupt;
    match status(desk).await?.alarms.iter().any(corrupt) {
        true => Err(format!("alarm activated: {}", word(AlarmKind::Corrupt))),
        false => Ok(()),
    }
}

async fn status(desk: &Desk) -> Result<node::event::Status, String> {
    match desk.ask(Ask::Status, 0).await {
        Ok((Answer::Status(status), _)) => Ok(status),
        Ok(_) => Err("no answer to how this node is".into()),
        Err(why) => Err(why.message().into()),
    }
}

/// Reads one key that need not be there.
async fn read(desk: &Desk, serializable: bool) -> Result<(), String> {
    let request =
        RangeRequest { key: "health".into(), count_only: true, serializable, ..Default::default() };
    let ask = words::range(request).map_err(|why| why.text.into_owned())?;
    match desk.ask(to_node(ask), 0).await {
        Ok((Answer::Kv(reply), _)) => reply.result.map(|_| ()).map_err(|why| format!("{why:?}")),
        Ok(_) => Err("no answer to a read".into()),
        Err(why) => Err(why.message().into()),
    }
}

/// The values of a name in a query, which needs no decoding for what we know.
fn values<'a>(query: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    query.split('&').filter_map(move |pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (key == name).then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_asks_for_all_checks_or_for_one() {
        assert_eq!(checks("/livez"), Some(LIVE.to_vec()));
        assert_eq!(checks("/readyz"), Some(READY.to_vec()));
        assert_eq!(checks("/readyz/linearizable_read"), Some(vec![Check::LinearizableRead]));
        for unknown in ["/livez/linearizable_read", "/readyz/", "/", "", "/health/x"] {
            assert_eq!(checks(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn a_name_may_come_more_than_once_in_a_query() {
        let query = "verbose&exclude=a&x=exclude&exclude=b";
        assert_eq!(values(query, "exclude").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(values(query, "verbose").collect::<Vec<_>>(), [""]);
        assert_eq!(values("", "verbose").count(), 0);
    }
}
