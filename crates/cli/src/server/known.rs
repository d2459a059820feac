//! What etcd's server can be told and this one cannot yet: refused by name.
//!
//! Whoever sets a flag relies on it. To ignore one silently would be a lie, and
//! an "unknown flag" would send its reader to look for a spelling mistake.

use super::flags::ServerArgs;
use crate::env::{Environment, variable};
use crate::failure::Failure;
use clap::CommandFactory;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// Flags of etcd 3.4 to 3.6 that are not implemented, besides `experimental-…`.
const NOT_YET: &[&str] = &[
    "advertise-client-http-urls",
    "auth-token",
    "auth-token-ttl",
    "auto-tls",
    "backend-batch-interval",
    "backend-batch-limit",
    "backend-bbolt-freelist-type",
    "bcrypt-cost",
    "bootstrap-defrag-threshold-megabytes",
    "cert-file",
    "cipher-suites",
    "client-cert-allowed-hostname",
    "client-cert-auth",
    "client-cert-file",
    "client-crl-file",
    "client-key-file",
    "compact-hash-check-time",
    "compaction-batch-limit",
    "compaction-sleep-interval",
    "config-file",
    "corrupt-check-time",
    "cors",
    "debug",
    "discovery",
    "discovery-fallback",
    "discovery-proxy",
    "discovery-srv",
    "discovery-srv-name",
    "distributed-tracing-address",
    "distributed-tracing-instance-id",
    "distributed-tracing-sampling-rate",
    "distributed-tracing-service-name",
    "downgrade-check-time",
    "enable-distributed-tracing",
    "enable-grpc-gateway",
    "enable-log-rotation",
    "enable-pprof",
    "enable-v2",
    "feature-gates",
    "force-new-cluster",
    "grpc-keepalive-interval",
    "grpc-keepalive-min-time",
    "grpc-keepalive-timeout",
    "host-whitelist",
    "initial-election-tick-advance",
    "key-file",
    "listen-client-http-urls",
    "listen-metrics-urls",
    "log-format",
    "log-output",
    "log-outputs",
    "log-package-levels",
    "log-rotation-config-json",
    "logger",
    "max-concurrent-streams",
    "max-learners",
    "max-request-bytes",
    "max-snapshots",
    "max-txn-ops",
    "max-wals",
    "memory-mlock",
    "metrics",
    "peer-auto-tls",
    "peer-ca-file",
    "peer-cert-allowed-cn",
    "peer-cert-allowed-hostname",
    "peer-cert-file",
    "peer-client-cert-auth",
    "peer-client-cert-file",
    "peer-client-key-file",
    "peer-crl-file",
    "peer-key-file",
    "peer-skip-client-san-verification",
    "peer-trusted-ca-file",
    "pre-vote",
    "proxy",
    "proxy-dial-timeout",
    "proxy-failure-wait",
    "proxy-read-timeout",
    "proxy-refresh-interval",
    "proxy-write-timeout",
    "self-signed-cert-validity",
    "snapshot-catchup-entries",
    "snapshot-count",
    "socket-reuse-address",
    "socket-reuse-port",
    "strict-reconfig-check",
    "tls-max-version",
    "tls-min-version",
    "trusted-ca-file",
    "unsafe-no-fsync",
    "v2-deprecation",
    "wal-dir",
    "warning-apply-duration",
    "warning-unary-request-duration",
];

/// The flags of etcd 3.5 that were on trial there and are implemented.
const TRIED: &[&str] = &["experimental-watch-progress-notify-interval"];

/// Whether etcd knows a flag of this name that we do not implement.
fn not_yet(name: &str) -> bool {
    let discovery = name.starts_with("discovery-") && name != "discovery-";
    let experimental = name.starts_with("experimental-") && !TRIED.contains(&name);
    experimental || discovery || NOT_YET.binary_search(&name).is_ok()
}

/// etcd's flags may begin with one dash; from here on they have two.
pub(crate) fn with_two_dashes(words: &[OsString]) -> Vec<OsString> {
    words.iter().map(|word| two_dashes(word)).collect()
}

