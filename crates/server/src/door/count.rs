//! How did the calls end? The hot ones have their counters at hand.

use super::trailers::code_name;
use super::unary::Method;
use crate::metrics::{BIDI, Handled, Metrics, UNARY};
use api::etcd::error::Code;
use prometheus_client::metrics::counter::Counter;
use std::sync::Arc;

/// Clients choose paths: those that are not served are not told apart.
const UNKNOWN: &str = "unknown";

/// The one call that is a stream.
pub(super) const WATCH: &str = "/etcdserverpb.Watch/Watch";

/// Counts calls as they end.
#[derive(Clone, Debug)]
pub(super) struct Count {
    metrics: Arc<Metrics>,
    /// The hot calls that went well.
    well: [Counter; Method::ALL.len()],
}

impl Count {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        let well = Method::ALL.map(|method| metrics.handled(&hot(method, Code::Ok)));
        Self { metrics, well }
    }

    /// A hot call ended.
    pub(super) fn hot(&self, method: Method, code: Code) {
        match (code, self.well.get(method as usize)) {
            (Code::Ok, Some(counter)) => drop(counter.inc()),
            _ => drop(self.metrics.handled(&hot(method, code)).inc()),
        }
    }

    /// Any other call ended, with a code as it stood on the wire.
    pub(super) fn other(&self, path: &str, code: i32) {
        let known = code != Code::Unimplemented as i32;
        let path_parts = path.trim_start_matches('/').split_once('/');
        let (service, method) = path_parts.filter(|_| known).unwrap_or((UNKNOWN, UNKNOWN));
        let handled = Handled {
            grpc_type: if path == WATCH { BIDI } else { UNARY },
            grpc_service: service.into(),
            grpc_method: method.into(),
            grpc_code: code_name(code),
        };
        self.metrics.handled(&handled).inc();
    }
}

fn hot(method: Method, code: Code) -> Handled {
    Handled {
        grpc_type: UNARY,
        grpc_service: "etcdserverpb.KV".into(),
        grpc_method: method.name().into(),
        grpc_code: code_name(code as i32),
    }
}
