//! From the log of a lane to what each group's protocol finds. A log that lost
//! something is set aside where there are others to be healed from.

use super::error::BootError;
use crate::restore::Restored;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use base::{GroupId, Incarnation, Index, Serial};
use consensus::contract::Stable;
use consensus::entry::{Entry, EntryKind};
use consensus::kind::ProtocolKind;
use journal::disk::Disk;
use journal::history::GroupRecovered;
use journal::lost;
use journal::record::Owner;
use journal::recover::{RecoverError, Recovered, recover};
use journal::wal::Options;

const MISSING: &str = "an entry before it is missing";

/// The log that is to be opened.
#[derive(Clone, Copy)]
pub(super) struct Log {
    pub(super) protocol: ProtocolKind,
    pub(super) segment_bytes: u64,
    /// The directory had one.
    pub(super) must_exist: bool,
    /// There are other nodes.
    pub(super) others: bool,
}

/// A log that was opened.
pub(super) struct Found {
    pub(super) recovered: Recovered,
    pub(super) owner: Owner,
    pub(super) stables: BTreeMap<GroupId, Stable>,
    /// What was wrong with one before it, which is set aside until the node is whole.
    pub(super) healing: Option<String>,
}

impl Log {
    /// Opens the log. If it has lost something, and there are others, it is set
    /// aside, and the groups go on from their checkpoints without their promises.
    pub(super) fn open(
        self,
        disk: &mut dyn Disk,
        owner: Owner,
        states: &BTreeMap<GroupId, Restored>,
    ) -> Result<Found, BootError> {
        let found = self.read(disk, owner, states);
        let why = match &found {
            Err(why) if self.must_exist && self.others && is_damage(why) => why.to_string(),
            _ => return found,
        };
        base::sometimes!(LogSetAside);
        let lacks =
            states.iter().map(|(group, it)| format!(" {group} {} and up", it.place.index.next()));
        let why = format!("{}; what is lacking is in{}", brief(&why), lacks.collect::<String>());
        lost::set_aside(disk, 0, &why).map_err(BootError::Disk)?;
        Self { must_exist: false, ..self }.read(disk, owner, states)
    }

    fn read(
        self,
        disk: &mut dyn Disk,
        owner: Owner,
        states: &BTreeMap<GroupId, Restored>,
    ) -> Result<Found, BootError> {
        let held = states.iter().map(|(group, it)| (*group, it.place.index)).collect();
        let (mut recovered, owner) = self.recover(disk, owner, &held)?;
        let healing = lost::marked(disk).map_err(BootError::Disk)?;
        let mut stables = BTreeMap::new();
        for (group, state) in states {
            let found = recovered.groups.remove(group);
            let durable = recovered.wal.durable();
            let from = (self.protocol, *group);
            let stable = stable(from, found, state, durable, healing.is_some())?;
            stables.insert(*group, stable);
        }
        Ok(Found { recovered, owner, stables, healing })
    }

    /// Recovers the log. A directory with a log and without an identity was left
    /// by a first start that did not get far enough to take part in anything: its
    /// incarnation is taken over.
    fn recover(
        self,
        disk: &mut dyn Disk,
        owner: Owner,
        held: &BTreeMap<GroupId, Index>,
    ) -> Result<(Recovered, Owner), BootError> {
        let Self { segment_bytes, must_exist, .. } = self;
        let options = |owner| Options { owner, lane: 0, segment_bytes, must_exist };
        match recover(disk, &options(owner), held) {
            Ok(recovered) => Ok((recovered, owner)),
            Err(RecoverError::Foreign { what: "incarnation", got, .. }) if !must_exist => {
                let owner = Owner { incarnation: Incarnation(got), ..owner };
                let recovered = recover(disk, &options(owner), held).map_err(BootError::Recover)?;
                Ok((recovered, owner))
            }
            Err(error) => Err(BootError::Recover(error)),
        }
    }
}

/// What is wrong, without the advice for those who are alone.
fn brief(why: &str) -> &str {
    let whole = |cut| why.split_once(cut).map(|(what, _)| what);
    whole("; restore").or_else(|| whole("; let this node")).unwrap_or(why)
}

/// Whether something that was durable is gone, and not merely out of reach.
fn is_damage(why: &BootError) -> bool {
    match why {
        BootError::Recover(why) => matches!(
            why,
            RecoverError::Damage { .. } | RecoverError::Floor { .. } | RecoverError::Gone
        ),
        BootError::Log { why, .. } => *why == MISSING,
        _ => false,
    }
}

/// What the log says about a group behind its checkpoint, in the words of the
/// protocol.
fn stable(
    (kind, group): (ProtocolKind, GroupId),
    found: Option<GroupRecovered>,
    state: &Restored,
    durable: Serial,
    healing: bool,
) -> Result<Stable, BootError> {
    let (base, base_clock) = (state.place, state.clock);
    let empty = Stable { base, base_clock, durable, ..Stable::default() };
    let Some(mut found) = found else {
        // A log that was begun anew does not reach back to an older checkpoint: it
        // says so, or it would seem whole if the newest went bad.
        let stale = Some(base.index).filter(|index| healing && *index > Index::ZERO);
        return Ok(Stable { stale, ..empty });
    };
    let bad = |index, why| BootError::Log { group, index, why, damaged: state.damaged.clone() };
    let needed = found.base.map_or(Index::ZERO, |(index, _)| index).max(found.released);
    if needed > base.index {
        return Err(bad(base.index.next(), MISSING));
    }
    let vote = found.vote.map(|(_, body)| body);
    let last = found.entries.keys().next_back().copied();
    let at_base = found.entries.remove(&base.index);
    if !kind.has_gaps() && at_base.is_some_and(|entry| entry.ballot != base.ballot) {
        // A checkpoint of another node was taken over, and a crash kept the log
        // from saying so: what it holds behind that place never was chosen.
        base::sometimes!(LogVoidAtBoot);
        return Ok(Stable { vote, stale: last, ..empty });
    }
    let mut entries = Vec::with_capacity(found.entries.len());
    let mut accepted = Vec::new();
    for (index, entry) in found.entries {
        if index <= base.index {
            continue;
        }
        if kind.has_gaps() {
            accepted.push(entry.accepted);
        } else if index.0 != base.index.0 + entries.len() as u64 + 1 {
            return Err(bad(index, MISSING));
        }
        let kind = EntryKind::from_u8(entry.entry_kind)
            .ok_or_else(|| bad(index, "its kind is unknown; a newer version wrote it"))?;
        let (ballot, clock, body) = (entry.ballot, entry.clock, entry.body);
        entries.push(Entry { index, ballot, kind, clock, body });
    }
    let chosen = found.chosen;
    Ok(Stable { vote, entries, accepted, chosen, ..empty })
}
