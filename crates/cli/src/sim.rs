//! `sim`: the cluster in a world made from a seed.

use crate::failure::Failure;
use std::ffi::OsString;

pub(crate) fn run(_words: &[OsString]) -> Result<(), Failure> {
    Err(Failure::feature("sim is not there yet"))
}
