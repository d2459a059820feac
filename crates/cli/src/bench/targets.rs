//! Who will be asked: those that were named, or the one among them that leads.

use super::answer::unframed;
use super::args::To;
use super::call::Asked;
use super::fault::Fault;
use super::link::{STATUS, dial, route};
use super::plan::Plan;
use super::tally::Kind;
use super::template::framed;
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
        drop(dial(endpoint).await.map_err(|fault| unreachable(endpoint, fault))?);
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
    let (mut link, pump) = dial(endpoint).await?;
    // It ends with the connection, and the call on it learns why.
    tokio::task::spawn_local(async move { drop(pump.await) });
    let route = route(endpoint, STATUS)?;
    let asked = Asked { kind: Kind::Get, key: 0, due: Instant::now() };
    let (_, answer) = link.call(&route, framed(&StatusRequest {}), asked)?.await;
    StatusResponse::decode(unframed(answer?)?).map_err(|_| Fault::Answer)
}

fn unreachable(endpoint: &str, fault: Fault) -> Failure {
    Failure::connection(format!(
        "{endpoint}: {fault}\n  try: --endpoints HOST:PORT, or start a cluster with `trimaran dev`"
    ))
}
