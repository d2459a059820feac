//! Disks that go bad in silence: which bytes of which checkpoint, and what a
//! node must say of it when it starts. And logs: what of them goes bad, and that
//! the node is whole again before it counts.

mod log;

use crate::check::Violation;
use crate::disk::{Flip, SimDisk};
use base::prng::Prng;
use base::{GroupId, Index};
use std::collections::BTreeMap;

/// Which checkpoint goes bad.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rot {
    /// The newest: the older one takes its place, and the node says so.
    Newest,
    /// The older one, which nobody needs.
    Older,
    /// Both: if the log does not reach back behind them, the node has lost something.
    Both,
    /// Something durable in the log.
    Log,
}

/// What is known of the checkpoints on one disk.
#[derive(Clone, Debug, Default)]
pub(crate) struct Checkpoints {
    groups: BTreeMap<GroupId, Group>,
    /// Something that was promised may be lost, and nobody has said that the node
    /// is whole again.
    pub(crate) hurt: bool,
    /// The next start must say so.
    told: bool,
}

#[derive(Clone, Debug, Default)]
struct Group {
    /// The manifest of the newest.
    newest: Option<Flip>,
    /// Of which place it is, and whether the other one is of the same: then
    /// either is as good.
    index: Index,
    twins: bool,
    /// The log reaches back to the other one, and nothing of it is damaged.
    spare: bool,
    /// Of each slot, by the beginning of its files' names: a checkpoint takes damage
    /// away from its own slot and leaves what is in the other one.
    damaged: BTreeMap<String, Damaged>,
}

impl Group {
    fn damaged(&self, slot: &str) -> Damaged {
        self.damaged.get(slot).copied().unwrap_or_default()
    }
}

/// What a start must say of damage.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Damaged {
    #[default]
    Nothing,
    /// It must be told.
    Told,
    /// It may have been written over, or nobody may have looked there.
    Perhaps,
}

impl Checkpoints {
    /// A checkpoint is current now: one that this node made, or one that it
    /// took over. Behind the latter there is no log.
    pub(crate) fn on_current(&mut self, group: GroupId, index: Index, own: bool, disk: &SimDisk) {
        let newest = disk.flipped(group).cloned();
        let before = self.groups.remove(&group);
        let twins = before.as_ref().is_some_and(|before| before.index == index);
        let mut damaged = before.map(|before| before.damaged).unwrap_or_default();
        if let Some(slot) = newest.as_ref().and_then(slot_of) {
            damaged.remove(slot);
        }
        self.groups.insert(group, Group { newest, index, twins, spare: own, damaged });
    }

    /// One byte of a checkpoint changes; says which file it was in. Nothing
    /// happens where the node could not know what it lacks.
    pub(crate) fn rot(
        &mut self,
        disk: &mut SimDisk,
        rot: Rot,
        prng: &mut Prng,
    ) -> Option<Vec<String>> {
        let whole = |(group, it): &(&GroupId, &mut Group)| {
            it.spare && it.newest.as_ref() == disk.flipped(**group)
        };
        let mut groups: Vec<_> = self.groups.iter_mut().filter(whole).collect();
        let place = prng.below(groups.len().max(1) as u64) as usize;
        let (_, group) = groups.get_mut(place)?;
        let newest = group.newest.as_ref().and_then(slot_of)?.to_owned();
        let older = other_slot(&newest)?;
        let slots: &[&String] = match rot {
            Rot::Newest | Rot::Log => &[&newest],
            Rot::Older => &[&older],
            Rot::Both => &[&newest, &older],
        };
        let mut files = Vec::new();
        for slot in slots {
            let Some(file) = disk.spoil(slot, prng) else { continue };
            files.push(file);
            let told = **slot == newest && !group.twins;
            let damaged = if told { Damaged::Told } else { Damaged::Perhaps };
            group.damaged.insert((*slot).clone(), damaged);
        }
        if files.is_empty() {
            return None;
        }
        group.spare = false;
        self.hurt |= rot == Rot::Both;
        Some(files)
    }

