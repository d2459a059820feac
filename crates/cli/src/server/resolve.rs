//! From flags and variables to what the server is told, once.

use super::flags::{ServerArgs, milliseconds};
use super::urls;
use crate::args::RestoreArgs;
use crate::duration;
use crate::env::{Environment, strongest};
use crate::failure::Failure;
use server::config::{ProtocolKind, ServerConfig};
use std::net::SocketAddr;
use std::time::Duration;

/// Longer than this no follower waits (etcd's bound).
const ELECTION_MAX: Duration = Duration::from_secs(50);
/// An election takes at least so many heartbeats (etcd's bound).
const HEARTBEATS_PER_ELECTION: u32 = 5;
/// Notices of progress do not come more often (etcd's bound).
const NOTICES_MIN: Duration = Duration::from_millis(100);

/// A server, and how much it says.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) config: ServerConfig,
    pub(crate) log_level: String,
}

/// flag > `TRIMARAN_…` > `ETCD_…` > default.
pub(crate) fn resolve(args: &ServerArgs, environment: &dyn Environment) -> Result<Told, Failure> {
    let said = Said { environment };
    let log_level = said.text(&args.log_level, "log-level", "info");
    let config = config(args, &said).map_err(Failure::arguments)?;
    Ok(Told { config, log_level })
}

/// The node whose data directory is restored: what a server that is told the same
/// words will be, so that it finds itself in it.
pub(crate) fn restored(
    args: &RestoreArgs,
    environment: &dyn Environment,
) -> Result<ServerConfig, Failure> {
    let server = ServerArgs {
        name: args.name.clone(),
        data_dir: args.data_dir.clone(),
        initial_cluster: args.initial_cluster.clone(),
        initial_cluster_token: args.initial_cluster_token.clone(),
        initial_advertise_peer_urls: args.initial_advertise_peer_urls.clone(),
        // Nothing is listened on.
        insecure: true,
        ..ServerArgs::default()
    };
    resolve(&server, environment).map(|told| told.config)
}

fn config(args: &ServerArgs, said: &Said<'_>) -> Result<ServerConfig, String> {
    let name = said.text(&args.name, "name", "default");
    let data_dir = said.text(&args.data_dir, "data-dir", &format!("{name}.trimaran"));
    let clients = said.listen(&args.listen_client_urls, "listen-client-urls", 2379)?;
    let peers = said.listen(&args.listen_peer_urls, "listen-peer-urls", 2380)?;
    let mut config = ServerConfig::new(&name, data_dir);
    config.advertise_client_urls =
        said.advertise(&args.advertise_client_urls, "advertise-client-urls", &clients)?;
    config.initial_advertise_peer_urls =
        said.advertise(&args.initial_advertise_peer_urls, "initial-advertise-peer-urls", &peers)?;
    config.listen_client = clients.addresses;
    config.listen_peer = peers.addresses;
    config.initial_cluster = match said.of(&args.initial_cluster, "initial-cluster") {
        Some(text) => members(&text)?,
        None => vec![(name.clone(), config.initial_advertise_peer_urls.clone())],
    };
    check_membership(&config)?;
    let insecure = args.insecure.then(|| "true".to_owned());
    if said.text(&insecure, "insecure", "false") != "true" {
        only_here("listen-client-urls", &config.listen_client)?;
        only_here("listen-peer-urls", &config.listen_peer)?;
    }
    only_new(&said.text(&args.initial_cluster_state, "initial-cluster-state", "new"))?;
    config.token = said.text(&args.initial_cluster_token, "initial-cluster-token", &config.token);
    if let Some(text) = said.of(&args.protocol, "protocol") {
        config.protocol = Some(protocol(&text)?);
    }
    config.heartbeat =
        said.milliseconds(&args.heartbeat_interval, "heartbeat-interval", config.heartbeat)?;
    config.election =
        said.milliseconds(&args.election_timeout, "election-timeout", config.election)?;
    check_times(&config)?;
    if let Some(text) = said.of(&args.quota_backend_bytes, "quota-backend-bytes") {
        config.quota = quota(&text, config.quota)?;
    }
    only_periodic(&said.text(&args.auto_compaction_mode, "auto-compaction-mode", "periodic"))?;
    if let Some(text) = said.of(&args.auto_compaction_retention, "auto-compaction-retention") {
        config.keep_history = retention(&text)?;
    }
    let notices = said
        .of(&args.watch_progress_notify_interval, "watch-progress-notify-interval")
        .or_else(|| {
            let spelt = &args.experimental_watch_progress_notify_interval;
            said.of(spelt, "experimental-watch-progress-notify-interval")
        });
    if let Some(text) = notices {
        config.progress_notices = notice_interval(&text, config.progress_notices)?;
    }
    if let Some(text) = said.of(&args.checkpoint_bytes, "checkpoint-bytes") {
        config.checkpoint_bytes = bytes("checkpoint-bytes", &text, 1)?;
    }
    if let Some(text) = said.of(&args.segment_bytes, "segment-bytes") {
        config.segment_bytes = bytes("segment-bytes", &text, SEGMENT_BYTES_MIN)?;
    }
    Ok(config)
}

