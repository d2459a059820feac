//! Whom the client verbs call and how they print, resolved once.

use crate::args::CallerArgs;
use crate::duration;
use crate::env::{Environment, strongest, variable};
use crate::failure::Failure;
use crate::print::{Format, Printer};
use client::{Client, Timeouts};
use std::time::Duration;

/// Options of etcdctl that would change what a command may see or do. Their
/// variables are refused, since nothing that was asked for is ever ignored.
const NOT_YET: &[&str] =
    &["cacert", "cert", "key", "user", "password", "discovery-srv", "discovery-srv-name"];

/// A client and how it prints.
pub(crate) struct Caller {
    pub(crate) client: Client,
    pub(crate) endpoints: Vec<String>,
    pub(crate) timeouts: Timeouts,
    pub(crate) format: Format,
    hex: bool,
}

impl Caller {
    /// flag > `TRIMARAN_…` > `ETCDCTL_…` > default.
    pub(crate) fn resolve(
        args: &CallerArgs,
        environment: &dyn Environment,
    ) -> Result<Self, Failure> {
        refuse_not_yet(environment)?;
        let strongest =
            |flag: &Option<String>, name| strongest(flag.as_deref(), name, "ETCDCTL_", environment);
        let endpoints =
            strongest(&args.endpoints, "endpoints").unwrap_or_else(|| "127.0.0.1:2379".to_owned());
        let defaults = Timeouts::default();
        let timeouts = Timeouts {
            dial: wait(strongest(&args.dial_timeout, "dial-timeout"), defaults.dial)?,
            command: wait(strongest(&args.command_timeout, "command-timeout"), defaults.command)?,
        };
        let hex = args.hex.then(|| "true".to_owned());
        let hex = strongest(&hex, "hex").is_some_and(|value| value == "true");
        let format = strongest(&args.write_out, "write-out");
        let format = Format::parse(format.as_deref())?;
        let endpoints: Vec<String> = endpoints.split(',').map(str::to_owned).collect();
        let client = Client::connect(&endpoints, timeouts)?;
        Ok(Self { client, endpoints, timeouts, format, hex })
    }

    /// Prints answers that are no tables; refuses if one is asked for.
    pub(crate) fn printer(&self) -> Result<Printer, Failure> {
        Ok(Printer { format: self.format.lines()?, hex: self.hex })
    }

    /// A caller of one member and no other.
    pub(crate) fn of(&self, endpoint: &str) -> Result<Client, Failure> {
        Ok(Client::connect(&[endpoint], self.timeouts)?)
    }
}

fn refuse_not_yet(environment: &dyn Environment) -> Result<(), Failure> {
    for option in NOT_YET {
        let name = variable("ETCDCTL_", option);
        if environment.get(&name).is_some_and(|value| !value.is_empty()) {
            return Err(Failure::feature(format!(
                "{name} is set, and --{option} of etcdctl is known but not implemented yet\n  \
                 try: unset {name}"
            )));
        }
    }
    Ok(())
}

fn wait(given: Option<String>, default: Duration) -> Result<Duration, Failure> {
    given.map_or(Ok(default), |text| duration::parse(&text).map_err(Failure::error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::tests::Made;

    #[tokio::test]
    async fn a_variable_we_cannot_honour_is_refused_by_name() {
        let made = Made::of(&[("ETCDCTL_USER", "root")]);
        let failure = Caller::resolve(&CallerArgs::default(), &made).err();
        let words = failure.map(|failure| failure.words()).unwrap_or_default();
        assert!(words.contains("ETCDCTL_USER is set"), "{words}");
    }

    #[tokio::test]
    async fn endpoints_may_come_from_etcdctls_variable() {
        let made = Made::of(&[("ETCDCTL_ENDPOINTS", "https://a:1")]);
        let failure = Caller::resolve(&CallerArgs::default(), &made).err();
        let words = failure.map(|failure| failure.words()).unwrap_or_default();
        assert!(words.contains("https://a:1"), "{words}");
    }
}
