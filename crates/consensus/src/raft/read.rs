//! Linearizable reads without writing: the leader asks a majority whether it
//! still leads (dissertation, 6.4).
//!
//! Rounds are counted by the leader and never used twice; a read is answered
//! by a round that began after it arrived. One round runs at a time, and what
//! arrives meanwhile shares the next one.

use super::Raft;
use super::message::Say;
use super::state::{Core, Follower, Leader, Role};
use super::waiting::{Question, Reader, Round, refuse};
use crate::contract::{Answer, Outbox, Refusal};
use crate::quorum;
use base::limits::READS_WAITING_MAX;
use base::prng::Prng;
use base::{AskId, Index, NodeId, Serial, Time, invariant, mutant, sometimes};
use core::iter::once;

impl Raft {
    pub(super) fn read(&mut self, id: AskId, out: &mut Outbox) {
        let why = match &mut self.role {
            Role::Leader(leader) => return leader.read(Reader::Own(id), &self.core, out),
            Role::Follower(Follower { leader: Some(_), asked, .. }) => {
                if asked.count() < READS_WAITING_MAX {
                    return asked.waiting.push(id);
                }
                Refusal::Busy
            }
            _ => Refusal::NotLeader(None),
        };
        out.answers.push(Answer::Refused { id, why });
    }

    pub(super) fn on_read_ask(&mut self, from: NodeId, ctx: u64, out: &mut Outbox) {
        match &mut self.role {
            Role::Leader(leader) => leader.read(Reader::Peer(from, ctx), &self.core, out),
            _ => out.drop_letter("not leading"),
        }
    }

    pub(super) fn on_read_answer(
        &mut self,
        from: NodeId,
        ctx: u64,
        index: Index,
        out: &mut Outbox,
    ) {
        let Role::Follower(follower) = &mut self.role else {
            return out.drop_letter("not following");
        };
        let open = follower.leader == Some(from);
        match follower.asked.running.take_if(|question| open && question.ctx == ctx) {
            Some(question) => {
                let answers = question.ids.into_iter().map(|id| Answer::ReadAt { id, index });
                out.answers.extend(answers);
            }
            None => out.drop_letter("no such question is open"),
        }
    }
}

impl Leader {
    fn read(&mut self, reader: Reader, core: &Core, out: &mut Outbox) {
        if self.rounds.count() >= READS_WAITING_MAX {
            return refuse(reader, Refusal::Busy, out);
        }
        if self.opening > core.log.commit() {
            sometimes!(ReadWaitedForBarrier);
        }
        if mutant!(ReadWithoutQuorum, false, true) {
            return answer(reader, core.log.commit(), core, out);
        }
        self.rounds.waiting.push(reader);
        if core.voters.len() == 1 {
            self.begin_round(core, out);
        }
    }

    /// Begins a round for all that wait, if none runs and the leader knows what
    /// is committed: an entry of its own term is (Raft, 8). Says whether the
    /// others must be asked.
    pub(super) fn begin_round(&mut self, core: &Core, out: &mut Outbox) -> bool {
        let rounds = &mut self.rounds;
        let barred = mutant!(ReadBeforeOpening, self.opening > core.log.commit(), false);
        if rounds.running.is_some() || rounds.waiting.is_empty() || barred {
            return false;
        }
        rounds.number += mutant!(RoundUsedTwice, 1, u64::from(rounds.number == 0));
        let readers = core::mem::take(&mut rounds.waiting);
        rounds.running = Some(Round { commit: core.log.commit(), readers });
        self.end_round(core, out);
        self.rounds.running.is_some()
    }

    /// Ends the round that runs if a majority has answered it.
    pub(super) fn end_round(&mut self, core: &Core, out: &mut Outbox) {
        let answered = self.progress.values().map(|progress| progress.voice().round);
        let own = self.rounds.number;
        let reached = quorum::reached(once(own).chain(answered));
        invariant!(I27, reached <= own, "round {reached} of {own}");
        if let Some(round) = self.rounds.running.take_if(|_| reached == own) {
            invariant!(I26, self.opening <= round.commit, "before {}", self.opening);
            for reader in round.readers {
                answer(reader, round.commit, core, out);
            }
        }
    }
}

impl Follower {
    /// Sends the next question, if none is on its way.
    pub(super) fn send_ask(&mut self, now: Time, core: &mut Core, out: &mut Outbox) {
        let Some(leader) = self.leader else { return };
        if self.asked.running.is_some() || self.asked.waiting.is_empty() {
            return;
        }
        let ctx = next_ctx(now, core);
        let ids = core::mem::take(&mut self.asked.waiting);
        self.asked.running = Some(Question { ctx, ids, stale: false });
        core.send(leader, Say::ReadAsk { ctx }, Serial::ZERO, out);
    }

    /// A question, or its answer, may have been lost: the same one again.
    pub(super) fn ask_again(&mut self, core: &Core, out: &mut Outbox) {
        let (Some(leader), Some(question)) = (self.leader, &mut self.asked.running) else { return };
        if question.stale {
            core.send(leader, Say::ReadAsk { ctx: question.ctx }, Serial::ZERO, out);
        }
        question.stale = true;
    }
}

fn answer(reader: Reader, index: Index, core: &Core, out: &mut Outbox) {
    match reader {
        Reader::Own(id) => out.answers.push(Answer::ReadAt { id, index }),
        Reader::Peer(peer, ctx) => {
            core.send(peer, Say::ReadAnswer { ctx, index }, Serial::ZERO, out);
        }
    }
}

/// A late answer to a question of an earlier life must not fit one of this
/// life, and a node may wake up in the same term with the same seed; but never
/// at the same time. So the first context comes from the time, the rest count on.
fn next_ctx(now: Time, core: &mut Core) -> u64 {
    let ctx = match core.ctx {
        Some(ctx) => ctx.wrapping_add(1),
        None => Prng::new(core.prng.next() ^ now.0.rotate_left(17) ^ core.term).next(),
    };
    core.ctx = Some(ctx);
    ctx
}
