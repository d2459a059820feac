//! Which services are there? The gRPC library's routes, with their bounds; all
//! but the one whose answers share their bytes.

use super::cluster::ClusterDoor;
use super::desk::Desk;
use super::frame::MESSAGE_BYTES_MAX;
use super::kv::KvDoor;
use super::lease::LeaseDoor;
use super::maintenance::MaintenanceDoor;
use super::serving::HealthDoor;
use super::words::health_stub::health_server::HealthServer;
use super::words::stub::cluster_server::ClusterServer;
use super::words::stub::kv_server::KvServer;
use super::words::stub::lease_server::LeaseServer;
use super::words::stub::maintenance_server::MaintenanceServer;
use tonic::service::Routes;

/// All services but Watch. Bounded inwards only: how large an answer is, the client has
/// decided.
pub(super) fn routes(desk: &Desk) -> Routes {
    let desk = || desk.clone();
    Routes::new(
        KvServer::new(KvDoor { desk: desk() })
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(usize::MAX),
    )
    .add_service(LeaseServer::new(LeaseDoor { desk: desk() }))
    .add_service(HealthServer::new(HealthDoor { desk: desk() }))
    .add_service(ClusterServer::new(ClusterDoor { desk: desk() }))
    .add_service(MaintenanceServer::new(MaintenanceDoor { desk: desk() }))
    .prepare()
}
