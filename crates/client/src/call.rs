//! When a call is made again, and when that could write twice.

use crate::caller::Client;
use crate::error::{self, Error, never_sent, try_elsewhere};
use crate::pick::Slot;
use std::future::Future;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};
use tonic::transport::Channel;
use tonic::{Response, Status};

/// The pause after every member was asked in vain, so that a cluster that is
/// electing a leader is not stormed by its callers.
const ROUND_PAUSE: Duration = Duration::from_millis(20);

/// What one try came to.
enum Try<T> {
    Done(T),
    /// No connection: certainly not sent.
    NotSent(String),
    /// Sent, and the answer was an error.
    Said(Status),
    /// Sent, and no answer in time.
    Silent,
}

impl Client {
    /// Asks one member after another until one answers. Only for calls that
    /// change nothing.
    pub(crate) async fn read<T, F>(&self, call: impl Fn(Channel) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let deadline = Instant::now() + self.timeouts.command;
        loop {
            let heard = match self.round(deadline, &call).await? {
                Round::Done(answer) => return Ok(answer),
                Round::Later(heard) => heard,
            };
            if Instant::now() + ROUND_PAUSE >= deadline {
                return Err(Error::Unavailable { text: heard });
            }
            sleep(ROUND_PAUSE).await;
        }
    }

    /// Asks every member once. An error is final: a refusal, or nobody there.
    async fn round<T, F>(
        &self,
        deadline: Instant,
        call: &impl Fn(Channel) -> F,
    ) -> Result<Round<T>, Error>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        // A member that is silent must not use up the time of the others.
        let share = self.timeouts.command / u32::try_from(self.endpoints.len()).unwrap_or(1);
        let first = self.endpoints.preferred();
        let (mut tried, mut heard) = (Vec::new(), None);
        for number in first..first.wrapping_add(self.endpoints.len()) {
            let Some(slot) = self.endpoints.slot(number) else { continue };
            let until = deadline.min(Instant::now() + share);
            match attempt(slot, until, call).await {
                Try::Done(answer) => return Ok(Round::Done(answer)),
                Try::NotSent(why) => tried.push(format!("{}: {why}", slot.name)),
                Try::Said(status) if !try_elsewhere(&status) => return Err(status.into()),
                Try::Said(status) => heard = Some(status.message().to_owned()),
                Try::Silent => heard = Some(format!("{} does not answer", slot.name)),
            }
            self.endpoints.avoid(number);
        }
        match heard {
            Some(heard) => Ok(Round::Later(heard)),
            None => Err(Error::Unreachable { tried: tried.join("; ") }),
        }
    }

    /// Sends a change once. It is sent to a second member only if there was no
    /// connection to the first, so that it cannot happen twice.
    pub(crate) async fn write<T, F>(&self, call: impl Fn(Channel) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let deadline = Instant::now() + self.timeouts.command;
        let first = self.endpoints.preferred();
        let mut tried = Vec::new();
        for number in first..first.wrapping_add(self.endpoints.len()) {
            let Some(slot) = self.endpoints.slot(number) else { continue };
            let endpoint = slot.name.clone();
            let text = match attempt(slot, deadline, &call).await {
                Try::Done(answer) => return Ok(answer),
                Try::Said(status) if error::refused(&status) => return Err(status.into()),
                Try::NotSent(why) => {
                    tried.push(format!("{endpoint}: {why}"));
                    self.endpoints.avoid(number);
                    continue;
                }
                Try::Said(status) => status.message().to_owned(),
                Try::Silent => "no answer in time".to_owned(),
            };
            self.endpoints.avoid(number);
            return Err(Error::UnknownOutcome { endpoint, text });
        }
        Err(Error::Unreachable { tried: tried.join("; ") })
    }
}

/// What asking everybody came to.
enum Round<T> {
    Done(T),
    /// Nobody answered, but somebody is there; what was heard last.
    Later(String),
}

/// One call at one member.
async fn attempt<T, F>(slot: &Slot, until: Instant, call: &impl Fn(Channel) -> F) -> Try<T>
where
    F: Future<Output = Result<Response<T>, Status>>,
{
    let channel = match timeout_at(until, slot.channel()).await {
        Ok(Ok(channel)) => channel,
        Ok(Err(why)) => return Try::NotSent(why),
        Err(_) => return Try::NotSent("no connection in time".to_owned()),
    };
    match timeout_at(until, call(channel)).await {
        Ok(Ok(answer)) => Try::Done(answer.into_inner()),
        Ok(Err(status)) if never_sent(&status) => {
            slot.forget().await;
            Try::NotSent(status.message().to_owned())
        }
        Ok(Err(status)) => {
            if try_elsewhere(&status) && !status.message().starts_with("etcdserver:") {
                slot.forget().await;
            }
            Try::Said(status)
        }
        Err(_) => Try::Silent,
    }
}
