//! One group's copy on this node: its protocol, its state machine, and the
//! people who wait for them.

use crate::directory::Own;
use crate::event::{Action, Answer, Halt, Note, Refused, Status, WatchOpen};
use crate::forwards::Forwards;
use crate::intake::Intake;
use crate::machine::{Look, Machine};
use crate::mail::{Mail, Sender};
use crate::reads::{Read, Reads};
use crate::watches::Watches;
use crate::wire::{Say, Ticket};
use crate::writes::{Outcome, Owner, Writes};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use base::time::earliest;
use base::{AskId, Ballot, Index, NodeId, Revision, Serial, Time, WatchKey};
use bytes::Bytes;
use consensus::contract::{self, Input, Lead, Outbox, Refusal, Setup, Write};
use consensus::entry::EntryKind;
use consensus::protocol::Protocol;
use core::time::Duration;
use journal::record::{Record, RecordKind};
use journal::wal::Wal;

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
    /// Asks in hand.
    pub(crate) intake: &'a mut Intake,
    /// Why the lane must stop, if it must.
    pub(crate) halt: &'a mut Option<Halt>,
    /// What is to be done.
    pub(crate) out: &'a mut Vec<Action>,
}

/// One group's copy on this node.
#[derive(Debug)]
pub(crate) struct Replica {
    sender: Sender,
    me: NodeId,
    patience: Duration,
    protocol: Protocol,
    outbox: Outbox,
    lead: Lead,
    /// The serial of the newest write, and up to which the protocol was told of durability.
    written: Serial,
    told: Serial,
    machine: Machine,
    writes: Writes,
    reads: Reads,
    forwards: Forwards,
    /// The watches of the keyspace.
    pub(crate) watches: Watches,
    proposals: u64,
    /// When the next chore may be proposed.
    chore_after: Time,
    /// Whether the end of the turn has something to do here.
    dirty: bool,
}

impl Replica {
    /// A replica that starts with what its disk says. `life` names this life
    /// of the process, so that nothing said to an earlier one counts.
    pub(crate) fn new(sender: Sender, setup: &Setup, protocol: Protocol, life: u64) -> Self {
        let (me, patience) = (setup.me, setup.timing.election);
        let status = protocol.status();
        Self {
            sender,
            me,
            patience,
            protocol,
            outbox: Outbox::default(),
            lead: Lead { ballot: status.ballot, leader: status.leader },
            written: Serial::ZERO,
            told: Serial::ZERO,
            machine: Machine::new(sender.group),
            writes: Writes::new(life),
            reads: Reads::default(),
            forwards: Forwards::default(),
            watches: Watches::default(),
            proposals: 0,
            chore_after: Time::ZERO,
            dirty: true,
        }
    }

    /// One input of the protocol, and all that follows from it.
    pub(crate) fn step(&mut self, turn: &mut Turn<'_>, input: Input) {
        self.outbox.serial = turn.wal.last_serial();
        self.protocol.step(turn.now, input, &mut self.outbox);
        self.drain(turn);
    }

