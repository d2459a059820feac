//! Reports as JSON, for other programs.

use crate::check::Violation;
use crate::counts::Counts;
use crate::report::{Marks, Report, VERSION};
use crate::swarm::SwarmReport;
use core::fmt::Write;

/// What one seed gave.
#[must_use]
pub fn report(report: &Report) -> String {
    let rest = [
        format!("\"seed\":{}", report.seed),
        format!("\"trace\":\"{:016x}\"", report.trace),
        format!("\"passed\":{}", report.passed()),
        format!("\"violations\":{}", violations(&report.violations)),
    ];
    object(&rest, &report.counts, &report.marks)
}

/// What many seeds gave.
#[must_use]
pub fn swarm(report: &SwarmReport) -> String {
    let failed: Vec<String> = report
        .failed
        .iter()
        .map(|(seed, found)| format!("{{\"seed\":{seed},\"violations\":{}}}", violations(found)))
        .collect();
    let rest = [
        format!("\"from\":{},\"to\":{}", report.seeds.start, report.seeds.end),
        format!("\"trace\":\"{:016x}\"", report.trace),
        format!("\"passed\":{}", report.passed()),
        format!("\"canary\":{}", report.canary.caught()),
        format!("\"failed\":[{}]", failed.join(",")),
    ];
    object(&rest, &report.counts, &report.marks)
}

/// The fields of both, without the closing brace: whoever prints may add more.
fn object(rest: &[String], counts: &Counts, marks: &Marks) -> String {
    let counted: Vec<String> =
        counts.all().iter().map(|(name, count)| format!("{}:{count}", quoted(name))).collect();
    let reached: Vec<String> =
        marks.reached().iter().map(|(mark, count)| format!("\"{mark:?}\":{count}")).collect();
    let never: Vec<String> = marks.never().iter().map(|mark| format!("\"{mark:?}\"")).collect();
    format!(
        "{{\"version\":{},{},\"operations\":{},\"faults\":{},\"counts\":{{{}}},\"reached\":{{{}}},\"never_reached\":[{}]",
        quoted(VERSION),
        rest.join(","),
        counts.operations(),
        counts.faults(),
        counted.join(","),
        reached.join(","),
        never.join(",")
    )
}

fn violations(violations: &[Violation]) -> String {
    let all: Vec<String> = violations.iter().map(|it| quoted(&it.to_string())).collect();
    format!("[{}]", all.join(","))
}

/// As a string (RFC 8259, section 7) that can also stand in a page.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for sign in text.chars() {
        match sign {
            '"' | '\\' => out.extend(['\\', sign]),
            '<' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                // Writing into a string cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(sign));
            }
            sign => out.push(sign),
        }
    }
    out.push('"');
    out
}
