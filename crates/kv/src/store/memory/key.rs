//! A key as the tree compares it: short ones lie in the node itself, so that a
//! search does not leave it.

use alloc::sync::Arc;
use core::borrow::Borrow;
use core::fmt;

/// The longest key that needs no memory of its own; with it a key is as large
/// as six words.
const INLINE_MAX: usize = 46;

/// A key of its own: it holds no value alive.
#[derive(Clone)]
pub(super) enum Key {
    /// So many of these bytes.
    Short(u8, [u8; INLINE_MAX]),
    /// A longer one.
    Long(Arc<[u8]>),
}

impl Key {
    pub(super) fn new(key: &[u8]) -> Self {
        let mut bytes = [0; INLINE_MAX];
        match (bytes.get_mut(..key.len()), u8::try_from(key.len())) {
            (Some(place), Ok(len)) => {
                place.copy_from_slice(key);
                Self::Short(len, bytes)
            }
            _ => Self::Long(key.into()),
        }
    }
}

impl Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        match self {
            Self::Short(len, bytes) => bytes.get(..usize::from(*len)).unwrap_or_default(),
            Self::Long(key) => key,
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key: &[u8] = self.borrow();
        write!(f, "\"{}\"", key.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_what_it_was_made_of() {
        let all: Vec<u8> = (0..=255).collect();
        for len in 0..=all.len() {
            let key = Key::new(&all[..len]);
            assert_eq!(matches!(key, Key::Short(..)), len <= INLINE_MAX);
            assert_eq!(Borrow::<[u8]>::borrow(&key), &all[..len]);
        }
    }
}
