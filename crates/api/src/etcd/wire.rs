//! The messages of the etcd v3 API, generated from `proto/etcd/`.
//!
//! A crate with sockets makes only the gRPC stubs from the same files and takes
//! the messages from here. Its build script, with `protox` and
//! `tonic-prost-build` among its build dependencies and `api`, `tonic`,
//! `tonic-prost` among its dependencies:
//!
//! ```text
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     println!("cargo:rerun-if-changed=../api/proto");
//!     let files = ["kv", "watch", "lease", "cluster", "maintenance", "health"];
//!     let files = files.map(|name| format!("../api/proto/etcd/{name}.proto"));
//!     let files = protox::compile(files, ["../api/proto"])?;
//!     tonic_prost_build::configure()
//!         .build_transport(false) // no `connect` of its own; true where it is wanted
//!         .extern_path(".etcdserverpb", "::api::etcd::wire::etcdserverpb")
//!         .extern_path(".mvccpb", "::api::etcd::wire::mvccpb")
//!         .extern_path(".grpc.health.v1", "::api::etcd::wire::health")
//!         .compile_fds(files)?;
//!     Ok(())
//! }
//! ```
//!
//! and in its source `tonic::include_proto!("etcdserverpb");`, which then holds
//! `kv_server`, `kv_client`, `watch_server` and so on, and no message, and
//! `tonic::include_proto!("grpc.health.v1");` in a module of its own.
//!
//! A `Bytes` of a decoded message is a window into the whole receive buffer:
//! whatever outlives the request is copied out first, in `kv` and `watch`.

/// Requests, responses and the header they share.
#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated")]
pub mod etcdserverpb {
    include!(concat!(env!("OUT_DIR"), "/etcdserverpb.rs"));
}

/// Pairs and events.
#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated")]
pub mod mvccpb {
    include!(concat!(env!("OUT_DIR"), "/mvccpb.rs"));
}

/// The health service of gRPC, `grpc.health.v1`.
#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated")]
pub mod health {
    include!(concat!(env!("OUT_DIR"), "/grpc.health.v1.rs"));
}
