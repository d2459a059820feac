//! Members, how each of them is, and their alarms.

use super::format::{Format, Lines};
use super::object::Object;
use super::table::table;
use super::{fields, go, json};
use client::wire::{AlarmResponse, HashKvResponse, Member, MemberListResponse, StatusResponse};
use std::time::Duration;

/// What one member says of itself.
pub(crate) struct Status {
    pub(crate) endpoint: String,
    pub(crate) answer: StatusResponse,
}

/// The sum over one member's history.
pub(crate) struct Hash {
    pub(crate) endpoint: String,
    pub(crate) answer: HashKvResponse,
}

/// Whether one member commits.
pub(crate) struct Health {
    pub(crate) endpoint: String,
    pub(crate) took: Duration,
    /// What is wrong with it.
    pub(crate) error: Option<String>,
}

pub(crate) fn members(format: Format, answer: &MemberListResponse) -> Vec<u8> {
    const TITLES: [&str; 6] = ["ID", "Status", "Name", "Peer Addrs", "Client Addrs", "Is Learner"];
    let rows: Vec<[String; 6]> = answer.members.iter().map(member_row).collect();
    match format {
        Format::Table => table(TITLES, &rows),
        Format::Lines(Lines::Simple) => comma_lines(&rows),
        Format::Lines(Lines::Json) => {
            let mut object = json::with_header(answer.header.as_ref());
            object.list("members", answer.members.iter().map(member_json));
            object.line()
        }
        Format::Lines(Lines::Fields) => {
            let mut out = fields::header(answer.header.as_ref());
            answer.members.iter().for_each(|member| member_fields(&mut out, member));
            out.into_bytes()
        }
    }
}

fn member_row(member: &Member) -> [String; 6] {
    // A member that has never started has not said its name.
    let status = if member.name.is_empty() { "unstarted" } else { "started" };
    [
        format!("{:x}", member.id),
        status.to_owned(),
        member.name.clone(),
        member.peer_urls.join(","),
        member.client_urls.join(","),
        member.is_learner.to_string(),
    ]
}

fn member_json(member: &Member) -> String {
    let strings = |urls: &[String]| -> Vec<String> {
        urls.iter().map(|url| super::object::escaped(url)).collect()
    };
    let mut object = Object::default();
    object.number("ID", member.id);
    object.string("name", &member.name);
    object.list("peerURLs", strings(&member.peer_urls).into_iter());
    object.list("clientURLs", strings(&member.client_urls).into_iter());
    object.flag("isLearner", member.is_learner);
    object.text()
}

fn member_fields(out: &mut String, member: &Member) {
    let quoted = |text: &str| fields::quoted(text.as_bytes());
    fields::field(out, "ID", member.id);
    fields::field(out, "Name", quoted(&member.name));
    for url in &member.peer_urls {
        fields::field(out, "PeerURL", quoted(url));
    }
    for url in &member.client_urls {
        fields::field(out, "ClientURL", quoted(url));
    }
    fields::field(out, "IsLearner", member.is_learner);
    out.push('\n');
}

pub(crate) fn statuses(format: Format, all: &[Status]) -> Vec<u8> {
    const TITLES: [&str; 10] = [
        "endpoint",
        "ID",
        "version",
        "db size",
        "is leader",
        "is learner",
        "raft term",
        "raft index",
        "raft applied index",
        "errors",
    ];
    let rows: Vec<[String; 10]> = all.iter().map(status_row).collect();
    match format {
        Format::Table => table(TITLES, &rows),
        Format::Lines(Lines::Simple) => comma_lines(&rows),
        Format::Lines(Lines::Json) => json_lines(all.iter().map(status_json)),
        Format::Lines(Lines::Fields) => {
            all.iter().map(status_fields).collect::<String>().into_bytes()
        }
    }
}

