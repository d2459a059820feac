//! One group's copy on this node: its protocol, its state machine, and the
//! people who wait for them.

mod ask;
mod checkpoint;
mod lease;
mod memory;
mod pulse;
mod transfer;
mod turn;

use crate::compactor::Compactor;
use crate::directory::{Change, Own};
use crate::event::{Action, Answer, Halt, Note, Queues, Status, WatchOpen};
use crate::fetch::Fetch;
use crate::forwards::Forwards;
use crate::intake::Intake;
use crate::keep::Keep;
use crate::leases::Leases;
use crate::machine::{Look, Machine};
use crate::mail::{Mail, Sender};
use crate::reads::{Read, Reads, Who};
use crate::restore::Restored;
use crate::room::Room;
use crate::watches::Watches;
use crate::writes::{Outcome, Owner, Writes};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use base::{AskId, Incarnation, Index, NodeId, Revision, Serial, Time, WatchKey};
use bytes::Bytes;
use consensus::contract::{self, Input, Lead, Outbox, Setup, Write};
use consensus::entry::{Entry, EntryKind, Place};
use consensus::heal::Healing;
use consensus::protocol::Protocol;
use consensus::trigger::Trigger;
use core::time::Duration;
use journal::record::{Record, RecordKind};
use journal::slot::Slot;
use journal::wal::Wal;
use memory::Memory;

/// What a replica works with during a turn; it belongs to the lane.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    /// The time.
    pub(crate) now: Time,
    /// Up to which serial writes are durable.
    pub(crate) durable: Serial,
    /// What this node can tell the directory.
    pub(crate) own: &'a Own,
    /// The lane's log.
    pub(crate) wal: &'a mut Wal,
    /// Letters to other nodes.
    pub(crate) mail: &'a mut Mail,
    /// Chunks that are being read for other nodes.
    pub(crate) loads: &'a mut usize,
    /// What has found no room on the disk.
    pub(crate) room: &'a mut Room,
    /// Asks in hand.
    pub(crate) intake: &'a mut Intake,
    /// Why the lane must stop, if it must.
    pub(crate) halt: &'a mut Option<Halt>,
    /// What is to be done.
    pub(crate) out: &'a mut Vec<Action>,
}

/// What a keyspace may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Limits {
    /// Bytes of data and history; `None` is no limit.
    pub(crate) quota: Option<u64>,
    /// How long history is kept; `None` until somebody compacts it.
    pub(crate) keep_history: Option<Duration>,
    /// Bytes of the log that make a checkpoint due.
    pub(crate) checkpoint_bytes: u64,
    /// Changes that one turn takes out of a compacted keyspace.
    pub(crate) sweep_per_turn: usize,
    /// Record bytes that wait for the disk before nothing more is proposed.
    pub(crate) pending_bytes: usize,
}

/// One group's copy on this node.
#[derive(Debug)]
pub(crate) struct Replica {
    sender: Sender,
    me: NodeId,
    patience: Duration,
    protocol: Protocol,
    trigger: Trigger,
    outbox: Outbox,
    lead: Lead,
    /// The serial of the newest write, and up to which the protocol was told of durability.
    written: Serial,
    told: Serial,
    machine: Machine,
    /// What was applied last: its place and log time.
    last: (Place, u64),
    /// The checkpoints.
    pub(crate) keep: Keep,
    /// A follower lacks what neither the log in memory nor the newest
    /// checkpoint holds: another one is due.
    owes: bool,
    /// Another node's checkpoint that is being taken over.
    fetch: Option<Fetch>,
    writes: Writes,
    reads: Reads,
    memory: Memory,
    forwards: Forwards,
    leases: Leases,
    compactor: Compactor,
    /// Compactions whose clients wait until the room is free again.
    physical: BTreeSet<AskId>,
    swept: Vec<(AskId, Answer)>,
    /// Who waits for leadership to move, and to whom.
    moves: Vec<(AskId, NodeId)>,
    /// Room is short: an alarm is to be raised.
    alarm: bool,
    /// The node has lost its promises: it has nothing to say in the log of itself.
    pub(crate) mute: bool,
    /// Part of the log was lost and is not all here again.
    pub(crate) healing: Option<Healing>,
    limits: Limits,
    /// The watches of the keyspace.
    pub(crate) watches: Watches,
    proposals: u64,
    /// When the next chore may be proposed.
    chore_after: Time,
    /// Whether the end of the turn has something to do here.
    dirty: bool,
}

/// What a replica starts with.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) sender: Sender,
    pub(crate) setup: Setup,
    pub(crate) protocol: Protocol,
    pub(crate) state: Restored,
    /// Names this life of the process, so that nothing said to an earlier one counts.
    pub(crate) life: u64,
    pub(crate) limits: Limits,
    pub(crate) healing: Option<Healing>,
    /// When it starts.
    pub(crate) now: Time,
}

