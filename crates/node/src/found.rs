//! A data directory for a member of a new cluster that begins with a state: what
//! `boot` opens as it opens any other.
//!
//! It holds one checkpoint and a log that says two things: that the log begins
//! behind it, and the promise that belongs to it. Every member begins with the same
//! state, so whoever is elected has it. The place of the state keeps its index, for
//! the state names indices, and gets the ballot of a new cluster: those of the old
//! one mean nothing here. The directory of the cluster begins empty.

use crate::backup::Head;
use crate::boot::{FIRST_ERA, new_identity};
use crate::bootstrap::{Bootstrap, BootstrapError, MemberSpec};
use crate::job::{ThawError, Thawing};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use base::checksum::content_id;
use base::limits::CHUNK_BYTES_MAX;
use base::{ClusterId, GroupId, Incarnation, KeyspaceId, NodeId, Time};
use bytes::Bytes;
use consensus::protocol::{Protocol, ProtocolKind};
use core::fmt;
use journal::checkpoint::{self, Chunk, Contents, Slot};
use journal::disk::{Disk, DiskError};
use journal::identity::{self, IdentityError};
use journal::record::{Owner, Record, RecordKind};
use journal::recover::{RecoverError, recover};
use journal::wal::Options;

/// The only checkpoint of a new directory is there.
const SLOT: Slot = Slot::A;

/// Which member of which cluster.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FoundOptions {
    /// Its name; one of the members'.
    pub name: String,
    /// Sets apart clusters with the same members.
    pub token: String,
    /// The members of the new cluster, in any order.
    pub members: Vec<MemberSpec>,
    /// The protocol of its groups.
    pub protocol: ProtocolKind,
    /// The size of a segment of the log, in bytes.
    pub segment_bytes: u64,
    /// Names the new directory's life; another one each time.
    pub incarnation: u64,
}

/// A directory that is being made. Without its last file, which
/// [`Founding::finish`] writes, it must not be started from.
#[derive(Debug)]
pub struct Founding {
    owner: Owner,
    name: String,
    bootstrap: Bootstrap,
    segment_bytes: u64,
    promise: Bytes,
    head: Head,
    contents: Contents,
    /// The state itself: what makes none is refused here, not at the first start.
    thawing: Thawing,
}

/// Who a new directory belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Founded {
    /// The new cluster.
    pub cluster: ClusterId,
    /// The member.
    pub node: NodeId,
}

/// Why no directory is made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FoundError {
    /// The members make no cluster.
    Bootstrap(BootstrapError),
    /// It would be the cluster that the state was taken from.
    SameCluster(ClusterId),
    /// There is something in the directory.
    NotEmpty,
    /// The state is of a keyspace that no group is for.
    Keyspace(KeyspaceId),
    /// The chunks make no state.
    State(String),
    /// The disk failed.
    Disk(DiskError),
    /// The log could not be begun.
    Log(RecoverError),
    /// The identity could not be written.
    Identity(IdentityError),
}

