//! How an operation may fail, as it is counted.

/// Why an operation did not do what it was asked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Fault {
    /// Nobody took the connection.
    Dial,
    /// The connection broke under it.
    Connection,
    /// The server gave up this one call.
    Reset,
    /// HTTP said so.
    Http(u16),
    /// gRPC said so.
    Status(u16),
    /// The answer is not the message that was asked for.
    Answer,
    /// A key that should be there is not.
    NoKey,
    /// No answer long after the end.
    Unfinished,
    /// A watcher never heard of a write.
    Unheard,
    /// A watcher heard of writes out of order, or was told to go.
    Watch,
}

impl From<h2::Error> for Fault {
    fn from(error: h2::Error) -> Self {
        if error.is_reset() { Self::Reset } else { Self::Connection }
    }
}

/// The names of gRPC's codes, from 0 on.
const CODES: [&str; 17] = [
    "ok",
    "cancelled",
    "unknown",
    "invalid argument",
    "deadline exceeded",
    "not found",
    "already exists",
    "permission denied",
    "resource exhausted",
    "failed precondition",
    "aborted",
    "out of range",
    "unimplemented",
    "internal",
    "unavailable",
    "data loss",
    "unauthenticated",
];

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Dial => f.write_str("cannot connect"),
            Self::Connection => f.write_str("connection lost"),
            Self::Reset => f.write_str("stream reset"),
            Self::Http(status) => write!(f, "http {status}"),
            Self::Status(code) => match CODES.get(usize::from(*code)) {
                Some(name) => f.write_str(name),
                None => write!(f, "grpc-status {code}"),
            },
            Self::Answer => f.write_str("not the answer"),
            Self::NoKey => f.write_str("no such key"),
            Self::Unfinished => f.write_str("unfinished"),
            Self::Unheard => f.write_str("events not heard"),
            Self::Watch => f.write_str("watch broken"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Fault;

    #[test]
    fn codes_have_names() {
        assert_eq!(Fault::Status(14).to_string(), "unavailable");
        assert_eq!(Fault::Status(16).to_string(), "unauthenticated");
        assert_eq!(Fault::Status(99).to_string(), "grpc-status 99");
    }
}
