//! Things that are kept once and named by a number.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::rc::Rc;

/// A fast hash for keys that nobody chooses in order to hurt: multiply and rotate,
/// and mix well at the end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mix(u64);

const ODD: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hasher for Mix {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let word = chunk.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
            self.write_u64(word);
        }
    }

    fn write_u8(&mut self, word: u8) {
        self.write_u64(u64::from(word));
    }

    fn write_u32(&mut self, word: u32) {
        self.write_u64(u64::from(word));
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(ODD);
    }

    fn finish(&self) -> u64 {
        let folded = (self.0 ^ self.0 >> 32).wrapping_mul(ODD);
        folded ^ folded >> 29
    }
}

/// A map with that hash.
pub type Map<K, V> = HashMap<K, V, BuildHasherDefault<Mix>>;
/// A set with that hash.
pub type Set<K> = HashSet<K, BuildHasherDefault<Mix>>;

/// The things of one sort. Two are the same if they are equal, not if their hash is.
#[derive(Debug)]
pub struct Interner<T> {
    all: Vec<Rc<T>>,
    numbers: Map<Rc<T>, u32>,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self { all: Vec::new(), numbers: Map::default() }
    }
}

impl<T: Eq + Hash> Interner<T> {
    /// The number of `thing`.
    pub fn number(&mut self, thing: T) -> u32 {
        if let Some(number) = self.numbers.get(&thing) {
            return *number;
        }
        let number = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        assert!(number < u32::MAX, "more things than numbers");
        let thing = Rc::new(thing);
        self.all.push(Rc::clone(&thing));
        self.numbers.insert(thing, number);
        number
    }

    /// The thing with this number.
    ///
    /// # Panics
    /// If the number was not given out here.
    #[must_use]
    pub fn get(&self, number: u32) -> &Rc<T> {
        self.all.get(number as usize).expect("numbers are given out here")
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.all.len()
    }
}
