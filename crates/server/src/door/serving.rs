//! The health service of gRPC.

use super::desk::Desk;
use super::words::health_stub::health_server::Health;
use super::words::refusal;
use api::etcd::health as words;
use api::etcd::wire::health::{HealthCheckRequest, HealthCheckResponse};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

pub(super) struct HealthDoor {
    pub(super) desk: Desk,
}

/// A server that answers serves; one that stops says so to those who watch.
#[tonic::async_trait]
impl Health for HealthDoor {
    type WatchStream = ReceiverStream<Result<HealthCheckResponse, Status>>;

    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        words::check(&request.get_ref().service, true).map(Response::new).map_err(refusal)
    }

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let service = request.into_inner().service;
        // Room for all that is ever said: how it is now, and that it stops.
        let (said, heard) = mpsc::channel(2);
        let _ = said.try_send(Ok(words::watch(&service, true)));
        let closing = self.desk.closing();
        tokio::spawn(async move {
            tokio::select! {
                () = said.closed() => {}
                () = closing => drop(said.try_send(Ok(words::watch(&service, false)))),
            }
        });
        Ok(Response::new(ReceiverStream::new(heard)))
    }
}
