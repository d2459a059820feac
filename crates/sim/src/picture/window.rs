//! Which part of a run a picture begins with.

use crate::film::{Kind, Shot};
use crate::report::Report;
use base::{GroupId, Time};
use core::time::Duration;

/// A part of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    /// Where it begins.
    pub from: Time,
    /// Where it ends.
    pub to: Time,
}

impl Window {
    /// The first election of the keyspace, and a little of what comes after it.
    #[must_use]
    pub fn first_election(report: &Report) -> Self {
        let ours = |it: &&Shot| it.kind == Kind::Lead && it.group == Some(GroupId::DEFAULT);
        let lead = report.film.iter().find(ours).map_or(Time::ZERO, |shot| shot.at);
        let election = report.draw.election;
        Self { from: lead, to: lead + election / 3 }.earlier(election / 5)
    }

    fn earlier(self, by: Duration) -> Self {
        let by = u64::try_from(by.as_nanos()).unwrap_or(0);
        Self { from: Time(self.from.0.saturating_sub(by)), ..self }
    }
}

/// As text of HTML or SVG.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
