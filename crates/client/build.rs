//! Makes the gRPC stubs; the messages come from `api`. Needs no protoc.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=../api/proto");
    let files = ["kv", "watch", "lease", "cluster", "maintenance"];
    let files = files.map(|name| format!("../api/proto/etcd/{name}.proto"));
    let files = protox::compile(files, ["../api/proto"])?;
    tonic_prost_build::configure()
        .build_server(false)
        .build_transport(false)
        .extern_path(".etcdserverpb", "::api::etcd::wire::etcdserverpb")
        .extern_path(".mvccpb", "::api::etcd::wire::mvccpb")
        .compile_fds(files)?;
    Ok(())
}
