//! What clients ask of a lane: to which group it goes, and whether it is taken.

use super::Lane;
use crate::event::{
    Action, Answer, Ask, LeaseAsk, Level, Queues, Refused, Status, WatchEvent, WatchOpen,
};
use crate::machine::Look;
use crate::reads::Who;
use crate::replica::Replica;
use crate::writes::Owner;
use alloc::vec::Vec;
use base::limits::{ENTRY_BYTES_MAX, WATCHES_MAX};
use base::{AskId, GroupId, KeyspaceId, NodeId, Time, WatchKey};
use kv::command::{Command, Envelope, KvError, LeaseGrant, Reply};

impl Lane {
    pub(super) fn on_ask(&mut self, now: Time, id: AskId, ask: Ask, out: &mut Vec<Action>) {
        let linear = Level::Linearizable;
        // Whoever is asked about, at whatever level, answers in its own term.
        let asked = match ask {
            Ask::Members { .. } => GroupId::DIRECTORY,
            _ => GroupId::DEFAULT,
        };
        let done = match ask {
            Ask::Status => self.status().map(Answer::Status),
            Ask::Members { level } => {
                self.look(now, id, GroupId::DIRECTORY, Look::Members, level, out)
            }
            Ask::Read { keyspace, query, level } => {
                self.look(now, id, group_of(keyspace), Look::Kv(query), level, out)
            }
            Ask::Leases { keyspace } => {
                self.look(now, id, group_of(keyspace), Look::Leases, linear, out)
            }
            Ask::Alarms { keyspace } => {
                self.look(now, id, group_of(keyspace), Look::Alarms, linear, out)
            }
            Ask::HashKv { keyspace, revision } => {
                let level = Level::Serializable;
                self.look(now, id, group_of(keyspace), Look::HashKv(revision), level, out)
            }
            Ask::Lease { keyspace, ask } => self.lease(now, id, group_of(keyspace), ask, out),
            Ask::Snapshot { keyspace } => {
                let replica = self.groups.get(&group_of(keyspace));
                Some(replica.map_or_else(no_keyspace, |it| Answer::Snapshot(it.snapshot())))
            }
            Ask::MoveLeader { to } => self.move_leader(now, id, to, out),
            Ask::Write { envelope, command } => self.write(now, id, &envelope, command, out),
        };
        if let Some(answer) = done {
            let term = self.groups.get(&asked).map_or(1, Replica::term);
            out.push(Action::Reply { id, term, answer });
        }
    }

    fn status(&self) -> Option<Status> {
        let replica = self.groups.get(&GroupId::DEFAULT)?;
        let (asks, ask_bytes) = self.intake.in_hand();
        let (log_bytes, letters) = (self.wal.pending_bytes(), self.mail.waiting());
        let mut status = replica.status();
        status.no_room = self.room.is_short();
        status.healing.clone_from(&self.damage);
        status.queues = Queues { asks, ask_bytes, log_bytes, letters, ..status.queues };
        Some(status)
    }

    /// The directory goes where the keyspace goes.
    fn move_leader(
        &mut self,
        now: Time,
        id: AskId,
        to: NodeId,
        out: &mut Vec<Action>,
    ) -> Option<Answer> {
        let leads = self.groups.get(&GroupId::DEFAULT).is_some_and(Replica::leads);
        let known = self.own.bootstrap.members.iter().any(|member| member.id == to);
        match (leads, known, to == self.own.me) {
            (false, ..) => return Some(Answer::Refused(Refused::NotLeader)),
            (_, false, _) => return Some(Answer::Refused(Refused::BadTransferee)),
            (_, _, true) => return Some(Answer::Moved),
            (true, true, false) => {}
        }
        if let Err(why) = self.intake.admit(now, id, GroupId::DEFAULT, size_of::<NodeId>()) {
            return Some(Answer::Refused(why));
        }
        for (group, waits) in [(GroupId::DIRECTORY, None), (GroupId::DEFAULT, Some(id))] {
            self.one(now, out, group, |replica, turn| {
                if replica.leads() {
                    replica.hand_over(turn, to, waits);
                }
            });
        }
        None
    }

    fn look(
        &mut self,
        now: Time,
        id: AskId,
        group: GroupId,
        look: Look,
        level: Level,
        out: &mut Vec<Action>,
    ) -> Option<Answer> {
        let Some(replica) = self.groups.get_mut(&group) else { return Some(no_keyspace()) };
        // The members are fixed: nothing newer was ever told.
        if level == Level::Serializable && (group == GroupId::DIRECTORY || replica.serves_weak()) {
            let answer = replica.look(&look).unwrap_or_else(no_keyspace);
            // Before the directory's first entry is applied here, what this node was
            // started with is all that it knows of the others.
            return Some(match answer {
                Answer::Members(none) if none.is_empty() => {
                    Answer::Members(self.own.bootstrap.members.clone())
                }
                answer => answer,
            });
        }
        if let Err(why) = self.intake.admit(now, id, group, size_of::<Look>()) {
            return Some(Answer::Refused(why));
        }
        self.one(now, out, group, |replica, _| match level {
            Level::Serializable => replica.read_weak(id, look),
            Level::Linearizable => replica.read(Who::Client(id), look),
        });
        None
    }

