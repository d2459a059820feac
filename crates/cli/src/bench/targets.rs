//! Who will be asked: those that were named, or the one among them that leads.

use super::answer::unframed;
use super::args::To;
use super::fault::Fault;
use super::plan::Plan;
use super::tally::Kind;
use super::template::framed;
use super::wire::calls::Asked;
use super::wire::request::Method;
use super::wire::{Connection, ask};
use crate::failure::Failure;
use client::wire::{StatusRequest, StatusResponse};
use prost::Message;
use std::time::Instant;

/// The endpoints of the run. Each can be reached now.
pub(crate) async fn find(plan: &Plan) -> Result<Vec<String>, Failure> {
    match plan.to {
        To::All => reach(plan).await,
        To::Leader => Ok(vec![leader(plan).await?]),
    }
}

async fn reach(plan: &Plan) -> Result<Vec<String>, Failure> {
    for endpoint in &plan.endpoints {
        drop(Connection::dial(endpoint).await.map_err(|fault| unreachable(endpoint, fault))?);
    }
    Ok(plan.endpoints.clone())
}

async fn leader(plan: &Plan) -> Result<String, Failure> {
    for endpoint in &plan.endpoints {
        let status = status(endpoint).await.map_err(|fault| unreachable(endpoint, fault))?;
        let own = status.header.map(|header| header.member_id);
        if status.leader != 0 && own == Some(status.leader) {
            return Ok(endpoint.clone());
        }
    }
    Err(Failure::error(format!(
        "none of {} leads\n  try: name all members with --endpoints, or --to all",
        plan.endpoints.join(", ")
    )))
}

async fn status(endpoint: &str) -> Result<StatusResponse, Fault> {
    let asked = Asked { kind: Kind::Get, key: 0, due: Instant::now() };
    let answer = ask(endpoint, Method::Status, framed(&StatusRequest {}), asked).await?;
    StatusResponse::decode(unframed(&answer)?).map_err(|_| Fault::Answer)
}

fn unreachable(endpoint: &str, fault: Fault) -> Failure {
    Failure::connection(format!(
        "{endpoint}: {fault}\n  try: --endpoints HOST:PORT, or start a cluster with `trimaran dev`"
    ))
}
