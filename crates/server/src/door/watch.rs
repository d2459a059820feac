//! The Watch service: a task for each stream, between its client and the lane.

use super::body::Incoming;
use super::desk::Desk;
use super::frame::MESSAGE_BYTES_MAX;
use super::outgoing::Outgoing;
use super::trailers;
use super::words::{KEYSPACE, node_refusal};
use crate::clock;
use crate::item::{News, Told};
use api::etcd::error::{Code, Status};
use api::etcd::sheet::{Response, Sheets};
use api::etcd::watch::{StreamOut, WatchEvent, WatchStream};
use api::etcd::wire::etcdserverpb::WatchRequest;
use base::WatchKey;
use http::Request;
use node::event::{self, Refused, WatchOpen};
use std::mem;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tonic::Streaming;
use tonic::body::Body;
use tonic_prost::ProstDecoder;

/// Pages that a watch may be told before the first of them has left here.
const CREDIT: u32 = 2;

/// What is taken at once of what the lane tells a stream.
const TOLD_AT_ONCE: usize = 64;

/// Responses that wait for the client of a stream.
const RESPONSES_WAITING: usize = 16;

/// Between two questions of one stream how far its watches are.
const PROGRESS_PAUSE: Duration = Duration::from_millis(10);

/// The answer to a call of Watch, whose body goes on for as long as its stream.
pub(super) fn serve(desk: &Desk, request: Request<Incoming>) -> http::Response<Body> {
    if let Some(refusal) = refusal(&request) {
        return refusal.map(|()| Body::empty());
    }
    let (responses, said) = mpsc::channel(RESPONSES_WAITING);
    let (events, told) = mpsc::unbounded_channel();
    let decoder = ProstDecoder::<WatchRequest>::default();
    let body = request.into_body();
    let requests = Streaming::new_request(decoder, body, None, Some(MESSAGE_BYTES_MAX));
    desk.metrics().counted.streams.inc();
    let pane = Pane {
        desk: desk.clone(),
        stream: WatchStream::new(),
        events,
        responses,
        taken: Vec::new(),
        asked_progress: None,
    };
    tokio::spawn(pane.serve(requests, told));
    trailers::head().map(|()| Body::new(Outgoing::new(said)))
}

/// Requests that are compressed are not understood.
fn refusal(request: &Request<Incoming>) -> Option<http::Response<()>> {
    let encoding = request.headers().get("grpc-encoding")?;
    let why = format!("Content is compressed with {encoding:?} which isn't supported");
    let status = Status { code: Code::Unimplemented, text: why.into() };
    (encoding.as_bytes() != b"identity").then(|| trailers::refusal(&status))
}

/// One stream: what it has open, and both its ends.
struct Pane {
    desk: Desk,
    stream: WatchStream,
    events: mpsc::UnboundedSender<Told>,
    responses: mpsc::Sender<Result<Response, Status>>,
    /// Watches that have room for one more page each.
    taken: Vec<WatchKey>,
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
            () = closing => End(Some(node_refusal(Refused::Stopped))),
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
        let mut news = Vec::with_capacity(TOLD_AT_ONCE);
        loop {
            tokio::select! {
                request = requests.message(), if listening => match request {
                    Ok(Some(request)) => self.on_request(request).await?,
                    // A client that has said everything may go on to listen.
                    Ok(None) => listening = false,
                    Err(_) => return Err(End(None)),
                },
                _ = told.recv_many(&mut news, TOLD_AT_ONCE) => {
                    self.on_news(&mut news).await?;
                    if told.is_empty() {
                        self.give_room();
                    }
                }
                _ = ticks.tick() => {
                    let due = self.stream.notify_due();
                    due.into_iter().for_each(|key| self.desk.progress(vec![key]));
                }
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
                StreamOut::Say(response) => self.say(response.into()).await?,
            }
        }
        Ok(())
    }

    /// Clients ask again if they hear nothing, so what comes in a flood is dropped.
    fn ask_progress(&mut self, keys: Vec<WatchKey>) {
        let now = Instant::now();
        if self.asked_progress.is_none_or(|at| now.duration_since(at) >= PROGRESS_PAUSE) {
            self.asked_progress = Some(now);
            self.desk.progress(keys);
        }
    }

    async fn on_news(&mut self, news: &mut Vec<Told>) -> Result<(), End> {
        for Told { key, term, news } in news.drain(..) {
            let event = match news {
                News::Page(revision, page) => {
                    self.taken.push(key);
                    WatchEvent::Changes { revision, sheets: page.sheets() }
                }
                News::Event(event) => to_door(event)?,
            };
            for response in self.stream.on_event(key, event, self.desk.header_in(term)) {
                self.say(response).await?;
            }
        }
        Ok(())
    }

    /// The credit goes back when the client's connection has taken all that was
    /// told, for all watches together: a slow client holds up nobody and holds
    /// little, and its watches stay together, so that they go on sharing pages.
    fn give_room(&mut self) {
        self.desk.credit(mem::take(&mut self.taken));
    }

    async fn say(&self, response: Response) -> Result<(), End> {
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

/// What the lane tells, in the door's words. What concerns the whole node ends
/// the stream, so that clients go elsewhere.
fn to_door(event: event::WatchEvent) -> Result<WatchEvent, End> {
    Ok(match event {
        event::WatchEvent::Opened { revision } => WatchEvent::Opened { revision },
        event::WatchEvent::Changes { revision, batches } => {
            let sheets = Arc::new(Sheets::new(&batches));
            WatchEvent::Changes { revision, sheets }
        }
        event::WatchEvent::Compacted { oldest } => WatchEvent::Compacted { oldest },
        event::WatchEvent::Refused(why @ (Refused::NoLeader | Refused::Stopped)) => {
            return Err(End(Some(node_refusal(why))));
        }
        event::WatchEvent::Refused(_) => WatchEvent::Ended,
        event::WatchEvent::Progress { revision, all } => WatchEvent::Progress { revision, all },
    })
}
