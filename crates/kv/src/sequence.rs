//! A retry takes effect once: what each client said last, and what it was told.
//!
//! A client numbers its commands 1, 2, 3 and so on. The one after its last is
//! new; its last one again is answered as it was, and applied no more; any
//! other is refused. A gap is refused too: whoever lost a command on the way
//! must not believe that everything up to a later one took effect.
//!
//! The table is bounded, by clients and by bytes, and forgets the client who
//! was silent for longest, in the order of the log, so that replicas forget
//! alike. A client who was forgotten is told of a gap that only 1 would fill:
//! it must begin as a new client, and treat what it had under way as unknown.
//! Only the very first command of a client could so take effect twice; it may
//! be a harmless one, by which the client learns that its id is free.

use crate::command::{KeyValue, KvError, OpReply, Reply, TxnReply};
use crate::hash::digest;
use crate::tree::{Item, Tree};
use alloc::sync::Arc;
use base::Index;
use base::limits::{SEQUENCE_BYTES_MAX, SEQUENCE_REPLY_BYTES_MAX, SEQUENCES_MAX};

/// What a client's place takes beside the reply.
const CLIENT_COST: u64 = 256;

/// The last command of a client.
#[derive(Clone, Debug)]
struct Last {
    client: u64,
    sequence: u64,
    /// Where it stands in the log.
    index: Index,
    /// What was answered, unless it was too large to keep.
    reply: Option<Arc<Reply>>,
    bytes: u64,
}

/// Who spoke when.
#[derive(Clone, Debug)]
struct Spoke {
    index: Index,
    client: u64,
}

impl Item for Last {
    type Key = u64;
    type Fence = u64;

    fn key(&self) -> &u64 {
        &self.client
    }

    fn fence(&self) -> u64 {
        self.client
    }

    fn weight(&self) -> u64 {
        1
    }
}

impl Item for Spoke {
    type Key = Index;
    type Fence = Index;

    fn key(&self) -> &Index {
        &self.index
    }

    fn fence(&self) -> Index {
        self.index
    }

    fn weight(&self) -> u64 {
        1
    }
}

/// What is to be done with a command that carries a number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Turn {
    /// It is new: apply it.
    New,
    /// It took effect before, and this was the answer.
    Again(Reply),
    /// Neither.
    Refused(KvError),
}

/// What a client said last, and what it was told, unless that was too large.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Said {
    pub(crate) client: u64,
    pub(crate) sequence: u64,
    /// Where it stands in the log: who spoke first is forgotten first.
    pub(crate) index: Index,
    pub(crate) reply: Option<Arc<Reply>>,
}

/// The last command of each client that is remembered (I67).
#[derive(Clone, Debug, Default)]
pub(crate) struct Sequences {
    clients: Tree<Last>,
    spoke: Tree<Spoke>,
    digest: u64,
    bytes: u64,
}

impl Sequences {
    pub(crate) fn turn(&self, (client, sequence): (u64, u64)) -> Turn {
        let last = self.clients.get(&client);
        let said = last.map_or(0, |last| last.sequence);
        if Some(sequence) == said.checked_add(1) {
            return Turn::New;
        }
        if sequence > said || sequence == 0 {
            return Turn::Refused(KvError::SequenceGap { expected: said.saturating_add(1) });
        }
        match last.filter(|_| sequence == said).and_then(|last| last.reply.as_deref()) {
            Some(reply) => Turn::Again(reply.clone()),
            None => Turn::Refused(KvError::SequenceOld { last: said }),
        }
    }

    /// Remembers what a new command was answered.
    pub(crate) fn note(&mut self, (client, sequence): (u64, u64), index: Index, reply: &Reply) {
        let said = self.clients.get(&client).map_or(0, |last| last.sequence);
        base::invariant!(I67, said + 1 == sequence);
        self.forget(client);
        let size = reply_bytes(reply);
        let kept = size <= SEQUENCE_REPLY_BYTES_MAX;
        let reply = kept.then(|| Arc::new(reply.clone()));
        self.remember(client, sequence, index, reply);
        self.forget_the_silent();
    }

    fn remember(&mut self, client: u64, sequence: u64, index: Index, reply: Option<Arc<Reply>>) {
        let bytes = CLIENT_COST + reply.as_deref().map_or(0, reply_bytes);
        let last = Last { client, sequence, index, reply, bytes };
        self.bytes += bytes;
        self.digest = self.digest.wrapping_add(last.digest());
        self.clients.insert(last);
        self.spoke.insert(Spoke { index, client });
    }

