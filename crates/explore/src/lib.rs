//! Everything that can happen, in worlds small enough to be looked at whole.
//!
//! The replicas are those of `consensus`, not a model of them: a state is three
//! of them with their disks and the letters between them, a step is one input of
//! one replica. From a start, every order of letters, syncs, timers and crashes
//! is followed until nothing new comes; in every state the rules of the
//! protocol's paper and of this house are asked (see `rules`).
//!
//! What makes it small enough: parts of states are kept once and named by number
//! (`intern`), and a replica in one state is fed one input once (`kernel`).

pub mod cue;
pub mod disk;
pub mod ghost;
pub mod intern;
pub mod kernel;
pub mod net;
pub mod node;
pub mod rules;
pub mod scope;
pub mod search;
pub mod story;
pub mod vouch;
