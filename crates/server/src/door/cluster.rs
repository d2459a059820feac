//! The Cluster service.

use super::desk::Desk;
use super::words::mismatch;
use super::words::stub::cluster_server::Cluster;
use api::etcd::cluster::{self as words, Member};
use api::etcd::wire::etcdserverpb as wire;
use node::event::{self, Answer, Ask, Level};
use tonic::{Request, Response, Status};

pub(super) struct ClusterDoor {
    pub(super) desk: Desk,
}

#[tonic::async_trait]
impl Cluster for ClusterDoor {
    async fn member_list(
        &self,
        request: Request<wire::MemberListRequest>,
    ) -> Result<Response<wire::MemberListResponse>, Status> {
        let linearizable = request.get_ref().linearizable;
        let level = if linearizable { Level::Linearizable } else { Level::Serializable };
        let (answer, header) = self.desk.ask(Ask::Members { level }, 0).await?;
        let Answer::Members(members) = answer else { return Err(mismatch()) };
        let members = members.into_iter().map(to_door).collect();
        Ok(Response::new(words::member_list(members, header)))
    }
}

fn to_door(member: event::Member) -> Member {
    let event::Member { id, name, peer_urls, client_urls } = member;
    Member { id, name, peer_urls, client_urls }
}
