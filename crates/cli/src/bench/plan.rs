//! What a run will do, once the words have been understood.

use super::args::{BenchVerb, Consistency, LoadArgs, To};
use crate::dev::state::{Home, State};
use crate::failure::Failure;
use std::time::Duration;

/// The connections that are opened if nothing is said.
const CONNS: usize = 16;
/// Where a server listens if nothing is said.
const ENDPOINT: &str = "127.0.0.1:2379";
/// As many keys as ten digits can tell apart.
const KEYS_MAX: u64 = 10_000_000_000;
/// More than eleven days is taken for a slip of the hand.
const LONGEST: Duration = Duration::from_secs(1_000_000);
/// A value of a watched key begins with the time at which it was meant to be sent.
pub(crate) const STAMP: usize = 8;

/// What one run does.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Plan {
    pub(crate) verb: Verb,
    pub(crate) endpoints: Vec<String>,
    pub(crate) to: To,
    pub(crate) clients: usize,
    pub(crate) conns: usize,
    /// Operations a second; none: each client begins when its last one has ended.
    pub(crate) rate: Option<u64>,
    pub(crate) measured: Duration,
    pub(crate) warmup: Duration,
    pub(crate) val_size: usize,
    pub(crate) keys: u64,
    pub(crate) preload: bool,
    pub(crate) seed: u64,
    pub(crate) pids: Vec<u32>,
    pub(crate) json: bool,
}

/// What is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verb {
    Put,
    Get { serializable: bool },
    Mixed { serializable: bool },
    Txn,
    Watch { watchers: usize },
}

impl Verb {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Get { .. } => "get",
            Self::Mixed { .. } => "mixed",
            Self::Txn => "txn",
            Self::Watch { .. } => "watch",
        }
    }

    /// What its reads promise, if it reads.
    pub(crate) fn serializable(self) -> Option<bool> {
        match self {
            Self::Get { serializable } | Self::Mixed { serializable } => Some(serializable),
            Self::Put | Self::Txn | Self::Watch { .. } => None,
        }
    }
}

impl Plan {
    /// Gives the words their meaning; looks at the dev cluster if there is one.
    pub(crate) fn resolve(words: &BenchVerb) -> Result<Self, Failure> {
        let (verb, load) = verb(words)?;
        let plan = Self::of(verb, load, dev_cluster(load)?)?;
        plan.check()?;
        Ok(plan)
    }

    fn of(verb: Verb, load: &LoadArgs, dev: Option<State>) -> Result<Self, Failure> {
        let given = load.endpoints.iter().map(|text| endpoint(text));
        let mut endpoints: Vec<String> = given.collect::<Result<_, _>>()?;
        if endpoints.is_empty() {
            endpoints = dev.as_ref().map_or_else(|| vec![ENDPOINT.to_owned()], addresses);
        }
        let mut pids = load.pids.clone();
        // The nodes of a dev cluster that nobody asks anything are not the servers.
        if let Some(dev) = dev.filter(|dev| pids.is_empty() && asks(&endpoints, dev)) {
            pids = living(&dev);
        }
        Ok(Self {
            verb,
            endpoints,
            to: load.to,
            clients: load.clients,
            conns: load.conns.unwrap_or_else(|| CONNS.min(load.clients)),
            rate: rate(&load.rate)?,
            measured: Duration::from_secs(load.seconds),
            warmup: Duration::from_secs(load.warmup),
            val_size: load.val_size,
            keys: load.keys,
            preload: load.preload,
            seed: load.seed,
            pids,
            json: load.json,
        })
    }

    fn check(&self) -> Result<(), Failure> {
        let watched = matches!(self.verb, Verb::Watch { .. });
        let faults = [
            (self.clients == 0, "--clients 0: nobody would ask".to_owned()),
            (
                self.conns == 0 || self.conns > self.clients,
                format!("--conns {}: write 1 to --clients {}", self.conns, self.clients),
            ),
            (self.measured.is_zero(), "--seconds 0: nothing would be measured".to_owned()),
            (
                self.measured > LONGEST || self.warmup > LONGEST,
                format!("--seconds and --warmup may be {} at most", LONGEST.as_secs()),
            ),
            (
                !(1..=KEYS_MAX).contains(&self.keys),
                format!("--keys {}: write 1 to {KEYS_MAX}", self.keys),
            ),
            (
                matches!(self.verb, Verb::Watch { watchers: 0 }),
                "--watchers 0: nobody would hear".to_owned(),
            ),
            (
                watched && self.val_size < STAMP,
                format!("--val-size {}: bench watch needs {STAMP} bytes for a time", self.val_size),
            ),
        ];
        match faults.into_iter().find(|(wrong, _)| *wrong) {
            Some((_, text)) => Err(Failure::arguments(text)),
            None => Ok(()),
        }
    }
}

