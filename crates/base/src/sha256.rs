//! SHA-256 (FIPS 180-4), for what strangers check: the sum at the end of a backup.

use sha2::Digest;

/// Bytes of a sum.
pub const SHA256_BYTES: usize = 32;

/// A sum in the making.
#[derive(Clone, Default, Debug)]
pub struct Sha256(sha2::Sha256);

impl Sha256 {
    /// Of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes on with these bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The sum of everything.
    #[must_use]
    pub fn finish(self) -> [u8; SHA256_BYTES] {
        self.0.finalize().into()
    }
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
