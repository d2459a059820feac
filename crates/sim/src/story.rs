//! Everything that happened, as one number to compare and, if wanted, as lines to read.

use base::Time;
use base::checksum::hash64;

/// Numbers of one thing that happens, with its time and what was before.
const NUMBERS_MAX: usize = 8;

/// The story of a run. Two runs that did the same have the same hash.
#[derive(Clone, Debug, Default)]
pub struct Story {
    hash: u64,
    lines: Option<Vec<String>>,
}

impl Story {
    /// A story that keeps its lines if `told`.
    #[must_use]
    pub fn new(told: bool) -> Self {
        Self { hash: 0, lines: told.then(Vec::new) }
    }

    /// Something happened: its numbers go into the hash, its words to the reader.
    pub fn add(&mut self, now: Time, numbers: &[u64], say: impl FnOnce() -> String) {
        let mut bytes = [0; 8 * NUMBERS_MAX];
        debug_assert!(numbers.len() + 2 <= NUMBERS_MAX, "what does not fit is not in the hash");
        let all = [self.hash, now.0].into_iter().chain(numbers.iter().copied());
        let mut used = 0;
        for (place, number) in bytes.chunks_exact_mut(8).zip(all) {
            place.copy_from_slice(&number.to_le_bytes());
            used += 8;
        }
        self.hash = hash64(bytes.get(..used).unwrap_or_default());
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{now} {}", brief(&say())));
        }
    }

    /// The number that stands for everything that happened so far.
    #[must_use]
    pub const fn hash(&self) -> u64 {
        self.hash
    }

    /// The lines, if they were kept.
    #[must_use]
    pub fn into_lines(self) -> Vec<String> {
        self.lines.unwrap_or_default()
    }
}

/// The text with every long run of one character made short: most of a value is filler.
#[must_use]
pub fn brief(text: &str) -> String {
    let mut short = String::with_capacity(text.len().min(1 << 10));
    let (mut last, mut run) = ('\0', 0);
    for letter in text.chars() {
        run = if letter == last { run + 1 } else { 0 };
        last = letter;
        if run < 4 {
            short.push(letter);
        }
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filler_is_cut() {
        assert_eq!(brief("v1........., aabb"), "v1...., aabb");
    }

    #[test]
    fn the_hash_is_of_the_numbers_and_their_order() {
        let tell = |numbers: &[u64]| {
            let mut story = Story::new(false);
            numbers.iter().for_each(|it| story.add(Time(1), &[*it], String::new));
            story.hash()
        };
        assert_eq!(tell(&[1, 2]), tell(&[1, 2]));
        assert_ne!(tell(&[1, 2]), tell(&[2, 1]));
    }
}
