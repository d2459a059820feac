//! A compare: `value("key") = "text"`, `mod("key") > "5"`.

use super::quoted;
use crate::command::number;
use crate::print;
use client::wire::Compare;
use client::wire::compare::{CompareResult, CompareTarget, TargetUnion};

/// Reads one; refuses in etcdctl's words.
pub(super) fn parse(line: &str) -> Result<Compare, String> {
    let malformed = || format!("malformed comparison: {line}");
    let (target, rest) = line.split_once('(').ok_or_else(malformed)?;
    if !rest.contains(')') || target.contains(')') {
        return Err(malformed());
    }
    let got = Got::read(rest);
    let Got { key, sign, value: Some(value) } = &got else {
        return Err(format!("{}; got {}", malformed(), got.text(target)));
    };
    let result = result(sign).ok_or_else(|| format!("{} (unknown sign {sign})", malformed()))?;
    let (kind, union) = match target_of(target, value) {
        Some(Ok(pair)) => pair,
        Some(Err(_)) => return Err(format!("invalid txn compare request: {line}")),
        None => return Err(format!("{} (unknown target {target})", malformed())),
    };
    Ok(Compare {
        result: result.into(),
        target: kind.into(),
        key: key.clone().into(),
        target_union: Some(union),
        ..Compare::default()
    })
}

/// What stands behind the parenthesis, as far as it could be read.
#[derive(Default)]
struct Got {
    key: Vec<u8>,
    sign: String,
    value: Option<Vec<u8>>,
}

impl Got {
    /// `"key") sign "value"`; the blanks must be there.
    fn read(text: &str) -> Self {
        let mut got = Self::default();
        let Some((key, rest)) = quoted::leading(text) else { return got };
        got.key = key;
        let Some(rest) = rest.strip_prefix(')').and_then(blanks) else { return got };
        let (sign, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        got.sign = sign.to_owned();
        got.value = quoted::leading(rest.trim_start()).map(|(value, _)| value);
        got
    }

    fn text(&self, target: &str) -> String {
        let value = self.value.as_deref().unwrap_or_default();
        let (key, value) = (print::quoted(&self.key), print::quoted(value));
        format!("{target}({key}) {} {value}", self.sign)
    }
}

/// Without the blanks at the beginning; there must be one.
fn blanks(text: &str) -> Option<&str> {
    text.strip_prefix(' ').map(str::trim_start)
}

fn result(sign: &str) -> Option<CompareResult> {
    match sign {
        "=" => Some(CompareResult::Equal),
        "!=" => Some(CompareResult::NotEqual),
        ">" => Some(CompareResult::Greater),
        "<" => Some(CompareResult::Less),
        _ => None,
    }
}

/// None: there is no such target.
fn target_of(target: &str, value: &[u8]) -> Option<Result<(CompareTarget, TargetUnion), String>> {
    let text = String::from_utf8_lossy(value);
    let number = || number::decimal(&text);
    Some(match target {
        "ver" | "version" => number().map(|n| (CompareTarget::Version, TargetUnion::Version(n))),
        "c" | "create" => number().map(|n| (CompareTarget::Create, TargetUnion::CreateRevision(n))),
        "m" | "mod" => number().map(|n| (CompareTarget::Mod, TargetUnion::ModRevision(n))),
        "val" | "value" => Ok((CompareTarget::Value, TargetUnion::Value(value.to_vec().into()))),
        "lease" => number::hex(&text).map(|id| (CompareTarget::Lease, TargetUnion::Lease(id))),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_and_every_sign() {
        for (line, target, union, result) in [
            ("ver(\"k\") > \"1\"", CompareTarget::Version, TargetUnion::Version(1), ">"),
            ("version(\"k\") = \"1\"", CompareTarget::Version, TargetUnion::Version(1), "="),
            ("c(\"k\") != \"0\"", CompareTarget::Create, TargetUnion::CreateRevision(0), "!="),
            ("create(\"k\") < \"5\"", CompareTarget::Create, TargetUnion::CreateRevision(5), "<"),
            ("mod(\"k\")  =   \"-1\"", CompareTarget::Mod, TargetUnion::ModRevision(-1), "="),
            ("val(\"k\") = \"a b\"", CompareTarget::Value, TargetUnion::Value("a b".into()), "="),
            ("lease(\"k\") = \"1f\"", CompareTarget::Lease, TargetUnion::Lease(31), "="),
        ] {
            let compare = parse(line).expect(line);
            assert_eq!(compare.key.as_ref(), b"k");
            assert_eq!((compare.target(), compare.target_union), (target, Some(union)), "{line}");
            assert_eq!(
                Some(CompareResult::try_from(compare.result).expect("known")),
                super::result(result)
            );
        }
    }

    /// The words are those of etcdctl 3.5, but for the sign that makes it panic.
    #[test]
    fn what_is_wrong_is_said() {
        for (line, words) in [
            ("foo", "malformed comparison: foo"),
            ("foo(\"k\") = \"1\"", "malformed comparison: foo(\"k\") = \"1\" (unknown target foo)"),
            ("value(\"k\") = 1", "malformed comparison: value(\"k\") = 1; got value(\"k\") = \"\""),
            ("value(k) = 1", "malformed comparison: value(k) = 1; got value(\"\")  \"\""),
            (
                "value(\"k\")=\"x\"",
                "malformed comparison: value(\"k\")=\"x\"; got value(\"k\")  \"\"",
            ),
            ("mod(\"k\") = \"x\"", "invalid txn compare request: mod(\"k\") = \"x\""),
            ("mod(\"k\") ~ \"1\"", "malformed comparison: mod(\"k\") ~ \"1\" (unknown sign ~)"),
        ] {
            assert_eq!(parse(line), Err(words.to_owned()));
        }
    }
}
