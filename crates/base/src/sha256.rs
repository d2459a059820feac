//! SHA-256 (FIPS 180-4), a piece at a time: what etcd's snapshots end with. Our
//! own files need it for nothing else.

use core::mem;

/// Bytes of a sum.
pub const SHA256_BYTES: usize = 32;

const BLOCK_BYTES: usize = 64;
/// Where the last block has the length of the message.
const LENGTH_AT: usize = BLOCK_BYTES - 8;

/// FIPS 180-4, section 4.2.2.
const ROUNDS: [u32; 64] = [
    0x428a_2f98,
    0x7137_4491,
    0xb5c0_fbcf,
    0xe9b5_dba5,
    0x3956_c25b,
    0x59f1_11f1,
    0x923f_82a4,
    0xab1c_5ed5,
    0xd807_aa98,
    0x1283_5b01,
    0x2431_85be,
    0x550c_7dc3,
    0x72be_5d74,
    0x80de_b1fe,
    0x9bdc_06a7,
    0xc19b_f174,
    0xe49b_69c1,
    0xefbe_4786,
    0x0fc1_9dc6,
    0x240c_a1cc,
    0x2de9_2c6f,
    0x4a74_84aa,
    0x5cb0_a9dc,
    0x76f9_88da,
    0x983e_5152,
    0xa831_c66d,
    0xb003_27c8,
    0xbf59_7fc7,
    0xc6e0_0bf3,
    0xd5a7_9147,
    0x06ca_6351,
    0x1429_2967,
    0x27b7_0a85,
    0x2e1b_2138,
    0x4d2c_6dfc,
    0x5338_0d13,
    0x650a_7354,
    0x766a_0abb,
    0x81c2_c92e,
    0x9272_2c85,
    0xa2bf_e8a1,
    0xa81a_664b,
    0xc24b_8b70,
    0xc76c_51a3,
    0xd192_e819,
    0xd699_0624,
    0xf40e_3585,
    0x106a_a070,
    0x19a4_c116,
    0x1e37_6c08,
    0x2748_774c,
    0x34b0_bcb5,
    0x391c_0cb3,
    0x4ed8_aa4a,
    0x5b9c_ca4f,
    0x682e_6ff3,
    0x748f_82ee,
    0x78a5_636f,
    0x84c8_7814,
    0x8cc7_0208,
    0x90be_fffa,
    0xa450_6ceb,
    0xbef9_a3f7,
    0xc671_78f2,
];

/// A sum in the making.
#[derive(Clone, Debug)]
pub struct Sha256 {
    state: [u32; 8],
    /// What does not make a whole block yet.
    block: [u8; BLOCK_BYTES],
    filled: usize,
    /// Bytes so far.
    total: u64,
}

impl Default for Sha256 {
    fn default() -> Self {
        Self::new()
    }
}

impl Sha256 {
    /// Of nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        let state = [
            0x6a09_e667,
            0xbb67_ae85,
            0x3c6e_f372,
            0xa54f_f53a,
            0x510e_527f,
            0x9b05_688c,
            0x1f83_d9ab,
            0x5be0_cd19,
        ];
        Self { state, block: [0; BLOCK_BYTES], filled: 0, total: 0 }
    }

    /// Goes on with these bytes.
    pub fn add(&mut self, mut bytes: &[u8]) {
        self.total = self.total.wrapping_add(bytes.len() as u64);
        if self.filled > 0 {
            let room = BLOCK_BYTES - self.filled;
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.keep(now);
            bytes = later;
        }
        let mut blocks = bytes.chunks_exact(BLOCK_BYTES);
        blocks.by_ref().for_each(|block| mix(&mut self.state, block));
        self.keep(blocks.remainder());
    }

    /// Takes what the block has room for.
    fn keep(&mut self, bytes: &[u8]) {
        let rest = self.block.get_mut(self.filled..).unwrap_or_default();
        rest.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        self.filled += bytes.len();
        if self.filled == BLOCK_BYTES {
            mix(&mut self.state, &self.block);
            self.filled = 0;
        }
    }

    /// The sum of everything.
    #[must_use]
    pub fn finish(mut self) -> [u8; SHA256_BYTES] {
        let bits = self.total.wrapping_mul(8).to_be_bytes();
        self.keep(&[0x80]);
        while self.filled != LENGTH_AT {
            self.keep(&[0]);
        }
        self.keep(&bits);
        let mut sum = [0; SHA256_BYTES];
        let words = self.state.iter().flat_map(|word| word.to_be_bytes());
        sum.iter_mut().zip(words).for_each(|(to, from)| *to = from);
        sum
    }
}

/// FIPS 180-4, section 6.2.2. The words of the schedule are kept in a ring of
/// sixteen: each round uses the oldest one and puts a new one in its place.
fn mix(state: &mut [u32; 8], block: &[u8]) {
    let mut words = [0u32; 16];
    for (word, bytes) in words.iter_mut().zip(block.as_chunks().0) {
        *word = u32::from_be_bytes(*bytes);
    }
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    for rounds in ROUNDS.as_chunks::<16>().0 {
        for (at, round) in rounds.iter().enumerate() {
            let word = next_word(&mut words, at);
            let choice = (e & f) ^ (!e & g);
            let spread = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
            let sums = [spread, choice, *round, word];
            let first = sums.into_iter().fold(h, u32::wrapping_add);
            let most = (a & b) ^ (a & c) ^ (b & c);
            let spread = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
            (h, g, f, e) = (g, f, e, d.wrapping_add(first));
            (d, c, b, a) = (c, b, a, first.wrapping_add(spread).wrapping_add(most));
        }
    }
    for (word, more) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
        *word = word.wrapping_add(more);
    }
}

/// The word of this round, in whose place stands the one of sixteen rounds later.
fn next_word(words: &mut [u32; 16], at: usize) -> u32 {
    let word = |back: usize| words.get((at + back) % 16).copied().unwrap_or_default();
    let (near, far) = (word(1), word(14));
    let near = near.rotate_right(7) ^ near.rotate_right(18) ^ (near >> 3);
    let far = far.rotate_right(17) ^ far.rotate_right(19) ^ (far >> 10);
    let next = [near, word(9), far].into_iter().fold(word(0), u32::wrapping_add);
    words.get_mut(at).map_or(0, |word| mem::replace(word, next))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use alloc::{format, vec};

    fn sum(parts: &[&[u8]]) -> String {
        let mut sum = Sha256::new();
        parts.iter().for_each(|part| sum.add(part));
        sum.finish().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// FIPS 180-2, appendix B, and the sum of nothing.
    #[test]
    fn agrees_with_the_published_vectors() {
        let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sum(&[]), nothing);
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sum(&[b"abc"]), abc);
        let two = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        let of_two = "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1";
        assert_eq!(sum(&[two]), of_two);
        let million = vec![b'a'; 1_000_000];
        let of_million = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
        assert_eq!(sum(&[&million]), of_million);
    }

    #[test]
    fn it_does_not_matter_how_the_bytes_come() {
        let bytes: vec::Vec<u8> = (0..300u16).map(|at| at as u8).collect();
        let whole = sum(&[&bytes]);
        for first in 0..bytes.len() {
            for second in [first, (first + 64).min(bytes.len()), bytes.len()] {
                let parts = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                assert_eq!(sum(&parts), whole, "cut at {first} and {second}");
            }
        }
    }
}
