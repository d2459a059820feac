//! The forms that an answer can be printed in.

use crate::failure::Failure;

/// How answers are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Line by line, which every answer can be.
    Lines(Lines),
    /// A table, for what is one.
    Table,
}

/// The forms that every answer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lines {
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
            "simple" => Ok(Self::Lines(Lines::Simple)),
            "json" => Ok(Self::Lines(Lines::Json)),
            "fields" => Ok(Self::Lines(Lines::Fields)),
            "table" => Ok(Self::Table),
            "protobuf" => Err(Failure::feature(
                "protobuf is known but not implemented yet as output format; \
                 try simple, table, json or fields",
            )),
            other => Err(Failure::feature(format!(
                "{other:?} is no output format; try simple, table, json or fields"
            ))),
        }
    }

    /// Refuses tables. Asked before anything is sent, so that nothing is changed
    /// whose answer could not be shown.
    pub(crate) fn lines(self) -> Result<Lines, Failure> {
        match self {
            Self::Lines(lines) => Ok(lines),
            Self::Table => Err(Failure::feature("table not supported as output format")),
        }
    }
}
