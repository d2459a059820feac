//! What the commands of a keyspace work on.

use crate::alarm::Alarms;
use crate::lease::Leases;
use crate::store::Store;

/// The state that entries decide; a clone costs nothing.
#[derive(Clone, Debug)]
pub(crate) struct State {
    /// Pairs and their history.
    pub(crate) store: Store,
    /// Leases and the keys that hang on them (I63).
    pub(crate) leases: Leases,
    /// What is wrong.
    pub(crate) alarms: Alarms,
}

impl State {
    pub(crate) fn new() -> Self {
        Self { store: Store::memory(), leases: Leases::default(), alarms: Alarms::default() }
    }

    pub(crate) const fn bytes_held(&self) -> u64 {
        self.store.bytes_held() + self.leases.bytes_held()
    }

    /// Everything that [`crate::machine::Machine::validate`] asks of the state.
    pub(crate) fn validate(&self) {
        self.store.validate();
        self.leases.validate(&self.store);
    }
}
