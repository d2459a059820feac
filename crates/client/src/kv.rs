//! Reading and writing of keys.

use crate::caller::Client;
use crate::error::Error;
use crate::stub::kv_client::KvClient;
use api::etcd::wire::etcdserverpb::{
    DeleteRangeRequest, DeleteRangeResponse, PutRequest, PutResponse, RangeRequest, RangeResponse,
    TxnRequest, TxnResponse,
};
use tonic::transport::Channel;

/// What an answer may weigh: a range has no bound of its own.
const ANSWER_BYTES_MAX: usize = i32::MAX as usize;

impl Client {
    /// Writes one key.
    pub async fn put(&self, request: PutRequest) -> Result<PutResponse, Error> {
        self.write(|channel| {
            let request = request.clone();
            async move { stub(channel).put(request).await }
        })
        .await
    }

    /// Reads a range of keys.
    pub async fn range(&self, request: RangeRequest) -> Result<RangeResponse, Error> {
        self.read(|channel| {
            let request = request.clone();
            async move { stub(channel).range(request).await }
        })
        .await
    }

    /// Deletes a range of keys.
    pub async fn delete(&self, request: DeleteRangeRequest) -> Result<DeleteRangeResponse, Error> {
        self.write(|channel| {
            let request = request.clone();
            async move { stub(channel).delete_range(request).await }
        })
        .await
    }

    /// Compares, then does one of two branches, at one revision.
    pub async fn txn(&self, request: TxnRequest) -> Result<TxnResponse, Error> {
        self.write(|channel| {
            let request = request.clone();
            async move { stub(channel).txn(request).await }
        })
        .await
    }
}

fn stub(channel: Channel) -> KvClient<Channel> {
    KvClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX)
}
