//! Asking the nodes of a dev cluster how they are.

use super::node::Node;
use client::wire::{DeleteRangeRequest, StatusResponse};
use client::wire::{RangeRequest, RequestOp, TxnRequest, request_op::Request};
use client::{Client, Timeouts};
use std::time::Duration;

/// A key that nobody has: it is not valid text and no tool makes it.
const NOBODYS_KEY: &[u8] = b"\0trimaran\0probe";

/// A client of one node alone.
#[derive(Clone, Debug)]
pub(super) struct Nurse {
    pub(super) node: Node,
    client: Option<Client>,
}

impl Nurse {
    /// Patient for so long per question.
    pub(super) fn new(node: &Node, patience: Duration) -> Self {
        let timeouts = Timeouts { dial: patience, command: patience };
        let client = Client::connect(&[node.client()], timeouts).ok();
        Self { node: node.clone(), client }
    }

    /// How it is; `None` if it does not say.
    pub(super) async fn status(&self) -> Option<StatusResponse> {
        self.client.as_ref()?.status().await.ok()
    }

    /// Whether it answers a read that needs the leader.
    pub(super) async fn reads(&self) -> bool {
        let request = RangeRequest {
            key: NOBODYS_KEY.to_vec().into(),
            count_only: true,
            ..RangeRequest::default()
        };
        match &self.client {
            Some(client) => client.range(request).await.is_ok(),
            None => false,
        }
    }

    /// Whether it knows where clients reach every member, itself among them.
    pub(super) async fn knows_all(&self) -> bool {
        let Some(client) = &self.client else { return false };
        let known = client.members().await;
        known.is_ok_and(|known| known.members.iter().all(|it| !it.client_urls.is_empty()))
    }

    /// Whether a write is accepted through it. What is written goes through the
    /// log like any write and changes nothing: a deletion of a key that nobody
    /// has, in a transaction. No revision is used up and no watch hears of it.
    pub(super) async fn writes(&self) -> bool {
        let delete = DeleteRangeRequest {
            key: NOBODYS_KEY.to_vec().into(),
            ..DeleteRangeRequest::default()
        };
        let op = RequestOp { request: Some(Request::RequestDeleteRange(delete)) };
        let request = TxnRequest { success: vec![op], ..TxnRequest::default() };
        match &self.client {
            Some(client) => client.txn(request).await.is_ok(),
            None => false,
        }
    }
}

/// Who leads, as the first node that knows says it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Leader {
    pub(super) name: String,
    pub(super) term: u64,
}

/// What the nodes that answer agree on. A node knows itself and its leader by
/// number; names come from putting their answers side by side.
pub(super) async fn leader(nurses: &[Nurse]) -> Option<Leader> {
    let all = statuses(nurses).await;
    // The highest term is the latest news.
    let (_, newest) = all.iter().filter(|(_, status)| status.leader != 0).max_by_key(term)?;
    let leads = |status: &StatusResponse| member_id(status) == newest.leader;
    let (name, _) = all.iter().find(|(_, status)| leads(status))?;
    Some(Leader { name: name.clone(), term: newest.raft_term })
}

/// The answers of those who answer, with their names.
pub(super) async fn statuses(nurses: &[Nurse]) -> Vec<(String, StatusResponse)> {
    let asked: Vec<_> = nurses
        .iter()
        .cloned()
        .map(|nurse| {
            tokio::spawn(async move {
                let status = nurse.status().await?;
                Some((nurse.node.name, status))
            })
        })
        .collect();
    let mut all = Vec::new();
    for answer in asked {
        all.extend(answer.await.ok().flatten());
    }
    all
}

fn term(answer: &&(String, StatusResponse)) -> u64 {
    answer.1.raft_term
}

fn member_id(status: &StatusResponse) -> u64 {
    status.header.as_ref().map_or(0, |header| header.member_id)
}
