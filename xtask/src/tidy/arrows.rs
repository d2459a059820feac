//! Which room may import which: a crate is right only if it makes some import impossible.

use super::tree::{Source, Tree};
use super::{Finding, paths};
use crate::metadata::{Kind, Metadata, Package};

/// Every arrow there is. What is not here is refused.
const ARROWS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("consensus", &["base"]),
    ("kv", &["base"]),
    ("journal", &["base"]),
    ("api", &["base", "kv"]),
    ("node", &["base", "consensus", "kv", "journal"]),
    ("server", &["base", "kv", "journal", "node", "api"]),
    ("sim", &["base", "consensus", "kv", "journal", "node", "api"]),
    ("explore", &["base", "consensus"]),
    ("client", &["base", "api"]),
    ("cli", &["server", "sim", "client"]),
    ("xtask", &[]),
];

/// Arrows for tests alone: from, to, reason.
const TEST_ARROWS: &[(&str, &str, &str)] = &[];

/// Arrows that lead to one part of a room: from, to, the part, reason.
const NARROW: &[(&str, &str, &[&str], &str)] = &[
    ("api", "kv", &["command"], "an API's quirk reaches the log only as a command"),
    ("client", "api", &["etcd::wire"], "a caller knows the messages, not how a server reads them"),
    (
        "server",
        "journal",
        &["disk"],
        "the real world performs disk operations, it does not read logs",
    ),
    (
        "sim",
        "journal",
        &["disk", "memory"],
        "the imagined disk performs operations, it does not read logs",
    ),
];

/// Folders that must not look into each other: crate, folders, reason.
const SIDEWAYS: &[(&str, &[&str], &str)] = &[
    (
        "consensus",
        &["raft", "paxos", "zab"],
        "a protocol stands on the shared rooms, never on another protocol",
    ),
    ("api", &["etcd", "zookeeper", "consul"], "no API may lean on another one's quirks"),
];

/// Crates from outside that a pure room, or the imagined world, may link.
/// Rooms without a row are free: the licences are checked for all.
const OUTSIDE: &[(&str, &[&str])] = &[
    ("base", &["blake3", "bytes", "crc32c", "sha2", "xxhash-rust"]),
    ("consensus", &["bytes"]),
    ("kv", &["bytes"]),
    ("journal", &["bytes"]),
    ("api", &["bytes", "prost"]),
    ("node", &["bytes"]),
    ("sim", &["bytes"]),
    ("explore", &["bytes"]),
];

/// Crates from outside that may run while a pure room is built.
const OUTSIDE_BUILD: &[(&str, &[&str])] =
    &[("api", &["prost-build", "tonic-prost-build", "protox"])];

/// Looks at the dependency tables of the manifests.
pub(super) fn manifests(metadata: &Metadata) -> Vec<Finding> {
    metadata.packages.iter().filter(|package| package.member).flat_map(manifest).collect()
}

fn manifest(package: &Package) -> Vec<Finding> {
    let from = package.name.as_str();
    let path = format!("{}/Cargo.toml", home(from));
    let fault = |say| Finding::fault(&path, 1, "arrows", say);
    let Some(allowed) = row(ARROWS, from) else {
        let say =
            "a new room needs its arrows in xtask/src/tidy/arrows.rs and a paper in docs/decisions";
        return vec![fault(format!("`{from}`: {say}"))];
    };
    let refused = package.dependencies.iter().filter_map(|dependency| {
        let to = dependency.name.as_str();
        if dependency.ours {
            let excused = dependency.kind == Kind::Dev
                && TEST_ARROWS.iter().any(|(f, t, _)| (*f, *t) == (from, to));
            let say =
                || format!("`{from}` may not import `{to}`: the arrows are in ARCHITECTURE.md");
            return (!allowed.contains(&to) && !excused).then(say);
        }
        let say =
            || format!("`{from}` may not link `{to}`: a room like this has few outside crates");
        (!may_link(from, to, dependency.kind)).then(say)
    });
    refused.map(fault).collect()
}

fn may_link(from: &str, to: &str, kind: Kind) -> bool {
    let Some(linked) = row(OUTSIDE, from) else { return true };
    match kind {
        Kind::Normal => linked.contains(&to),
        Kind::Build => row(OUTSIDE_BUILD, from).is_some_and(|crates| crates.contains(&to)),
        Kind::Dev => true,
    }
}

/// Looks at the paths that the sources name.
pub(super) fn imports(tree: &Tree) -> Vec<Finding> {
    let sources = tree.sources();
    sources.flat_map(|source| [narrow(&source), sideways(&source)].concat()).collect()
}