fn protocol(text: &str) -> Result<ProtocolKind, String> {
    ProtocolKind::named(text).ok_or_else(|| {
        let names: Vec<&str> = ProtocolKind::ALL.iter().map(|kind| kind.name()).collect();
        format!("--protocol is {text:?}; there are {}", names.join(", "))
    })
}

/// Without TLS nobody is asked who he is, and everybody on the way can listen.
fn only_here(flag: &str, addresses: &[SocketAddr]) -> Result<(), String> {
    let Some(open) = addresses.iter().find(|address| !address.ip().is_loopback()) else {
        return Ok(());
    };
    let port = open.port();
    Err(format!(
        "--{flag}: http://{open} can be reached from other machines, and TLS is not implemented \
         yet: whoever reaches it may read and change everything\n  \
         try: --{flag} http://127.0.0.1:{port} to stay on this machine, or add --insecure if only \
         friends are on that network"
    ))
}

/// etcd's reading: 0 is the default, and what is too short is raised.
fn notice_interval(text: &str, default: Duration) -> Result<Duration, String> {
    let interval = if text == "0" { Ok(Duration::ZERO) } else { duration::parse(text) };
    let interval = interval.map_err(|why| format!("--watch-progress-notify-interval: {why}"))?;
    Ok(if interval.is_zero() { default } else { interval.max(NOTICES_MIN) })
}

/// Files of the log hold the largest entry, and are not made all the time.
const SEGMENT_BYTES_MIN: u64 = 64 << 10;

/// A number of bytes, not below `least`.
fn bytes(flag: &str, text: &str, least: u64) -> Result<u64, String> {
    let bytes = text.parse().ok().filter(|bytes| *bytes >= least);
    bytes.ok_or_else(|| format!("--{flag} is {text:?}; write bytes, at least {least}"))
}

/// etcd's reading: 0 is the default, a negative number is no limit.
fn quota(text: &str, default: Option<u64>) -> Result<Option<u64>, String> {
    let bytes: i64 = text.parse().map_err(|_| {
        format!("--quota-backend-bytes is {text:?}; write bytes, for example 8589934592")
    })?;
    Ok(if bytes == 0 { default } else { u64::try_from(bytes).ok() })
}

fn only_periodic(mode: &str) -> Result<(), String> {
    if mode == "periodic" {
        return Ok(());
    }
    Err(format!("--auto-compaction-mode {mode} is not implemented; only `periodic` is"))
}

/// A bare number is hours, as etcd has it.
fn retention(text: &str) -> Result<Option<Duration>, String> {
    if text == "off" {
        return Ok(None);
    }
    let hours = text.parse::<u64>().ok().and_then(|hours| hours.checked_mul(3600));
    let time = hours.map(Duration::from_secs).map_or_else(|| duration::parse(text), Ok);
    let time = time.map_err(|why| format!("--auto-compaction-retention: {why}"))?;
    Ok((!time.is_zero()).then_some(time))
}

/// Where one listens, as it was said and as the system wants it.
struct Listen {
    urls: Vec<String>,
    addresses: Vec<SocketAddr>,
}

/// What was said, by whichever way.
struct Said<'a> {
    environment: &'a dyn Environment,
}

impl Said<'_> {
    fn of(&self, flag: &Option<String>, name: &str) -> Option<String> {
        strongest(flag.as_deref(), name, "ETCD_", self.environment)
    }

    fn text(&self, flag: &Option<String>, name: &str, default: &str) -> String {
        self.of(flag, name).unwrap_or_else(|| default.to_owned())
    }

    fn listen(&self, flag: &Option<String>, name: &str, port: u16) -> Result<Listen, String> {
        let text = self.text(flag, name, &format!("http://localhost:{port}"));
        let urls = urls::parse(name, &text)?;
        let addresses = urls::addresses(name, &urls)?;
        Ok(Listen { urls, addresses })
    }

    /// Where others find this node: where it listens, unless that is everywhere.
    fn advertise(
        &self,
        flag: &Option<String>,
        name: &str,
        listen: &Listen,
    ) -> Result<Vec<String>, String> {
        if let Some(text) = self.of(flag, name) {
            return urls::parse(name, &text);
        }
        if listen.addresses.iter().any(|address| address.ip().is_unspecified()) {
            return Err(format!(
                "--{name} is needed, because this node listens on every address and cannot know \
                 by which one others reach it"
            ));
        }
        Ok(listen.urls.clone())
    }

    fn milliseconds(
        &self,
        flag: &Option<String>,
        name: &str,
        default: Duration,
    ) -> Result<Duration, String> {
        self.of(flag, name).map_or(Ok(default), |text| milliseconds(name, &text))
    }
}

