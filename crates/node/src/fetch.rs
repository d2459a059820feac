//! Taking over another node's checkpoint: what is asked for, what has come, and
//! what is still lacking. Resumable: chunks that are here already, from whatever
//! earlier attempt, are not asked for again.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use base::time::earliest;
use base::{ChunkId, Index, NodeId, Time};
use core::time::Duration;
use journal::checkpoint::{Chunk, Contents};

/// Chunks that are asked for or being kept at one time.
const CHUNKS_IN_HAND_MAX: usize = 4;

/// How often something is asked for again before another offer is waited for.
const TRIES_MAX: u32 = 8;

/// A node offered a checkpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Offer {
    /// The name of its contents.
    pub(crate) id: ChunkId,
    /// Of which place of the log it is.
    pub(crate) index: Index,
    /// Plain bytes of all chunks.
    pub(crate) bytes: u64,
}

/// One checkpoint on its way here.
#[derive(Clone, Debug)]
pub(crate) struct Fetch {
    from: NodeId,
    offer: Offer,
    stage: Stage,
    /// The other node does not have it any more, or does not answer.
    gone: bool,
    /// How often something was asked for again since anything came.
    tries: u32,
}

#[derive(Clone, Debug)]
enum Stage {
    /// What it consists of is asked for.
    Contents { asked: Time },
    /// Which chunks are here is being looked up.
    Survey(Contents),
    /// Chunks are fetched.
    Chunks {
        contents: Contents,
        lacking: VecDeque<Chunk>,
        asked: BTreeMap<ChunkId, (Chunk, Time)>,
        saving: usize,
    },
    /// The state is built.
    Install(Contents),
}

/// What is to be done next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Next {
    /// Ask for these.
    Ask(Vec<ChunkId>),
    /// Everything is here: build the state.
    Install(Contents),
}

/// What came for a fetch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Got {
    /// The contents: look up which of their chunks are here.
    Survey(Contents),
    /// A chunk, to be checked and kept.
    Save(Chunk),
    /// Nothing that was asked for.
    Unasked,
}

impl Fetch {
    /// Begins with asking for the contents.
    pub(crate) const fn new(from: NodeId, offer: Offer, now: Time) -> Self {
        Self { from, offer, stage: Stage::Contents { asked: now }, gone: false, tries: 0 }
    }

    /// Whom it comes from.
    pub(crate) const fn from(&self) -> NodeId {
        self.from
    }

    /// What is fetched.
    pub(crate) const fn offer(&self) -> Offer {
        self.offer
    }

    /// Bytes came under this name.
    pub(crate) fn on_part(&mut self, id: ChunkId, plain: &bytes::Bytes) -> Got {
        self.tries = 0;
        match &mut self.stage {
            Stage::Contents { .. } if id == self.offer.id => {
                let honest = base::checksum::content_id(plain) == id;
                let contents = Contents::decode(plain.clone()).ok().filter(|_| honest);
                let Some(contents) = contents.filter(|it| it.index == self.offer.index) else {
                    return Got::Unasked;
                };
                self.stage = Stage::Survey(contents.clone());
                Got::Survey(contents)
            }
            Stage::Chunks { asked, saving, .. } => match asked.remove(&id) {
                Some((chunk, _)) if plain.len() == chunk.bytes as usize => {
                    *saving += 1;
                    Got::Save(chunk)
                }
                _ => Got::Unasked,
            },
            _ => Got::Unasked,
        }
    }

    /// These chunks are not here: looked up, or found damaged.
    pub(crate) fn on_lacking(&mut self, chunks: Vec<Chunk>) {
        let contents = match &self.stage {
            Stage::Survey(contents) | Stage::Install(contents) => contents.clone(),
            Stage::Contents { .. } | Stage::Chunks { .. } => return,
        };
        let (lacking, asked) = (chunks.into(), BTreeMap::new());
        self.stage = Stage::Chunks { contents, lacking, asked, saving: 0 };
    }

    /// A chunk was kept, or it was not what its name says.
    pub(crate) fn on_saved(&mut self, chunk: Chunk, good: bool) {
        if let Stage::Chunks { lacking, saving, .. } = &mut self.stage {
            *saving = saving.saturating_sub(1);
            if !good {
                lacking.push_back(chunk);
            }
        }
    }

    /// There was no room for a chunk: what is here stays, for the next offer.
    pub(crate) const fn on_no_room(&mut self) {
        self.gone = true;
        if let Stage::Chunks { saving, .. } = &mut self.stage {
            *saving = saving.saturating_sub(1);
        }
    }

    /// What is to be done now; to be asked after everything that happens.
    pub(crate) fn next(&mut self, now: Time, patience: Duration) -> Option<Next> {
        if self.deadline(patience).is_some_and(|due| due <= now) {
            self.tries += 1;
            self.gone |= self.tries > TRIES_MAX;
        }
        if self.gone {
            return None;
        }
        match &mut self.stage {
            Stage::Contents { asked } if *asked + patience <= now => {
                *asked = now;
                Some(Next::Ask(Vec::from([self.offer.id])))
            }
            Stage::Chunks { contents, lacking, asked, saving } => {
                if lacking.is_empty() && asked.is_empty() && *saving == 0 {
                    let contents = contents.clone();
                    self.stage = Stage::Install(contents.clone());
                    return Some(Next::Install(contents));
                }
                asked.retain(|_, (chunk, since)| {
                    let late = *since + patience <= now;
                    if late {
                        base::sometimes!(ChunkAskedAgain);
                        lacking.push_front(*chunk);
                    }
                    !late
                });
                let room = CHUNKS_IN_HAND_MAX.saturating_sub(asked.len() + *saving);
                let next: Vec<Chunk> = lacking.drain(..room.min(lacking.len())).collect();
                asked.extend(next.iter().map(|chunk| (chunk.id, (*chunk, now))));
                let ids: Vec<ChunkId> = next.into_iter().map(|chunk| chunk.id).collect();
                (!ids.is_empty()).then_some(Next::Ask(ids))
            }
            _ => None,
        }
    }

    /// When something must be asked for again.
    pub(crate) fn deadline(&self, patience: Duration) -> Option<Time> {
        match &self.stage {
            Stage::Contents { asked } => Some(*asked + patience),
            Stage::Chunks { asked, .. } => {
                asked.values().map(|(_, since)| Some(*since + patience)).fold(None, earliest)
            }
            Stage::Survey(_) | Stage::Install(_) => None,
        }
    }

    /// The other node does not have this any more; late news of something that
    /// is not asked for says nothing.
    pub(crate) fn on_gone(&mut self, id: ChunkId) {
        self.gone |= match &self.stage {
            Stage::Contents { .. } => id == self.offer.id,
            Stage::Chunks { asked, .. } => asked.contains_key(&id),
            Stage::Survey(_) | Stage::Install(_) => false,
        };
    }

    /// Whether it has come to nothing, or is not needed any more by a state that
    /// has `applied` so much, and can be forgotten.
    pub(crate) fn is_over(&self, applied: Index) -> bool {
        (self.gone || self.offer.index <= applied) && !self.is_busy()
    }

    /// Whether a job of its is under way, so that it cannot be given up now.
    pub(crate) const fn is_busy(&self) -> bool {
        match &self.stage {
            Stage::Survey(_) | Stage::Install(_) => true,
            Stage::Chunks { saving, .. } => *saving > 0,
            Stage::Contents { .. } => false,
        }
    }
}
