//! How do strangers come in? The gRPC services of etcd, each a thin pane: the
//! door's words are `api`'s, what is done is the lane's.

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
mod line;
mod maintenance;
mod relay;
mod routes;
mod serve;
mod sniff;
mod trailers;
mod unary;
mod watch;
mod words;

use base::limits::{REQUEST_BYTES_MAX, REQUEST_OVERHEAD_BYTES_MAX};

/// What one request may take on the wire.
const MESSAGE_BYTES_MAX: usize = REQUEST_BYTES_MAX + REQUEST_OVERHEAD_BYTES_MAX;

pub(crate) use desk::Desk;
pub(crate) use serve::serve;