/// `n1=http://a:1,n1=http://b:1,n2=…`: a member may have several URLs.
fn members(text: &str) -> Result<Vec<(String, Vec<String>)>, String> {
    let mut members: Vec<(String, Vec<String>)> = Vec::new();
    for part in text.split(',') {
        let (name, url) = part.trim().split_once('=').ok_or_else(|| {
            format!(
                "--initial-cluster: {part:?} is not NAME=URL, for example n1=http://10.0.0.1:2380"
            )
        })?;
        let url = urls::parse("initial-cluster", url)?;
        match members.iter_mut().find(|(known, _)| known == name) {
            Some((_, urls)) => urls.extend(url),
            None => members.push((name.to_owned(), url)),
        }
    }
    Ok(members)
}

/// etcd's rule: a node finds itself among the members, by name and by URLs.
fn check_membership(config: &ServerConfig) -> Result<(), String> {
    let name = &config.name;
    let own = config.initial_cluster.iter().find(|(known, _)| known == name);
    let Some((_, urls)) = own else {
        return Err(format!(
            "--initial-cluster has no member {name:?}, which is this node's --name"
        ));
    };
    let sorted = |urls: &[String]| {
        let mut urls = urls.to_vec();
        urls.sort();
        urls
    };
    if sorted(urls) != sorted(&config.initial_advertise_peer_urls) {
        return Err(format!(
            "--initial-cluster has {name}={} but --initial-advertise-peer-urls is {}; they must be \
             the same",
            urls.join(","),
            config.initial_advertise_peer_urls.join(","),
        ));
    }
    Ok(())
}

fn only_new(state: &str) -> Result<(), String> {
    match state {
        "new" => Ok(()),
        "existing" => Err("--initial-cluster-state existing is known but not implemented yet: \
             the members of a cluster are fixed when it is made"
            .to_owned()),
        other => Err(format!("--initial-cluster-state is {other:?}; write new")),
    }
}

