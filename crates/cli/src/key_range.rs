//! From KEY, RANGE_END, `--prefix` and `--from-key` to a range on the wire.

use crate::failure::Failure;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

/// A range as the wire has it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct KeyRange {
    pub(crate) key: Vec<u8>,
    pub(crate) end: Vec<u8>,
}

/// How a key becomes a range.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reach {
    pub(crate) prefix: bool,
    pub(crate) from_key: bool,
}

impl KeyRange {
    /// Refuses what etcdctl refuses, in its words.
    pub(crate) fn of(words: &[OsString], reach: Reach, verb: &str) -> Result<Self, Failure> {
        let (key, end) = match words {
            [key] => (key.as_bytes().to_vec(), None),
            [key, end] => (key.as_bytes().to_vec(), Some(end.as_bytes().to_vec())),
            _ => return Err(Failure::arguments(count_text(verb))),
        };
        match (reach, end) {
            (Reach { prefix: true, from_key: true }, _) => Err(Failure::arguments(
                "`--prefix` and `--from-key` cannot be set at the same time, choose one",
            )),
            (Reach { prefix: false, from_key: false }, end) => {
                Ok(Self { key, end: end.unwrap_or_default() })
            }
            (_, Some(_)) if verb == "watch" => {
                Err(Failure::arguments("`range_end` and `--prefix` are mutually exclusive"))
            }
            (_, Some(_)) => Err(Failure::arguments(
                "too many arguments, only accept one argument when `--prefix` or `--from-key` is set",
            )),
            (Reach { prefix: true, .. }, None) => Ok(Self::prefix(key)),
            (Reach { .. }, None) => Ok(Self::from_key(key)),
        }
    }

    /// Every key that begins with `key`: the end is `key` with its last byte one
    /// higher; bytes that cannot be higher are dropped.
    pub(crate) fn prefix(key: Vec<u8>) -> Self {
        let mut end = key.clone();
        while let Some(last) = end.pop() {
            if let Some(next) = last.checked_add(1) {
                end.push(next);
                return Self { key, end };
            }
        }
        Self::from_key(key)
    }

    /// One zero byte as the end means "without end", as the key "from the first".
    fn from_key(mut key: Vec<u8>) -> Self {
        if key.is_empty() {
            key.push(0);
        }
        Self { key, end: vec![0] }
    }
}

fn count_text(verb: &str) -> String {
    match verb {
        "watch" => "bad number of arguments".to_owned(),
        _ => format!(
            "{verb} command needs one argument as key and an optional argument as range_end"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(words: &[&str], prefix: bool, from_key: bool) -> Option<(Vec<u8>, Vec<u8>)> {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        let range = KeyRange::of(&words, Reach { prefix, from_key }, "get").ok()?;
        Some((range.key, range.end))
    }

    #[test]
    fn a_prefix_ends_where_its_last_byte_is_one_higher() {
        assert_eq!(range(&["ab"], true, false), Some((b"ab".to_vec(), b"ac".to_vec())));
        assert_eq!(range(&[""], true, false), Some((vec![0], vec![0])));
        assert_eq!(KeyRange::prefix(vec![1, 255]).end, vec![2]);
        assert_eq!(KeyRange::prefix(vec![255, 255]).end, vec![0]);
    }

    #[test]
    fn a_second_word_is_the_end_and_has_no_place_beside_a_prefix() {
        assert_eq!(range(&["a", "c"], false, false), Some((b"a".to_vec(), b"c".to_vec())));
        assert_eq!(range(&["a", "c"], true, false), None);
        assert_eq!(range(&["a"], true, true), None);
        assert_eq!(range(&[], false, false), None);
    }
}