impl fmt::Display for FoundError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bootstrap(error) => error.fmt(f),
            Self::SameCluster(cluster) => write!(
                f,
                "token and members are those of cluster {cluster}, which the snapshot was taken \
                 from: its members and this one would take each other for their own; choose \
                 another --initial-cluster-token"
            ),
            Self::NotEmpty => write!(f, "the data directory is not empty"),
            Self::Keyspace(keyspace) => {
                write!(f, "it is of keyspace {}, which a new cluster does not have", keyspace.0)
            }
            Self::State(why) => write!(f, "its chunks make no state: {why}"),
            Self::Disk(error) => error.fmt(f),
            Self::Log(error) => error.fmt(f),
            Self::Identity(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for FoundError {}

impl From<DiskError> for FoundError {
    fn from(error: DiskError) -> Self {
        Self::Disk(error)
    }
}

impl From<ThawError> for FoundError {
    fn from(error: ThawError) -> Self {
        Self::State(alloc::format!("{error}"))
    }
}

impl From<RecoverError> for FoundError {
    fn from(error: RecoverError) -> Self {
        Self::Log(error)
    }
}

impl From<IdentityError> for FoundError {
    fn from(error: IdentityError) -> Self {
        Self::Identity(error)
    }
}

impl From<BootstrapError> for FoundError {
    fn from(error: BootstrapError) -> Self {
        Self::Bootstrap(error)
    }
}

impl Founding {
    /// A directory in `disk`, which is empty, for the state whose backup begins so.
    pub fn begin(
        disk: &mut dyn Disk,
        options: &FoundOptions,
        head: Head,
    ) -> Result<Self, FoundError> {
        let bootstrap = Bootstrap::new(&options.token, options.protocol, &options.members)?;
        let (node, cluster) = (bootstrap.named(&options.name)?.id, bootstrap.cluster());
        if cluster == head.cluster {
            return Err(FoundError::SameCluster(cluster));
        }
        let group = GroupId(head.keyspace.0);
        if group != GroupId::DEFAULT {
            return Err(FoundError::Keyspace(head.keyspace));
        }
        if !disk.list()?.is_empty() {
            return Err(FoundError::NotEmpty);
        }
        let (ballot, promise) = Protocol::founding(options.protocol);
        let (index, clock) = (head.place.index, head.clock);
        Ok(Self {
            owner: Owner { cluster, node, incarnation: Incarnation(options.incarnation.max(1)) },
            name: options.name.clone(),
            bootstrap,
            segment_bytes: options.segment_bytes,
            promise,
            head,
            contents: Contents { group, index, ballot, clock, chunks: Vec::new() },
            thawing: Thawing::new(group),
        })
    }

    /// The next chunk of the state, in canonical order.
    pub fn add(&mut self, disk: &mut dyn Disk, chunk: &Bytes) -> Result<(), FoundError> {
        self.thawing.add(chunk)?;
        let bytes = u32::try_from(chunk.len()).unwrap_or(u32::MAX);
        base::invariant!(I38, chunk.len() <= CHUNK_BYTES_MAX, "a chunk of {bytes} bytes");
        let id = content_id(chunk);
        self.contents.chunks.push(Chunk { id, bytes });
        let group = self.contents.group;
        Ok(disk.sync(checkpoint::write_chunk(&self.owner, group, SLOT, id, chunk))?)
    }

    /// That was all, and the backup was whole: the directory is finished, its
    /// identity last.
    pub fn finish(self, disk: &mut dyn Disk) -> Result<Founded, FoundError> {
        let Self { owner, name, bootstrap, segment_bytes, promise, head, contents, thawing } = self;
        let machine = thawing.finish(contents.index)?;
        let revision = machine.keyspace().map(kv::machine::Machine::revision);
        if revision != Some(head.revision) {
            return Err(FoundError::State("its revision is not that of the head".into()));
        }
        disk.sync(checkpoint::write_manifest(&owner, SLOT, &contents))?;
        begin_log(disk, owner, segment_bytes, &contents, promise)?;
        if bootstrap.members.len() > 1 {
            identity::mark_mute(disk, &owner)?;
        }
        identity::store(disk, &new_identity(owner, &name, &bootstrap))?;
        Ok(Founded { cluster: owner.cluster, node: owner.node })
    }
}

/// A log with the promise and the place behind which it begins. Without the latter
/// a lost checkpoint would look like a group that has no entries yet.
fn begin_log(
    disk: &mut dyn Disk,
    owner: Owner,
    segment_bytes: u64,
    contents: &Contents,
    promise: Bytes,
) -> Result<(), FoundError> {
    let Contents { group, index, ballot, .. } = *contents;
    let options = Options { owner, lane: 0, segment_bytes, must_exist: false };
    let held = BTreeMap::from([(group, index)]);
    let mut wal = recover(disk, &options, &held)?.wal;
    let record =
        |kind, body| Record { group, incarnation: owner.incarnation, era: FIRST_ERA, kind, body };
    wal.append(record(RecordKind::Vote { ballot }, promise));
    wal.append(record(RecordKind::Restore { index, ballot, keep: false }, Bytes::new()));
    while let Some(op) = wal.next_op(Time::ZERO) {
        wal.on_done(Time::ZERO, disk.perform(op))?;
    }
    Ok(())
}
