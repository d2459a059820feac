//! Three checksums, each with one job: CRC-32C says whether bytes are what was
//! written, a 64-bit hash says which bytes came before, and BLAKE3 names bytes
//! so that nobody can make others of the same name.

use crate::ChunkId;

/// CRC-32C (Castagnoli, RFC 3720 appendix B.4) of `bytes`.
#[must_use]
pub fn crc32c(bytes: &[u8]) -> u32 {
    ::crc32c::crc32c(bytes)
}

/// CRC-32C of `more` appended to what `crc` already covers.
#[must_use]
pub fn crc32c_append(crc: u32, more: &[u8]) -> u32 {
    ::crc32c::crc32c_append(crc, more)
}

/// XXH3-64 of `bytes`, seed 0: stable over builds and machines, so it may be stored.
#[must_use]
pub fn hash64(bytes: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(bytes)
}

/// The name of `bytes` by their content: BLAKE3, 32 bytes, without a key.
#[must_use]
pub fn content_id(bytes: &[u8]) -> ChunkId {
    ChunkId(*blake3::hash(bytes).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    /// Stored data depends on these: RFC 3720's vector, XXH3's and BLAKE3's for no input.
    #[test]
    fn agree_with_the_published_vectors() {
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c_append(crc32c(b"1234"), b"56789"), 0xe306_9283);
        assert_eq!(hash64(b""), 0x2d06_8005_38d3_94c2);
        assert!(format!("{}", content_id(b"")).starts_with("af1349b9f5f9a1a6a0404dea36dcc949"));
    }
}