    /// Takes everything out of the protocol's outbox.
    fn drain(&mut self, turn: &mut Turn<'_>) {
        self.dirty = true;
        let promised = self.outbox.serial;
        for write in core::mem::take(&mut self.outbox.writes) {
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
    }

    fn record(&self, write: Write) -> Record {
        let Sender { group, era, incarnation } = self.sender;
        let (kind, body) = match write {
            Write::Entry { entry, cut } => {
                let (index, ballot, clock) = (entry.index, entry.ballot, entry.clock);
                let entry_kind = entry.kind as u8;
                (RecordKind::Entry { index, ballot, entry_kind, clock, cut }, entry.body)
            }
            Write::Vote { ballot, body } => (RecordKind::Vote { ballot }, body),
        };
        Record { group, incarnation, era, kind, body }
    }

    fn on_lead(&mut self, turn: &mut Turn<'_>, lead: Lead) {
        self.lead = lead;
        let mut told = Vec::new();
        self.writes.on_lead(lead.leader, &mut told);
        self.tell(turn, told);
        let (group, term, leader) = (self.sender.group, self.term(), lead.leader);
        turn.out.push(Action::Note(Note::Lead { group, term, leader }));
    }

    fn apply(&mut self, turn: &mut Turn<'_>, commit: Index) {
        let mut told = Vec::new();
        while self.machine.applied() < commit {
            let index = self.machine.applied().next();
            let Some(entry) = self.protocol.entry(index) else {
                base::invariant!(I75, false, "{index} is chosen and not in the log");
                return;
            };
            let Ok(answer) = self.machine.apply(entry) else {
                *turn.halt = Some(Halt::UnknownCommand { group: self.sender.group, index });
                return;
            };
            self.writes.on_applied(index, entry.ballot, answer, &mut told);
        }
        self.tell(turn, told);
    }

    fn tell(&mut self, turn: &mut Turn<'_>, told: Vec<Outcome>) {
        for Outcome { owner, result } in told {
            match (owner, result) {
                (Owner::Chore, _) => self.chore_after = turn.now,
                (Owner::Client(id), Err(why)) => self.reply(turn, id, Answer::Refused(why)),
                (Owner::Client(id), Ok(answer)) => {
                    self.reply(turn, id, answer.unwrap_or(Answer::Members(Vec::new())));
                }
            }
        }
    }

    fn reply(&self, turn: &mut Turn<'_>, id: AskId, answer: Answer) {
        if turn.intake.finish(id) {
            turn.out.push(Action::Reply { id, term: self.term(), answer });
        }
    }

    /// A write that somebody waits for: to the log, to the leader, or parked.
    pub(crate) fn write(&mut self, turn: &mut Turn<'_>, owner: Owner, body: Bytes) {
        match self.lead.leader {
            Some(leader) if leader == self.me => match self.propose(turn, body.clone()) {
                Ok((index, ballot)) => self.writes.place(owner, index, ballot),
                Err(Refusal::NotLeader(_)) => self.writes.park(owner, body),
                Err(Refusal::Busy) => {
                    let result = Err(Refused::TooManyRequests);
                    self.tell(turn, Vec::from([Outcome { owner, result }]));
                }
            },
            Some(leader) => {
                let ticket = self.writes.forward(owner, leader);
                let say = Say::Forward { ticket, ballot: self.lead.ballot, body };
                turn.mail.say(self.sender, leader, say);
            }
            None => self.writes.park(owner, body),
        }
    }

    /// Puts a command into the log, if this replica leads.
    fn propose(&mut self, turn: &mut Turn<'_>, body: Bytes) -> Result<(Index, Ballot), Refusal> {
        self.proposals += 1;
        let id = AskId(self.proposals);
        self.outbox.serial = turn.wal.last_serial();
        let propose = Input::Propose { id, kind: EntryKind::Command, body };
        self.protocol.step(turn.now, propose, &mut self.outbox);
        let answer = self.outbox.answers.pop();
        self.drain(turn);
        match answer {
            Some(contract::Answer::Accepted { index, ballot, .. }) => Ok((index, ballot)),
            Some(contract::Answer::Refused { why, .. }) => Err(why),
            Some(contract::Answer::ReadAt { .. }) | None => Err(Refusal::NotLeader(None)),
        }
    }

    /// A command that another node forwards. A repeated letter gets no answer:
    /// the first one has it.
    pub(crate) fn on_forward(
        &mut self,
        turn: &mut Turn<'_>,
        from: NodeId,
        ticket: Ticket,
        ballot: Ballot,
        body: Bytes,
    ) {
        let leads = self.lead.leader == Some(self.me) && self.lead.ballot == ballot;
        if leads && !self.forwards.take(ballot, from, ticket) {
            return;
        }
        let sound = leads && self.machine.understands(&body);
        let place = if sound { self.propose(turn, body).ok() } else { None };
        turn.mail.say(self.sender, from, Say::Forwarded { ticket, place });
    }

    /// The leader says where a command that was forwarded stands.
    pub(crate) fn on_forwarded(
        &mut self,
        turn: &mut Turn<'_>,
        from: NodeId,
        ticket: Ticket,
        place: Option<(Index, Ballot)>,
    ) {
        let applied = self.machine.applied();
        let outcome = self.writes.on_forwarded(from, ticket, place, applied);
        self.tell(turn, outcome.into_iter().collect());
    }

    /// A linearizable read.
    pub(crate) fn read(&mut self, id: AskId, look: Look) {
        self.dirty = true;
        self.reads.gather(Read { id, look });
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

    /// Gives a watch more room.
    pub(crate) fn credit(&mut self, key: WatchKey, batches: u32) {
        self.dirty = true;
        self.watches.credit(key, batches);
    }

    /// Does what the time says.
    pub(crate) fn on_timeout(&mut self, turn: &mut Turn<'_>) {
        if self.protocol.deadline().is_some_and(|due| due <= turn.now) {
            self.step(turn, Input::Timeout);
        }
        self.reads.retry(turn.now, self.patience);
        self.dirty |= self.reads.any_gathered() || self.writes.any_parked();
    }

    /// Everything up to `durable` is on disk.
    pub(crate) fn on_durable(&mut self, turn: &mut Turn<'_>) {
        if self.told < self.written && self.told < turn.durable {
            self.told = turn.durable;
            self.step(turn, Input::Durable(turn.durable));
        }
    }

    /// Ends the turn: what waited for a leader goes, letters are written, reads
    /// that can be served are, and watches move.
    pub(crate) fn end_turn(&mut self, turn: &mut Turn<'_>) {
        if !core::mem::take(&mut self.dirty) {
            return;
        }
        self.chore(turn);
        if self.lead.leader.is_some() {
            for (owner, body) in self.writes.unpark() {
                self.write(turn, owner, body);
            }
            if self.reads.any_gathered() {
                let question = self.reads.ask(turn.now);
                self.step(turn, Input::Read { id: question });
            }
        }
        self.step(turn, Input::Flush);
        for read in self.reads.ready(self.machine.applied()) {
            if let Some(answer) = self.machine.look(&read.look) {
                self.reply(turn, read.id, answer);
            }
        }
        let term = self.term();
        if let Some(machine) = self.machine.keyspace() {
            self.watches.fill(machine, term, turn.out);
        }
        self.dirty = false;
    }

    /// What this node itself has to say in the log, one thing at a time.
    fn chore(&mut self, turn: &mut Turn<'_>) {
        if self.lead.leader.is_none() || turn.now < self.chore_after {
            return;
        }
        let leads = self.lead.leader == Some(self.me);
        if let Some(body) = self.machine.chore(turn.own, leads) {
            self.chore_after = turn.now + self.patience;
            self.write(turn, Owner::Chore, body);
        }
    }

    /// Nobody waits for these any more; says which were never proposed.
    pub(crate) fn forget(&mut self, asks: &BTreeSet<AskId>) -> BTreeSet<AskId> {
        self.reads.forget(asks);
        self.writes.forget(asks)
    }

    /// When [`Replica::on_timeout`] has something to do.
    pub(crate) fn deadline(&self) -> Option<Time> {
        earliest(self.protocol.deadline(), self.reads.deadline(self.patience))
    }

    /// Whether a leader is known.
    pub(crate) const fn has_leader(&self) -> bool {
        self.lead.leader.is_some()
    }

    /// The term that clients see: never 0.
    pub(crate) fn term(&self) -> u64 {
        self.lead.ballot.round.max(1)
    }

    /// The state machine.
    pub(crate) const fn machine(&self) -> &Machine {
        &self.machine
    }

    /// How this replica is.
    pub(crate) fn status(&self) -> Status {
        let (protocol, machine) = (self.protocol.status(), self.machine.keyspace());
        Status {
            leader: self.lead.leader,
            term: self.term(),
            commit: protocol.commit,
            applied: self.machine.applied(),
            revision: machine.map_or_else(Default::default, kv::machine::Machine::revision),
            bytes: machine.map_or(0, kv::machine::Machine::bytes_held),
        }
    }
}
