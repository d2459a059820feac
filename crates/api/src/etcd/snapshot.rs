//! The answer to `Snapshot`: a file in blobs, which ends with the SHA-256 of all before.

use crate::etcd::STORAGE_VERSION;
use crate::etcd::wire::etcdserverpb::SnapshotResponse;
use alloc::vec::Vec;
use base::sha256::{SHA256_BYTES, Sha256};
use bytes::Bytes;

/// What one answer carries at most (etcd's).
const BLOB_BYTES_MAX: usize = 32 << 10;

/// A file that is being cut into blobs.
#[derive(Debug)]
pub struct Blobs {
    /// What is still to come, without the sum: that is how etcd counts.
    remaining: u64,
    sum: Sha256,
    /// What does not make a whole blob yet.
    begun: Vec<u8>,
}

impl Blobs {
    /// Of a file of so many bytes, its sum included.
    #[must_use]
    pub fn new(size: u64) -> Self {
        let remaining = size.saturating_sub(SHA256_BYTES as u64);
        Self { remaining, sum: Sha256::new(), begun: Vec::new() }
    }

    /// Goes on with these bytes; says what can be sent now.
    pub fn add(&mut self, mut bytes: &[u8]) -> Vec<SnapshotResponse> {
        self.sum.add(bytes);
        let mut told = Vec::new();
        while !bytes.is_empty() {
            let room = BLOB_BYTES_MAX - self.begun.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.begun.extend_from_slice(now);
            bytes = later;
            if self.begun.len() == BLOB_BYTES_MAX {
                told.extend(self.cut());
            }
        }
        told
    }

    /// The last blobs, if the file had as many bytes as it was said to have.
    pub fn finish(mut self) -> Option<Vec<SnapshotResponse>> {
        let mut told: Vec<_> = self.cut().into_iter().collect();
        told.push(answer(Bytes::copy_from_slice(&self.sum.finish()), 0));
        (self.remaining == 0).then_some(told)
    }

    fn cut(&mut self) -> Option<SnapshotResponse> {
        let blob = core::mem::take(&mut self.begun);
        if blob.is_empty() {
            return None;
        }
        // One that says too much is seen at the end: this never comes to zero.
        self.remaining = self.remaining.checked_sub(blob.len() as u64).unwrap_or(u64::MAX);
        Some(answer(blob.into(), self.remaining))
    }
}

fn answer(blob: Bytes, remaining_bytes: u64) -> SnapshotResponse {
    SnapshotResponse { header: None, remaining_bytes, blob, version: STORAGE_VERSION.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_is_whole_and_says_how_much_is_left() {
        for size in [0, 1, BLOB_BYTES_MAX - 1, BLOB_BYTES_MAX, 3 * BLOB_BYTES_MAX + 5] {
            let file: Vec<u8> = (0..size).map(|at| at as u8).collect();
            let mut blobs = Blobs::new((size + SHA256_BYTES) as u64);
            let mut told: Vec<_> = file.chunks(999).flat_map(|part| blobs.add(part)).collect();
            told.extend(blobs.finish().unwrap());
            let sum = told.pop().unwrap();
            let mut expected = Sha256::new();
            expected.add(&file);
            assert_eq!((&sum.blob[..], sum.remaining_bytes), (&expected.finish()[..], 0));
            let (mut whole, mut left) = (Vec::new(), size);
            for answer in &told {
                assert!((1..=BLOB_BYTES_MAX).contains(&answer.blob.len()));
                left -= answer.blob.len();
                assert_eq!(answer.remaining_bytes, left as u64);
                assert_eq!(answer.version, "3.5.0");
                whole.extend_from_slice(&answer.blob);
            }
            assert_eq!(whole, file);
        }
    }

    #[test]
    fn a_file_of_another_size_has_no_end() {
        for size in [9, 11, BLOB_BYTES_MAX * 2] {
            let mut blobs = Blobs::new((10 + SHA256_BYTES) as u64);
            blobs.add(&vec![0; size]);
            assert_eq!(blobs.finish(), None, "{size}");
        }
    }
}
