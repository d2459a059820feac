//! A key as the tree compares it: short ones lie in the node itself, so that a
//! search does not leave it.

use alloc::sync::Arc;
use core::borrow::Borrow;
use core::fmt;

/// The longest key that lies in the node; with it a line of the tree is as
/// large as one line of a processor's cache.
const SHORT_MAX: usize = 37;

/// A short key.
#[derive(Clone)]
pub(super) struct Short {
    len: u8,
    bytes: [u8; SHORT_MAX],
}

impl Short {
    /// None if the key is longer.
    pub(super) fn new(key: &[u8]) -> Option<Self> {
        let mut bytes = [0; SHORT_MAX];
        bytes.get_mut(..key.len())?.copy_from_slice(key);
        Some(Self { len: u8::try_from(key.len()).ok()?, bytes })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

/// A key that holds no value alive.
#[derive(Clone)]
pub(super) enum Key {
    /// In place.
    Short(Short),
    /// A longer one, in memory of its own.
    Long(Arc<[u8]>),
}

impl Key {
    pub(super) fn new(key: &[u8]) -> Self {
        Short::new(key).map_or_else(|| Self::Long(key.into()), Self::Short)
    }
}

impl fmt::Debug for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.bytes().escape_ascii())
    }
}

impl Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        match self {
            Self::Short(key) => key.bytes(),
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
            assert_eq!(matches!(key, Key::Short(..)), len <= SHORT_MAX);
            assert_eq!(Borrow::<[u8]>::borrow(&key), &all[..len]);
        }
    }
}