fn verb(words: &BenchVerb) -> Result<(Verb, &LoadArgs), Failure> {
    let own = |consistency: Consistency| consistency == Consistency::S;
    Ok(match words {
        BenchVerb::Put(load) => (Verb::Put, load),
        BenchVerb::Get(args) => (Verb::Get { serializable: own(args.consistency) }, &args.load),
        BenchVerb::Mixed(args) => (Verb::Mixed { serializable: own(args.consistency) }, &args.load),
        BenchVerb::Txn(load) => (Verb::Txn, load),
        // Whoever serves the floor has said by now what it is to be asked.
        BenchVerb::Floor(args) => (Verb::Put, &args.load),
        BenchVerb::Watch(args) | BenchVerb::Listen(args) => {
            (Verb::Watch { watchers: args.watchers }, &args.load)
        }
        BenchVerb::Gap(_) => return Err(Failure::arguments("bench gap has no plan")),
    })
}

/// `host:port`, with or without `http://` before it.
pub(crate) fn endpoint(text: &str) -> Result<String, Failure> {
    let bare = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
    let whole = bare.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && !bare.contains("//") && port.parse::<u16>().is_ok()
    });
    if whole {
        return Ok(bare.to_owned());
    }
    Err(Failure::arguments(format!(
        "--endpoints {text}: write HOST:PORT; bench speaks plain HTTP/2, without TLS"
    )))
}

fn rate(text: &str) -> Result<Option<u64>, Failure> {
    if text == "closed" {
        return Ok(None);
    }
    text.parse().ok().filter(|rate| (1..=10_000_000).contains(rate)).map(Some).ok_or_else(|| {
        Failure::arguments(format!(
            "--rate {text}: write operations a second, 1 to 10000000, or closed"
        ))
    })
}

/// The dev cluster of the directory that was named, or the usual one, if it runs.
fn dev_cluster(load: &LoadArgs) -> Result<Option<State>, Failure> {
    if load.dir.is_some() {
        return Home::new(load.dir.as_deref())?.need().map(Some);
    }
    // Without a home, or with a state of another version, there is none for us.
    let state = Home::new(None).ok().and_then(|home| home.load().ok().flatten());
    Ok(state.filter(State::any_alive))
}

fn addresses(dev: &State) -> Vec<String> {
    dev.plan().iter().map(|node| node.client()).collect()
}

fn asks(endpoints: &[String], dev: &State) -> bool {
    let nodes = addresses(dev);
    let plain = |endpoint: &String| endpoint.replace("localhost", "127.0.0.1");
    endpoints.iter().all(|endpoint| nodes.contains(&plain(endpoint)))
}

fn living(dev: &State) -> Vec<u32> {
    dev.nodes.iter().filter_map(|member| Some(member.alive()?.pid())).collect()
}

#[cfg(test)]
mod tests {
    use super::super::args::BenchArgs;
    use super::*;
    use clap::Parser;

    fn plan(words: &str) -> Result<Plan, String> {
        let words = ["trimaran bench"].into_iter().chain(words.split(' '));
        let args = BenchArgs::try_parse_from(words).map_err(|error| error.to_string())?;
        let (verb, load) = verb(&args.verb).map_err(|failure| failure.words())?;
        let plan = Plan::of(verb, load, None).map_err(|failure| failure.words())?;
        plan.check().map_err(|failure| failure.words())?;
        Ok(plan)
    }

    #[test]
    fn what_is_not_said_is_usual() {
        let plan = plan("put").expect("a plan");
        assert_eq!((plan.verb, plan.clients, plan.conns), (Verb::Put, 256, 16));
        assert_eq!((plan.rate, plan.val_size, plan.keys), (None, 256, 100_000));
        assert_eq!(plan.endpoints, ["127.0.0.1:2379"]);
    }

    #[test]
    fn what_is_said_is_taken() {
        let words =
            "get --endpoints http://a:1,b:2 --clients 3 --rate 50 --consistency s --pids 1,2";
        let plan = plan(words).expect("a plan");
        assert_eq!(plan.verb, Verb::Get { serializable: true });
        assert_eq!(plan.endpoints, ["a:1", "b:2"]);
        assert_eq!((plan.conns, plan.rate, plan.pids), (3, Some(50), vec![1, 2]));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for words in [
            "put --clients 0",
            "put --conns 9 --clients 8",
            "put --seconds 0",
            "put --rate fast",
            "put --rate 0",
            "put --keys 0",
            "put --keys 10000000001",
            "put --seconds 18446744073709551615",
            "put --warmup 18446744073709551615",
            "put --endpoints https://a:1",
            "put --endpoints a",
            "get --consistency x",
            "watch --watchers 0",
            "watch --val-size 7",
        ] {
            assert!(plan(words).is_err(), "{words}");
        }
    }
}
