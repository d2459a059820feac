//! The Maintenance service.

use super::desk::Desk;
use super::words::mismatch;
use super::words::stub::maintenance_server::Maintenance;
use api::etcd::maintenance::{self as words, NodeStatus};
use api::etcd::wire::etcdserverpb as wire;
use node::event::{self, Answer, Ask};
use tonic::{Request, Response, Status};

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
        Ok(Response::new(words::status(to_door(&status), header)))
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
    }
}