    /// Something durable in the log changes; says what.
    pub(crate) fn rot_log(&mut self, disk: &mut SimDisk, prng: &mut Prng) -> Option<String> {
        let what = log::spoil(disk, prng)?;
        (self.hurt, self.told) = (true, true);
        // What is begun anew reaches back to the newest checkpoint only.
        self.groups.values_mut().for_each(|group| group.spare = false);
        Some(what)
    }

    /// A node has started, and this is what it found. It must have noticed that
    /// its newest checkpoint or its log is damaged, and may not find damage where
    /// none is.
    pub(crate) fn on_start(&mut self, report: &str) -> Option<Violation> {
        let heals = report.contains("is healed from the others");
        let noticed = report.contains("the log was damaged") || heals;
        let blind = core::mem::take(&mut self.told) && !noticed;
        let made_up = noticed && !self.hurt;
        self.hurt &= heals;
        if blind || made_up {
            let what = if blind { "is not noticed" } else { "is made up" };
            return Some(Violation::new("rot", format!("damage {what}: {report}")));
        }
        self.checkpoints_on_start(report)
    }

    fn checkpoints_on_start(&mut self, report: &str) -> Option<Violation> {
        let all = [GroupId::DIRECTORY, GroupId::DEFAULT];
        all.into_iter().find_map(|group| {
            let known = self.groups.entry(group).or_default();
            known.index = place(report, group).unwrap_or_default();
            let violation = wrong(known, group, report);
            for damaged in known.damaged.values_mut() {
                *damaged = Damaged::Perhaps;
            }
            violation
        })
    }
}

/// What a start says of damage, or does not say, and should not or should.
fn wrong(known: &Group, group: GroupId, report: &str) -> Option<Violation> {
    let says = format!("a damaged checkpoint of {group} was passed over, ");
    let named: Vec<&str> = report.split("; ").filter_map(|it| it.strip_prefix(&says)).collect();
    let slots = ["a", "b"].map(|letter| format!("state-{}-{letter}", group.0));
    let is_of = |named: &&str, slot: &String| named.starts_with(slot.as_str());
    let nowhere = named.iter().find(|named| !slots.iter().any(|slot| is_of(named, slot)));
    let is_wrong = |slot: &&String| {
        let told = named.iter().any(|named| is_of(named, slot));
        match known.damaged(slot) {
            Damaged::Nothing => told,
            Damaged::Told => !told,
            Damaged::Perhaps => false,
        }
    };
    let what = match (nowhere, slots.iter().find(is_wrong)) {
        (Some(named), _) => format!("no file of {group} is {named:?}: {report}"),
        (None, Some(slot)) => {
            format!("{:?} of {slot}, and the start says: {report}", known.damaged(slot))
        }
        (None, None) => return None,
    };
    Some(Violation::new("rot", what))
}

/// Of which place the checkpoint is that a node started from.
fn place(report: &str, group: GroupId) -> Option<Index> {
    let from = format!("{group} from a checkpoint at i");
    report.split("; ").find_map(|it| it.strip_prefix(&from)?.parse().ok().map(Index))
}

/// The beginning of the names of the files in a manifest's slot.
fn slot_of(flip: &Flip) -> Option<&str> {
    flip.file.strip_suffix(".manifest")
}

