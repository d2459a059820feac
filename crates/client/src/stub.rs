//! The generated stubs of etcd's services; the messages are `api`'s.
#![allow(missing_docs, unreachable_pub, clippy::all, reason = "generated")]

tonic::include_proto!("etcdserverpb");
