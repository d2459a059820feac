//! Answers as text, byte for byte as etcdctl prints them: scripts look.

mod cluster;
mod fields;
mod format;
mod go;
mod json;
mod lease;
mod object;
mod simple;
mod snapshot;
mod table;
mod txn;

use client::wire::{
    AlarmResponse, DeleteRangeResponse, LeaseGrantResponse, LeaseKeepAliveResponse,
    LeaseLeasesResponse, LeaseRevokeResponse, LeaseTimeToLiveResponse, PutResponse, RangeResponse,
    TxnResponse, WatchResponse,
};
pub(crate) use cluster::{Hash, Health, Status, hashes, health, members, statuses};
pub(crate) use fields::quoted;
pub(crate) use format::{Format, Lines};
pub(crate) use snapshot::{SnapshotStatus, size, status as snapshot_status};

/// Prints the answers that are no tables.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Printer {
    pub(crate) format: Lines,
    pub(crate) hex: bool,
}

impl Printer {
    pub(crate) fn put(self, answer: &PutResponse) -> Vec<u8> {
        match self.format {
            Lines::Simple => simple::put(answer, self.hex),
            Lines::Json => json::put(answer).line(),
            Lines::Fields => fields::put(answer),
        }
    }

    pub(crate) fn range(self, answer: &RangeResponse, value_only: bool) -> Vec<u8> {
        match self.format {
            Lines::Simple => simple::range(answer, self.hex, value_only),
            Lines::Json => json::range(answer).line(),
            Lines::Fields => fields::range(answer),
        }
    }

    pub(crate) fn delete(self, answer: &DeleteRangeResponse) -> Vec<u8> {
        match self.format {
            Lines::Simple => simple::delete(answer, self.hex),
            Lines::Json => json::delete(answer).line(),
            Lines::Fields => fields::delete(answer),
        }
    }

    pub(crate) fn txn(self, answer: &TxnResponse) -> Vec<u8> {
        match self.format {
            Lines::Simple => txn::simple(answer, self.hex),
            Lines::Json => txn::json(answer).line(),
            Lines::Fields => txn::fields(answer),
        }
    }

    pub(crate) fn watch(self, answer: &WatchResponse) -> Vec<u8> {
        match self.format {
            Lines::Simple => simple::watch(answer, self.hex),
            Lines::Json => json::watch(answer),
            Lines::Fields => fields::watch(answer),
        }
    }

    pub(crate) fn lease_grant(self, answer: &LeaseGrantResponse) -> Vec<u8> {
        lease::grant(self.format, answer)
    }

    pub(crate) fn lease_revoke(self, id: i64, answer: &LeaseRevokeResponse) -> Vec<u8> {
        lease::revoke(self.format, id, answer)
    }

    pub(crate) fn lease_keep_alive(self, answer: &LeaseKeepAliveResponse) -> Vec<u8> {
        lease::keep_alive(self.format, answer)
    }

    pub(crate) fn time_to_live(self, answer: &LeaseTimeToLiveResponse, keys: bool) -> Vec<u8> {
        lease::time_to_live(self.format, answer, keys)
    }

    pub(crate) fn leases(self, answer: &LeaseLeasesResponse) -> Vec<u8> {
        lease::list(self.format, answer)
    }

    pub(crate) fn alarms(self, answer: &AlarmResponse) -> Vec<u8> {
        cluster::alarms(self.format, answer)
    }
}
