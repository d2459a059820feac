//! A watch that outlives the member it began at.

use crate::caller::Client;
use crate::error::Error;
use crate::error::try_elsewhere;
use crate::stub::watch_client::WatchClient;
use api::etcd::wire::etcdserverpb::watch_request::RequestUnion;
use api::etcd::wire::etcdserverpb::{
    WatchCreateRequest, WatchProgressRequest, WatchRequest, WatchResponse,
};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};

/// The pause before a watch is opened again after nobody would have it.
const REOPEN_PAUSE: Duration = Duration::from_millis(50);

/// Questions that wait to be sent: the first one, and some for progress.
const ASKS: usize = 4;

/// The changes of a range of keys, in order, each exactly once.
///
/// After the loss of a member it goes on at another one with the revision after
/// the last that was handed out.
#[derive(Debug)]
pub struct Watch {
    client: Client,
    /// What to ask for next; its start moves on with what was handed out.
    request: WatchCreateRequest,
    open: Option<Open>,
    /// Whether it was ever created: from then on a loss is not an error.
    created: bool,
}

/// A stream at one member.
#[derive(Debug)]
struct Open {
    number: usize,
    answers: Streaming<WatchResponse>,
    /// Dropping it would end the stream.
    asks: mpsc::Sender<WatchRequest>,
}

impl Client {
    /// Watches a range. Nothing is sent before the first [`Watch::next`].
    #[must_use]
    pub fn watch(&self, request: WatchCreateRequest) -> Watch {
        Watch { client: self.clone(), request, open: None, created: false }
    }
}

impl Watch {
    /// The next answer: the one that says that the watch is there, then changes.
    /// Answers without changes tell how far the watch has come.
    pub async fn next(&mut self) -> Result<WatchResponse, Error> {
        loop {
            // The stream stays in its place while it is waited for, so that a
            // caller who stops waiting loses nothing.
            let Some(open) = self.open.as_mut() else {
                self.open = Some(self.reopen().await?);
                continue;
            };
            let number = open.number;
            match open.answers.message().await {
                Ok(Some(answer)) => {
                    let first = !self.created;
                    self.take_note(&answer)?;
                    if !answer.created || first {
                        return Ok(answer);
                    }
                    continue;
                }
                Ok(None) => (),
                Err(status) if goes_on(&status) => (),
                Err(status) => return Err(status.into()),
            }
            self.open = None;
            self.leave(number).await;
        }
    }

    /// Asks how far the watch has come; the answer is one without changes. Without
    /// a stream there is nobody to ask, and the question is forgotten.
    pub fn ask_progress(&self) {
        let ask = RequestUnion::ProgressRequest(WatchProgressRequest {});
        if let Some(open) = &self.open {
            let _ = open.asks.try_send(WatchRequest { request_union: Some(ask) });
        }
    }

    /// Remembers where to go on, or why there is nothing to go on with.
    fn take_note(&mut self, answer: &WatchResponse) -> Result<(), Error> {
        if answer.compact_revision != 0 {
            return Err(Error::Compacted { oldest: answer.compact_revision });
        }
        if answer.canceled {
            let text = match answer.cancel_reason.as_str() {
                "" => "etcdserver: watch canceled".to_owned(),
                reason => reason.to_owned(),
            };
            return Err(Error::Refused { code: Code::FailedPrecondition, text });
        }
        self.created |= answer.created;
        let revision = answer.header.as_ref().map_or(0, |header| header.revision);
        let told = answer.events.iter().filter_map(|event| event.kv.as_ref());
        if let Some(newest) = told.map(|kv| kv.mod_revision).max() {
            self.request.start_revision = newest.saturating_add(1);
        } else if self.request.start_revision == 0 || !answer.created {
            // "From now on" has become a number; it must not become a later now.
            let next = revision.saturating_add(1);
            self.request.start_revision = self.request.start_revision.max(next);
        }
        Ok(())
    }

    /// Leaves a member that lost the stream.
    async fn leave(&self, number: usize) {
        if let Some(slot) = self.client.endpoints.slot(number) {
            slot.forget().await;
        }
        self.client.endpoints.avoid(number);
    }