fn status_row(status: &Status) -> [String; 10] {
    let answer = &status.answer;
    let id = answer.header.as_ref().map_or(0, |header| header.member_id);
    [
        status.endpoint.clone(),
        format!("{id:x}"),
        answer.version.clone(),
        go::size(u64::try_from(answer.db_size).unwrap_or_default()),
        (answer.leader == id).to_string(),
        answer.is_learner.to_string(),
        answer.raft_term.to_string(),
        answer.raft_index.to_string(),
        answer.raft_applied_index.to_string(),
        answer.errors.join(", "),
    ]
}

fn status_json(status: &Status) -> String {
    let answer = &status.answer;
    let mut inner = json::with_header(answer.header.as_ref());
    inner.string("version", &answer.version);
    inner.number("dbSize", answer.db_size);
    inner.number("leader", answer.leader);
    inner.number("raftIndex", answer.raft_index);
    inner.number("raftTerm", answer.raft_term);
    inner.number("raftAppliedIndex", answer.raft_applied_index);
    inner.list("errors", answer.errors.iter().map(|error| super::object::escaped(error)));
    inner.number("dbSizeInUse", answer.db_size_in_use);
    inner.flag("isLearner", answer.is_learner);
    let mut object = Object::default();
    object.raw("Endpoint", &super::object::escaped(&status.endpoint));
    object.raw("Status", &inner.text());
    object.text()
}

fn status_fields(status: &Status) -> String {
    let answer = &status.answer;
    let mut out = fields::header(answer.header.as_ref());
    fields::field(&mut out, "Version", fields::quoted(answer.version.as_bytes()));
    fields::field(&mut out, "DBSize", answer.db_size);
    fields::field(&mut out, "Leader", answer.leader);
    fields::field(&mut out, "IsLearner", answer.is_learner);
    fields::field(&mut out, "RaftIndex", answer.raft_index);
    fields::field(&mut out, "RaftTerm", answer.raft_term);
    fields::field(&mut out, "RaftAppliedIndex", answer.raft_applied_index);
    fields::field(&mut out, "Errors", format!("[{}]", answer.errors.join(" ")));
    fields::field(&mut out, "Endpoint", fields::quoted(status.endpoint.as_bytes()));
    out.push('\n');
    out
}

pub(crate) fn hashes(format: Format, all: &[Hash]) -> Vec<u8> {
    let row = |hash: &Hash| [hash.endpoint.clone(), hash.answer.hash.to_string()];
    let rows: Vec<[String; 2]> = all.iter().map(row).collect();
    match format {
        Format::Table => table(["endpoint", "hash"], &rows),
        Format::Lines(Lines::Simple) => comma_lines(&rows),
        Format::Lines(Lines::Json) => json_lines(all.iter().map(hash_json)),
        Format::Lines(Lines::Fields) => {
            all.iter().map(hash_fields).collect::<String>().into_bytes()
        }
    }
}

fn hash_json(hash: &Hash) -> String {
    let mut inner = json::with_header(hash.answer.header.as_ref());
    inner.number("hash", hash.answer.hash);
    inner.number("compact_revision", hash.answer.compact_revision);
    let mut object = Object::default();
    object.raw("Endpoint", &super::object::escaped(&hash.endpoint));
    object.raw("HashKV", &inner.text());
    object.text()
}

fn hash_fields(hash: &Hash) -> String {
    let mut out = fields::header(hash.answer.header.as_ref());
    fields::field(&mut out, "Endpoint", fields::quoted(hash.endpoint.as_bytes()));
    fields::field(&mut out, "Hash", hash.answer.hash);
    out.push('\n');
    out
}

/// Only those that are well with `simple`: the others are said on stderr.
pub(crate) fn health(format: Format, all: &[Health]) -> Vec<u8> {
    let rows: Vec<[String; 4]> = all.iter().map(health_row).collect();
    match format {
        Format::Table => table(["endpoint", "health", "took", "error"], &rows),
        Format::Lines(Lines::Simple) => {
            let well = all.iter().filter(|health| health.error.is_none());
            let line = |health: &Health| {
                let (endpoint, took) = (&health.endpoint, go::duration(health.took));
                format!("{endpoint} is healthy: successfully committed proposal: took = {took}\n")
            };
            well.map(line).collect::<String>().into_bytes()
        }
        Format::Lines(Lines::Json) => json_lines(all.iter().map(health_json)),
        Format::Lines(Lines::Fields) => {
            all.iter().map(health_fields).collect::<String>().into_bytes()
        }
    }
}

