//! Which key is next: splitmix64 (Steele, Lea, Flood 2014), so that a seed draws the same keys.

/// A generator made from a seed.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The generator of one lane: lanes of one seed draw different keys.
    pub(crate) fn new(seed: u64, lane: u64) -> Self {
        let mut lanes = Self(seed);
        lanes.0 = lanes.0.wrapping_add(lane.wrapping_mul(0xa076_1d64_78bd_642f));
        Self(lanes.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Uniform below `bound`, but for a bias far below what could be measured.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.next()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn every_number_is_drawn_about_as_often() {
        let mut random = Random::new(1, 0);
        let mut counts = [0u32; 10];
        for _ in 0..100_000 {
            counts[usize::try_from(random.below(10)).expect("small")] += 1;
        }
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
    }

    #[test]
    fn lanes_differ_and_repeat() {
        let draw = |seed, lane| {
            let mut random = Random::new(seed, lane);
            [(); 4].map(|()| random.below(1 << 40))
        };
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(1, 3));
        assert_ne!(draw(1, 2), draw(2, 2));
    }
}