    /// Opens the stream at the first member that will have it.
    async fn reopen(&mut self) -> Result<Open, Error> {
        loop {
            let mut tried = Vec::new();
            for _ in 0..self.client.endpoints.len() {
                match self.open_at(self.client.endpoints.preferred()).await? {
                    Ok(open) => return Ok(open),
                    Err(why) => tried.push(why),
                }
            }
            if !self.created {
                return Err(Error::Unreachable { tried: tried.join("; ") });
            }
            sleep(REOPEN_PAUSE).await;
        }
    }

    /// The inner error is one that another member may not have.
    async fn open_at(&self, number: usize) -> Result<Result<Open, String>, Error> {
        let Some(slot) = self.client.endpoints.slot(number) else {
            return Ok(Err(String::new()));
        };
        let channel = match slot.channel().await {
            Ok(channel) => channel,
            Err(why) => {
                self.client.endpoints.avoid(number);
                return Ok(Err(format!("{}: {why}", slot.name)));
            }
        };
        let (asks, receiver) = mpsc::channel(ASKS);
        let create = RequestUnion::CreateRequest(self.request.clone());
        // The channel is new and has room.
        let _ = asks.try_send(WatchRequest { request_union: Some(create) });
        match WatchClient::new(channel).watch(ReceiverStream::new(receiver)).await {
            Ok(answers) => Ok(Ok(Open { number, answers: answers.into_inner(), asks })),
            Err(status) if goes_on(&status) => {
                self.leave(number).await;
                Ok(Err(format!("{}: {}", slot.name, status.message())))
            }
            Err(status) => Err(status.into()),
        }
    }
}

/// Whether the watch can go on elsewhere.
fn goes_on(status: &Status) -> bool {
    try_elsewhere(status) || status.code() == Code::Cancelled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeouts::Timeouts;
    use api::etcd::wire::etcdserverpb::ResponseHeader;
    use api::etcd::wire::mvccpb::{Event, KeyValue};

    async fn watch(start_revision: i64) -> Watch {
        let client = Client::connect(&["127.0.0.1:1"], Timeouts::default()).expect("a client");
        client.watch(WatchCreateRequest { start_revision, ..WatchCreateRequest::default() })
    }

    fn answer(revision: i64, created: bool, events: &[i64]) -> WatchResponse {
        let header = Some(ResponseHeader { revision, ..ResponseHeader::default() });
        let kv = |mod_revision| KeyValue { mod_revision, ..KeyValue::default() };
        let event = |revision: &i64| Event { kv: Some(kv(*revision)), ..Event::default() };
        let events = events.iter().map(event).collect();
        WatchResponse { header, created, events, ..WatchResponse::default() }
    }

    #[tokio::test]
    async fn it_goes_on_with_the_revision_after_the_last_that_was_told() {
        let mut watch = watch(0).await;
        let mut next = |answer| {
            watch.take_note(&answer).expect("nothing is wrong");
            watch.request.start_revision
        };
        assert_eq!(next(answer(7, true, &[])), 8, "from now on has become a number");
        assert_eq!(next(answer(9, false, &[8, 9])), 10);
        // Opened again at a member that is ahead: nothing between is skipped.
        assert_eq!(next(answer(20, true, &[])), 10);
        assert_eq!(next(answer(20, false, &[12])), 13, "the header may be ahead of the events");
        assert_eq!(next(answer(25, false, &[])), 26, "a notice of progress counts");
    }

    #[tokio::test]
    async fn a_start_that_was_named_stays_until_something_is_told() {
        let mut watch = watch(3).await;
        watch.take_note(&answer(20, true, &[])).expect("nothing is wrong");
        assert_eq!(watch.request.start_revision, 3);
    }

    #[tokio::test]
    async fn its_end_says_why() {
        let gone = WatchResponse { canceled: true, compact_revision: 9, ..answer(0, false, &[]) };
        let error = watch(1).await.take_note(&gone).expect_err("history is gone");
        assert!(matches!(error, Error::Compacted { oldest: 9 }), "{error:?}");
        let reason = "mvcc: watcher range is empty";
        let refused = WatchResponse { canceled: true, ..answer(0, true, &[]) };
        let refused = WatchResponse { cancel_reason: reason.into(), ..refused };
        let error = watch(1).await.take_note(&refused).expect_err("it was refused");
        assert_eq!(error.to_string(), reason);
    }
}
