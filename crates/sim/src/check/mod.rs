//! Is what happened allowed? One room per question, each shown bad histories first.

pub mod agree;
pub mod backup;
pub mod clock;
pub mod durable;
pub mod ephemeral;
pub mod evidence;
pub mod flag;
pub mod lease;
pub mod linear;
pub mod live;
#[cfg(test)]
pub(crate) mod made;
pub mod model;
pub mod numbers;
pub mod order;
pub mod refused;
pub mod replay;
pub mod watch;

use core::fmt;

/// Something that must never be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Who noticed.
    pub checker: &'static str,
    /// What is wrong.
    pub what: String,
}

impl Violation {
    pub(crate) fn new(checker: &'static str, what: String) -> Self {
        Self { checker, what: crate::story::brief(&what) }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.checker, self.what)
    }
}
