//! Who belongs to the cluster, and how one member is.

use crate::caller::Client;
use crate::error::Error;
use crate::stub::cluster_client::ClusterClient;
use crate::stub::maintenance_client::MaintenanceClient;
use api::etcd::wire::etcdserverpb::{
    MemberListRequest, MemberListResponse, StatusRequest, StatusResponse,
};

impl Client {
    /// The members, as the leader knows them.
    pub async fn members(&self) -> Result<MemberListResponse, Error> {
        self.read(|channel| async move {
            let request = MemberListRequest { linearizable: true };
            ClusterClient::new(channel).member_list(request).await
        })
        .await
    }

    /// How the member that calls go to is; answered without a leader. To ask
    /// about one member for certain, make a client of that endpoint alone.
    pub async fn status(&self) -> Result<StatusResponse, Error> {
        self.read(|channel| async move {
            MaintenanceClient::new(channel).status(StatusRequest {}).await
        })
        .await
    }
}
