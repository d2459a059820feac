//! From a data directory to a lane: who we are, what the log says, and the
//! replicas that go on from there. Used alike by the real world and the simulated one.

mod error;
mod log;

use crate::bootstrap::{Bootstrap, MemberSpec};
use crate::directory::Own;
use crate::event::Member;
use crate::lane::{Lane, Parts};
use crate::mail::Sender;
use crate::replica::{Limits, Replica, Start};
use crate::restore::{Restored, restore};
use crate::standing::Standing;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use base::{ClusterId, Era, GroupId, Incarnation, Index, NodeId, Time};
use bytes::Bytes;
pub use consensus::contract::Timing;
use consensus::contract::{Retention, Setup, Stable};
use consensus::heal::Healing;
pub use consensus::kind::ProtocolKind;
use consensus::protocol::Protocol;
use core::time::Duration;
pub use error::BootError;
use journal::checkpoint;
use journal::disk::Disk;
use journal::identity::{self, Identity};
use journal::record::Owner;
use journal::recover::Recovered;
use journal::wal::Wal;
use log::{Found, Log};

/// The era every new cluster begins with.
pub(crate) const FIRST_ERA: Era = Era(1);

/// What a node is told when it starts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BootOptions {
    /// Its name; one of the members'.
    pub name: String,
    /// Sets apart clusters with the same members.
    pub token: String,
    /// The members of the new cluster, in any order.
    pub members: Vec<MemberSpec>,
    /// The protocol of its groups. `None`: the one that the directory has, and Raft
    /// if it is new.
    pub protocol: Option<ProtocolKind>,
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
    /// Bytes of the log behind a group's newest checkpoint that make another one
    /// due, if that is more than half of what that checkpoint takes.
    pub checkpoint_bytes: u64,
    /// Bytes of the log that stay in memory behind that checkpoint once all have them.
    pub held_bytes: usize,
    /// Changes that one turn takes out of a compacted keyspace.
    pub sweep_per_turn: usize,
    /// Record bytes that wait for the disk before a leader hands over and proposes
    /// nothing more.
    pub pending_bytes: usize,
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
    /// What its groups speak.
    pub protocol: ProtocolKind,
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

/// Opens the data directory, makes it if it is new, and puts the lane together.
pub fn boot(disk: &mut dyn Disk, options: &BootOptions, now: Time) -> Result<Booted, BootError> {
    let known = identity::load(disk).map_err(BootError::Identity)?;
    let protocol = protocol(known.as_ref(), options.protocol)?;
    let bootstrap =
        Bootstrap::new(&options.token, protocol, &options.members).map_err(BootError::Bootstrap)?;
    let member = bootstrap.named(&options.name).map_err(BootError::Bootstrap)?;
    let (me, cluster) = (member.id, bootstrap.cluster());
    if let Some(known) = &known {
        check_identity(known, me, cluster, &options.name)?;
    }
    let incarnation = known
        .as_ref()
        .map_or(Incarnation(options.incarnation.max(1)), |known| known.owner.incarnation);
    let owner = Owner { cluster, node: me, incarnation };
    let mut states = restore_all(disk, &owner)?;
    let others = bootstrap.members.len() > 1;
    let (segment_bytes, must_exist) = (options.segment_bytes, known.is_some());
    let log = Log { protocol, segment_bytes, must_exist, others };
    let found = log.open(disk, owner, &states)?;
    let Found { mut recovered, owner, stables, healing } = found;
    let mute = if known.is_none() && others {
        identity::mark_mute(disk, &owner).map_err(BootError::Identity)?;
        true
    } else {
        identity::is_mute(disk).map_err(BootError::Identity)?
    };
    if known.is_none() {
        let identity = new_identity(owner, &options.name, &bootstrap);
        identity::store(disk, &identity).map_err(BootError::Identity)?;
    }
    let report = report(&recovered, &states, healing.as_deref());
    let others = bootstrap.members.iter().filter(|it| it.id != me);
    let peers = others
        .map(|it| Peer { id: it.id, name: it.name.clone(), urls: it.peer_urls.clone() })
        .collect();
    for (group, state) in &states {
        recovered.wal.release(*group, state.keep.released());
    }
    let ready = Ready { owner, mute, healing, wal: recovered.wal, stables };
    let lane = assemble(ready, &mut states, bootstrap, options, now)?;
    let incarnation = owner.incarnation;
    Ok(Booted { lane, cluster, me, incarnation, protocol, peers, report })
}

/// The states of all groups as their checkpoints have them.
fn restore_all(
    disk: &mut dyn Disk,
    owner: &Owner,
) -> Result<BTreeMap<GroupId, Restored>, BootError> {
    let mut found = checkpoint::find(disk, owner).map_err(BootError::Checkpoint)?;
    let mut states = BTreeMap::new();
    for group in [GroupId::DIRECTORY, GroupId::DEFAULT] {
        let found = found.remove(&group).unwrap_or_default();
        states.insert(group, restore(disk, owner, group, found).map_err(BootError::Disk)?);
    }
    Ok(states)
}

