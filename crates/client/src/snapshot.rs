//! The backup of a cluster, part by part, and whether it is whole.

use crate::caller::Client;
use crate::error::Error;
use crate::stub::maintenance_client::MaintenanceClient;
use api::etcd::wire::etcdserverpb::{SnapshotRequest, SnapshotResponse};
use base::sha256::{SHA256_BYTES, Sha256};
use tokio::time::timeout;
use tonic::Streaming;

/// What stands before the sum is a multiple of this.
const ALIGN_BYTES: u64 = 512;

/// A backup that is being received. It may take as long as it takes.
#[derive(Debug)]
pub struct Snapshot {
    answers: Streaming<SnapshotResponse>,
    check: Check,
}

/// A part of a backup.
#[derive(Clone, Debug)]
pub struct SnapshotPart {
    /// The next bytes of the file.
    pub bytes: bytes::Bytes,
    /// How many are to come, without the sum.
    pub remaining: u64,
}

impl Client {
    /// Begins a backup of what the member that calls go to has applied.
    pub async fn snapshot(&self) -> Result<Snapshot, Error> {
        let number = self.endpoints.preferred();
        let unreachable = |tried: String| Error::Unreachable { tried };
        let Some(slot) = self.endpoints.slot(number) else {
            return Err(unreachable(String::new()));
        };
        let channel = match timeout(self.timeouts.dial, slot.channel()).await {
            Ok(Ok(channel)) => channel,
            Ok(Err(why)) => return Err(unreachable(format!("{}: {why}", slot.name))),
            Err(_) => {
                return Err(unreachable(format!("{}: no connection in time", slot.name)));
            }
        };
        let answers = MaintenanceClient::new(channel).snapshot(SnapshotRequest {}).await?;
        Ok(Snapshot { answers: answers.into_inner(), check: Check::default() })
    }
}

impl Snapshot {
    /// The next part; nothing once the file is whole, which is certain then.
    pub async fn next(&mut self) -> Result<Option<SnapshotPart>, Error> {
        match self.answers.message().await? {
            Some(answer) => {
                self.check.add(&answer.blob);
                let remaining = answer.remaining_bytes;
                Ok(Some(SnapshotPart { bytes: answer.blob, remaining }))
            }
            None => {
                let check = std::mem::take(&mut self.check);
                check.finish().map(|()| None).map_err(|text| Error::Unavailable { text })
            }
        }
    }
}

/// Whether a file ends with the SHA-256 of everything before.
#[derive(Debug, Default)]
struct Check {
    sum: Sha256,
    /// The last bytes so far: they may be the sum.
    last: Vec<u8>,
    before: u64,
}

impl Check {
    fn add(&mut self, blob: &[u8]) {
        self.last.extend_from_slice(blob);
        let more = self.last.len().saturating_sub(SHA256_BYTES);
        let rest = self.last.split_off(more);
        self.sum.add(&self.last);
        self.before += self.last.len() as u64;
        self.last = rest;
    }

    fn finish(self) -> Result<(), String> {
        let bytes = self.before + self.last.len() as u64;
        if self.last.len() < SHA256_BYTES || !self.before.is_multiple_of(ALIGN_BYTES) {
            return Err(format!("the snapshot ends without its SHA-256 [bytes: {bytes}]"));
        }
        match self.last[..] == self.sum.finish() {
            true => Ok(()),
            false => Err(format!("the SHA-256 of the snapshot does not fit [bytes: {bytes}]")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Check;
    use base::sha256::Sha256;

    fn checked(file: &[u8], part: usize) -> Result<(), String> {
        let mut check = Check::default();
        file.chunks(part).for_each(|blob| check.add(blob));
        check.finish()
    }

    #[test]
    fn only_a_file_that_ends_with_its_own_sum_is_whole() {
        let mut file = vec![7; 1024];
        let mut sum = Sha256::new();
        sum.add(&file);
        file.extend_from_slice(&sum.finish());
        for part in [1, 31, 32, 33, 512, 2000] {
            assert_eq!(checked(&file, part), Ok(()));
            let mut bad = file.clone();
            bad[500] ^= 1;
            assert!(checked(&bad, part).is_err_and(|why| why.contains("does not fit")));
            let short = checked(&file[..file.len() - 1], part);
            assert!(short.is_err_and(|why| why.contains("ends without")));
        }
        assert!(Check::default().finish().is_err());
    }
}
