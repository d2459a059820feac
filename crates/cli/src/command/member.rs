//! `member list`: who belongs to the cluster.

use super::write;
use crate::caller::Caller;
use crate::failure::Failure;
use crate::print;
use std::io::Write;

pub(super) async fn list(caller: &Caller, out: &mut (dyn Write + Send)) -> Result<(), Failure> {
    let answer = caller.client.members().await?;
    write(out, &print::members(caller.format, &answer))
}
