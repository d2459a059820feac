//! Linearizable reads without writing: the leader asks a majority whether it
//! still leads (see `waiting`). `ZooKeeper` reads locally, and a `sync` before that asks the
//! leader alone. Whoever answers a round had promised no later epoch then, so no later
//! leader had committed anything.

use super::Zab;
use super::message::Say;
use super::state::{Core, Follower, Leader, Role};
use crate::contract::{Answer, Outbox, Refusal};
use crate::quorum;
use crate::waiting::{Reader, next_ctx};
use base::{AskId, Index, NodeId, Serial, Time, invariant, mutant, sometimes};
use core::iter::once;

impl Zab {
    pub(super) fn read(&mut self, id: AskId, out: &mut Outbox) {
        match &mut self.role {
            Role::Leader(leader) => leader.read(Reader::Own(id), &self.core, out),
            Role::Follower(Follower { leader: Some(_), asked, .. }) => asked.wait(id, out),
            _ => out.answers.push(Answer::Refused { id, why: Refusal::NotLeader(None) }),
        }
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
        match &mut self.role {
            Role::Follower(Follower { leader: Some(leader), asked, .. }) if *leader == from => {
                asked.answer(ctx, index, out);
            }
            Role::Follower(_) => out.drop_letter("no such question is open"),
            _ => out.drop_letter("not following"),
        }
    }
}

impl Leader {
    fn read(&mut self, reader: Reader, core: &Core, out: &mut Outbox) {
        if mutant!(ReadWithoutQuorum, false, true) {
            return answer(reader, core.log.commit(), core, out);
        }
        if !self.rounds.wait(reader, out) {
            return;
        }
        if !self.established {
            sometimes!(ReadWaitedForBarrier);
        }
        if core.voters.len() == 1 {
            self.begin_round(core, out);
        }
    }

    /// Begins a round for all that wait, if none runs and the leader knows what is
    /// committed: its history is (Z4). Says whether the others must be asked.
    pub(super) fn begin_round(&mut self, core: &Core, out: &mut Outbox) -> bool {
        let barred = mutant!(ReadBeforeOpening, !self.established, false);
        if barred || !self.rounds.begin(core.log.commit()) {
            return false;
        }
        self.end_round(core, out);
        self.rounds.running.is_some()
    }

    /// Ends the round that runs if a majority has answered it.
    pub(super) fn end_round(&mut self, core: &Core, out: &mut Outbox) {
        let answered = self.peers.values().map(|peer| peer.progress.voice().round);
        let reached = quorum::reached(once(self.rounds.newest()).chain(answered));
        if let Some(round) = self.rounds.end(reached) {
            invariant!(I145, self.history.index <= round.commit, "before {:?}", self.history);
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
        let round = core.promised.round;
        let name = || next_ctx(now, round, &mut core.prng, &mut core.ctx);
        if let Some(ctx) = self.asked.next(name) {
            core.send(leader, Say::ReadAsk { ctx }, Serial::ZERO, out);
        }
    }

    /// A question, or its answer, may have been lost: the same one again.
    pub(super) fn ask_again(&mut self, core: &Core, out: &mut Outbox) {
        let Some(leader) = self.leader else { return };
        if let Some(ctx) = self.asked.again() {
            core.send(leader, Say::ReadAsk { ctx }, Serial::ZERO, out);
        }
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
