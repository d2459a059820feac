//! The Lease service.

use super::desk::Desk;
use super::kv::to_node;
use super::words::stub::lease_server::Lease;
use super::words::{KEYSPACE, mismatch, refusal, refused};
use api::etcd::header::{Header, signed};
use api::etcd::kv as door;
use api::etcd::lease::{self as words, LeaseInfo};
use api::etcd::wire::etcdserverpb as wire;
use bytes::Bytes;
use kv::command::Reply;
use node::event::{Answer, Ask, LeaseAsk, LeaseTold, Refused};
use std::future::pending;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

/// Renewals of one stream that are under way at once.
const RENEWALS_MAX: usize = 64;

/// Answers that wait for the client of a stream.
const RESPONSES_WAITING: usize = 16;

/// The node raises what is too short: it knows how long an election takes.
const NO_FLOOR_S: u64 = 0;

const MILLIS: u64 = 1000;

pub(super) struct LeaseDoor {
    pub(super) desk: Desk,
}

type Renewed = Result<wire::LeaseKeepAliveResponse, Status>;

#[tonic::async_trait]
impl Lease for LeaseDoor {
    type LeaseKeepAliveStream = ReceiverStream<Renewed>;

    async fn lease_grant(
        &self,
        request: Request<wire::LeaseGrantRequest>,
    ) -> Result<Response<wire::LeaseGrantResponse>, Status> {
        let ask = words::grant(request.into_inner(), NO_FLOOR_S).map_err(refusal)?;
        let (reply, header) = self.write(ask).await?;
        words::granted(reply, header).map(Response::new).map_err(refusal)
    }

    async fn lease_revoke(
        &self,
        request: Request<wire::LeaseRevokeRequest>,
    ) -> Result<Response<wire::LeaseRevokeResponse>, Status> {
        let (reply, header) = self.write(words::revoke(request.into_inner())).await?;
        words::revoked(reply, header).map(Response::new).map_err(refusal)
    }

    async fn lease_keep_alive(
        &self,
        request: Request<Streaming<wire::LeaseKeepAliveRequest>>,
    ) -> Result<Response<Self::LeaseKeepAliveStream>, Status> {
        let (responses, sent) = mpsc::channel(RESPONSES_WAITING);
        tokio::spawn(keep_alive(self.desk.clone(), request.into_inner(), responses));
        Ok(Response::new(ReceiverStream::new(sent)))
    }

    async fn lease_time_to_live(
        &self,
        request: Request<wire::LeaseTimeToLiveRequest>,
    ) -> Result<Response<wire::LeaseTimeToLiveResponse>, Status> {
        let wire::LeaseTimeToLiveRequest { id, keys: want_keys } = request.into_inner();
        let (told, keys, header) = ask(&self.desk, LeaseAsk { id, renew: false }).await?;
        let keys = if want_keys { keys } else { Vec::new() };
        let lease = to_door(id, told, keys);
        Ok(Response::new(words::time_to_live(id, lease, header)))
    }

    async fn lease_leases(
        &self,
        _request: Request<wire::LeaseLeasesRequest>,
    ) -> Result<Response<wire::LeaseLeasesResponse>, Status> {
        match self.desk.ask(Ask::Leases { keyspace: KEYSPACE }, 0).await? {
            (Answer::Leases(ids), header) => Ok(Response::new(words::leases(ids, header))),
            _ => Err(mismatch()),
        }
    }
}

impl LeaseDoor {
    async fn write(&self, ask: door::Ask) -> Result<(Reply, Header), Status> {
        match self.desk.ask(to_node(ask), 0).await? {
            (Answer::Kv(reply), header) => Ok((reply, header)),
            _ => Err(mismatch()),
        }
    }
}

/// One stream of renewals, until the client has said everything and has heard
/// the answers, or one of them is a refusal.
async fn keep_alive(
    desk: Desk,
    requests: Streaming<wire::LeaseKeepAliveRequest>,
    responses: mpsc::Sender<Renewed>,
) {
    let (renewals, begun) = mpsc::channel(RENEWALS_MAX);
    let closing = desk.closing();
    let reading = async {
        begin(&desk, requests, renewals).await;
        pending::<()>().await;
    };
    tokio::select! {
        () = finish(begun, &responses) => {}
        () = reading => {}
        () = responses.closed() => {}
        () = closing => {
            // No room is no loss: the client sees the end of the stream too.
            let _ = responses.try_send(Err(refused(Refused::Stopped)));
        }
    }
}

/// Renews what the client names; several at once, for each takes a round of leadership.
async fn begin(
    desk: &Desk,
    mut requests: Streaming<wire::LeaseKeepAliveRequest>,
    renewals: mpsc::Sender<JoinHandle<Renewed>>,
) {
    while let Ok(Some(request)) = requests.message().await {
        let desk = desk.clone();
        let renewal = tokio::spawn(async move { renew(&desk, request.id).await });
        if renewals.send(renewal).await.is_err() {
            return;
        }
    }
}

/// Answers in the order of the requests.
async fn finish(mut begun: mpsc::Receiver<JoinHandle<Renewed>>, responses: &mpsc::Sender<Renewed>) {
    while let Some(renewal) = begun.recv().await {
        let renewed = renewal.await.unwrap_or_else(|_| Err(refused(Refused::Stopped)));
        let last = renewed.is_err();
        if responses.send(renewed).await.is_err() || last {
            return;
        }
    }
}

async fn renew(desk: &Desk, id: i64) -> Renewed {
    let (told, _, header) = ask(desk, LeaseAsk { id, renew: true }).await?;
    Ok(words::kept_alive(id, signed(told.ttl_s), header))
}

async fn ask(desk: &Desk, ask: LeaseAsk) -> Result<(LeaseTold, Vec<Bytes>, Header), Status> {
    match desk.ask(Ask::Lease { keyspace: KEYSPACE, ask }, 0).await? {
        (Answer::Lease { told, keys }, header) => Ok((told, keys, header)),
        _ => Err(mismatch()),
    }
}

/// What the leader knows, in the words of the door.
fn to_door(id: i64, told: LeaseTold, keys: Vec<Bytes>) -> Option<LeaseInfo> {
    let LeaseTold { ttl_s, remaining_ms } = told;
    (ttl_s > 0).then_some(LeaseInfo { id, ttl_s, remaining_s: remaining_ms / MILLIS, keys })
}
