//! The Lease service: pairs that live only as long as somebody renews them.
//!
//! Granting and revoking go through the log; the other calls are asked of
//! whoever leads, for only the leader's clock says what is left of a lease.

use crate::etcd::error::Status;
use crate::etcd::header::{Header, signed};
use crate::etcd::kv::Ask;
use crate::etcd::wire::etcdserverpb as wire;
use alloc::string::String;
use alloc::vec::Vec;
use base::limits::LEASE_TTL_S_MAX;
use bytes::Bytes;
use kv::command::{Command, LeaseGrant, OpReply, Reply};

/// What is left of a lease that does not exist, in the answer to `LeaseTimeToLive`.
const GONE: i64 = -1;

/// A lease, as the leader knows it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LeaseInfo {
    /// Its id.
    pub id: i64,
    /// How long it lives without renewal, in seconds.
    pub ttl_s: u64,
    /// What is left of that, in whole seconds.
    pub remaining_s: u64,
    /// The keys that hang on it, if they were asked for.
    pub keys: Vec<Bytes>,
}

/// `LeaseGrant`. Less than `floor_s`, and nothing at all, becomes the floor: a
/// lease must outlive an election. With the id 0 the node is left to pick one.
pub fn grant(request: wire::LeaseGrantRequest, floor_s: u64) -> Result<Ask, Status> {
    let ttl_s = u64::try_from(request.ttl).unwrap_or(0);
    if ttl_s > LEASE_TTL_S_MAX {
        return Err(Status::LEASE_TTL_TOO_LARGE);
    }
    let grant = LeaseGrant { id: request.id, ttl_s: ttl_s.max(floor_s) };
    Ok(Ask::Write(Command::LeaseGrant(grant)))
}

/// `LeaseRevoke`.
#[must_use]
pub const fn revoke(request: wire::LeaseRevokeRequest) -> Ask {
    Ask::Write(Command::LeaseRevoke { id: request.id })
}

/// The answer to `LeaseGrant`.
pub fn granted(reply: Reply, header: Header) -> Result<wire::LeaseGrantResponse, Status> {
    match reply.result? {
        OpReply::LeaseGrant { id, ttl_s } => Ok(wire::LeaseGrantResponse {
            header: Some(header.at(reply.revision).wire()),
            id,
            ttl: signed(ttl_s),
            error: String::new(),
        }),
        _ => Err(Status::WRONG_ANSWER),
    }
}

/// The answer to `LeaseRevoke`.
pub fn revoked(reply: Reply, header: Header) -> Result<wire::LeaseRevokeResponse, Status> {
    match reply.result? {
        OpReply::LeaseRevoke => {
            Ok(wire::LeaseRevokeResponse { header: Some(header.at(reply.revision).wire()) })
        }
        _ => Err(Status::WRONG_ANSWER),
    }
}

/// The answer to one request of `LeaseKeepAlive`. A lease that does not exist
/// is no error: it has zero seconds to live.
#[must_use]
pub fn kept_alive(id: i64, ttl_s: i64, header: Header) -> wire::LeaseKeepAliveResponse {
    wire::LeaseKeepAliveResponse { header: Some(header.wire()), id, ttl: ttl_s.max(0) }
}

/// The answer to `LeaseTimeToLive`. For a lease that does not exist the id is
/// echoed, and what is left is -1.
#[must_use]
pub fn time_to_live(
    id: i64,
    lease: Option<LeaseInfo>,
    header: Header,
) -> wire::LeaseTimeToLiveResponse {
    let gone = wire::LeaseTimeToLiveResponse {
        header: Some(header.wire()),
        id,
        ttl: GONE,
        ..Default::default()
    };
    match lease {
        None => gone,
        Some(lease) => wire::LeaseTimeToLiveResponse {
            ttl: signed(lease.remaining_s),
            granted_ttl: signed(lease.ttl_s),
            keys: lease.keys,
            ..gone
        },
    }
}

/// The answer to `LeaseLeases`, in the order given.
#[must_use]
pub fn leases(ids: Vec<i64>, header: Header) -> wire::LeaseLeasesResponse {
    let leases = ids.into_iter().map(|id| wire::LeaseStatus { id }).collect();
    wire::LeaseLeasesResponse { header: Some(header.wire()), leases }
}