impl Replica {
    /// A replica that starts with what its disk says.
    pub(crate) fn new(start: Start) -> Self {
        let Start { sender, setup, protocol, state, life, limits, healing, now } = start;
        let (me, patience) = (setup.me, setup.timing.election);
        let status = protocol.status();
        Self {
            sender,
            me,
            patience,
            protocol,
            trigger: Trigger::new(me, setup.voters.len(), setup.timing),
            outbox: Outbox::default(),
            lead: Lead { ballot: status.ballot, leader: status.leader },
            written: Serial::ZERO,
            told: Serial::ZERO,
            machine: state.machine,
            last: (state.place, state.clock),
            keep: state.keep,
            owes: false,
            fetch: None,
            writes: Writes::new(life),
            reads: Reads::default(),
            memory: Memory::new(now, patience),
            forwards: Forwards::default(),
            leases: Leases::new(life),
            compactor: Compactor::new(limits.keep_history),
            physical: BTreeSet::new(),
            swept: Vec::new(),
            moves: Vec::new(),
            alarm: false,
            mute: setup.mute,
            healing,
            limits,
            watches: Watches::default(),
            proposals: 0,
            chore_after: Time::ZERO,
            dirty: true,
        }
    }

    /// One input of the protocol, and all that follows from it.
    pub(crate) fn step(&mut self, turn: &mut Turn<'_>, input: Input) {
        let sender = if let Input::Letter { from, .. } = &input { Some(*from) } else { None };
        self.outbox.serial = turn.wal.last_serial();
        self.protocol.step(turn.now, input, &mut self.outbox);
        if let (Some(from), Some(why)) = (sender, self.outbox.dropped.take()) {
            turn.out.push(Action::Note(Note::Dropped { from, why }));
        }
        self.drain(turn);
    }

    /// Takes everything out of the protocol's outbox.
    fn drain(&mut self, turn: &mut Turn<'_>) {
        self.dirty = true;
        let promised = self.outbox.serial;
        for write in core::mem::take(&mut self.outbox.writes) {
            if let Write::Entry { entry, .. } | Write::Slot { entry, .. } = &write {
                self.keep.on_entry(entry.body.len());
            }
            self.written = turn.wal.append(self.record(write));
        }
        base::invariant!(I74, turn.wal.last_serial() == promised, "the log counts as we do");
        for parcel in core::mem::take(&mut self.outbox.parcels) {
            turn.mail.post(self.sender, parcel, turn.durable);
        }
        if let Some(lead) = self.outbox.lead.take() {
            self.on_lead(turn, lead);
        }
        for answer in core::mem::take(&mut self.outbox.answers) {
            match answer {
                contract::Answer::ReadAt { id, index } => self.reads.on_read_at(id, index),
                contract::Answer::Refused { id, .. } => self.reads.on_refused(id),
                contract::Answer::Accepted { .. } => {}
            }
        }
        if let Some(commit) = self.outbox.commit.take() {
            self.apply(turn, commit);
        }
        let behind = core::mem::take(&mut self.outbox.behind);
        self.offer(turn, behind);
    }

    fn record(&self, write: Write) -> Record {
        let Sender { group, era, incarnation } = self.sender;
        let (kind, body) = match write {
            Write::Entry { entry, cut } => {
                let (index, ballot, clock) = (entry.index, entry.ballot, entry.clock);
                let entry_kind = entry.kind as u8;
                (RecordKind::Entry { index, ballot, entry_kind, clock, cut }, entry.body)
            }
            Write::Slot { entry, accepted, chosen } => {
                let Entry { index, ballot, kind, clock, body } = entry;
                let entry_kind = kind as u8;
                Slot { index, ballot, accepted, entry_kind, clock, chosen, body }.record()
            }
            Write::Vote { ballot, body } => (RecordKind::Vote { ballot }, body),
            Write::Cut { from } => (RecordKind::Cut { index: from }, Bytes::new()),
            Write::Restore { place, keep } => {
                let (index, ballot) = (place.index, place.ballot);
                (RecordKind::Restore { index, ballot, keep }, Bytes::new())
            }
        };
        Record { group, incarnation, era, kind, body }
    }

    fn on_lead(&mut self, turn: &mut Turn<'_>, lead: Lead) {
        self.lead = lead;
        if self.leads() {
            self.forwards.lead(lead.ballot);
        }
        self.writes.on_lead(lead.leader, turn.now + self.doubt());
        let (group, term, leader) = (self.sender.group, self.term(), lead.leader);
        turn.out.push(Action::Note(Note::Lead { group, term, leader }));
        self.on_moved(turn);
    }

    fn apply(&mut self, turn: &mut Turn<'_>, commit: Index) {
        let mut told = Vec::new();
        while self.machine.applied() < commit {
            let index = self.machine.applied().next();
            let Some(entry) = self.protocol.entry(index) else {
                base::invariant!(I75, false, "{index} is chosen and not in the log");
                return;
            };
            let (ballot, clock) = (entry.ballot, entry.clock);
            let Ok(answer) = self.machine.apply(entry) else {
                *turn.halt = Some(Halt::UnknownCommand { group: self.sender.group, index });
                return;
            };
            self.last = (Place { ballot, index }, clock);
            self.leases_applied(turn.now, answer.as_ref());
            self.writes.on_applied(index, ballot, answer, &mut told);
        }
        self.tell(turn, told);
    }