/// The beginning of the names of the files in a group's other slot.
fn other_slot(begin: &str) -> Option<String> {
    match begin.split_at_checked(begin.len().checked_sub(1)?)? {
        (group, "a") => Some(format!("{group}b")),
        (group, _) => Some(format!("{group}a")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::Draw;
    use base::Time;
    use journal::disk::DiskOp;

    const G0: GroupId = GroupId::DIRECTORY;

    fn known(damaged: Damaged) -> Checkpoints {
        let damaged = BTreeMap::from([("state-0-b".to_owned(), damaged)]);
        let group = Group { damaged, ..Group::default() };
        Checkpoints { groups: BTreeMap::from([(G0, group)]), ..Checkpoints::default() }
    }

    fn disk() -> SimDisk {
        SimDisk::new(Draw::new(&mut Prng::new(1), None, false).disk)
    }

    fn write(disk: &mut SimDisk, slot: &str) {
        let (file, content) = (format!("state-0-{slot}.manifest"), "some bytes".into());
        disk.begin(DiskOp::Replace { file, content }, Time(1), &mut Prng::new(2));
    }

    fn passed_over(names: &[&str]) -> String {
        let says = |it: &&str| format!("; a damaged checkpoint of g0 was passed over, {it}: x");
        let names: String = names.iter().map(says).collect();
        format!("3 records; g0 from a checkpoint at i7{names}")
    }

    #[test]
    fn damage_is_told_once_and_never_made_up() {
        let told = &passed_over(&["state-0-b.manifest"]);
        let other = &passed_over(&["state-0-a-12.chunk"]);
        let silent = "3 records; g0 from a checkpoint at i9";
        assert!(known(Damaged::Nothing).on_start(silent).is_none());
        assert!(known(Damaged::Nothing).on_start(told).is_some());
        assert!(known(Damaged::Told).on_start(silent).is_some());
        for damaged in [Damaged::Nothing, Damaged::Told, Damaged::Perhaps] {
            assert!(known(damaged).on_start(other).is_some(), "that slot is not damaged");
            assert!(known(damaged).on_start(&passed_over(&["x"])).is_some(), "x is no file of it");
        }
        let mut damaged = known(Damaged::Told);
        assert!(damaged.on_start(told).is_none() && damaged.on_start(silent).is_none());
        assert_eq!(damaged.groups.get(&G0).map(|group| group.index), Some(Index(9)));
    }

    /// Both went bad. The node is healed, and makes a checkpoint: over one of them.
    #[test]
    fn a_checkpoint_mends_its_own_slot_alone() {
        let (mut disk, mut prng, mut known) = (disk(), Prng::new(1), Checkpoints::default());
        for (slot, index) in [("a", 4), ("b", 5)] {
            write(&mut disk, slot);
            known.on_current(G0, Index(index), true, &disk);
        }
        assert_eq!(known.rot(&mut disk, Rot::Both, &mut prng).map(|files| files.len()), Some(2));
        let told = |slots: &[&str]| {
            let heals = "; the log was damaged; this node is healed from the others";
            passed_over(slots) + heals
        };
        assert!(known.clone().on_start(&told(&["state-0-a"])).is_some(), "b is worse than nothing");
        assert!(known.on_start(&told(&["state-0-a", "state-0-b"])).is_none());
        write(&mut disk, "a");
        known.on_current(G0, Index(6), true, &disk);
        assert!(known.clone().on_start(&told(&["state-0-b"])).is_none(), "it is there still");
        assert!(known.clone().on_start(&told(&["state-0-a"])).is_some(), "it is new");
        write(&mut disk, "b");
        known.on_current(G0, Index(7), true, &disk);
        assert!(known.on_start(&told(&["state-0-b"])).is_some(), "both are new");
    }

    /// A node died after it wrote a checkpoint and before it said so, and once more: the
    /// files that the world knew are in the slot of one that it does not know.
    #[test]
    fn nothing_goes_bad_of_which_the_world_does_not_know_what_it_is() {
        let mut prng = Prng::new(1);
        let (mut disk, mut known) = (disk(), Checkpoints::default());
        write(&mut disk, "a");
        known.on_current(G0, Index(5), true, &disk);
        let mut other = (known.clone(), disk.clone());
        assert!(other.0.rot(&mut other.1, Rot::Newest, &mut prng).is_some());
        write(&mut disk, "b");
        assert_eq!(known.rot(&mut disk, Rot::Newest, &mut prng), None);
        write(&mut disk, "a");
        assert_eq!(known.rot(&mut disk, Rot::Newest, &mut prng), None);
    }

    #[test]
    fn a_group_has_two_slots() {
        assert_eq!(other_slot("state-1-a").as_deref(), Some("state-1-b"));
        assert_eq!(other_slot("state-1-b").as_deref(), Some("state-1-a"));
    }
}
