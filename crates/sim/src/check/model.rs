//! What should a keyspace answer? A naive one, made of copies, that shares no
//! code with the real one.

mod draft;
mod rest;
mod room;
mod select;

use crate::history::{Batch, Number};
use base::Revision;
use base::limits::SEQUENCE_REPLY_BYTES_MAX;
use bytes::Bytes;
use kv::command::{AlarmKind, Change, Command, KeyValue, KvError, OpReply, Reply};
use node::event::Query;
use std::collections::BTreeMap;
use std::rc::Rc;

pub use rest::Rest;
pub use room::takes_room;
pub use select::inside;

use draft::View;
use room::size;
use select::Pairs;

/// All states that a keyspace went through.
#[derive(Clone, Debug)]
pub struct Model {
    /// The state at revision 1, 2, 3 and so on.
    states: Vec<Pairs>,
    /// Everything that watches can be told, from revision 2 on.
    history: Vec<Batch>,
    rest: Rc<Rest>,
    /// The last number of each client and what it was answered.
    said: BTreeMap<u64, (u64, Option<Reply>)>,
}

impl Default for Model {
    fn default() -> Self {
        Self {
            states: vec![Pairs::new()],
            history: Vec::new(),
            rest: Rc::default(),
            said: BTreeMap::new(),
        }
    }
}

impl Model {
    /// The newest revision.
    #[must_use]
    pub fn revision(&self) -> Revision {
        Revision(self.states.len() as u64)
    }

    /// What it holds beside the pairs.
    #[must_use]
    pub fn rest(&self) -> Rc<Rest> {
        Rc::clone(&self.rest)
    }

    /// Every revision above the first, with its changes.
    #[must_use]
    pub fn history(&self) -> &[Batch] {
        &self.history
    }

    /// The keys that hung on a lease at a revision.
    #[must_use]
    pub fn hanging(&self, at: Revision, lease: i64) -> Vec<Bytes> {
        let pairs = self.view(at, &self.rest).state(at).into_iter().flat_map(BTreeMap::values);
        pairs.filter(|kv| kv.lease == lease).map(|kv| kv.key.clone()).collect()
    }

    /// Does a command, unless its number says that it was done before.
    pub fn apply(&mut self, number: Number, clock: u64, command: &Command) -> Reply {
        let Some((client, number)) = number else { return self.run(clock, command) };
        let (said, kept) = self.said.get(&client).cloned().unwrap_or_default();
        if number == said + 1 {
            let reply = self.run(clock, command);
            let kept = (size(&reply) <= SEQUENCE_REPLY_BYTES_MAX).then(|| reply.clone());
            self.said.insert(client, (number, kept));
            return reply;
        }
        if number == said
            && let Some(reply) = kept
        {
            return reply;
        }
        let again = number <= said && number > 0;
        let old = KvError::SequenceOld { last: said };
        let gap = KvError::SequenceGap { expected: said + 1 };
        Reply { revision: self.revision(), result: Err(if again { old } else { gap }) }
    }

    fn run(&mut self, clock: u64, command: &Command) -> Reply {
        let result = self.refused(command).map_or_else(|| self.act(clock, command), Err);
        Reply { revision: self.revision(), result }
    }

    fn refused(&self, command: &Command) -> Option<KvError> {
        let stands = |kind| self.rest.alarms.iter().any(|alarm| alarm.kind == kind);
        (stands(AlarmKind::NoSpace) && takes_room(command)).then_some(KvError::NoSpace)
    }

    fn act(&mut self, clock: u64, command: &Command) -> Result<OpReply, KvError> {
        let now = self.revision();
        match command {
            Command::Put(_) | Command::DeleteRange(_) | Command::Txn(_) => {
                let (changes, reply) = self.view(now, &self.rest).run(command)?;
                self.push(changes);
                Ok(reply)
            }
            Command::Compact(it) => {
                if self.rest.compacted.is_some_and(|last| it.revision <= last) {
                    return Err(KvError::Compacted { oldest: self.rest.oldest() });
                }
                if it.revision > now {
                    return Err(KvError::FutureRevision);
                }
                Rc::make_mut(&mut self.rest).compacted = Some(it.revision);
                Ok(OpReply::Compact)
            }
            Command::LeaseGrant(it) => {
                if it.id == 0 || self.rest.leases.contains_key(&it.id) {
                    return Err(KvError::LeaseExists);
                }
                let rest = Rc::make_mut(&mut self.rest);
                rest.leases.insert(it.id, it.ttl_s);
                rest.over.insert(it.id, clock + it.ttl_s * 1_000);
                Ok(OpReply::LeaseGrant { id: it.id, ttl_s: it.ttl_s })
            }
            Command::LeaseRevoke { id } => {
                self.end(*id).then_some(OpReply::LeaseRevoke).ok_or(KvError::LeaseNotFound)
            }
            Command::LeaseExpire { ids } => {
                let over =
                    |model: &Self, id| model.rest.over.get(&id).is_some_and(|at| *at <= clock);
                let mut ended = ids.clone();
                ended.retain(|id| over(self, *id) && self.end(*id));
                Ok(OpReply::LeaseExpire { ended })
            }
            Command::Alarm(it) => {
                let alarms = &mut Rc::make_mut(&mut self.rest).alarms;
                let done = if it.raise {
                    alarms.insert(it.alarm);
                    true
                } else {
                    alarms.remove(&it.alarm)
                };
                Ok(OpReply::Alarm(done.then_some(it.alarm).into_iter().collect()))
            }
        }
    }

