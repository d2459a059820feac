//! Leases: granting, asking, renewing and giving back.

use crate::caller::Client;
use crate::error::Error;
use crate::stub::lease_client::LeaseClient;
use api::etcd::wire::etcdserverpb::{
    LeaseGrantRequest, LeaseGrantResponse, LeaseKeepAliveRequest, LeaseKeepAliveResponse,
    LeaseLeasesRequest, LeaseLeasesResponse, LeaseRevokeRequest, LeaseRevokeResponse,
    LeaseTimeToLiveRequest, LeaseTimeToLiveResponse,
};
use tonic::{Response, Status};

impl Client {
    /// A new lease; the server picks its number if none is given.
    pub async fn lease_grant(
        &self,
        request: LeaseGrantRequest,
    ) -> Result<LeaseGrantResponse, Error> {
        self.write(|channel| async move { LeaseClient::new(channel).lease_grant(request).await })
            .await
    }

    /// Ends a lease; the keys that hang on it are deleted.
    pub async fn lease_revoke(&self, id: i64) -> Result<LeaseRevokeResponse, Error> {
        let request = LeaseRevokeRequest { id };
        self.write(|channel| async move { LeaseClient::new(channel).lease_revoke(request).await })
            .await
    }

    /// What is left of a lease, and which keys hang on it.
    pub async fn lease_time_to_live(
        &self,
        request: LeaseTimeToLiveRequest,
    ) -> Result<LeaseTimeToLiveResponse, Error> {
        self.read(
            |channel| async move { LeaseClient::new(channel).lease_time_to_live(request).await },
        )
        .await
    }

    /// Every lease that lives.
    pub async fn leases(&self) -> Result<LeaseLeasesResponse, Error> {
        self.read(|channel| async move {
            LeaseClient::new(channel).lease_leases(LeaseLeasesRequest {}).await
        })
        .await
    }

    /// Renews a lease once; a time to live of 0 in the answer says that there is no
    /// such lease. To renew twice does no harm, so this is asked until it is answered.
    pub async fn lease_keep_alive(&self, id: i64) -> Result<LeaseKeepAliveResponse, Error> {
        self.read(|channel| async move {
            let asks = tokio_stream::once(LeaseKeepAliveRequest { id });
            let mut answers = LeaseClient::new(channel).lease_keep_alive(asks).await?.into_inner();
            let answer = answers.message().await?;
            let lost = || Status::unavailable("the stream ended without an answer");
            answer.map(Response::new).ok_or_else(lost)
        })
        .await
    }
}
