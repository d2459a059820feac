//! Strangers' programs against our servers: etcdctl beside our verbs, and the
//! crate `etcd-client`.

use crate::shell::{self, Program};
use crate::{Outcome, metadata, peers};
use std::path::PathBuf;

/// The clients in Rust, a workspace of their own.
const RUST: &str = "interop/rust/Cargo.toml";
const BUILD: Program =
    Program { env: &[], words: &["cargo", "build", "--locked", "-p", "cli", "--bin", "trimaran"] };

/// Installs what is missing, builds the server and lets the clients at it.
pub(crate) fn run() -> Outcome {
    let target = PathBuf::from(metadata::read()?.target);
    let etcd = peers::install_etcd(&target)?;
    println!("interop: {}", BUILD.line());
    BUILD.run()?;
    let etcd = etcd.display().to_string();
    step(
        &[("TRIMARAN_ETCD", &etcd)],
        &["cargo", "test", "--locked", "-p", "cli", "--test", "compare"],
    )?;
    rust(&target)
}

/// etcd-client's build script wants a `protoc`; ours is built first and stands in.
fn rust(target: &std::path::Path) -> Outcome {
    let own = target.join("interop");
    let trimaran = shell::root().join(target.join("debug/trimaran")).display().to_string();
    let protoc = shell::root().join(own.join("debug/protoc")).display().to_string();
    let own = own.display().to_string();
    let dir = ("CARGO_TARGET_DIR", own.as_str());
    step(&[dir], &["cargo", "build", "--locked", "--manifest-path", RUST, "-p", "protoc"])?;
    let env = [dir, ("PROTOC", protoc.as_str()), ("TRIMARAN", trimaran.as_str())];
    step(&env, &["cargo", "test", "--locked", "--manifest-path", RUST, "-p", "interop"])
}

fn step(env: &[(&str, &str)], words: &[&str]) -> Outcome {
    let program = Program { env, words };
    println!("interop: {}", program.line());
    program.run()
}
