//! Where the server's log goes: stderr, for people on a terminal, JSON with
//! etcd's keys elsewhere.

use crate::failure::Failure;
use std::fmt::{self, Write};
use std::io::IsTerminal;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::registry::LookupSpan;

/// Begins to log what is at least this important.
pub(super) fn start(level: &str) -> Result<(), Failure> {
    let filter = filter(level).ok_or_else(|| {
        Failure::arguments(format!(
            "--log-level is {level:?}; write debug, info, warn, error, panic or fatal"
        ))
    })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(filter))
        .with_writer(std::io::stderr);
    match std::io::stderr().is_terminal() {
        true => builder.compact().init(),
        false => builder.event_format(JsonLines).init(),
    }
    Ok(())
}

/// The libraries below speak of every frame at debug: only their warnings count.
fn filter(level: &str) -> Option<&'static str> {
    match level {
        "debug" => Some("debug,h2=warn,hyper=warn,tonic=warn,tower=warn"),
        "info" => Some("info"),
        "warn" => Some("warn"),
        "error" | "panic" | "fatal" => Some("error"),
        _ => None,
    }
}

/// One object per line: `level`, `ts`, `caller`, `msg`, then the fields.
struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let about = event.metadata();
        let level = about.level().as_str().to_lowercase();
        write!(writer, "{{\"level\":\"{level}\",\"ts\":\"")?;
        SystemTime.format_time(&mut writer)?;
        write!(writer, "\",\"caller\":\"{}\"", about.target())?;
        let mut fields = Fields::default();
        event.record(&mut fields);
        writeln!(writer, ",\"msg\":{}{}}}", quoted(&fields.message), fields.rest)
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    rest: String,
}

impl Fields {
    fn take(&mut self, field: &Field, text: &str, json: &str) {
        match field.name() {
            "message" => text.clone_into(&mut self.message),
            name => self.rest.push_str(&format!(",{}:{json}", quoted(name))),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        self.take(field, &text, &quoted(&text));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field, value, &quoted(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.take(field, &value.to_string(), &value.to_string());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.take(field, &value.to_string(), &value.to_string());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.take(field, &value.to_string(), &value.to_string());
    }
}

/// A JSON string (RFC 8259, section 7).
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for sign in text.chars() {
        match sign {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            low if u32::from(low) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", u32::from(low));
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::{filter, quoted};

    #[test]
    fn a_line_stays_a_line() {
        assert_eq!(quoted("a \"b\"\n\\\u{1}"), r#""a \"b\"\n\\\u0001""#);
    }

    #[test]
    fn only_etcds_levels_are_levels() {
        assert!(filter("info").is_some() && filter("loud").is_none());
    }
}
