//! How do strangers come in? The gRPC services of etcd, each a thin pane: the
//! door's words are `api`'s, what is done is the lane's.

mod cluster;
mod desk;
mod kv;
mod line;
mod maintenance;
mod serve;
mod watch;
mod words;

pub(crate) use desk::Desk;
pub(crate) use serve::serve;
