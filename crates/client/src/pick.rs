//! Which member is asked next, and the connections to them.

use crate::endpoint;
use crate::error::Error;
use crate::timeouts::Timeouts;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Mutex;
use tonic::transport::{self, Channel};

/// The members of one cluster, in the order they were given.
#[derive(Debug)]
pub(crate) struct Endpoints {
    slots: Vec<Slot>,
    /// Where calls go. It moves on when that member fails and then stays, so that
    /// a dead member costs one try and not one per call.
    preferred: AtomicUsize,
}

/// One member.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) name: String,
    dialer: transport::Endpoint,
    channel: Mutex<Option<Channel>>,
}

impl Endpoints {
    pub(crate) fn new<S: AsRef<str>>(given: &[S], timeouts: &Timeouts) -> Result<Self, Error> {
        let slots = given
            .iter()
            .map(|text| Slot::new(text.as_ref().trim(), timeouts))
            .collect::<Result<Vec<_>, _>>()?;
        if slots.is_empty() {
            let why = "no endpoint was given".to_owned();
            return Err(Error::BadEndpoint { endpoint: String::new(), why });
        }
        Ok(Self { slots, preferred: AtomicUsize::new(0) })
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The member that calls go to now.
    pub(crate) fn preferred(&self) -> usize {
        self.preferred.load(Ordering::Relaxed)
    }

    /// The member `number`, counted around.
    pub(crate) fn slot(&self, number: usize) -> Option<&Slot> {
        self.slots.get(number % self.slots.len().max(1))
    }

    /// Moves on from a member that failed, unless another call already did.
    pub(crate) fn avoid(&self, number: usize) {
        let next = number.wrapping_add(1);
        let order = Ordering::Relaxed;
        let _ = self.preferred.compare_exchange(number, next, order, order);
    }
}

impl Slot {
    fn new(name: &str, timeouts: &Timeouts) -> Result<Self, Error> {
        let dialer = endpoint::parse(name, timeouts)?;
        Ok(Self { name: name.to_owned(), dialer, channel: Mutex::new(None) })
    }

    /// An open connection. An error means that none could be opened, so that
    /// nothing was sent.
    pub(crate) async fn channel(&self) -> Result<Channel, String> {
        let mut held = self.channel.lock().await;
        if let Some(channel) = held.as_ref() {
            return Ok(channel.clone());
        }
        let channel = self.dialer.connect().await.map_err(|error| root_of(&error))?;
        *held = Some(channel.clone());
        Ok(channel)
    }

    /// Forgets a connection that failed; the next call opens a new one.
    pub(crate) async fn forget(&self) {
        *self.channel.lock().await = None;
    }
}

/// The innermost reason, which is the one a person can act on.
fn root_of(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
