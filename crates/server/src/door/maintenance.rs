//! The Maintenance service.

use super::desk::Desk;
use super::words::stub::maintenance_server::Maintenance;
use super::words::{mismatch, refusal, unserved};
use api::etcd::downgrade::downgrade;
use api::etcd::maintenance::{self as words, NodeStatus};
use api::etcd::wire::etcdserverpb as wire;
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
        _request: Request<wire::AlarmRequest>,
    ) -> Result<Response<wire::AlarmResponse>, Status> {
        Err(unserved())
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
        Err(unserved())
    }

    async fn hash_kv(
        &self,
        _request: Request<wire::HashKvRequest>,
    ) -> Result<Response<wire::HashKvResponse>, Status> {
        Err(unserved())
    }

    type SnapshotStream = ReceiverStream<Result<wire::SnapshotResponse, Status>>;

    async fn snapshot(
        &self,
        _request: Request<wire::SnapshotRequest>,
    ) -> Result<Response<Self::SnapshotStream>, Status> {
        Err(unserved())
    }

    async fn move_leader(
        &self,
        _request: Request<wire::MoveLeaderRequest>,
    ) -> Result<Response<wire::MoveLeaderResponse>, Status> {
        Err(unserved())
    }

    async fn downgrade(
        &self,
        request: Request<wire::DowngradeRequest>,
    ) -> Result<Response<wire::DowngradeResponse>, Status> {
        Err(refusal(downgrade(request.get_ref())))
    }
}

/// The state is in memory: all of it is in use, and it has no quota yet.
fn to_door(status: &event::Status) -> NodeStatus {
    NodeStatus {
        leader: status.leader,
        term: status.term,
        commit: status.commit,
        applied: status.applied,
        bytes: status.bytes,
        bytes_in_use: status.bytes,
        bytes_quota: 0,
        alarms: Vec::new(),
    }
}
