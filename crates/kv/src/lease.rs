//! Leases and the keys that hang on them.
//!
//! Pure state: a lease begins and ends by entries of the log. When one is due
//! is the leader's business (`expiry`).

use crate::command::{KeyRange, KvError, Lease, LeaseGrant};
use crate::hash::digest;
use crate::store::Store;
use crate::tree::{Change, Item, Tree};
use alloc::vec::Vec;
use bytes::Bytes;

/// What a lease takes in memory, and a key that hangs on one beside its bytes.
const LEASE_COST: u64 = 256;
const KEY_COST: u64 = 128;

/// A lease; 0 is none, and never in here.
#[derive(Clone, Debug)]
struct Held {
    id: i64,
    ttl_s: u64,
    granted_at: u64,
    keys: Tree<Hanging>,
}

/// A key on a lease. A copy, so that it holds no value alive.
#[derive(Clone, Debug)]
struct Hanging(Bytes);

impl Item for Held {
    type Key = i64;
    type Fence = i64;

    fn key(&self) -> &i64 {
        &self.id
    }

    fn fence(&self) -> i64 {
        self.id
    }

    fn weight(&self) -> u64 {
        1
    }
}

impl Item for Hanging {
    type Key = [u8];
    type Fence = Bytes;

    fn key(&self) -> &[u8] {
        &self.0
    }

    fn fence(&self) -> Bytes {
        self.0.clone()
    }

    fn weight(&self) -> u64 {
        1
    }
}

impl Held {
    fn digest(&self) -> u64 {
        digest(&[self.id.cast_unsigned(), self.ttl_s, self.granted_at])
    }

    fn keys(&self) -> Vec<Bytes> {
        self.keys.iter().map(|key| key.0.clone()).collect()
    }
}

/// All leases of a keyspace.
#[derive(Clone, Debug, Default)]
pub(crate) struct Leases {
    held: Tree<Held>,
    digest: u64,
    bytes: u64,
}

impl Leases {
    pub(crate) fn grant(&mut self, grant: &LeaseGrant, clock: u64) -> Result<(), KvError> {
        let LeaseGrant { id, ttl_s } = *grant;
        if id == 0 || self.holds(id) {
            return Err(KvError::LeaseExists);
        }
        let held = Held { id, ttl_s, granted_at: clock, keys: Tree::default() };
        self.digest = self.digest.wrapping_add(held.digest());
        self.bytes += LEASE_COST;
        self.held.insert(held);
        Ok(())
    }

    /// Takes a lease out; says which keys hung on it, in order.
    pub(crate) fn end(&mut self, id: i64) -> Option<Vec<Bytes>> {
        let held = self.held.get(&id)?;
        let (keys, digest) = (held.keys(), held.digest());
        self.held.remove(&id);
        self.digest = self.digest.wrapping_sub(digest);
        self.bytes -= LEASE_COST + keys.iter().map(|key| cost(key)).sum::<u64>();
        Some(keys)
    }

    /// Moves a key from a lease to another; either may be 0, and the first may
    /// have ended.
    pub(crate) fn move_key(&mut self, key: &[u8], from: i64, to: i64) {
        if from == to {
            return;
        }
        if from != 0 && self.change(from, |keys| keys.remove(key)) {
            self.bytes -= cost(key);
        }
        if to != 0 {
            let hanging = Hanging(Bytes::copy_from_slice(key));
            let done = self.change(to, |keys| {
                keys.insert(hanging);
                true
            });
            base::invariant!(I63, done, "{key:?} on {to}");
            self.bytes += cost(key);
        }
    }

    fn change(&mut self, id: i64, change: impl FnOnce(&mut Tree<Hanging>) -> bool) -> bool {
        self.held.alter(&id, |held| (Change::Keep, held.is_some_and(|held| change(&mut held.keys))))
    }

    pub(crate) fn holds(&self, id: i64) -> bool {
        self.held.get(&id).is_some()
    }

    /// Whether a lease has had its time since its grant, by the log's clock: it may
    /// have been renewed, but before that nobody ends it for its time.
    pub(crate) fn is_over(&self, id: i64, clock: u64) -> bool {
        let until = |held: &Held| held.granted_at.saturating_add(held.ttl_s.saturating_mul(1_000));
        self.held.get(&id).is_some_and(|held| until(held) <= clock)
    }

    pub(crate) fn get(&self, id: i64) -> Option<Lease> {
        let held = self.held.get(&id)?;
        let Held { id, ttl_s, granted_at, .. } = *held;
        Some(Lease { id, ttl_s, granted_at, keys: held.keys() })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = LeaseGrant> + '_ {
        self.held.iter().map(|held| LeaseGrant { id: held.id, ttl_s: held.ttl_s })
    }

    /// The leases from this id on, each with the clock of its grant.
    pub(crate) fn granted_from(&self, id: i64) -> impl Iterator<Item = (LeaseGrant, u64)> + '_ {
        let grant = |held: &Held| LeaseGrant { id: held.id, ttl_s: held.ttl_s };
        self.held.iter_from(&id).map(move |held| (grant(held), held.granted_at))
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.held.weight()
    }

    pub(crate) const fn digest(&self) -> u64 {
        self.digest
    }

    pub(crate) const fn bytes_held(&self) -> u64 {
        self.bytes
    }

    /// Each pair with a lease hangs on it, and nothing else hangs anywhere.
    pub(crate) fn validate(&self, store: &Store) {
        self.held.validate();
        let (mut hanging, mut bytes, mut sum) = (0, 0, 0u64);
        for held in self.held.iter() {
            held.keys.validate();
            hanging += held.keys.weight();
            bytes += LEASE_COST;
            sum = sum.wrapping_add(held.digest());
            for key in held.keys.iter() {
                let kv = store.get(&key.0, store.revision());
                base::invariant!(I63, kv.is_some_and(|kv| kv.lease() == held.id), "{key:?}");
                bytes += cost(&key.0);
            }
        }
        let everything = KeyRange::From(Bytes::new());
        let pairs = store.range(&everything, store.revision(), usize::MAX).pairs;
        let leased = pairs.iter().filter(|kv| kv.lease() != 0).count() as u64;
        base::invariant!(I63, hanging == leased, "{hanging} keys hang, {leased} pairs say so");
        base::invariant!(I58, bytes == self.bytes && sum == self.digest);
    }
}

const fn cost(key: &[u8]) -> u64 {
    KEY_COST + key.len() as u64
}
