//! `server`: run one node.

use crate::failure::Failure;
use std::ffi::OsString;

pub(crate) fn run(_words: &[OsString]) -> Result<(), Failure> {
    Err(Failure::feature("server is not there yet"))
}
