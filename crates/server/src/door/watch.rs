//! The Watch service: a task for each stream, between its client and the lane.

use super::desk::Desk;
use super::words::stub::watch_server::Watch;
use super::words::{KEYSPACE, refused};
use crate::inbox::Told;
use api::etcd::watch::{StreamOut, WatchEvent, WatchStream};
use api::etcd::wire::etcdserverpb::{WatchRequest, WatchResponse};
use node::event::{self, Refused, WatchOpen};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

/// Batches that a watch may be sent before the first of them has left here.
const CREDIT: u32 = 4;

/// Responses that wait for the client of a stream.
const RESPONSES_WAITING: usize = 16;

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
        let pane = Pane { desk: self.desk.clone(), stream, events, responses };
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
        loop {
            tokio::select! {
                request = requests.message(), if listening => match request {
                    Ok(Some(request)) => self.on_request(request).await?,
                    // A client that has said everything may go on to listen.
                    Ok(None) => listening = false,
                    Err(_) => return Err(End(None)),
                },
                Some(told) = told.recv() => self.on_told(told).await?,
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
                StreamOut::Say(response) => self.say(response).await?,
            }
        }
        Ok(())
    }

    /// The credit goes back when the client's connection has taken the batch,
    /// so a slow client holds up nobody and holds little.
    async fn on_told(&mut self, told: Told) -> Result<(), End> {
        let (key, header) = (told.key, self.desk.header_in(told.term));
        let Some((event, batches)) = to_door(told.event)? else { return Ok(()) };
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
        self.stream.keys().for_each(|key| self.desk.close(key));
    }
}

/// What the lane tells, in the door's words, and how much credit it used. What
/// concerns the whole node ends the stream, so that clients go elsewhere.
fn to_door(event: event::WatchEvent) -> Result<Option<(WatchEvent, u32)>, End> {
    Ok(Some(match event {
        event::WatchEvent::Opened { revision } => (WatchEvent::Opened { revision }, 0),
        event::WatchEvent::Changes { revision, batches } => {
            let batches = batches.into_iter().map(|it| (it.revision, it.changes.to_vec()));
            (WatchEvent::Changes { revision, batches: batches.collect() }, 1)
        }
        event::WatchEvent::Compacted { oldest } => (WatchEvent::Compacted { oldest }, 0),
        event::WatchEvent::Refused(why @ (Refused::NoLeader | Refused::Stopped)) => {
            return Err(End(Some(refused(why))));
        }
        event::WatchEvent::Refused(_) => (WatchEvent::Ended, 0),
        event::WatchEvent::Progress { .. } => return Ok(None),
    }))
}