/// One line for people: what was found.
fn report(
    recovered: &Recovered,
    states: &BTreeMap<GroupId, Restored>,
    healing: Option<&str>,
) -> String {
    let mut line = format!(
        "{} records in {} segments from number {} on, {} bytes of a torn end cut",
        recovered.report.records,
        recovered.report.segments,
        recovered.report.floor,
        recovered.report.cut_bytes
    );
    if let Some(damage) = healing {
        line.push_str(&format!(
            "; the log was damaged and is set aside: {damage}; this node is healed from the \
             others, and until then it neither votes nor counts"
        ));
    }
    for (group, state) in states {
        if state.place.index > Index::ZERO {
            line.push_str(&format!("; {group} from a checkpoint at {}", state.place.index));
        }
        for damaged in &state.damaged {
            line.push_str(&format!("; a damaged checkpoint of {group} was passed over, {damaged}"));
        }
    }
    line
}

/// The protocol of the directory, or of a new one.
fn protocol(
    known: Option<&Identity>,
    given: Option<ProtocolKind>,
) -> Result<ProtocolKind, BootError> {
    let Some(known) = known else { return Ok(given.unwrap_or_default()) };
    let number = known.bootstrap.protocol;
    match ProtocolKind::from_u8(number) {
        Some(kind) if given.is_none_or(|given| given == kind) => Ok(kind),
        Some(kind) => Err(BootError::Protocol { is: kind.name().into(), given }),
        None => Err(BootError::Protocol { is: format!("number {number}"), given: None }),
    }
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

pub(crate) fn new_identity(owner: Owner, name: &str, bootstrap: &Bootstrap) -> Identity {
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
            protocol: bootstrap.protocol as u8,
            members: bootstrap.members.iter().map(member).collect(),
        },
    }
}

/// What a lane is put together from, beside the states.
struct Ready {
    owner: Owner,
    mute: bool,
    healing: Option<String>,
    wal: Wal,
    stables: BTreeMap<GroupId, Stable>,
}

fn assemble(
    ready: Ready,
    states: &mut BTreeMap<GroupId, Restored>,
    bootstrap: Bootstrap,
    options: &BootOptions,
    now: Time,
) -> Result<Lane, BootError> {
    let Ready { owner, mute, healing, wal, mut stables } = ready;
    let mut prng = base::prng::Prng::new(options.seed);
    let mut groups = BTreeMap::new();
    for (group, state) in core::mem::take(states) {
        let stable = stables.remove(&group).unwrap_or_default();
        let setup = Setup {
            me: owner.node,
            voters: bootstrap.voters(),
            timing: options.timing,
            seed: prng.next(),
            retention: retention(options),
            mute: mute || healing.is_some(),
        };
        let behind = stable.entries.iter().map(|entry| entry.body.len()).collect::<Vec<_>>();
        let protocol = Protocol::open(bootstrap.protocol, setup.clone(), stable)
            .map_err(|error| BootError::Open { group, error })?;
        let sender = Sender { group, era: FIRST_ERA, incarnation: owner.incarnation };
        let limits = Limits {
            quota: options.quota,
            keep_history: options.keep_history,
            checkpoint_bytes: options.checkpoint_bytes,
            sweep_per_turn: options.sweep_per_turn,
            pending_bytes: options.pending_bytes,
        };
        let (life, others) = (prng.next(), bootstrap.members.len() - 1);
        let healing = healing.as_ref().map(|_| Healing::new(life, others));
        let parts = Start { sender, setup, protocol, state, life, limits, healing, now };
        let mut replica = Replica::new(parts);
        behind.into_iter().for_each(|bytes| replica.keep.on_entry(bytes));
        groups.insert(group, replica);
    }
    let standing = if mute {
        Standing::mute(owner.incarnation, bootstrap.members.len())
    } else {
        Standing::Voter
    };
    let own = Own { me: owner.node, owner, client_urls: options.client_urls.clone(), bootstrap };
    let (timing, request_timeout) = (options.timing, options.request_timeout);
    let patience = options.timing.election;
    let lease_floor_s = lease_floor_s(patience);
    let parts = Parts {
        own,
        wal,
        groups,
        standing,
        healing,
        timing,
        patience,
        request_timeout,
        prng,
        lease_floor_s,
    };
    Ok(Lane::new(parts, now))
}

/// What stays in memory below a checkpoint: not more than half of the log that
/// makes one due, or followers would never need one.
fn retention(options: &BootOptions) -> Retention {
    let usual = Retention::default();
    let half = usize::try_from(options.checkpoint_bytes / 2).unwrap_or(usize::MAX);
    Retention { bytes: usual.bytes.min(half), held_bytes: options.held_bytes, ..usual }
}

/// The least time of a lease: one and a half election timeouts, in whole
/// seconds (etcd's rule), so that a change of leader ends none by itself.
fn lease_floor_s(election: Duration) -> u64 {
    (election * 3 / 2).as_nanos().div_ceil(1_000_000_000).try_into().unwrap_or(u64::MAX)
}
