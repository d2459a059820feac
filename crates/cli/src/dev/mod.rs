//! `dev`: a local cluster of real processes, and the means to break it.

use crate::failure::Failure;
use std::ffi::OsString;

pub(crate) fn run(_words: &[OsString]) -> Result<(), Failure> {
    Err(Failure::feature("dev is not there yet"))
}