fn narrow(source: &Source<'_>) -> Vec<Finding> {
    let rows: Vec<_> = NARROW.iter().filter(|(from, ..)| *from == source.room).collect();
    let mut found = Vec::new();
    for named in paths::named(&source.file.code) {
        let Some((room, inside)) = named.parts.split_first() else { continue };
        let inside = inside.join("::");
        let row = rows.iter().find(|(_, to, ..)| to == room);
        if let Some((from, to, parts, why)) = row
            && !parts.iter().any(|part| begins(&inside, part))
        {
            let all = parts.iter().map(|part| format!("`{to}::{part}`")).collect::<Vec<_>>();
            let say = format!(
                "`{from}` names `{to}::{inside}`, but may name only {}: {why}",
                all.join(", ")
            );
            found.push(Finding::fault(&source.file.path, named.line, "arrows", say));
        }
    }
    found
}

fn begins(path: &str, part: &str) -> bool {
    path.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn sideways(source: &Source<'_>) -> Vec<Finding> {
    let home = source.module.first().copied().unwrap_or_default();
    let row =
        SIDEWAYS.iter().find(|(room, folders, _)| *room == source.room && folders.contains(&home));
    let Some((_, folders, why)) = row else { return Vec::new() };
    let names = paths::named(&source.file.code).into_iter().filter_map(|named| {
        let full = paths::resolve(&source.module, &named.parts)?;
        let to = full.first().filter(|to| **to != home && folders.contains(&to.as_str()))?;
        let say = format!("`{home}` looks into `{to}`: {why}");
        Some(Finding::fault(&source.file.path, named.line, "arrows", say))
    });
    names.collect()
}

fn row<'a>(table: &[(&str, &'a [&'a str])], name: &str) -> Option<&'a [&'a str]> {
    table.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
}

fn home(room: &str) -> String {
    if room == "xtask" { room.to_string() } else { format!("crates/{room}") }
}

#[cfg(test)]
mod tests {
    use super::super::tree::tree;
    use super::{Kind, Metadata, Package, imports, manifests};
    use crate::metadata::Dependency;

    fn refused(from: &str, to: &str, kind: Kind, ours: bool) -> bool {
        let dependency = Dependency { name: to.into(), kind, ours, ..Dependency::default() };
        let package = Package {
            name: from.into(),
            member: true,
            dependencies: vec![dependency],
            ..Package::default()
        };
        !manifests(&Metadata { packages: vec![package], ..Metadata::default() }).is_empty()
    }

    #[test]
    fn arrows_point_down() {
        assert!(!refused("node", "consensus", Kind::Normal, true));
        assert!(refused("consensus", "journal", Kind::Normal, true));
        assert!(refused("consensus", "journal", Kind::Dev, true));
        assert!(refused("server", "sim", Kind::Dev, true));
        assert!(refused("sim", "server", Kind::Normal, true));
        assert!(refused("cupboard", "base", Kind::Normal, true));
    }

    #[test]
    fn pure_rooms_link_little() {
        assert!(refused("kv", "imbl", Kind::Normal, false));
        assert!(refused("kv", "tokio", Kind::Normal, false));
        assert!(!refused("kv", "proptest", Kind::Dev, false));
        assert!(!refused("api", "protox", Kind::Build, false));
        assert!(refused("kv", "protox", Kind::Build, false));
        assert!(refused("sim", "tokio", Kind::Normal, false));
        assert!(!refused("server", "tokio", Kind::Normal, false));
    }

    fn says(path: &str, text: &str) -> Vec<String> {
        imports(&tree(&[(path, text)])).into_iter().map(|found| found.say).collect()
    }

    #[test]
    fn a_narrow_arrow_leads_to_its_part_only() {
        let api = "crates/api/src/etcd/kv.rs";
        assert_eq!(says(api, "use kv::command::{Command, Reply};").len(), 0);
        assert_eq!(says(api, "use kv::{command::Command, watch::Event};").len(), 1);
        assert_eq!(says(api, "fn a(b: kv::commander::B) {}").len(), 1);
        assert_eq!(says("crates/client/src/call.rs", "use api::etcd::wire::Put;").len(), 0);
        assert_eq!(says("crates/client/src/call.rs", "use api::etcd::kv;").len(), 1);
        assert_eq!(says("crates/server/src/disk.rs", "use journal::wal::Wal;").len(), 1);
    }

    #[test]
    fn neighbours_do_not_look_at_each_other() {
        let raft = "crates/consensus/src/raft/elect.rs";
        assert_eq!(says(raft, "use crate::quorum::Quorum; use super::message::Vote;").len(), 0);
        assert_eq!(says(raft, "use crate::paxos::message::Prepare;").len(), 1);
        assert_eq!(says(raft, "fn a() { super::super::zab::b() }").len(), 1);
        assert_eq!(says("crates/consensus/src/protocol.rs", "use crate::paxos::Paxos;").len(), 0);
        assert_eq!(says("crates/api/src/etcd/kv.rs", "use crate::consul::A;").len(), 1);
    }
}
