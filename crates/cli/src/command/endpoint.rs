//! `endpoint status`, `health` and `hashkv`: how single members are.

use super::write;
use crate::args::{EndpointArgs, EndpointVerb};
use crate::caller::Caller;
use crate::failure::Failure;
use crate::print::{self, Format, Hash, Health, Lines, Status};
use client::wire::RangeRequest;
use client::{Client, Error};
use std::io::Write;
use std::time::Instant;

pub(super) async fn run(
    args: &EndpointArgs,
    caller: &Caller,
    out: &mut (dyn Write + Send),
) -> Result<(), Failure> {
    let endpoints = endpoints(caller, args.cluster).await?;
    match &args.verb {
        EndpointVerb::Status => status(caller, &endpoints, out).await,
        EndpointVerb::Health => health(caller, &endpoints, out).await,
        EndpointVerb::Hashkv(args) => hash_kv(args.rev, caller, &endpoints, out).await,
    }
}

/// Those that were named, or where every member says that it can be called.
pub(super) async fn endpoints(caller: &Caller, cluster: bool) -> Result<Vec<String>, Failure> {
    if !cluster {
        return Ok(caller.endpoints.clone());
    }
    let answer = caller.client.members().await?;
    let mut endpoints = Vec::new();
    for url in answer.members.into_iter().flat_map(|member| member.client_urls) {
        if !endpoints.contains(&url) {
            endpoints.push(url);
        }
    }
    Ok(endpoints)
}

/// Asks every endpoint at the same time: a silent one must not keep the others
/// waiting. The answers come in the order of the endpoints.
pub(super) async fn each<T, F>(
    caller: &Caller,
    endpoints: &[String],
    ask: impl Fn(Client) -> F,
) -> Result<Vec<(String, T)>, Failure>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let mut asked = Vec::with_capacity(endpoints.len());
    for endpoint in endpoints {
        asked.push((endpoint.clone(), tokio::spawn(ask(caller.of(endpoint)?))));
    }
    let mut answers = Vec::with_capacity(asked.len());
    for (endpoint, answer) in asked {
        let answer = answer.await.map_err(|error| Failure::error(error.to_string()))?;
        answers.push((endpoint, answer));
    }
    Ok(answers)
}

async fn status(
    caller: &Caller,
    endpoints: &[String],
    out: &mut (dyn Write + Send),
) -> Result<(), Failure> {
    let answers = each(caller, endpoints, |client| async move { client.status().await }).await?;
    let mut failed = false;
    let mut statuses = Vec::new();
    for (endpoint, answer) in answers {
        match answer {
            Ok(answer) => statuses.push(Status { endpoint, answer }),
            Err(error) => {
                eprintln!("Failed to get the status of endpoint {endpoint} ({error})");
                failed = true;
            }
        }
    }
    write(out, &print::statuses(caller.format, &statuses))?;
    if failed { Err(Failure::said()) } else { Ok(()) }
}

async fn hash_kv(
    revision: i64,
    caller: &Caller,
    endpoints: &[String],
    out: &mut (dyn Write + Send),
) -> Result<(), Failure> {
    let ask = move |client: Client| async move { client.hash_kv(revision).await };
    let mut last = None;
    let mut hashes = Vec::new();
    for (endpoint, answer) in each(caller, endpoints, ask).await? {
        match answer {
            Ok(answer) => hashes.push(Hash { endpoint, answer }),
            Err(error) => {
                eprintln!("Failed to get the hash of endpoint {endpoint} ({error})");
                last = Some(error);
            }
        }
    }
    write(out, &print::hashes(caller.format, &hashes))?;
    last.map_or(Ok(()), |error| Err(Failure::error(error.to_string())))
}

async fn health(
    caller: &Caller,
    endpoints: &[String],
    out: &mut (dyn Write + Send),
) -> Result<(), Failure> {
    let answers = each(caller, endpoints, |client| async move {
        let began = Instant::now();
        let error = trouble(&client).await;
        (began.elapsed(), error)
    });
    let health = |(endpoint, (took, error))| Health { endpoint, took, error };
    let all: Vec<Health> = answers.await?.into_iter().map(health).collect();
    write(out, &print::health(caller.format, &all))?;
    if caller.format == Format::Lines(Lines::Simple) {
        for Health { endpoint, error, .. } in &all {
            if let Some(error) = error {
                eprintln!("{endpoint} is unhealthy: failed to commit proposal: {error}");
            }
        }
    }
    match all.iter().any(|health| health.error.is_some()) {
        true => Err(Failure::error("unhealthy cluster")),
        false => Ok(()),
    }
}

/// A member is well if it reads what a majority has committed, and no alarm is
/// raised. Whoever may not read was answered all the same.
async fn trouble(client: &Client) -> Option<String> {
    let request = RangeRequest { key: "health".into(), ..RangeRequest::default() };
    match client.range(request).await {
        Ok(_) => alarms(client).await,
        Err(Error::Refused { text, .. }) if text.ends_with("permission denied") => None,
        Err(error) => Some(error.to_string()),
    }
}

async fn alarms(client: &Client) -> Option<String> {
    match client.alarms().await {
        Ok(answer) if answer.alarms.is_empty() => None,
        Ok(answer) => {
            let names = answer.alarms.iter().map(|alarm| alarm.alarm().as_str_name());
            let names: String = names.map(|name| format!("{name} ")).collect();
            Some(format!("Active Alarm(s): {names}"))
        }
        // A member that knows no alarms has raised none.
        Err(error) if error.unimplemented() => None,
        Err(error) => Some(format!("Unable to fetch the alarm list: {error}")),
    }
}
