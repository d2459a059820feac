//! The upkeep of a cluster: history that is dropped, alarms, checks, a new leader.

use crate::caller::Client;
use crate::error::Error;
use crate::stub::kv_client::KvClient;
use crate::stub::maintenance_client::MaintenanceClient;
use api::etcd::wire::etcdserverpb::alarm_request::AlarmAction;
use api::etcd::wire::etcdserverpb::{
    AlarmMember, AlarmRequest, AlarmResponse, CompactionRequest, CompactionResponse,
    DefragmentRequest, DefragmentResponse, HashKvRequest, HashKvResponse, MoveLeaderRequest,
    MoveLeaderResponse,
};

impl Client {
    /// Drops the history before a revision.
    pub async fn compact(&self, request: CompactionRequest) -> Result<CompactionResponse, Error> {
        self.write(|channel| async move { KvClient::new(channel).compact(request).await }).await
    }

    /// The alarms that are raised.
    pub async fn alarms(&self) -> Result<AlarmResponse, Error> {
        let request = AlarmRequest { action: AlarmAction::Get.into(), ..AlarmRequest::default() };
        self.read(|channel| async move { MaintenanceClient::new(channel).alarm(request).await })
            .await
    }

    /// Calls one alarm off.
    pub async fn disarm(&self, alarm: AlarmMember) -> Result<AlarmResponse, Error> {
        let AlarmMember { member_id, alarm } = alarm;
        let request = AlarmRequest { action: AlarmAction::Deactivate.into(), member_id, alarm };
        self.write(|channel| async move { MaintenanceClient::new(channel).alarm(request).await })
            .await
    }

    /// Gives unused room back, at the member that calls go to.
    pub async fn defragment(&self) -> Result<DefragmentResponse, Error> {
        self.write(|channel| async move {
            MaintenanceClient::new(channel).defragment(DefragmentRequest {}).await
        })
        .await
    }

    /// A sum over the history up to `revision` (0 is the newest), as the member
    /// that calls go to has it.
    pub async fn hash_kv(&self, revision: i64) -> Result<HashKvResponse, Error> {
        let request = HashKvRequest { revision };
        self.read(|channel| async move { MaintenanceClient::new(channel).hash_kv(request).await })
            .await
    }

    /// Makes another member lead. Only the leader can be asked.
    pub async fn move_leader(&self, target_id: u64) -> Result<MoveLeaderResponse, Error> {
        let request = MoveLeaderRequest { target_id };
        self.write(
            |channel| async move { MaintenanceClient::new(channel).move_leader(request).await },
        )
        .await
    }
}
