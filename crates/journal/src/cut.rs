//! Cutting a tear: what lies behind the end of the log becomes zeros before the
//! log goes on, so that no record of the lost end can ever fit again.
//!
//! A crash in the middle changes nothing: the end of the log is found where it
//! was (or behind a record that was really written), and the cut is made again.

use crate::disk::{Disk, DiskError, DiskOp};
use crate::record::is_zero;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use base::limits::DISK_OP_BYTES_MAX;
use bytes::Bytes;

const SECTOR_BYTES: usize = 512;

/// Makes the bytes of `file` from `offset` on zeros, where they are not, and
/// says how many were written. `content` is the whole file.
pub(crate) fn cut(
    disk: &mut dyn Disk,
    file: &str,
    content: &Bytes,
    offset: usize,
) -> Result<u64, DiskError> {
    let mut total = 0;
    for (start, end) in dirty_spans(content, offset) {
        let parts = vec![Bytes::from(vec![0; end - start])];
        disk.sync(DiskOp::Write { file: String::from(file), offset: start as u64, parts })?;
        total += (end - start) as u64;
    }
    Ok(total)
}

/// The spans of sectors behind `offset` that are not zero, none longer than a
/// disk operation.
fn dirty_spans(content: &[u8], offset: usize) -> Vec<(usize, usize)> {
    let mut spans: Vec<(usize, usize)> = Vec::new();
    let mut start = offset;
    while start < content.len() {
        let end = (start + 1).next_multiple_of(SECTOR_BYTES).min(content.len());
        if !content.get(start..end).is_none_or(is_zero) {
            match spans.last_mut() {
                Some(span) if span.1 == start && end - span.0 <= DISK_OP_BYTES_MAX => span.1 = end,
                _ => spans.push((start, end)),
            }
        }
        start = end;
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_dirty_sectors_are_written_and_neighbours_together() {
        let mut content = vec![0u8; 4096];
        assert_eq!(dirty_spans(&content, 8), []);
        content[0] = 1;
        content[700] = 1;
        content[1024] = 1;
        content[4095] = 1;
        assert_eq!(dirty_spans(&content, 520), [(520, 1536), (3584, 4096)]);
    }

    #[test]
    fn no_span_is_longer_than_an_operation() {
        let content = vec![1u8; DISK_OP_BYTES_MAX * 2 + 100];
        let spans = dirty_spans(&content, 8);
        assert!(spans.iter().all(|(start, end)| end - start <= DISK_OP_BYTES_MAX));
        assert_eq!(spans.iter().map(|(start, end)| end - start).sum::<usize>(), content.len() - 8);
    }
}
