//! Makes the gRPC stubs; the messages come from `api`. Needs no protoc.

use std::path::PathBuf;
use tonic_prost_build::Builder;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=../api/proto");
    let files = ["kv", "watch", "lease", "cluster", "maintenance", "health"];
    let files = files.map(|name| format!("../api/proto/etcd/{name}.proto"));
    let files = protox::compile(files, ["../api/proto"])?;
    // What is served and what this crate's own tests call, apart.
    let serving = PathBuf::from(std::env::var("OUT_DIR")?).join("serving");
    std::fs::create_dir_all(&serving)?;
    stubs().build_client(false).out_dir(serving).compile_fds(files.clone())?;
    stubs().build_server(false).compile_fds(files)?;
    Ok(())
}

fn stubs() -> Builder {
    tonic_prost_build::configure()
        .build_transport(false)
        .extern_path(".etcdserverpb", "::api::etcd::wire::etcdserverpb")
        .extern_path(".mvccpb", "::api::etcd::wire::mvccpb")
        .extern_path(".grpc.health.v1", "::api::etcd::wire::health")
}
