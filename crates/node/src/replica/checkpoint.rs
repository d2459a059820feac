//! What a replica does about checkpoints: it makes them, offers them to those
//! that are behind, and takes them over when it is behind itself.

use super::{Replica, Turn};
use crate::event::{Action, Note};
use crate::fetch::{Fetch, Got, Next, Offer};
use crate::job::{self, Job, Kept, Unfit};
use crate::machine::Machine;
use crate::snapshot::Snapshot;
use crate::wire::Say;
use alloc::boxed::Box;
use alloc::vec::Vec;
use base::{ChunkId, Index, NodeId};
use bytes::Bytes;
use consensus::contract::Input;
use consensus::entry::Place;
use journal::checkpoint::{Chunk, Contents};

impl Replica {
    /// Whether so much of the log stands behind the newest checkpoint that
    /// another one is due. Half of what it takes itself is the least: a restart
    /// reads all of that anyway, and writing it again has its price. Also if a
    /// follower can be helped by nothing else.
    pub(crate) fn wants_checkpoint(&self) -> bool {
        let newest = self.keep.newest().map_or(0, |kept| kept.contents.bytes());
        self.owes || self.keep.since() > self.limits.checkpoint_bytes.max(newest / 2)
    }

    /// The whole state as it is now, for whoever wants it.
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot::new(self.last.0, self.last.1, self.machine.freeze())
    }

    /// Begins a checkpoint of the state as it is now, unless there is nothing
    /// new to keep. Says whether it did.
    pub(crate) fn begin_checkpoint(&mut self, turn: &mut Turn<'_>) -> bool {
        let index = self.machine.applied();
        self.owes = false;
        let busy = self.keep.is_writing() || self.fetch.is_some();
        if busy || index == Index::ZERO || self.keep.is_settled(index) {
            return false;
        }
        let (group, ballot) = (self.sender.group, self.last.0.ballot);
        base::invariant!(I80, self.last.0.index == index, "{} and {index}", self.last.0.index);
        let ahead = self.machine.keyspace().map_or(index, |_| index.next());
        let index = base::mutant!(CheckpointPlaceAhead, index, ahead);
        let contents = Contents { group, index, ballot, clock: self.last.1, chunks: Vec::new() };
        let place = (self.keep.next_slot(), self.keep.next_in_place_of());
        let source = self.machine.freeze();
        let job = job::Checkpoint::new(turn.own.owner, place, contents, source);
        self.keep.begin();
        turn.out.push(Action::Job(Job::checkpoint(job)));
        true
    }

    /// What the newest checkpoint on this disk holds.
    pub(crate) fn newest_checkpoint(&self) -> Option<&Contents> {
        self.keep.newest().map(|kept| &kept.contents)
    }

    /// A checkpoint is on disk: the log behind the older one is not needed any more.
    pub(crate) fn on_checkpoint(&mut self, turn: &mut Turn<'_>, kept: Kept) {
        base::sometimes!(CheckpointMade);
        let Contents { group, index, .. } = kept.contents;
        let (chunks, bytes) = (kept.contents.chunks.len(), kept.contents.bytes());
        turn.out.push(Action::Note(Note::Checkpoint { group, index, chunks, bytes }));
        self.keep.on_written(kept);
        turn.wal.release(group, self.keep.released());
        self.step(turn, Input::Trim { upto: index });
    }

    /// These followers need what the log does not hold any more. Only a
    /// checkpoint from which that goes on helps them.
    pub(super) fn offer(&mut self, turn: &mut Turn<'_>, behind: Vec<(NodeId, Index)>) {
        if behind.is_empty() {
            return;
        }
        let first = self.protocol.status().first;
        let leads_on = |kept: &&Kept| kept.contents.index.next() >= first;
        let leads_on = |kept: &&Kept| base::mutant!(TrimBeyondCheckpoint, leads_on(kept), true);
        let Some(newest) = self.keep.newest().filter(leads_on) else {
            self.owes = true;
            return;
        };
        let Contents { index, .. } = newest.contents;
        let offer = Offer { id: newest.contents.id(), index, bytes: newest.contents.bytes() };
        for (peer, has) in behind {
            if has < index {
                turn.mail.say(self.sender, peer, Say::Offer(offer));
            }
        }
    }

    /// Another node offers its checkpoint. What it holds was chosen, so it may
    /// be taken over whoever leads.
    pub(crate) fn on_offer(&mut self, turn: &mut Turn<'_>, from: NodeId, offer: Offer) {
        let applied = self.machine.applied();
        let news = offer.index > applied && !self.keep.is_writing();
        let news = news && turn.room.may_fetch(turn.now);
        let free = self.fetch.as_ref().is_none_or(|fetch| {
            let other = fetch.offer().id != offer.id && fetch.offer().index < offer.index;
            fetch.is_over(applied) || other && !fetch.is_busy()
        });
        if !news || !free {
            return;
        }
        base::sometimes!(CheckpointOffered);
        let (group, Offer { id, index, bytes }) = (self.sender.group, offer);
        turn.out.push(Action::Note(Note::Behind { group, index, bytes, from }));
        self.fetch = Some(Fetch::new(from, offer, turn.now));
        turn.mail.say(self.sender, from, Say::Want { id });
    }

    /// Another node wants a chunk, or what a checkpoint consists of.
    pub(crate) fn on_want(&mut self, turn: &mut Turn<'_>, from: NodeId, id: ChunkId) {
        if let Some(newest) = self.keep.newest()
            && newest.contents.id() == id
        {
            let plain = newest.contents.encode();
            return turn.mail.say(self.sender, from, Say::Part { id, plain });
        }
        let Some((slot, chunk)) = self.keep.find(id) else {
            return turn.mail.say(self.sender, from, Say::Gone { id });
        };
        if *turn.loads >= base::limits::LOADS_MAX {
            // It will ask again.
            return;
        }
        *turn.loads += 1;
        let (owner, group) = (turn.own.owner, self.sender.group);
        let (plain, begun) = (None, false);
        let job = job::Load { owner, group, slot, chunk, to: from, plain, begun };
        turn.out.push(Action::Job(Job::load(job)));
    }

    /// A chunk was read for another node, or cannot be read any more.
    pub(crate) fn on_loaded(
        &mut self,
        turn: &mut Turn<'_>,
        to: NodeId,
        id: ChunkId,
        plain: Option<Bytes>,
    ) {
        let say = plain.map_or(Say::Gone { id }, |plain| Say::Part { id, plain });
        turn.mail.say(self.sender, to, say);
    }

    /// A chunk came, or what a checkpoint consists of.
    pub(crate) fn on_part(&mut self, turn: &mut Turn<'_>, from: NodeId, id: ChunkId, plain: Bytes) {
        let (owner, group, slot) = (turn.own.owner, self.sender.group, self.keep.next_slot());
        let Some(fetch) = self.fetch.as_mut().filter(|fetch| fetch.from() == from) else { return };
        let job = match fetch.on_part(id, &plain) {
            Got::Survey(contents) => {
                let (wanted, begun) = (contents.chunks, false);
                Job::survey(job::Survey { group, slot, wanted, begun })
            }
            Got::Save(chunk) => {
                let plain = Some(plain);
                Job::save(job::Save { owner, group, slot, chunk, plain, good: false })
            }
            Got::Unasked => return,
        };
        turn.out.push(Action::Job(job));
    }

    /// The other node does not have it any more: a newer offer will come.
    pub(crate) fn on_gone(&mut self, from: NodeId, id: ChunkId) {
        if let Some(fetch) = self.fetch.as_mut().filter(|fetch| fetch.from() == from) {
            fetch.on_gone(id);
        }
        self.forget_fetch();
    }

    fn forget_fetch(&mut self) {
        let applied = self.machine.applied();
        if self.fetch.as_ref().is_some_and(|fetch| fetch.is_over(applied)) {
            self.fetch = None;
        }
    }

    /// The chunks that are not here.
    pub(crate) fn on_surveyed(&mut self, turn: &mut Turn<'_>, lacking: Vec<Chunk>) {
        if let Some(fetch) = &mut self.fetch {
            fetch.on_lacking(lacking);
        }
        self.go_on_fetching(turn);
    }

    /// A chunk was kept, or was not what its name says.
    pub(crate) fn on_saved(&mut self, turn: &mut Turn<'_>, chunk: Chunk, good: bool) {
        if let Some(fetch) = &mut self.fetch {
            fetch.on_saved(chunk, good);
        }
        self.go_on_fetching(turn);
    }

    /// There was no room for what was being taken over: it is dropped, and taken
    /// up again when it is offered again after a while.
    pub(crate) fn on_fetch_without_room(&mut self, turn: &mut Turn<'_>, installing: bool) {
        turn.room.no_fetch(turn.now, self.patience);
        if installing {
            self.fetch = None;
        }
        if let Some(fetch) = &mut self.fetch {
            fetch.on_no_room();
        }
        self.forget_fetch();
    }

    /// Asks for what is lacking, or builds the state if nothing is.
    pub(super) fn go_on_fetching(&mut self, turn: &mut Turn<'_>) {
        self.forget_fetch();
        let Some(fetch) = &mut self.fetch else { return };
        let from = fetch.from();
        match fetch.next(turn.now, self.patience) {
            Some(Next::Ask(ids)) => {
                for id in ids {
                    turn.mail.say(self.sender, from, Say::Want { id });
                }
            }
            Some(Next::Install(contents)) => {
                let place = Place { ballot: contents.ballot, index: contents.index };
                if !self.protocol.takes(place) {
                    // Not now: the next offer finds all chunks here.
                    self.fetch = None;
                    return;
                }
                let job = job::Install::new(turn.own.owner, self.keep.next_slot(), contents);
                turn.out.push(Action::Job(Job::install(job)));
            }
            None => {}
        }
    }

    /// The state was built, or something of it is damaged.
    pub(crate) fn on_installed(
        &mut self,
        turn: &mut Turn<'_>,
        result: Result<(Kept, Box<Machine>), Unfit>,
    ) {
        match result {
            Ok((kept, machine)) => {
                self.fetch = None;
                self.install(turn, kept, *machine);
            }
            Err(Unfit::Damaged(chunks)) => {
                base::sometimes!(FetchedChunkDamaged);
                if let Some(fetch) = &mut self.fetch {
                    fetch.on_lacking(chunks);
                }
                self.go_on_fetching(turn);
            }
            Err(Unfit::Unreadable(why)) => {
                self.fetch = None;
                let (group, why) = (self.sender.group, alloc::format!("{why}"));
                turn.out.push(Action::Note(Note::Unreadable { group, why }));
            }
        }
    }

    /// The manifest is on disk already. The state machine, what is known of the
    /// log and the protocol change together; nothing was applied in between.
    fn install(&mut self, turn: &mut Turn<'_>, kept: Kept, machine: Machine) {
        let Contents { group, index, ballot, clock, .. } = kept.contents;
        let place = Place { ballot, index };
        if !self.protocol.takes(place) {
            // The log was faster. The checkpoint is as good as one of our own.
            self.keep.on_written(kept);
            turn.wal.release(group, self.keep.released());
            return turn.out.push(Action::Job(Job::take_apart(machine)));
        }
        base::sometimes!(CheckpointInstalled);
        let old = base::mutant!(
            InstallKeepsMachine,
            core::mem::replace(&mut self.machine, machine),
            machine
        );
        base::mutant!(WatchSkipsInstall, (), self.lose_watches());
        turn.out.push(Action::Job(Job::take_apart(old)));
        self.last = (place, clock);
        let bytes = kept.contents.bytes();
        self.keep.on_installed(kept);
        let mut told = Vec::new();
        self.writes.on_skipped(index, &mut told);
        self.tell(turn, told);
        self.step(turn, Input::Restore { place, clock });
        turn.wal.release(group, index);
        turn.out.push(Action::Note(Note::Installed { group, index, bytes }));
    }

    /// The deliberate bug `WatchSkipsInstall`.
    fn lose_watches(&mut self) {
        if let Some(keyspace) = self.machine.keyspace() {
            self.watches.lose_places(keyspace.revision());
        }
    }
}
