//! From a data directory to a lane: who we are, what the log says, and the
//! replicas that go on from there. Used alike by the real world and the simulated one.

use crate::bootstrap::{Bootstrap, BootstrapError, MemberSpec};
use crate::directory::Own;
use crate::event::Member;
use crate::lane::{Lane, Parts};
use crate::mail::Sender;
use crate::replica::{Limits, Replica};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use base::{ClusterId, Era, GroupId, Incarnation, Index, NodeId, Serial, Time};
use bytes::Bytes;
pub use consensus::contract::Timing;
use consensus::contract::{Setup, Stable};
use consensus::entry::{Entry, EntryKind};
use consensus::kind::ProtocolKind;
use consensus::protocol::{OpenError, Protocol};
use core::fmt;
use core::time::Duration;
use journal::disk::Disk;
use journal::history::GroupRecovered;
use journal::identity::{self, Identity, IdentityError};
use journal::record::Owner;
use journal::recover::{RecoverError, Recovered, recover};
use journal::wal::Options;

/// The era every new cluster begins with.
const FIRST_ERA: Era = Era(1);

/// What a node is told when it starts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BootOptions {
    /// Its name; one of the members'.
    pub name: String,
    /// Sets apart clusters with the same members.
    pub token: String,
    /// The members of the new cluster, in any order.
    pub members: Vec<MemberSpec>,
    /// Where clients reach this node.
    pub client_urls: Vec<String>,
    /// How often to beat and how long to wait for a leader.
    pub timing: Timing,
    /// How long an ask may take.
    pub request_timeout: Duration,
    /// Bytes of data and history that a keyspace may hold; `None` is no limit.
    pub quota: Option<u64>,
    /// How long history is kept; `None`: until somebody compacts it.
    pub keep_history: Option<Duration>,
    /// The size of a segment of the log, in bytes.
    pub segment_bytes: u64,
    /// Decides every random choice of this life; another one each time.
    pub seed: u64,
    /// Names a new data directory's life; not used if the directory has one.
    pub incarnation: u64,
}

/// A node that is ready to be driven.
#[derive(Debug)]
pub struct Booted {
    /// The machine.
    pub lane: Lane,
    /// Its cluster.
    pub cluster: ClusterId,
    /// Its id.
    pub me: NodeId,
    /// The life of its data directory.
    pub incarnation: Incarnation,
    /// The other members.
    pub peers: Vec<Peer>,
    /// One line for people: what recovery found.
    pub report: String,
}

/// Another member of the cluster.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Peer {
    /// Its id.
    pub id: NodeId,
    /// Its name.
    pub name: String,
    /// Where it is reached.
    pub urls: Vec<String>,
}

/// Why a node does not start. Nothing was changed, except that a torn end of
/// the log may have been cut.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BootError {
    /// The members make no cluster.
    Bootstrap(BootstrapError),
    /// The identity of the data directory cannot be read.
    Identity(IdentityError),
    /// The log cannot be used.
    Recover(RecoverError),
    /// The data directory belongs to a node with another name or another cluster.
    Foreign {
        /// The name and cluster that the directory has.
        is: String,
        /// The name and cluster that were given.
        given: String,
    },
    /// A group's protocol cannot go on from its log.
    Open {
        /// The group.
        group: GroupId,
        /// Why.
        error: OpenError,
    },
    /// A group's log holds what this version cannot read.
    Log {
        /// The group.
        group: GroupId,
        /// Where.
        index: Index,
        /// What is wrong.
        why: &'static str,
    },
}

impl fmt::Display for BootError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bootstrap(error) => error.fmt(f),
            Self::Identity(error) => error.fmt(f),
            Self::Recover(error) => error.fmt(f),
            Self::Foreign { is, given } => write!(
                f,
                "the data directory belongs to {is}, this node was started as {given}; use \
                 another data directory, or the name, token and members it was made with"
            ),
            Self::Open { group, error } => write!(f, "the log of {group}: {error}"),
            Self::Log { group, index, why } => write!(f, "the log of {group} at {index}: {why}"),
        }
    }
}

impl core::error::Error for BootError {}

/// Opens the data directory, makes it if it is new, and puts the lane together.
pub fn boot(disk: &mut dyn Disk, options: &BootOptions, now: Time) -> Result<Booted, BootError> {
    let bootstrap =
        Bootstrap::new(&options.token, &options.members).map_err(BootError::Bootstrap)?;
    let member = bootstrap.named(&options.name).map_err(BootError::Bootstrap)?;
    let (me, cluster) = (member.id, bootstrap.cluster());
    let known = identity::load(disk).map_err(BootError::Identity)?;
    if let Some(known) = &known {
        check_identity(known, me, cluster, &options.name)?;
    }
    let incarnation = known
        .as_ref()
        .map_or(Incarnation(options.incarnation.max(1)), |known| known.owner.incarnation);
    let owner = Owner { cluster, node: me, incarnation };
    let (recovered, owner) = open_log(disk, owner, options.segment_bytes, known.is_some())?;
    if known.is_none() {
        let identity = new_identity(owner, &options.name, &bootstrap);
        identity::store(disk, &identity).map_err(BootError::Identity)?;
    }
    let report = format!(
        "{} records in {} segments from number {} on, {} bytes of a torn end cut",
        recovered.report.records,
        recovered.report.segments,
        recovered.report.floor,
        recovered.report.cut_bytes
    );
    let others = bootstrap.members.iter().filter(|it| it.id != me);
    let peers = others
        .map(|it| Peer { id: it.id, name: it.name.clone(), urls: it.peer_urls.clone() })
        .collect();
    let lane = assemble(owner, recovered, bootstrap, options, now)?;
    Ok(Booted { lane, cluster, me, incarnation: owner.incarnation, peers, report })
}

