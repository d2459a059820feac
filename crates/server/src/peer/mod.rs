//! How do nodes reach each other? Each dials every other one twice, so that
//! bulk never delays a vote; who dials sends, who is dialled receives.

mod call;
mod dial;
mod frame;
mod greet;
mod link;
mod outbox;
mod peers;

pub(crate) use call::Calls;
pub(crate) use dial::dialers;
pub(crate) use peers::{Identity, Peers};
