//! What a replica does when time passes and when a turn ends.

use super::{Replica, Turn};
use crate::machine::Look;
use crate::reads::{Read, Who};
use crate::writes::Owner;
use alloc::vec::Vec;
use base::time::earliest;
use base::{Revision, Time};
use bytes::Bytes;
use consensus::contract::Input;
use kv::command::{Alarm, AlarmChange, AlarmKind, Command, Compact, Envelope};

impl Replica {
    /// Does what the time says.
    pub(crate) fn on_timeout(&mut self, turn: &mut Turn<'_>) {
        if self.protocol.deadline().is_some_and(|due| due <= turn.now) {
            self.step(turn, Input::Timeout);
        }
        self.maybe_claim(turn);
        self.reads.retry(turn.now, self.patience);
        self.maybe_serve_weak(turn);
        let mut told = Vec::new();
        self.writes.on_timeout(turn.now, &mut told);
        self.tell(turn, told);
        self.go_on_fetching(turn);
        if let Some(since) = turn.now.0.checked_sub(self.patience_nanos()) {
            self.leases.retry(Time(since));
        }
        self.dirty |= self.deadline().is_some_and(|due| due <= turn.now)
            || self.reads.any_gathered()
            || self.writes.any_parked()
            || self.leases.any_parked();
    }

    fn patience_nanos(&self) -> u64 {
        u64::try_from(self.patience.as_nanos()).unwrap_or(u64::MAX)
    }

    /// When [`Replica::on_timeout`] has something to do.
    pub(crate) fn deadline(&self) -> Option<Time> {
        let reads = self.reads.deadline(self.patience);
        let leases = earliest(self.leases.deadline(self.patience), self.writes.deadline());
        let fetch = self.fetch.as_ref().and_then(|fetch| fetch.deadline(self.patience));
        let sweep = self.machine.keyspace().filter(|it| !it.is_swept()).map(|_| Time::ZERO);
        let (watches, claim) = (self.watches.deadline(), self.trigger.deadline());
        [reads, leases, fetch, sweep, watches, claim, self.memory.deadline()]
            .into_iter()
            .fold(self.protocol.deadline(), earliest)
    }

    /// Everything up to `durable` is on disk.
    pub(crate) fn on_durable(&mut self, turn: &mut Turn<'_>) {
        if self.told < self.written && self.told < turn.durable {
            self.told = turn.durable;
            self.step(turn, Input::Durable(turn.durable));
        }
    }

    /// Ends the turn: what waited for a leader goes, letters are written, reads
    /// that can be served are, and what was compacted is swept.
    pub(crate) fn end_turn(&mut self, turn: &mut Turn<'_>) {
        if !core::mem::take(&mut self.dirty) {
            return;
        }
        self.chore(turn);
        self.end_leases(turn);
        self.ask_again(turn);
        self.step(turn, Input::Flush);
        let ready = self.reads.ready(self.machine.applied());
        self.on_read_through(!ready.is_empty());
        for read in ready {
            self.serve(turn, read);
        }
        self.sweep(turn);
        self.dirty = false;
    }

    /// Moves watches, behind everything that is urgent.
    pub(crate) fn tell_watches(&mut self, turn: &mut Turn<'_>) {
        let term = self.term();
        if let Some(machine) = self.machine.keyspace() {
            self.watches.fill(turn.now, machine, term, turn.out);
        }
    }

    /// What waited for a leader goes, and the reads of the turn are asked for.
    fn ask_again(&mut self, turn: &mut Turn<'_>) {
        if self.lead.leader.is_none() {
            return;
        }
        for (owner, body) in self.writes.unpark() {
            self.write(turn, owner, body);
        }
        for (id, ask) in self.leases.unpark() {
            self.lease(turn, id, ask);
        }
        self.maybe_read_through();
        if self.reads.any_gathered() {
            let question = self.reads.ask(turn.now);
            self.step(turn, Input::Read { id: question });
        }
    }

    pub(super) fn serve(&mut self, turn: &mut Turn<'_>, read: Read) {
        match (read.who, &read.look) {
            (who, Look::Lease(ask)) => self.serve_lease(turn, who, *ask),
            (Who::Client(id) | Who::Weak(id), look) => {
                if let Some(answer) = self.machine.look(look) {
                    self.reply(turn, id, answer);
                }
            }
            (Who::Replica | Who::Peer(..), _) => {}
        }
    }

    fn sweep(&mut self, turn: &mut Turn<'_>) {
        let budget = self.limits.sweep_per_turn;
        let Some(machine) = self.machine.keyspace_mut() else { return };
        if !machine.is_swept() && machine.sweep(budget) {
            base::sometimes!(SweepSliced);
        }
        if machine.is_swept() {
            for (id, answer) in core::mem::take(&mut self.swept) {
                self.reply(turn, id, answer);
            }
        }
    }

    /// What this node itself has to say in the log, one thing at a time.
    fn chore(&mut self, turn: &mut Turn<'_>) {
        if self.lead.leader.is_none() || self.mute || turn.now < self.chore_after {
            return;
        }
        let leads = self.leads();
        let body = self.machine.chore(turn.own, leads);
        let body = body.or_else(|| self.alarm_to_raise()).or_else(|| self.old_history(turn.now));
        if let Some(body) = body {
            self.chore_after = turn.now + self.patience;
            self.write(turn, Owner::Chore, body);
        }
    }

    /// The alarm "no space", if this node found it so and it is not raised yet.
    fn alarm_to_raise(&mut self) -> Option<Bytes> {
        let machine = self.machine.keyspace().filter(|_| core::mem::take(&mut self.alarm))?;
        let alarm = Alarm { member: self.me.0, kind: AlarmKind::NoSpace };
        let change = AlarmChange { alarm, raise: true };
        let raised = machine.alarms().contains(&alarm);
        (!raised).then(|| encode(machine, &Command::Alarm(change)))
    }

    /// A compaction, if this node leads and history is old or takes too much room.
    fn old_history(&mut self, now: Time) -> Option<Bytes> {
        let machine = self.machine.keyspace()?;
        let old = self.compactor.tick(now, machine.revision());
        let revision = old.max(self.crowding_history());
        let news = machine.compacted().max(Some(Revision::ZERO)) < revision;
        let compact = Compact { revision: revision?, physical: false };
        (news && self.leads()).then(|| encode(machine, &Command::Compact(compact)))
    }

    /// Up to where history goes because it takes too much room. Not before what
    /// went before it is out of memory, or memory would fill instead.
    fn crowding_history(&self) -> Option<Revision> {
        let (machine, quota) = (self.machine.keyspace()?, self.limits.quota?);
        let (held, history) = (machine.bytes_held(), machine.bytes_of_history());
        let crowded = self.compactor.is_crowded(quota, held, history) && machine.is_swept();
        (crowded && self.leads()).then(|| {
            base::sometimes!(HistoryCrowded);
            machine.middle()
        })
    }
}

fn encode(machine: &kv::machine::Machine, command: &Command) -> Bytes {
    let envelope = Envelope { keyspace: machine.keyspace(), ..Envelope::default() };
    kv::encode::encode(&envelope, command)
}
