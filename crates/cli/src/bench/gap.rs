//! `bench gap`: for how long is no write taken when a server dies or hangs?
//!
//! Puts begin at every member all the time, whatever became of earlier ones. Then
//! the fault is done from here, so that its time is known, and what is measured
//! ends with the first acknowledgement of a put that began after it.

use super::args::GapArgs;
use super::json::Object;
use super::plan::endpoint;
use crate::dev::process::Process;
use crate::failure::Failure;
use crate::outage::{self, LIMIT, PATIENCE};
use client::wire::PutRequest;
use client::{Client, Timeouts};
use rustix::process::Signal;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long puts go on before the fault.
const BEFORE: Duration = Duration::from_secs(1);
/// Bytes of a value.
const VALUE: [u8; 256] = [b'v'; 256];

pub(crate) fn run(args: &GapArgs) -> Result<(), Failure> {
    let (pid, signal) = match (args.kill, args.stop) {
        (Some(pid), None) => (pid, Signal::KILL),
        (None, Some(pid)) => (pid, Signal::STOP),
        _ => return Err(Failure::arguments("write --kill PID or --stop PID")),
    };
    let victim =
        Process::of(pid).ok_or_else(|| Failure::arguments(format!("there is no process {pid}")))?;
    let mut clients = Vec::new();
    for text in &args.endpoints {
        let timeouts = Timeouts { dial: PATIENCE, command: PATIENCE };
        clients.push(Client::connect(&[endpoint(text)?], timeouts)?);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::io("start the runtime", &error))?;
    let gap = runtime.block_on(measure(clients, victim, signal));
    runtime.shutdown_background();
    tell(gap?, args.json)
}

async fn measure(
    clients: Vec<Client>,
    victim: Process,
    signal: Signal,
) -> Result<Duration, Failure> {
    let number = Arc::new(AtomicU64::new(0));
    let tries: Vec<_> = clients
        .into_iter()
        .map(|client| {
            let number = Arc::clone(&number);
            move || put(client.clone(), number.fetch_add(1, Ordering::Relaxed))
        })
        .collect();
    if outage::keep_writing(&tries, BEFORE).await == 0 {
        return Err(Failure::error("no write was accepted before the fault"));
    }
    let at = Instant::now();
    if !victim.signal(signal) {
        return Err(Failure::error(format!("process {} is gone already", victim.pid())));
    }
    let none = || Failure::error(format!("no write was accepted within {} s", LIMIT.as_secs()));
    outage::first_write(&tries, at).await.ok_or_else(none)
}

/// Each put has a key of its own, so that none can be taken for another.
async fn put(client: Client, number: u64) -> bool {
    let request = PutRequest {
        key: format!("gap/{number:010}").into(),
        value: VALUE.to_vec().into(),
        ..PutRequest::default()
    };
    client.put(request).await.is_ok()
}

fn tell(gap: Duration, json: bool) -> Result<(), Failure> {
    let ms = gap.as_secs_f64() * 1e3;
    let line = if json {
        Object::default().text("bench", "gap").decimal("gap_ms", Some(ms)).end()
    } else {
        format!("writes were out for {ms:.1} ms")
    };
    writeln!(std::io::stdout(), "{line}").map_err(|error| Failure::io("print", &error))
}
