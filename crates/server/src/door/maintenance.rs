//! The Maintenance service.

use super::desk::Desk;
use super::kv::to_node;
use super::snapshot;
use super::words::stub::maintenance_server::Maintenance;
use super::words::{KEYSPACE, mismatch, refusal};
use api::etcd::alarm::{self, AlarmAsk};
use api::etcd::downgrade::downgrade;
use api::etcd::header::Header;
use api::etcd::kv as door;
use api::etcd::maintenance::{self as words, HashOfKv, NodeStatus};
use api::etcd::wire::etcdserverpb as wire;
use base::Revision;
use kv::command::{AlarmChange, AlarmKind, Command};
use node::event::{self, Answer, Ask};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use tracing::info;

pub(super) struct MaintenanceDoor {
    pub(super) desk: Desk,
}

#[tonic::async_trait]
impl Maintenance for MaintenanceDoor {
    async fn status(
        &self,
        _request: Request<wire::StatusRequest>,
    ) -> Result<Response<wire::StatusResponse>, Status> {
        let (answer, header) = self.desk.ask(Ask::Status, 0).await?;
        let Answer::Status(status) = answer else { return Err(mismatch()) };
        let header = header.at(status.revision);
        Ok(Response::new(words::status(&to_door(&status), header)))
    }

    async fn alarm(
        &self,
        request: Request<wire::AlarmRequest>,
    ) -> Result<Response<wire::AlarmResponse>, Status> {
        match alarm::alarm(request.into_inner()) {
            AlarmAsk::List(kind) => self.alarms(kind).await,
            AlarmAsk::Change(change) => self.change_alarm(change).await,
            AlarmAsk::Nothing => Ok(alarm::listed(&[], None, self.desk.header())),
        }
        .map(Response::new)
    }

    async fn defragment(
        &self,
        _request: Request<wire::DefragmentRequest>,
    ) -> Result<Response<wire::DefragmentResponse>, Status> {
        info!("defragment: nothing to do, the data is kept without gaps");
        Ok(Response::new(words::defragment()))
    }

    async fn hash(
        &self,
        _request: Request<wire::HashRequest>,
    ) -> Result<Response<wire::HashResponse>, Status> {
        let (of, header) = self.hash_of(None).await?;
        Ok(Response::new(words::hash(of.hash, header)))
    }

    async fn hash_kv(
        &self,
        request: Request<wire::HashKvRequest>,
    ) -> Result<Response<wire::HashKvResponse>, Status> {
        let (of, header) = self.hash_of(words::hash_kv(request.into_inner())).await?;
        Ok(Response::new(words::hashed_kv(of, header)))
    }

    type SnapshotStream = ReceiverStream<Result<wire::SnapshotResponse, Status>>;

    async fn snapshot(
        &self,
        _request: Request<wire::SnapshotRequest>,
    ) -> Result<Response<Self::SnapshotStream>, Status> {
        snapshot::begin(&self.desk).await.map(Response::new)
    }

    async fn move_leader(
        &self,
        request: Request<wire::MoveLeaderRequest>,
    ) -> Result<Response<wire::MoveLeaderResponse>, Status> {
        let to = words::move_leader(request.into_inner());
        match self.desk.ask(Ask::MoveLeader { to }, 0).await? {
            (Answer::Moved, _) => Ok(Response::new(words::moved_leader())),
            _ => Err(mismatch()),
        }
    }

    async fn downgrade(
        &self,
        request: Request<wire::DowngradeRequest>,
    ) -> Result<Response<wire::DowngradeResponse>, Status> {
        Err(refusal(downgrade(request.get_ref())))
    }
}

impl MaintenanceDoor {
    async fn alarms(&self, kind: Option<AlarmKind>) -> Result<wire::AlarmResponse, Status> {
        match self.desk.ask(Ask::Alarms { keyspace: KEYSPACE }, 0).await? {
            (Answer::Alarms(alarms), header) => Ok(alarm::listed(&alarms, kind, header)),
            _ => Err(mismatch()),
        }
    }

    async fn change_alarm(&self, change: AlarmChange) -> Result<wire::AlarmResponse, Status> {
        let ask = to_node(door::Ask::Write(Command::Alarm(change)));
        match self.desk.ask(ask, 0).await? {
            (Answer::Kv(reply), header) => alarm::changed(reply, header).map_err(refusal),
            _ => Err(mismatch()),
        }
    }

    async fn hash_of(&self, revision: Option<Revision>) -> Result<(HashOfKv, Header), Status> {
        let ask = Ask::HashKv { keyspace: KEYSPACE, revision };
        let (answer, header) = self.desk.ask(ask, 0).await?;
        let Answer::HashKv { revision, hash, at, compacted } = answer else {
            return Err(mismatch());
        };
        let hash = hash.map_err(|why| refusal(why.into()))?;
        Ok((HashOfKv { hash: short(hash), compacted, revision: at }, header.at(revision)))
    }
}

/// A hash of half the length, made of all of it.
const fn short(hash: u64) -> u32 {
    (hash >> 32) as u32 ^ hash as u32
}

/// The state is in memory: all of it is in use.
fn to_door(status: &event::Status) -> NodeStatus {
    NodeStatus {
        leader: status.leader,
        term: status.term,
        commit: status.commit,
        applied: status.applied,
        bytes: status.bytes,
        bytes_in_use: status.bytes,
        bytes_quota: status.quota.unwrap_or(0),
        alarms: status.alarms.clone(),
        no_room: status.no_room,
        healing: status.healing.as_deref().map(String::from),
    }
}
