//! The KV service.

use super::desk::Desk;
use super::words::stub::kv_server::Kv;
use super::words::{KEYSPACE, mismatch, refusal};
use crate::clock;
use api::etcd::header::Header;
use api::etcd::wire::etcdserverpb as wire;
use api::etcd::{answer, kv as words};
use kv::command::{Envelope, Reply};
use node::event::{Answer, Ask, Level, Query};
use prost::Message;
use tonic::{Request, Response, Status};

pub(super) struct KvDoor {
    pub(super) desk: Desk,
}

impl KvDoor {
    async fn ask(&self, ask: words::Ask, bytes: usize) -> Result<(Reply, Header), Status> {
        match self.desk.ask(to_node(ask), bytes).await? {
            (Answer::Kv(reply), header) => Ok((reply, header)),
            _ => Err(mismatch()),
        }
    }
}

#[tonic::async_trait]
impl Kv for KvDoor {
    async fn range(
        &self,
        request: Request<wire::RangeRequest>,
    ) -> Result<Response<wire::RangeResponse>, Status> {
        let bytes = request.get_ref().encoded_len();
        let ask = words::range(request.into_inner()).map_err(refusal)?;
        let (reply, header) = self.ask(ask, bytes).await?;
        answer::range(reply, header).map(Response::new).map_err(refusal)
    }

    async fn put(
        &self,
        request: Request<wire::PutRequest>,
    ) -> Result<Response<wire::PutResponse>, Status> {
        let bytes = request.get_ref().encoded_len();
        let ask = words::put(request.into_inner()).map_err(refusal)?;
        let (reply, header) = self.ask(ask, bytes).await?;
        answer::put(reply, header).map(Response::new).map_err(refusal)
    }

    async fn delete_range(
        &self,
        request: Request<wire::DeleteRangeRequest>,
    ) -> Result<Response<wire::DeleteRangeResponse>, Status> {
        let bytes = request.get_ref().encoded_len();
        let ask = words::delete_range(request.into_inner()).map_err(refusal)?;
        let (reply, header) = self.ask(ask, bytes).await?;
        answer::delete_range(reply, header).map(Response::new).map_err(refusal)
    }

    async fn txn(
        &self,
        request: Request<wire::TxnRequest>,
    ) -> Result<Response<wire::TxnResponse>, Status> {
        let bytes = request.get_ref().encoded_len();
        let ask = words::txn(request.into_inner()).map_err(refusal)?;
        let (reply, header) = self.ask(ask, bytes).await?;
        answer::txn(reply, header).map(Response::new).map_err(refusal)
    }

    async fn compact(
        &self,
        request: Request<wire::CompactionRequest>,
    ) -> Result<Response<wire::CompactionResponse>, Status> {
        let ask = words::compact(request.into_inner()).map_err(refusal)?;
        let (reply, header) = self.ask(ask, 0).await?;
        answer::compact(reply, header).map(Response::new).map_err(refusal)
    }
}

/// What the door understood, in the lane's words.
pub(super) fn to_node(ask: words::Ask) -> Ask {
    match ask {
        words::Ask::Write(command) => {
            let wall_ms = clock::wall_ms();
            let envelope = Envelope { keyspace: KEYSPACE, wall_ms, ..Envelope::default() };
            Ask::Write { envelope, command }
        }
        words::Ask::Read { query, level } => Ask::Read {
            keyspace: KEYSPACE,
            query: match query {
                words::Query::Range(range) => Query::Range(range),
                words::Query::Txn(txn) => Query::Txn(txn),
            },
            level: match level {
                words::Level::Linearizable => Level::Linearizable,
                words::Level::Serializable => Level::Serializable,
            },
        },
    }
}
