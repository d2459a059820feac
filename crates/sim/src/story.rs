//! Everything that happened, as one number to compare and, if wanted, as lines to read.

use base::Time;
use base::checksum::hash64;

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
        let all = [self.hash, now.0].into_iter().chain(numbers.iter().copied());
        let bytes: Vec<u8> = all.flat_map(u64::to_le_bytes).collect();
        self.hash = hash64(&bytes);
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{now} {}", say()));
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
