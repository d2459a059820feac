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
    damaged: Damaged,
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
        let twins = self.groups.get(&group).is_some_and(|before| before.index == index);
        let damaged = Damaged::Nothing;
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
        let newest = group.newest.as_ref()?.file.strip_suffix(".manifest")?;
        let older = other_slot(newest)?;
        let slots: &[&str] = match rot {
            Rot::Newest | Rot::Log => &[newest],
            Rot::Older => &[&older],
            Rot::Both => &[newest, &older],
        };
        let files: Vec<String> = slots.iter().filter_map(|slot| disk.spoil(slot, prng)).collect();
        if files.is_empty() {
            return None;
        }
        group.spare = false;
        self.hurt |= rot == Rot::Both;
        let told = rot == Rot::Newest && !group.twins;
        group.damaged = if told { Damaged::Told } else { Damaged::Perhaps };
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
            let told = report.contains(&format!("a damaged checkpoint of {group} was passed over"));
            let wrong = match known.damaged {
                Damaged::Nothing => told,
                Damaged::Told => !told,
                Damaged::Perhaps => false,
            };
            let what = || format!("{:?} of {group}, and the start says: {report}", known.damaged);
            let violation = wrong.then(|| Violation::new("rot", what()));
            if known.damaged == Damaged::Told {
                known.damaged = Damaged::Perhaps;
            }
            known.index = place(report, group).unwrap_or_default();
            violation
        })
    }
}

/// Of which place the checkpoint is that a node started from.
fn place(report: &str, group: GroupId) -> Option<Index> {
    let from = format!("{group} from a checkpoint at i");
    report.split("; ").find_map(|it| it.strip_prefix(&from)?.parse().ok().map(Index))
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
        let group = Group { damaged, ..Group::default() };
        Checkpoints { groups: BTreeMap::from([(G0, group)]), ..Checkpoints::default() }
    }

    #[test]
    fn damage_is_told_once_and_never_made_up() {
        let told =
            "3 records; g0 from a checkpoint at i7; a damaged checkpoint of g0 was passed over, x";
        let silent = "3 records; g0 from a checkpoint at i9";
        assert!(known(Damaged::Nothing).on_start(silent).is_none());
        assert!(known(Damaged::Nothing).on_start(told).is_some());
        assert!(known(Damaged::Told).on_start(silent).is_some());
        let mut damaged = known(Damaged::Told);
        assert!(damaged.on_start(told).is_none() && damaged.on_start(silent).is_none());
        assert_eq!(damaged.groups.get(&G0).map(|group| group.index), Some(Index(9)));
    }

    /// A node died after it wrote a checkpoint and before it said so, and once more: the
    /// files that the world knew are in the slot of one that it does not know.
    #[test]
    fn nothing_goes_bad_of_which_the_world_does_not_know_what_it_is() {
        let mut prng = Prng::new(1);
        let mut disk = SimDisk::new(Draw::new(&mut prng, None, false).disk);
        let write = |disk: &mut SimDisk, slot: &str| {
            let (file, content) = (format!("state-0-{slot}.manifest"), "some bytes".into());
            disk.begin(DiskOp::Replace { file, content }, Time(1), &mut Prng::new(2));
        };
        let mut known = Checkpoints::default();
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
