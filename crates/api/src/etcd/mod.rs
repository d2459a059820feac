//! The etcd v3 door: one file per service, beside the wire types they share.

pub mod wire;

/// The version of etcd that clients are told they speak with. Kubernetes trusts
/// progress notices of a watch only from 3.5.13 on, so it is never lower.
pub const VERSION: &str = "3.5.21";
