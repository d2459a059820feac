//! Makes the gRPC stubs; the messages come from `api`. Needs no protoc.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=../api/proto");
    let files = ["kv", "watch", "lease", "cluster", "maintenance", "health"];
    let files = files.map(|name| format!("../api/proto/etcd/{name}.proto"));
    let files = protox::compile(files, ["../api/proto"])?;
    // The callers' stubs are for this crate's own tests.
    tonic_prost_build::configure()
        .build_transport(false)
        .extern_path(".etcdserverpb", "::api::etcd::wire::etcdserverpb")
        .extern_path(".mvccpb", "::api::etcd::wire::mvccpb")
        .extern_path(".grpc.health.v1", "::api::etcd::wire::health")
        .compile_fds(files)?;
    Ok(())
}