    /// Ends a lease; says whether there was one.
    fn end(&mut self, id: i64) -> bool {
        let now = self.revision();
        if Rc::make_mut(&mut self.rest).leases.remove(&id).is_none() {
            return false;
        }
        let mut draft = self.view(now, &self.rest).draft();
        self.hanging(now, id).into_iter().for_each(|key| draft.remove(&key));
        self.push(draft.changes);
        true
    }

    /// Makes these changes the next revision, if there are any.
    fn push(&mut self, changes: Vec<Change>) {
        if changes.is_empty() {
            return;
        }
        let mut pairs = self.states.last().cloned().unwrap_or_default();
        for Change { kv, deleted, .. } in &changes {
            if *deleted {
                pairs.remove(kv.key());
            } else {
                let kv = KeyValue::from(kv.clone());
                pairs.insert(kv.key.clone(), kv.into());
            }
        }
        self.history.push((self.revision().next(), changes));
        self.states.push(pairs);
    }

    /// What a question would be answered at revision `at`, with this beside it.
    #[must_use]
    pub fn read(&self, at: Revision, rest: &Rest, query: &Query) -> Reply {
        let view = self.view(at, rest);
        let result = match query {
            Query::Range(query) => view
                .outside(query)
                .map_or_else(|| Ok(OpReply::Range(view.draft().range(query))), Err),
            Query::Txn(txn) => view.run(&Command::Txn(txn.clone())).map(|(_, reply)| reply),
        };
        Reply { revision: at, result }
    }

    fn view<'a>(&'a self, at: Revision, rest: &'a Rest) -> View<'a> {
        View { states: &self.states, at, rest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask;
    use base::prng::Prng;
    use base::{Index, KeyspaceId};
    use kv::command::{Alarm, AlarmChange, Compact, Envelope, LeaseGrant};

    /// Everything that the log can hold, about few leases.
    fn command(prng: &mut Prng, value: &str, known: Revision) -> Command {
        let id = prng.between(1, 4).cast_signed();
        let alarm = Alarm { member: 1, kind: AlarmKind::NoSpace };
        match prng.below(20) {
            0 => Command::LeaseGrant(LeaseGrant { id, ttl_s: id.cast_unsigned() }),
            1 => Command::LeaseRevoke { id },
            2 => Command::LeaseExpire { ids: vec![id, 3] },
            3 => {
                let revision = Revision(prng.between(known.0.saturating_sub(9), known.0 + 1));
                Command::Compact(Compact { revision, physical: false })
            }
            4 => Command::Alarm(AlarmChange { alarm, raise: prng.chance(1, 4) }),
            _ => ask::command(prng, 3, value, &[1, 2, 3, 4]),
        }
    }

    /// The naive keyspace and the real one agree, command by command.
    #[test]
    fn the_model_agrees_with_the_machine() {
        let mut prng = Prng::new(1);
        let mut machine = kv::machine::Machine::new(KeyspaceId(1));
        let mut model = Model::default();
        for index in 1..4_000 {
            let command = command(&mut prng, &format!("v{index}"), model.revision());
            let number =
                prng.chance(1, 4).then(|| (prng.below(2), prng.between(1, 1 + index / 20)));
            let envelope =
                Envelope { keyspace: KeyspaceId(1), sequence: number, ..Envelope::default() };
            let body = kv::encode::encode(&envelope, &command);
            let clock = index * 100;
            let reply = machine.apply(Index(index), clock, &body).unwrap();
            assert_eq!(reply, model.apply(number, clock, &command), "{command:?}");
            assert_eq!(machine.compacted(), model.rest.compacted);
            let query = Query::Range(ask::range(&mut prng, 3, model.revision()));
            let Query::Range(range) = &query else { continue };
            let wanted = model.read(model.revision(), &model.rest, &query);
            assert_eq!(machine.query(range), wanted, "{range:?}");
        }
        assert!(model.revision() > Revision(1_000));
    }
}
