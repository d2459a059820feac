//! `floor`: the server's door with nothing behind it, in a process of its own.

use super::args::{BenchVerb, Consistency, FloorArgs, FloorVerb, ReadArgs};
use crate::failure::Failure;
use server::Listeners;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};

/// The process that serves; it ends when this does, however that ends, because
/// its input does.
pub(crate) struct Floor(Child);

impl Drop for Floor {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// Starts the process, and says what it is to be asked.
pub(crate) fn start(args: FloorArgs) -> Result<(Floor, BenchVerb), Failure> {
    let FloorArgs { mut load, what, .. } = args;
    if !load.endpoints.is_empty() || !load.pids.is_empty() {
        return Err(Failure::arguments(
            "bench floor serves itself: leave out --endpoints and --pids",
        ));
    }
    let program = std::env::current_exe()
        .map_err(|error| Failure::io("find this program's own file", &error))?;
    let mut child = Command::new(program)
        .args(["bench", "floor", "--serve"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| Failure::io("start the floor", &error))?;
    let out = child.stdout.take();
    let floor = Floor(child);
    let mut line = String::new();
    if let Some(out) = out {
        let read = BufReader::new(out).read_line(&mut line);
        read.map_err(|error| Failure::io("read where the floor listens", &error))?;
    }
    load.endpoints = vec![line.trim().to_owned()];
    load.pids = vec![floor.0.id()];
    let verb = match what {
        FloorVerb::Put => BenchVerb::Put(load),
        FloorVerb::Get => BenchVerb::Get(ReadArgs { load, consistency: Consistency::L }),
    };
    Ok((floor, verb))
}

/// Is that process: says where it listens, and serves until its input ends.
pub(crate) fn serve() -> Result<(), Failure> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let failure = |error: server::ServerError| Failure::error(error.to_string());
    let listeners = Listeners::bind(&[any], &[]).map_err(failure)?;
    for address in listeners.client_addresses() {
        writeln!(std::io::stdout(), "{address}").map_err(|error| Failure::io("print", &error))?;
    }
    let until = || drop(std::io::stdin().read_to_end(&mut Vec::new()));
    server::floor::run(listeners, until).map_err(failure)
}