fn health_row(health: &Health) -> [String; 4] {
    let well = health.error.is_none().to_string();
    let error = health.error.clone().unwrap_or_default();
    [health.endpoint.clone(), well, go::duration(health.took), error]
}

fn health_json(health: &Health) -> String {
    let [endpoint, well, took, error] = health_row(health);
    let mut object = Object::default();
    object.raw("endpoint", &super::object::escaped(&endpoint));
    object.raw("health", &well);
    object.string("took", &took);
    object.string("error", &error);
    object.text()
}

fn health_fields(health: &Health) -> String {
    let [endpoint, well, took, error] = health_row(health);
    let mut out = String::new();
    fields::field(&mut out, "Endpoint", fields::quoted(endpoint.as_bytes()));
    fields::field(&mut out, "Health", well);
    fields::field(&mut out, "Took", took);
    fields::field(&mut out, "Error", error);
    out.push('\n');
    out
}

pub(super) fn alarms(format: Lines, answer: &AlarmResponse) -> Vec<u8> {
    match format {
        // With the space that ends the text of a message in Go.
        Lines::Simple => {
            let line = |alarm: &client::wire::AlarmMember| {
                format!("memberID:{} alarm:{} \n", alarm.member_id, alarm.alarm().as_str_name())
            };
            answer.alarms.iter().map(line).collect::<String>().into_bytes()
        }
        Lines::Json => {
            let mut object = json::with_header(answer.header.as_ref());
            object.list("alarms", answer.alarms.iter().map(alarm_json));
            object.line()
        }
        Lines::Fields => {
            let mut out = fields::header(answer.header.as_ref());
            for alarm in &answer.alarms {
                fields::field(&mut out, "MemberID", alarm.member_id);
                fields::field(&mut out, "AlarmType", alarm.alarm().as_str_name());
                out.push('\n');
            }
            out.into_bytes()
        }
    }
}

fn alarm_json(alarm: &client::wire::AlarmMember) -> String {
    let mut object = Object::default();
    object.number("memberID", alarm.member_id);
    object.number("alarm", alarm.alarm);
    object.text()
}

fn comma_lines<const N: usize>(rows: &[[String; N]]) -> Vec<u8> {
    let line = |row: &[String; N]| format!("{}\n", row.join(", "));
    rows.iter().map(line).collect::<String>().into_bytes()
}

fn json_lines(objects: impl Iterator<Item = String>) -> Vec<u8> {
    format!("[{}]\n", objects.collect::<Vec<_>>().join(",")).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_errors_of_a_status_are_printed_as_etcdctl_prints_them() {
        let errors = vec!["etcdserver: no leader".into(), "memberID:5 alarm:NOSPACE".into()];
        let answer = StatusResponse { errors, ..StatusResponse::default() };
        let one = [Status { endpoint: "h:1".into(), answer }];
        let printed = |format| String::from_utf8_lossy(&statuses(format, &one)).into_owned();
        let together = "etcdserver: no leader, memberID:5 alarm:NOSPACE";
        for (format, part) in [
            (Format::Lines(Lines::Simple), format!(", 0, 0, 0, {together}\n")),
            (Format::Table, format!("| {together} |\n")),
            (
                Format::Lines(Lines::Fields),
                "\"Errors\" : [etcdserver: no leader memberID:5 alarm:NOSPACE]\n".into(),
            ),
            (
                Format::Lines(Lines::Json),
                r#""errors":["etcdserver: no leader","memberID:5 alarm:NOSPACE"]"#.into(),
            ),
        ] {
            let text = printed(format);
            assert!(text.contains(&part), "{part} in {text}");
        }
    }
}
