//! `Downgrade`, a part of the Maintenance service: there is no older version to go to.

use crate::etcd::VERSION;
use crate::etcd::error::Status;
use crate::etcd::wire::etcdserverpb as wire;
use crate::etcd::wire::etcdserverpb::downgrade_request::DowngradeAction;

/// `Downgrade`: refused always, in the order of etcd's checks, so that a
/// mistaken version is called one.
#[must_use]
pub fn downgrade(request: &wire::DowngradeRequest) -> Status {
    match DowngradeAction::try_from(request.action) {
        Ok(DowngradeAction::Validate | DowngradeAction::Enable) => match minor(&request.version) {
            None => Status::DOWNGRADE_VERSION_FORMAT,
            Some(version) if Some(version) != below(VERSION) => Status::DOWNGRADE_TARGET,
            Some(_) => Status::NOT_CAPABLE,
        },
        Ok(DowngradeAction::Cancel) => Status::NO_DOWNGRADE,
        Err(_) => Status::UNKNOWN_METHOD,
    }
}

/// (major, minor) of "3.4" or "3.4.1".
fn minor(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split('.').map(number);
    let (major, minor) = (numbers.next()??, numbers.next()??);
    let patch = numbers.next();
    (patch != Some(None) && numbers.next().is_none()).then_some((major, minor))
}

/// Digits and nothing else: `parse` would take a sign.
fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// One minor version below.
fn below(version: &str) -> Option<(u32, u32)> {
    let (major, minor) = minor(version)?;
    Some((major, minor.checked_sub(1)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(action: DowngradeAction, version: &str) -> Status {
        let version = version.into();
        downgrade(&wire::DowngradeRequest { action: action.into(), version })
    }

    #[test]
    fn a_version_that_is_none_is_called_so() {
        for version in ["", "3", "3.", "3.x", "3.4.", "3.4.1.2", "+3.4", "-3.4", "3.4.99999999999"]
        {
            let refused = asked(DowngradeAction::Validate, version);
            assert_eq!(refused, Status::DOWNGRADE_VERSION_FORMAT, "{version}");
        }
    }

    #[test]
    fn only_one_minor_below_could_be_a_target() {
        let (major, minor) = below(VERSION).unwrap();
        for action in [DowngradeAction::Validate, DowngradeAction::Enable] {
            let ask = |major, minor| asked(action, &format!("{major}.{minor}"));
            assert_eq!(ask(major, minor), Status::NOT_CAPABLE);
            assert_eq!(asked(action, &format!("{major}.{minor}.7")), Status::NOT_CAPABLE);
            assert_eq!(ask(major, minor + 1), Status::DOWNGRADE_TARGET);
            assert_eq!(ask(major, minor - 1), Status::DOWNGRADE_TARGET);
            assert_eq!(ask(major - 1, minor), Status::DOWNGRADE_TARGET);
        }
    }

    #[test]
    fn there_is_never_one_to_cancel() {
        assert_eq!(asked(DowngradeAction::Cancel, "3.4"), Status::NO_DOWNGRADE);
    }

    #[test]
    fn an_action_that_does_not_exist_is_refused() {
        let request = wire::DowngradeRequest { action: 9, ..Default::default() };
        assert_eq!(downgrade(&request), Status::UNKNOWN_METHOD);
    }
}
