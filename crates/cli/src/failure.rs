//! How a command ends badly: what it says, and etcdctl's exit code for it.

use std::process::ExitCode;

/// Why a command ended. Said on stderr.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    pub(crate) text: Text,
}

#[derive(Debug)]
pub(crate) enum Text {
    /// Written as `Error: …`, as etcdctl does.
    Plain(String),
    /// clap's own words, which may also be a help page.
    Clap(clap::Error),
    /// Everything was said already.
    Said,
}

impl Failure {
    fn new(code: u8, text: impl Into<String>) -> Self {
        Self { code, text: Text::Plain(text.into()) }
    }

    /// Something went wrong.
    pub(crate) fn error(text: impl Into<String>) -> Self {
        Self::new(1, text)
    }

    /// Something went wrong, and it was said where it happened.
    pub(crate) fn said() -> Self {
        Self { code: 1, text: Text::Said }
    }

    /// Nobody could be reached.
    pub(crate) fn connection(text: impl Into<String>) -> Self {
        Self::new(2, text)
    }

    /// What was read makes no sense.
    pub(crate) fn input(text: impl Into<String>) -> Self {
        Self::new(3, text)
    }

    /// A feature that is not there.
    pub(crate) fn feature(text: impl Into<String>) -> Self {
        Self::new(4, text)
    }

    /// The server ended what was to go on.
    pub(crate) fn interrupted(text: impl Into<String>) -> Self {
        Self::new(5, text)
    }

    /// A file, a process or a pipe would not.
    pub(crate) fn io(what: &str, error: &std::io::Error) -> Self {
        Self::new(6, format!("cannot {what}: {error}"))
    }

    /// The words after the verb do not fit.
    pub(crate) fn arguments(text: impl Into<String>) -> Self {
        Self::new(128, text)
    }

    /// The same, and at what it happened.
    pub(crate) fn while_doing(self, what: &str) -> Self {
        match self.text {
            Text::Plain(text) => Self::new(self.code, format!("failed to {what} ({text})")),
            text => Self { code: self.code, text },
        }
    }

    /// The words, for a prompt that goes on.
    pub(crate) fn words(&self) -> String {
        match &self.text {
            Text::Plain(text) => format!("Error: {text}"),
            Text::Clap(error) => error.render().to_string().trim_end().to_owned(),
            Text::Said => String::new(),
        }
    }

    /// Says it and turns into the exit code of the process.
    pub(crate) fn report(self) -> ExitCode {
        match &self.text {
            Text::Plain(text) => eprintln!("Error: {text}"),
            // A help page goes to stdout, and a closed pipe is nobody's fault.
            Text::Clap(error) => drop(error.print()),
            Text::Said => (),
        }
        ExitCode::from(self.code)
    }
}

impl From<clap::Error> for Failure {
    fn from(error: clap::Error) -> Self {
        Self { code: u8::from(error.use_stderr()), text: Text::Clap(error) }
    }
}

impl From<client::Error> for Failure {
    fn from(error: client::Error) -> Self {
        let text = error.to_string();
        match error {
            client::Error::BadEndpoint { .. } => Self::arguments(text),
            client::Error::Unreachable { .. } => Self::connection(format!(
                "{text}\n  try: --endpoints HOST:PORT, or start a cluster with `trimaran dev`"
            )),
            client::Error::UnknownOutcome { .. } => {
                Self::error(format!("{text}\n  try: read the key before you write again"))
            }
            _ => Self::error(text),
        }
    }
}