    fn lease(
        &mut self,
        now: Time,
        id: AskId,
        group: GroupId,
        ask: LeaseAsk,
        out: &mut Vec<Action>,
    ) -> Option<Answer> {
        if group == GroupId::DIRECTORY || !self.groups.contains_key(&group) {
            return Some(no_keyspace());
        }
        if let Err(why) = self.intake.admit(now, id, group, size_of::<LeaseAsk>()) {
            return Some(Answer::Refused(why));
        }
        self.one(now, out, group, |replica, turn| replica.lease(turn, id, ask));
        None
    }

    fn write(
        &mut self,
        now: Time,
        id: AskId,
        envelope: &Envelope,
        command: Command,
        out: &mut Vec<Action>,
    ) -> Option<Answer> {
        let group = group_of(envelope.keyspace);
        let command = self.settle(command);
        let numbered = envelope.sequence.is_some();
        if let Some(refused) = self.refused(group, &command, numbered) {
            return Some(refused);
        }
        let body = kv::encode::encode(envelope, &command);
        if body.len() > ENTRY_BYTES_MAX {
            return Some(Answer::Refused(Refused::TooLarge));
        }
        if !self.has_room(&command, body.len()) {
            return Some(Answer::Refused(Refused::NoSpace));
        }
        if let Err(why) = self.intake.admit(now, id, group, body.len()) {
            return Some(Answer::Refused(why));
        }
        let physical = matches!(&command, Command::Compact(compact) if compact.physical);
        self.one(now, out, group, |replica, turn| {
            if physical {
                replica.wait_for_room(id);
            }
            replica.write(turn, Owner::Client(id), body);
        });
        None
    }

    /// Whether the disk of this node has room for a command.
    fn has_room(&self, command: &Command, bytes: usize) -> bool {
        let frees = kv::quota::cost(command) == 0;
        let left = self.wal.room().saturating_sub(bytes as u64);
        self.room.admits(frees, left)
    }

    /// What the proposer decides, so that every replica applies the same: the
    /// id of a lease that has none, and the least time of one.
    fn settle(&mut self, command: Command) -> Command {
        let Command::LeaseGrant(LeaseGrant { id, ttl_s }) = command else { return command };
        let picked = (self.prng.next() >> 1).max(1).cast_signed();
        let id = if id == 0 { picked } else { id };
        Command::LeaseGrant(LeaseGrant { id, ttl_s: ttl_s.max(self.lease_floor_s) })
    }

    /// What would be refused by every state, or for want of room, is refused
    /// here and costs no log entry.
    fn refused(&mut self, group: GroupId, command: &Command, numbered: bool) -> Option<Answer> {
        let replica = self.groups.get_mut(&group);
        let Some(replica) = replica.filter(|it| it.machine().keyspace().is_some()) else {
            return Some(no_keyspace());
        };
        let fits = replica.has_room(command);
        if numbered {
            return None; // the number is used up even by a command that is refused
        }
        let why = match kv::check::check(command) {
            Ok(()) if fits => return None,
            Ok(()) => KvError::NoSpace,
            Err(why) => why,
        };
        let keyspace = replica.machine().keyspace()?;
        Some(Answer::Kv(Reply { revision: keyspace.revision(), result: Err(why) }))
    }

    pub(super) fn on_watch(&mut self, key: WatchKey, open: WatchOpen, out: &mut Vec<Action>) {
        let group = group_of(open.keyspace);
        let full = self.watches.len() >= WATCHES_MAX;
        let replica = self.groups.get_mut(&group);
        let opened = match replica.filter(|it| it.machine().keyspace().is_some()) {
            _ if full => Err(Refused::TooManyRequests),
            None => Err(Refused::NoSuchKeyspace),
            Some(replica) => Ok((replica.term(), replica.watch(key, open))),
        };
        let (term, event) = match opened {
            Ok((term, revision)) => (term, WatchEvent::Opened { revision }),
            Err(why) => (1, WatchEvent::Refused(why)),
        };
        if matches!(event, WatchEvent::Opened { .. }) {
            self.watches.insert(key, group);
        }
        out.push(Action::Watch { key, term, event });
    }
}

/// The group that serves a keyspace: every keyspace has one shard so far.
const fn group_of(keyspace: KeyspaceId) -> GroupId {
    GroupId(keyspace.0)
}

const fn no_keyspace() -> Answer {
    Answer::Refused(Refused::NoSuchKeyspace)
}