    /// What the clients from this one on said last.
    pub(crate) fn said_from(&self, client: u64) -> impl Iterator<Item = Said> + '_ {
        self.clients.iter_from(&client).map(|last| Said {
            client: last.client,
            sequence: last.sequence,
            index: last.index,
            reply: last.reply.clone(),
        })
    }

    /// Takes in what was told by [`Sequences::said_from`]; says whether there
    /// is a place for it.
    pub(crate) fn restore(&mut self, said: Said) -> bool {
        let Said { client, sequence, index, reply } = said;
        let kept = reply.as_deref().map_or(0, reply_bytes) <= SEQUENCE_REPLY_BYTES_MAX;
        let free = self.clients.get(&client).is_none() && self.spoke.get(&index).is_none();
        let fits = kept && free && sequence > 0;
        if fits {
            self.remember(client, sequence, index, reply);
        }
        fits && self.count() <= SEQUENCES_MAX as u64 && self.bytes <= SEQUENCE_BYTES_MAX
    }

    /// How many clients are remembered.
    pub(crate) fn count(&self) -> u64 {
        self.clients.weight()
    }

    fn forget_the_silent(&mut self) {
        while self.clients.weight() > SEQUENCES_MAX as u64 || self.bytes > SEQUENCE_BYTES_MAX {
            let Some(client) = self.spoke.first().map(|spoke| spoke.client) else { return };
            self.forget(client);
        }
    }

    fn forget(&mut self, client: u64) {
        let Some(last) = self.clients.get(&client).cloned() else { return };
        self.clients.remove(&client);
        self.spoke.remove(&last.index);
        self.digest = self.digest.wrapping_sub(last.digest());
        self.bytes -= last.bytes;
    }

    pub(crate) const fn digest(&self) -> u64 {
        self.digest
    }

    pub(crate) const fn bytes_held(&self) -> u64 {
        self.bytes
    }

    /// Both views name the same clients, and the sums are theirs.
    pub(crate) fn validate(&self) {
        self.clients.validate();
        self.spoke.validate();
        let (mut bytes, mut sum) = (0, 0u64);
        for spoke in self.spoke.iter() {
            let last = self.clients.get(&spoke.client).filter(|last| last.index == spoke.index);
            base::invariant!(I67, last.is_some());
            bytes += last.map_or(0, |last| last.bytes);
            sum = sum.wrapping_add(last.map_or(0, Last::digest));
        }
        base::invariant!(I67, self.clients.weight() == self.spoke.weight());
        base::invariant!(I67, self.clients.weight() <= SEQUENCES_MAX as u64);
        base::invariant!(I67, (bytes, sum) == (self.bytes, self.digest));
    }
}

impl Last {
    fn digest(&self) -> u64 {
        let revision = self.reply.as_ref().map_or(0, |reply| reply.revision.0);
        digest(&[self.client, self.sequence, self.index.0, revision, self.bytes])
    }
}

/// About what a reply takes.
fn reply_bytes(reply: &Reply) -> u64 {
    reply.result.as_ref().map_or(0, op_bytes)
}

fn op_bytes(reply: &OpReply) -> u64 {
    let pairs = |kvs: &[KeyValue]| kvs.iter().map(pair_bytes).sum::<u64>();
    let below = match reply {
        OpReply::Range(range) => pairs(&range.kvs),
        OpReply::Put { previous } => previous.as_ref().map_or(0, pair_bytes),
        OpReply::DeleteRange { previous, .. } => pairs(previous),
        OpReply::Txn(TxnReply { replies, .. }) => replies.iter().map(op_bytes).sum(),
        OpReply::LeaseExpire { ended } => 8 * ended.len() as u64,
        OpReply::Alarm(alarms) => 16 * alarms.len() as u64,
        OpReply::Compact | OpReply::LeaseGrant { .. } | OpReply::LeaseRevoke => 0,
    };
    128 + below
}

fn pair_bytes(kv: &KeyValue) -> u64 {
    128 + (kv.key.len() + kv.value.len() + kv.extension.len()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Revision;

    fn reply(revision: u64) -> Reply {
        Reply { revision: Revision(revision), result: Ok(OpReply::Put { previous: None }) }
    }

    fn gap(expected: u64) -> Turn {
        Turn::Refused(KvError::SequenceGap { expected })
    }

    #[test]
    fn a_client_counts_from_one_without_gaps() {
        let mut sequences = Sequences::default();
        for wrong in [0, 2, 9, u64::MAX] {
            assert_eq!(sequences.turn((7, wrong)), gap(1));
        }
        for sequence in 1..=3 {
            assert_eq!(sequences.turn((7, sequence)), Turn::New);
            sequences.note((7, sequence), Index(sequence), &reply(sequence));
        }
        assert_eq!(sequences.turn((7, 3)), Turn::Again(reply(3)));
        assert_eq!(sequences.turn((7, 2)), Turn::Refused(KvError::SequenceOld { last: 3 }));
        assert_eq!(sequences.turn((7, 5)), gap(4));
        assert_eq!(sequences.turn((8, 1)), Turn::New, "another client");
        sequences.validate();
    }

    #[test]
    fn the_client_silent_for_longest_is_forgotten() {
        let mut sequences = Sequences::default();
        let clients = SEQUENCES_MAX as u64;
        (1..=clients).for_each(|it| sequences.note((it, 1), Index(it), &reply(it)));
        sequences.note((1, 2), Index(clients + 1), &reply(1));
        sequences.note((clients + 1, 1), Index(clients + 2), &reply(1));
        sequences.validate();
        assert_eq!(sequences.turn((2, 1)), Turn::New, "forgotten");
        assert_eq!(sequences.turn((2, 2)), gap(1), "it must not go on as if nothing was");
        assert_eq!(sequences.turn((1, 2)), Turn::Again(reply(1)), "it spoke again");
        assert_eq!(sequences.turn((3, 1)), Turn::Again(reply(3)));
    }

    #[test]
    fn a_large_reply_is_not_kept_but_its_effect_is_known() {
        let mut sequences = Sequences::default();
        let ended = vec![0; SEQUENCE_REPLY_BYTES_MAX as usize];
        let large = Reply { result: Ok(OpReply::LeaseExpire { ended }), ..reply(1) };
        sequences.note((1, 1), Index(1), &large);
        assert_eq!(sequences.turn((1, 1)), Turn::Refused(KvError::SequenceOld { last: 1 }));
        assert!(sequences.bytes_held() < 1000);
        sequences.validate();
    }
}
