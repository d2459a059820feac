//! The same stories again, with the hot calls through the gRPC library's routes.

#[allow(clippy::duplicate_mod, reason = "each story has its world")]
#[path = "one.rs"]
mod one;
#[allow(clippy::duplicate_mod, reason = "each story has its world")]
#[path = "three.rs"]
mod three;
