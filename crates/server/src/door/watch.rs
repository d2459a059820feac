//! The Watch service: a task for each stream, between its client and the lane.

use super::desk::Desk;
use super::words::stub::watch_server::Watch;
use super::words::{KEYSPACE, refused};
use crate::clock;
use crate::inbox::Told;
use api::etcd::watch::{StreamOut, WatchEvent, WatchStream};
use api::etcd::wire::etcdserverpb::{WatchRequest, WatchResponse};
use base::WatchKey;
use node::event::{self, Refused, WatchOpen};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

/// Batches that a watch may be sent before the first of them has left here.
const CREDIT: u32 = 4;

/// Responses that wait for the client of a stream.
const RESPONSES_WAITING: usize = 16;

/// Between two questions of one stream how far its watches are.
const PROGRESS_PAUSE: Duration = Duration::from_millis(10);

pub(super) struct WatchDoor {
    pub(super) desk: Desk,
}

#[tonic::async_trait]
impl Watch for WatchDoor {
    type WatchStream = ReceiverStream<Result<WatchResponse, Status>>;

    async fn watch(
        &self,
        request: Request<Streaming<WatchRequest>>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let (responses, sent) = mpsc::channel(RESPONSES_WAITING);
        let (events, told) = mpsc::unbounded_channel();
        let stream = WatchStream::new();
        self.desk.metrics().counted.streams.inc();
        let pane =
            Pane { desk: self.desk.clone(), stream, events, responses, asked_progress: None };
        tokio::spawn(pane.serve(request.into_inner(), told));
        Ok(Response::new(ReceiverStream::new(sent)))
    }
}

/// One stream: what it has open, and both its ends.
struct Pane {
    desk: Desk,
    stream: WatchStream,
    events: mpsc::UnboundedSender<Told>,
    responses: mpsc::Sender<Result<WatchResponse, Status>>,
    /// When the lane was asked last how far the watches are.
    asked_progress: Option<Instant>,
}

/// Why a stream ends: what its client is told, if it is there to hear it.
struct End(Option<Status>);

impl Pane {
    async fn serve(
        mut self,
        requests: Streaming<WatchRequest>,
        told: mpsc::UnboundedReceiver<Told>,
    ) {
        let closing = self.desk.closing();
        let gone = self.responses.clone();
        let end = tokio::select! {
            Err(end) = self.talk(requests, told) => end,
            () = closing => End(Some(refused(Refused::Stopped))),
            () = gone.closed() => End(None),
        };
        if let End(Some(status)) = end {
            // No room is no loss: the client sees the end of the stream too.
            let _ = self.responses.try_send(Err(status));
        }
    }

    async fn talk(
        &mut self,
        mut requests: Streaming<WatchRequest>,
        mut told: mpsc::UnboundedReceiver<Told>,
    ) -> Result<(), End> {
        let mut listening = true;
        let mut ticks = ticks(self.desk.notice_interval());
        loop {
            tokio::select! {
                request = requests.message(), if listening => match request {
                    Ok(Some(request)) => self.on_request(request).await?,
                    // A client that has said everything may go on to listen.
                    Ok(None) => listening = false,
                    Err(_) => return Err(End(None)),
                },
                Some(told) = told.recv() => self.on_told(told).await?,
                _ = ticks.tick() => self.stream.notify_due().into_iter().for_each(|key| self.desk.progress(key)),
            }
        }
    }

    async fn on_request(&mut self, request: WatchRequest) -> Result<(), End> {
        let desk = &self.desk;
        let outs = self.stream.on_request(request, desk.header(), || desk.watch_key());
        for out in outs {
            match out {
                StreamOut::Open { key, range, no_put, no_delete, want_previous, from } => {
                    let (keyspace, credit) = (KEYSPACE, CREDIT);
                    let open = WatchOpen {
                        keyspace,
                        range,
                        no_put,
                        no_delete,
                        want_previous,
                        from,
                        credit,
                    };
                    self.desk.open(key, open, self.events.clone());
                }
                StreamOut::Close { key } => self.desk.close(key),
                StreamOut::Progress { keys } => self.ask_progress(keys),
                StreamOut::Say(response) => self.say(response).await?,
            }
        }
        Ok(())
    }

    /// Clients ask again if they hear nothing, so what comes in a flood is dropped.
    fn ask_progress(&mut self, keys: Vec<WatchKey>) {
        let now = Instant::now();
        if self.asked_progress.is_none_or(|at| now.duration_since(at) >= PROGRESS_PAUSE) {
            self.asked_progress = Some(now);
            keys.into_iter().for_each(|key| self.desk.progress(key));
        }
    }

    /// The credit goes back when the client's connection has taken the batch,
    /// so a slow client holds up nobody and holds little.
    async fn on_told(&mut self, told: Told) -> Result<(), End> {
        let (key, header) = (told.key, self.desk.header_in(told.term));
        let (event, batches) = to_door(told.event)?;
        for response in self.stream.on_event(key, event, header) {
            self.say(response).await?;
        }
        if batches > 0 {
            self.desk.credit(key, batches);
        }
        Ok(())
    }

    async fn say(&self, response: WatchResponse) -> Result<(), End> {
        self.responses.send(Ok(response)).await.map_err(|_| End(None))
    }
}

impl Drop for Pane {
    fn drop(&mut self) {
        self.desk.metrics().counted.streams.dec();
        self.stream.keys().for_each(|key| self.desk.close(key));
    }
}

/// When to think of progress notices: each stream at a time of its own, so that
/// those that were opened together do not all speak together.
fn ticks(interval: Duration) -> Interval {
    let tenth = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX) / 10;
    let period = interval + Duration::from_millis(clock::random().checked_rem(tenth).unwrap_or(0));
    let mut ticks = interval_at(Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// What the lane tells, in the door's words, and how much credit it used. What
/// concerns the whole node ends the stream, so that clients go elsewhere.
fn to_door(event: event::WatchEvent) -> Result<(WatchEvent, u32), End> {
    Ok(match event {
        event::WatchEvent::Opened { revision } => (WatchEvent::Opened { revision }, 0),
        event::WatchEvent::Changes { revision, batches } => {
            (WatchEvent::Changes { revision, batches }, 1)
        }
        event::WatchEvent::Compacted { oldest } => (WatchEvent::Compacted { oldest }, 0),
        event::WatchEvent::Refused(why @ (Refused::NoLeader | Refused::Stopped)) => {
            return Err(End(Some(refused(why))));
        }
        event::WatchEvent::Refused(_) => (WatchEvent::Ended, 0),
        event::WatchEvent::Progress { revision } => (WatchEvent::Progress { revision }, 0),
    })
}