fn check_times(config: &ServerConfig) -> Result<(), String> {
    let (heartbeat, election) = (config.heartbeat, config.election);
    if heartbeat.is_zero() {
        return Err("--heartbeat-interval must be at least 1".to_owned());
    }
    if election < heartbeat * HEARTBEATS_PER_ELECTION {
        return Err(format!(
            "--election-timeout {} must be at least {HEARTBEATS_PER_ELECTION} times \
             --heartbeat-interval {}",
            election.as_millis(),
            heartbeat.as_millis()
        ));
    }
    if election > ELECTION_MAX {
        return Err(format!(
            "--election-timeout {} is too long; at most {}",
            election.as_millis(),
            ELECTION_MAX.as_millis()
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::tests::Made;
    use clap::Parser;

    fn told(flags: &[&str], variables: &[(&str, &str)]) -> Result<ServerConfig, String> {
        let words = std::iter::once("server").chain(flags.iter().copied());
        let args = ServerArgs::try_parse_from(words).map_err(|error| error.to_string())?;
        resolve(&args, &Made::of(variables))
            .map(|told| told.config)
            .map_err(|failure| failure.words())
    }

    #[test]
    fn room_and_history_are_read_as_etcd_reads_them() {
        assert_eq!(quota("0", Some(5)), Ok(Some(5)));
        assert_eq!(quota("-1", Some(5)), Ok(None));
        assert_eq!(quota("7", Some(5)), Ok(Some(7)));
        assert!(quota("much", None).is_err());
        assert_eq!(bytes("segment-bytes", "65536", SEGMENT_BYTES_MIN), Ok(64 << 10));
        assert!(bytes("segment-bytes", "65535", SEGMENT_BYTES_MIN).is_err());
        assert!(bytes("checkpoint-bytes", "-1", 1).is_err());
        assert_eq!(retention("0"), Ok(None));
        assert_eq!(retention("off"), Ok(None));
        assert_eq!(retention("2"), Ok(Some(Duration::from_secs(7200))));
        assert_eq!(retention("90s"), Ok(Some(Duration::from_secs(90))));
        assert!(retention("long").is_err());
        assert!(only_periodic("revision").is_err());
    }

    #[test]
    fn without_a_word_it_is_one_durable_node_on_etcds_ports() {
        let Ok(config) = told(&[], &[]) else { panic!("defaults must do") };
        assert_eq!(config.name, "default");
        assert_eq!(config.data_dir.to_str(), Some("default.trimaran"));
        assert_eq!(config.listen_client, ["127.0.0.1:2379".parse().expect("an address")]);
        assert_eq!(config.advertise_client_urls, ["http://localhost:2379"]);
        let alone = ("default".to_owned(), vec!["http://localhost:2380".to_owned()]);
        assert_eq!(config.initial_cluster, [alone]);
        assert_eq!(config.heartbeat, Duration::from_millis(100));
        assert_eq!(config.election, Duration::from_millis(1000));
    }

    #[test]
    fn progress_notices_are_told_in_either_spelling() {
        let interval = |flags: &[&str], variables: &[(&str, &str)]| {
            told(flags, variables).map(|config| config.progress_notices)
        };
        let (new, old) =
            ("--watch-progress-notify-interval", "--experimental-watch-progress-notify-interval");
        let old_variable = "ETCD_EXPERIMENTAL_WATCH_PROGRESS_NOTIFY_INTERVAL";
        assert_eq!(interval(&[new, "5s"], &[]), Ok(Duration::from_secs(5)));
        assert_eq!(interval(&[old, "7s"], &[]), Ok(Duration::from_secs(7)));
        assert_eq!(interval(&[], &[(old_variable, "8s")]), Ok(Duration::from_secs(8)));
        assert_eq!(interval(&[new, "5s", old, "7s"], &[]), Ok(Duration::from_secs(5)));
        assert_eq!(interval(&[new, "1ms"], &[]), Ok(Duration::from_millis(100)));
        assert_eq!(interval(&[new, "0s"], &[]), Ok(Duration::from_secs(600)));
        assert!(interval(&[new, "often"], &[]).is_err());
    }

    #[test]
    fn other_machines_are_let_in_only_by_a_word() {
        let (client, peer) = ("--listen-client-urls", "--listen-peer-urls");
        let all = ["--advertise-client-urls", "http://10.0.0.1:2379"];
        for [flag, url] in [[client, "http://0.0.0.0:2379"], [peer, "http://10.0.0.1:2380"]] {
            let flags = [&all[..], &[flag, url]].concat();
            let said = told(&flags, &[]).err().unwrap_or_default();
            assert!(said.contains(&format!("{flag}: {url} can be reached")), "{said}");
            assert!(said.contains("--insecure"), "{said}");
            assert!(told(&[&flags[..], &["--insecure"]].concat(), &[]).is_ok());
            assert!(told(&flags, &[("TRIMARAN_INSECURE", "true")]).is_ok());
            assert!(told(&flags, &[("TRIMARAN_INSECURE", "no")]).is_err());
        }
        assert!(told(&[client, "http://[::1]:2379", peer, "http://127.0.0.9:1"], &[]).is_ok());
    }

    #[test]
    fn a_flag_beats_our_variable_beats_etcds() {
        let both = [("TRIMARAN_NAME", "ours"), ("ETCD_NAME", "theirs")];
        let name = |flags, variables| told(flags, variables).map(|config| config.name);
        assert_eq!(name(&["--name", "flag"], &both), Ok("flag".into()));
        assert_eq!(name(&[], &both), Ok("ours".into()));
        assert_eq!(name(&[], &[("ETCD_NAME", "theirs")]), Ok("theirs".into()));
    }

    #[test]
    fn three_members_are_read_and_one_finds_itself() {
        let cluster = "a=http://h:1,b=http://h:2,c=http://h:3";
        let flags = ["--name", "b", "--initial-cluster", cluster];
        let own = ["--initial-advertise-peer-urls", "http://h:2"];
        let config = told(&[&flags[..], &own[..]].concat(), &[]);
        assert_eq!(config.map(|config| config.initial_cluster.len()), Ok(3));
        let other = told(&flags, &[]).err().unwrap_or_default();
        assert!(other.contains("they must be the same"), "{other}");
        let stranger = told(&["--initial-cluster", cluster], &[]).err().unwrap_or_default();
        assert!(stranger.contains("no member \"default\""), "{stranger}");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (flags, part) in [
            (["--initial-cluster-state", "existing"], "not implemented yet"),
            (["--election-timeout", "100"], "at least 5 times"),
            (["--election-timeout", "60000"], "too long"),
            (["--heartbeat-interval", "x"], "write milliseconds"),
            (["--listen-client-urls", "http://0.0.0.0:2379"], "--advertise-client-urls is needed"),
        ] {
            let said = told(&flags, &[]).err().unwrap_or_default();
            assert!(said.contains(part), "{flags:?}: {said}");
        }
    }
}
