//! How do strangers come in? The gRPC services of etcd, each a thin pane: the
//! door's words are `api`'s, what is done is the lane's.

mod authority;
mod body;
mod cluster;
mod connection;
mod content;
mod count;
mod deadline;
mod desk;
mod frame;
mod health;
mod http1;
mod kv;
mod leader;
mod lease;
mod line;
mod maintenance;
mod opening;
mod outgoing;
mod page;
mod pulse;
mod relay;
mod routes;
mod serve;
mod serving;
mod snapshot;
mod sniff;
mod trailers;
mod unary;
mod watch;
mod words;

pub(crate) use desk::Desk;
pub(crate) use serve::{Manner, serve};
