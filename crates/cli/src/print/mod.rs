//! Answers as text, byte for byte as etcdctl prints them: scripts look.

mod fields;
mod json;
mod simple;

use crate::failure::Failure;
use client::wire::{DeleteRangeResponse, PutResponse, RangeResponse, WatchResponse};

/// How answers are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Keys and values, a line each.
    Simple,
    /// One line of JSON per answer.
    Json,
    /// Every field, a line each.
    Fields,
}

impl Format {
    /// `None` is the default.
    pub(crate) fn parse(name: Option<&str>) -> Result<Self, Failure> {
        match name.unwrap_or("simple") {
            "simple" => Ok(Self::Simple),
            "json" => Ok(Self::Json),
            "fields" => Ok(Self::Fields),
            "table" | "protobuf" => Err(Failure::feature(format!(
                "{} is known but not implemented yet as output format; try simple, json or fields",
                name.unwrap_or_default()
            ))),
            other => Err(Failure::feature(format!(
                "{other:?} is no output format; try simple, json or fields"
            ))),
        }
    }
}

/// Prints answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Printer {
    pub(crate) format: Format,
    pub(crate) hex: bool,
}

impl Printer {
    pub(crate) fn put(self, answer: &PutResponse) -> Vec<u8> {
        match self.format {
            Format::Simple => simple::put(answer, self.hex),
            Format::Json => json::put(answer),
            Format::Fields => fields::put(answer),
        }
    }

    pub(crate) fn range(self, answer: &RangeResponse, value_only: bool) -> Vec<u8> {
        match self.format {
            Format::Simple => simple::range(answer, self.hex, value_only),
            Format::Json => json::range(answer),
            Format::Fields => fields::range(answer),
        }
    }

    pub(crate) fn delete(self, answer: &DeleteRangeResponse) -> Vec<u8> {
        match self.format {
            Format::Simple => simple::delete(answer, self.hex),
            Format::Json => json::delete(answer),
            Format::Fields => fields::delete(answer),
        }
    }

    pub(crate) fn watch(self, answer: &WatchResponse) -> Vec<u8> {
        match self.format {
            Format::Simple => simple::watch(answer, self.hex),
            Format::Json => json::watch(answer),
            Format::Fields => fields::watch(answer),
        }
    }
}

/// Bytes as they are, or `\x66\x6f\x6f`.
fn bytes(text: &[u8], hex: bool) -> Vec<u8> {
    if !hex {
        return text.to_vec();
    }
    text.iter().flat_map(|byte| format!("\\x{byte:02x}").into_bytes()).collect()
}
