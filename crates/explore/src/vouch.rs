//! What a letter vouches for is on the disk of who sends it.

use crate::disk::Disk;
use crate::net::Flight;
use base::{Ballot, NodeId};
use consensus::letter::Letter;
use consensus::raft::message::{Message, Say};

/// What is not there when the letter leaves.
#[must_use]
pub fn broken(id: NodeId, disk: &Disk, flight: &Flight) -> Option<String> {
    let Letter::Raft(Message { term, say, .. }) = &flight.letter else {
        unreachable!("Raft is spoken")
    };
    let promised = |whom| {
        let vote = disk.vote.as_ref().map(|(ballot, _)| *ballot).unwrap_or_default();
        vote.round > *term || vote == Ballot::new(*term, whom)
    };
    let stored = disk.vote.as_ref().map(|(ballot, _)| ballot.round).unwrap_or_default();
    let (ahead, reached) = (|term: u64| stored > term, |term: u64| stored >= term);
    match say {
        Say::Vote { .. } | Say::VoteForced { .. } if !promised(id) => {
            Some(format!("{id} asks for votes in term {term}, and its own is not on its disk"))
        }
        Say::VoteAnswer { granted: true, .. } if !promised(flight.to) => {
            Some(format!("{id} gives {} its vote in term {term}, not on its disk", flight.to))
        }
        Say::AppendAnswer { matched } | Say::HeartbeatAnswer { matched, .. }
            if *matched > disk.last().index =>
        {
            Some(format!("{id} confirms {matched}, and its disk ends at {}", disk.last().index))
        }
        Say::AppendAnswer { .. } | Say::HeartbeatAnswer { .. } if ahead(*term) => {
            Some(format!("{id} confirms something in term {term}, and has promised a later one"))
        }
        Say::Pull { .. } if !reached(*term) => {
            Some(format!("{id} pulls in term {term}, which is not on its disk"))
        }
        _ => None,
    }
}
