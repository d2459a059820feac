//! Whatever a server sends: the session says what is broken and never panics.

use super::super::super::random::Random;
use super::super::frame::Kind;
use super::stage::{Stage, answer, frame, settings, window};

/// Frames of a server that behaves, more or less.
fn frames(random: &mut Random) -> Vec<u8> {
    let stream = |random: &mut Random| u32::try_from(random.below(12)).unwrap();
    let mut all = Vec::new();
    for _ in 0..random.below(12) {
        let (at, by) = (stream(random), u32::try_from(random.below(1 << 31)).unwrap());
        let noise: Vec<u8> = (0..random.below(40)).map(|_| random.below(256) as u8).collect();
        let (kind, flags) = (random.below(11) as u8, random.below(256) as u8);
        all.extend(match random.below(8) {
            0 => settings(&[(random.below(7) as u16, by)]),
            1 => window(at, by >> random.below(32)),
            2 => frame(Kind::GoAway, 0, 0, &[&at.to_be_bytes()[..], &noise].concat()),
            3 | 4 => answer(at | 1, &noise),
            5 => frame(Kind::Headers, 4 | flags, at | 1, &noise),
            6 => frame(Kind::Data, flags, at | 1, &noise),
            _ => [&[0, 0, noise.len() as u8, kind, flags, 0, 0, 0, at as u8][..], &noise].concat(),
        });
    }
    all
}

#[test]
fn whatever_comes_is_taken_or_refused() {
    let (mut taken, mut refused, mut answered) = (0, 0, 0);
    for seed in 0..3000 {
        let mut random = Random::new(seed, 0);
        let mut stage = Stage::new(&[(4, u32::try_from(random.below(20)).unwrap())]);
        (0..4).for_each(|_| stage.begin(b"a request"));
        let mut bytes = frames(&mut random);
        // A few flips in every other one.
        for _ in 0..random.below(6).saturating_sub(3) {
            let at = random.below(bytes.len().max(1) as u64) as usize;
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        let length = 1 + random.below(64) as usize;
        match stage.hear_in_pieces(&bytes, length) {
            Ok(()) => taken += 1,
            Err(_) => refused += 1,
        }
        answered += stage.ended.iter().filter(|(_, how)| how.is_ok()).count();
        assert!(stage.ended.len() + stage.session.calls() == 4);
    }
    assert!(taken > 100 && refused > 100 && answered > 100, "{taken} {refused} {answered}");
}
