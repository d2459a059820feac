//! `get`: read a key or a range of keys.

use super::write;
use crate::args::GetArgs;
use crate::caller::Caller;
use crate::failure::Failure;
use crate::key_range::{KeyRange, Reach};
use crate::print::Lines;
use client::wire::RangeRequest;
use client::wire::range_request::{SortOrder, SortTarget};
use std::io::Write;

pub(super) async fn run(
    args: &GetArgs,
    caller: &Caller,
    out: &mut (dyn Write + Send),
) -> Result<(), Failure> {
    let (request, printer) = (request(args)?, caller.printer()?);
    if args.keys_only && args.count_only {
        return Err(Failure::arguments(
            "`--keys-only` and `--count-only` cannot be set at the same time, choose one",
        ));
    }
    if args.count_only && printer.format != Lines::Fields {
        return Err(Failure::arguments("--count-only is only for `--write-out=fields`"));
    }
    if args.print_value_only && printer.format != Lines::Simple {
        return Err(Failure::arguments("print-value-only is only for `--write-out=simple`"));
    }
    let answer = caller.client.range(request).await?;
    write(out, &printer.range(&answer, args.print_value_only))
}

/// What is asked for.
pub(super) fn request(args: &GetArgs) -> Result<RangeRequest, Failure> {
    let reach = Reach { prefix: args.prefix, from_key: args.from_key };
    let range = KeyRange::of(&args.words, reach, "get")?;
    let (sort_order, sort_target) = sorting(&args.order, &args.sort_by)?;
    Ok(RangeRequest {
        key: range.key.into(),
        range_end: range.end.into(),
        limit: args.limit,
        revision: args.rev,
        sort_order: sort_order.into(),
        sort_target: sort_target.into(),
        serializable: serializable(&args.consistency)?,
        keys_only: args.keys_only,
        count_only: args.count_only,
        ..RangeRequest::default()
    })
}

fn serializable(consistency: &str) -> Result<bool, Failure> {
    match consistency {
        "l" => Ok(false),
        "s" => Ok(true),
        other => Err(Failure::feature(format!("unknown consistency flag {other:?}"))),
    }
}

/// A target without an order sorts upward. Ascending by key is how keys come
/// anyway, so it is not asked for: the server can then stop at the limit.
fn sorting(order: &str, target: &str) -> Result<(SortOrder, SortTarget), Failure> {
    let sorted = !order.is_empty() || !target.is_empty();
    let order = match order.to_uppercase().as_str() {
        "ASCEND" => SortOrder::Ascend,
        "DESCEND" => SortOrder::Descend,
        "" if sorted => SortOrder::Ascend,
        "" => SortOrder::None,
        _ => return Err(Failure::feature(format!("bad sort order {order}"))),
    };
    let target = match target.to_uppercase().as_str() {
        "CREATE" => SortTarget::Create,
        "KEY" | "" => SortTarget::Key,
        "MODIFY" => SortTarget::Mod,
        "VALUE" => SortTarget::Value,
        "VERSION" => SortTarget::Version,
        _ => return Err(Failure::feature(format!("bad sort target {target}"))),
    };
    match (order, target) {
        (SortOrder::Ascend, SortTarget::Key) => Ok((SortOrder::None, SortTarget::Key)),
        other => Ok(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ascending_by_key_is_not_asked_for() {
        let sorted = |order, target| sorting(order, target).ok();
        assert_eq!(sorted("", ""), Some((SortOrder::None, SortTarget::Key)));
        assert_eq!(sorted("ascend", "key"), Some((SortOrder::None, SortTarget::Key)));
        assert_eq!(sorted("", "MODIFY"), Some((SortOrder::Ascend, SortTarget::Mod)));
        assert_eq!(sorted("DESCEND", ""), Some((SortOrder::Descend, SortTarget::Key)));
        assert_eq!(sorted("up", ""), None);
        assert_eq!(sorted("", "size"), None);
    }
}