fn two_dashes(word: &OsStr) -> OsString {
    match word.as_bytes() {
        [b'-', letter, _, ..] if letter.is_ascii_lowercase() => {
            let mut longer = OsString::from("-");
            longer.push(word);
            longer
        }
        _ => word.to_owned(),
    }
}

/// Refuses the first flag that is known and not implemented.
pub(crate) fn refuse_flags(words: &[OsString]) -> Result<(), Failure> {
    for word in words {
        let text = word.to_string_lossy();
        if let Some(flag) = text.strip_prefix("--") {
            let name = flag.split('=').next().unwrap_or(flag);
            if not_yet(name) {
                return Err(refusal(&format!("--{name}"), name));
            }
        }
    }
    Ok(())
}

/// Variables of etcd's that are no flag of any version; etcd warns of them too.
pub(crate) fn unknown_variables(environment: &dyn Environment) -> Vec<String> {
    let known = ServerArgs::command();
    let known: Vec<&str> = known.get_arguments().filter_map(clap::Arg::get_long).collect();
    let unknown = |name: &String| {
        let flag = name.strip_prefix("ETCD_").map(|rest| rest.to_lowercase().replace('_', "-"));
        flag.is_some_and(|flag| !known.contains(&flag.as_str()) && !not_yet(&flag))
    };
    let mut names: Vec<String> = environment.names().into_iter().filter(unknown).collect();
    names.sort();
    names
}

/// Refuses the first variable whose flag is known and not implemented.
pub(crate) fn refuse_variables(environment: &dyn Environment) -> Result<(), Failure> {
    let mut names = environment.names();
    names.sort();
    for name in names {
        let Some(rest) = ["TRIMARAN_", "ETCD_"].iter().find_map(|prefix| name.strip_prefix(prefix))
        else {
            continue;
        };
        let flag = rest.to_lowercase().replace('_', "-");
        // Only a name that leads back to itself is that flag's variable.
        if not_yet(&flag) && name.ends_with(&variable("", &flag)) {
            return Err(refusal(&format!("{name}, which is --{flag},"), &flag));
        }
    }
    Ok(())
}

fn refusal(said: &str, name: &str) -> Failure {
    Failure::feature(format!(
        "{said} is a flag of etcd that is known but not implemented yet; it is refused, because \
         to ignore it could break what you rely on\n  \
         try: leave {name} out; `trimaran server --help` lists what there is"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::tests::Made;

    fn words(of: &[&str]) -> Vec<OsString> {
        of.iter().map(OsString::from).collect()
    }

    #[test]
    fn the_list_is_sorted_so_that_it_can_be_searched() {
        assert!(NOT_YET.is_sorted());
    }

    #[test]
    fn a_known_flag_is_refused_by_name_in_each_spelling() {
        for spelling in [&["--cert-file=x"][..], &["--cert-file", "x"], &["-cert-file", "x"]] {
            let words = with_two_dashes(&words(spelling));
            let said = refuse_flags(&words).err().map(|failure| failure.words());
            assert!(said.unwrap_or_default().contains("--cert-file is a flag of etcd"));
        }
        assert!(refuse_flags(&words(&["--experimental-anything"])).is_err());
        let tried = "--experimental-watch-progress-notify-interval=5s";
        assert!(refuse_flags(&words(&[tried])).is_ok());
        assert!(refuse_flags(&words(&["--name", "cert-file", "--nonsense"])).is_ok());
    }

    #[test]
    fn so_is_its_variable_of_either_family() {
        for name in ["ETCD_CERT_FILE", "TRIMARAN_WAL_DIR", "ETCD_EXPERIMENTAL_PEER_X"] {
            let said = refuse_variables(&Made::of(&[(name, "x")])).err();
            assert!(said.is_some_and(|failure| failure.words().contains(name)), "{name}");
        }
        assert!(refuse_variables(&Made::of(&[("ETCD_NAME", "x"), ("ETCD_XYZ", "y")])).is_ok());
    }

    #[test]
    fn a_variable_that_is_no_flag_of_anybody_is_told() {
        let made = Made::of(&[("ETCD_NAME", "x"), ("ETCD_XYZ", "y"), ("ETCD_CERT_FILE", "z")]);
        assert_eq!(unknown_variables(&made), ["ETCD_XYZ"]);
    }
}
