//! The letters on their way: a set that only grows.
//!
//! No letter ever leaves it, and any may be delivered at any time, again, or
//! never: that is loss, repetition and disorder at once. So whatever can happen
//! with fewer letters can happen with more, and of two worlds that differ in
//! nothing else the one with fewer needs no look.

use base::NodeId;
use consensus::letter::Letter;

/// A letter on its way.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Flight {
    /// Who sent it.
    pub from: NodeId,
    /// To whom.
    pub to: NodeId,
    /// What it says.
    pub letter: Letter,
}

/// Letters by number.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Net(Vec<u64>);

impl Net {
    /// Adds a letter.
    pub fn add(&mut self, letter: u32) {
        let (word, bit) = place(letter);
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        if let Some(word) = self.0.get_mut(word) {
            *word |= bit;
        }
    }

    /// Whether the letter is on its way.
    #[must_use]
    pub fn has(&self, letter: u32) -> bool {
        let (word, bit) = place(letter);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }

    /// Whether every letter of this net is in `other`.
    #[must_use]
    pub fn within(&self, other: &Self) -> bool {
        let there = other.0.iter().copied().chain(std::iter::repeat(0));
        self.0.iter().zip(there).all(|(mine, there)| mine & !there == 0)
    }

    /// The letters in order.
    pub fn letters(&self) -> impl Iterator<Item = u32> {
        self.0.iter().zip(0u32..).flat_map(|(word, at)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = (rest != 0).then(|| rest.trailing_zeros())?;
                rest &= rest - 1;
                Some(at * 64 + bit)
            })
        })
    }
}

const fn place(letter: u32) -> (usize, u64) {
    ((letter / 64) as usize, 1 << (letter % 64))
}

#[cfg(test)]
mod tests {
    use super::Net;

    #[test]
    fn a_net_is_a_set() {
        let (mut a, mut b) = (Net::default(), Net::default());
        for letter in [3, 64, 200] {
            a.add(letter);
            b.add(letter);
        }
        assert_eq!(a, b);
        b.add(5);
        assert!(a.within(&b) && !b.within(&a) && Net::default().within(&a));
        assert_eq!(b.letters().collect::<Vec<_>>(), [3, 5, 64, 200]);
        assert!(b.has(64) && !b.has(63) && !b.has(1000));
    }
}
