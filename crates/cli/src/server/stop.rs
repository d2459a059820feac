//! Serving until a signal says that it is enough.

use crate::failure::Failure;
use server::config::ServerConfig;
use server::error::ServerError;
use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Runs the node; SIGTERM and SIGINT end it in good order.
pub(super) fn serve(config: ServerConfig) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::io("start the runtime", &error))?;
    runtime.block_on(async {
        // Before anything runs, so that no signal is missed.
        let (terminate, interrupt) =
            signals().map_err(|error| Failure::io("listen to signals", &error))?;
        server::run(config, either(terminate, interrupt)).await.map_err(failure)
    })
}

fn signals() -> io::Result<(Signal, Signal)> {
    Ok((signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?))
}

async fn either(mut terminate: Signal, mut interrupt: Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
}

fn failure(error: ServerError) -> Failure {
    let help = match &error {
        ServerError::Listen { address, .. } => format!(
            "\n  try: stop what listens there (`ss -ltnp 'sport = :{}'` names it), or another \
             --listen-client-urls and --listen-peer-urls",
            address.port()
        ),
        ServerError::InUse(_) => "\n  try: another --data-dir".to_owned(),
        _ => String::new(),
    };
    Failure::error(format!("{error}{help}"))
}