    fn tell(&mut self, turn: &mut Turn<'_>, told: Vec<Outcome>) {
        for Outcome { owner, result } in told {
            match (owner, result) {
                (Owner::Chore, _) => self.chore_after = turn.now,
                (Owner::Ending(number), result) => {
                    self.leases.on_ending(number, result.is_ok(), turn.now + self.patience);
                }
                (Owner::Client(id), Err(why)) => self.reply(turn, id, Answer::Refused(why)),
                (Owner::Client(id), Ok(answer)) => {
                    self.reply(turn, id, answer.unwrap_or(Answer::Members(Vec::new())));
                }
            }
        }
    }

    fn reply(&mut self, turn: &mut Turn<'_>, id: AskId, answer: Answer) {
        if self.physical.remove(&id) && self.machine.keyspace().is_some_and(|it| !it.is_swept()) {
            self.swept.push((id, answer));
            return;
        }
        if turn.intake.finish(id) {
            turn.out.push(Action::Reply { id, term: self.term(), answer });
        }
    }

    /// A linearizable read.
    pub(crate) fn read(&mut self, who: Who, look: Look) {
        self.dirty = true;
        self.reads.gather(Read { who, look });
    }

    /// What the state says right now; `None` if this is not the machine to ask.
    pub(crate) fn look(&self, look: &Look) -> Option<Answer> {
        self.machine.look(look)
    }

    /// Opens a watch; says at which revision.
    pub(crate) fn watch(&mut self, key: WatchKey, open: WatchOpen) -> Revision {
        self.dirty = true;
        let current = self.machine.keyspace().map_or_else(Default::default, |it| it.revision());
        self.watches.open(key, open, current)
    }

    /// Asks whether these watches are up to date.
    pub(crate) fn progress(&mut self, key: WatchKey, all: Vec<WatchKey>) {
        self.dirty = true;
        self.watches.progress(key, all);
    }

    /// Gives a watch more room.
    pub(crate) fn credit(&mut self, key: WatchKey, batches: u32) {
        self.dirty = true;
        self.watches.credit(key, batches);
    }

    /// Nobody waits for these any more; says which were never proposed.
    pub(crate) fn forget(&mut self, asks: &BTreeSet<AskId>) -> BTreeSet<AskId> {
        self.reads.forget(asks);
        self.leases.forget(asks);
        self.physical.retain(|id| !asks.contains(id));
        self.moves.retain(|(id, _)| !asks.contains(id));
        self.swept.retain(|(id, _)| !asks.contains(id));
        self.writes.forget(asks)
    }

    /// Whether this node leads, as far as it knows.
    pub(crate) fn leads(&self) -> bool {
        self.lead.leader == Some(self.me)
    }

    /// Who speaks when this replica does.
    pub(crate) const fn sender(&self) -> Sender {
        self.sender
    }

    /// The life of a node's disk, as the directory or what is to become of it
    /// has it; none if this is another group.
    pub(crate) fn life_of(&self, node: NodeId) -> Option<Incarnation> {
        let Machine::Directory(directory) = &self.machine else { return None };
        let said = |index| {
            let entry = self.protocol.entry(index).filter(|it| it.kind == EntryKind::Command)?;
            match Change::decode(&entry.body) {
                Ok(Change::Life { node: who, life }) if who == node => Some(life),
                _ => None,
            }
        };
        let (applied, last) = (self.machine.applied().0, self.protocol.status().last.0);
        directory.life(node).or_else(|| (applied + 1..=last).map(Index).find_map(said))
    }

    /// Whether a leader is known, and of this node all that others must know.
    pub(crate) fn serves(&self, own: &Own) -> bool {
        self.lead.leader.is_some() && self.machine.knows(own)
    }

    /// The term that clients see: never 0.
    pub(crate) fn term(&self) -> u64 {
        self.lead.ballot.round.max(1)
    }

    /// An entry of the log that was applied here.
    pub(crate) fn entry(&self, index: Index) -> Option<&Entry> {
        self.protocol.entry(index).filter(|entry| entry.index <= self.machine.applied())
    }

    /// How its protocol is.
    pub(crate) fn protocol_status(&self) -> contract::Status {
        self.protocol.status()
    }

    /// The state machine.
    pub(crate) const fn machine(&self) -> &Machine {
        &self.machine
    }

    /// How this replica is.
    pub(crate) fn status(&self) -> Status {
        let (protocol, machine) = (self.protocol.status(), self.machine.keyspace());
        let (writes_parked, writes_forwarded, writes_placed) = self.writes.waiting();
        let queues =
            Queues { writes_parked, writes_forwarded, writes_placed, ..self.watches.queues() };
        Status {
            protocol: self.protocol.kind(),
            leader: self.lead.leader,
            term: self.term(),
            commit: protocol.commit,
            applied: self.machine.applied(),
            revision: machine.map_or_else(Default::default, kv::machine::Machine::revision),
            bytes: machine.map_or(0, kv::machine::Machine::bytes_held),
            quota: self.limits.quota,
            alarms: machine.map_or_else(Vec::new, kv::machine::Machine::alarms),
            no_room: false,
            healing: None,
            queues,
        }
    }
}