fn check_identity(
    known: &Identity,
    me: NodeId,
    cluster: ClusterId,
    name: &str,
) -> Result<(), BootError> {
    if (known.owner.node, known.owner.cluster) == (me, cluster) {
        return Ok(());
    }
    Err(BootError::Foreign {
        is: format!("{:?} of cluster {}", known.name, known.owner.cluster),
        given: format!("{name:?} of cluster {cluster}"),
    })
}

/// Recovers the log. A directory with a log and without an identity was left
/// by a first start that did not get far enough to take part in anything: its
/// incarnation is taken over.
fn open_log(
    disk: &mut dyn Disk,
    owner: Owner,
    segment_bytes: u64,
    must_exist: bool,
) -> Result<(Recovered, Owner), BootError> {
    let options = |owner| Options { owner, lane: 0, segment_bytes, must_exist };
    match recover(disk, &options(owner), &BTreeMap::new()) {
        Ok(recovered) => Ok((recovered, owner)),
        Err(RecoverError::Foreign { what: "incarnation", got, .. }) if !must_exist => {
            let owner = Owner { incarnation: Incarnation(got), ..owner };
            let recovered =
                recover(disk, &options(owner), &BTreeMap::new()).map_err(BootError::Recover)?;
            Ok((recovered, owner))
        }
        Err(error) => Err(BootError::Recover(error)),
    }
}

fn new_identity(owner: Owner, name: &str, bootstrap: &Bootstrap) -> Identity {
    let member = |it: &Member| identity::Member {
        node: it.id,
        name: it.name.clone(),
        peer_urls: it.peer_urls.clone(),
    };
    Identity {
        owner,
        name: name.to_string(),
        bootstrap: identity::Bootstrap {
            token: Bytes::copy_from_slice(bootstrap.token.as_bytes()),
            protocol: ProtocolKind::Raft as u8,
            members: bootstrap.members.iter().map(member).collect(),
        },
    }
}

fn assemble(
    owner: Owner,
    mut recovered: Recovered,
    bootstrap: Bootstrap,
    options: &BootOptions,
    now: Time,
) -> Result<Lane, BootError> {
    let mut prng = base::prng::Prng::new(options.seed);
    let mut groups = BTreeMap::new();
    for group in [GroupId::DIRECTORY, GroupId::DEFAULT] {
        let found = recovered.groups.remove(&group);
        let stable = stable(group, found, recovered.wal.durable())?;
        let setup = Setup {
            me: owner.node,
            voters: bootstrap.voters(),
            timing: options.timing,
            seed: prng.next(),
            retention: consensus::contract::Retention::default(),
            mute: false,
        };
        let protocol = Protocol::open(ProtocolKind::Raft, setup.clone(), stable).map_err(|_| {
            BootError::Log { group, index: Index::ZERO, why: "it cannot be opened" }
        })?;
        let sender = Sender { group, era: FIRST_ERA, incarnation: owner.incarnation };
        let limits = Limits { quota: options.quota, keep_history: options.keep_history };
        groups.insert(group, Replica::new(sender, &setup, protocol, prng.next(), limits));
    }
    let own = Own { me: owner.node, client_urls: options.client_urls.clone(), bootstrap };
    let (heartbeat, request_timeout) = (options.timing.heartbeat, options.request_timeout);
    let (wal, lease_floor_s) = (recovered.wal, lease_floor_s(options.timing.election));
    let parts = Parts { own, wal, groups, heartbeat, request_timeout, prng, lease_floor_s };
    Ok(Lane::new(parts, now))
}

/// The least time of a lease: one and a half election timeouts, in whole
/// seconds (etcd's rule), so that a change of leader ends none by itself.
fn lease_floor_s(election: Duration) -> u64 {
    (election * 3 / 2).as_nanos().div_ceil(1_000_000_000).try_into().unwrap_or(u64::MAX)
}

/// What the log says about a group, in the words of the protocol.
fn stable(
    group: GroupId,
    found: Option<GroupRecovered>,
    durable: Serial,
) -> Result<Stable, BootError> {
    let Some(found) = found else { return Ok(Stable { durable, ..Stable::default() }) };
    let mut entries = Vec::with_capacity(found.entries.len());
    for (index, entry) in found.entries {
        let bad = |why| BootError::Log { group, index, why };
        if index.0 != entries.len() as u64 + 1 {
            return Err(bad("an entry before it is missing"));
        }
        let kind = EntryKind::from_u8(entry.entry_kind)
            .ok_or_else(|| bad("its kind is unknown; a newer version wrote it"))?;
        let (ballot, clock, body) = (entry.ballot, entry.clock, entry.body);
        entries.push(Entry { index, ballot, kind, clock, body });
    }
    let vote = found.vote.map(|(_, body)| body);
    Ok(Stable { vote, entries, durable, ..Stable::default() })
}
