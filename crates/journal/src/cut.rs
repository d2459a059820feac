//! Cutting a tear: what the lost end of the log left behind becomes zeros before
//! the log goes on, so that no record of it can ever fit again.
//!
//! Only what could be taken for a record is cut. The last operation before a
//! crash is the only one that can be torn, and one operation, or the operations of
//! one large record, reach only so far; and a header of another generation is
//! never believed. So a file that was used before keeps the rest of what it held.
//!
//! A crash in the middle changes nothing: the end of the log is found where it
//! was (or behind a record that was really written), and the cut is made again.

use crate::disk::{Disk, DiskError, DiskOp};
use crate::record::{ALIGN, HEADER_BYTES, Seal, is_zero, looks_begun};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use base::limits::{DISK_OP_BYTES_MAX, ENTRY_BYTES_MAX};
use bytes::Bytes;

const SECTOR_BYTES: usize = 512;

/// How far behind the end a torn operation can have left bytes.
const TORN_BYTES_MAX: usize = {
    let record = HEADER_BYTES + ENTRY_BYTES_MAX.next_multiple_of(ALIGN);
    if record > DISK_OP_BYTES_MAX { record } else { DISK_OP_BYTES_MAX }
};

/// Makes the bytes of `file` from `offset` on zeros, as far as the lost end left a
/// header there, and says how many were written. `content` is the whole file.
pub(crate) fn cut(
    disk: &mut dyn Disk,
    file: &str,
    content: &Bytes,
    offset: usize,
    seal: &Seal,
) -> Result<u64, DiskError> {
    let mut total = 0;
    let end = end_of_torn(content, offset, seal);
    for (start, end) in dirty_spans(content.get(..end).unwrap_or(content), offset) {
        let parts = vec![Bytes::from(vec![0; end - start])];
        disk.sync(DiskOp::Write { file: String::from(file), offset: start as u64, parts })?;
        total += (end - start) as u64;
    }
    Ok(total)
}

/// The end of the last header behind `offset` that was begun in this generation.
fn end_of_torn(content: &[u8], offset: usize, seal: &Seal) -> usize {
    let reach = content.len().min(offset.saturating_add(TORN_BYTES_MAX));
    let places = (offset..reach).step_by(ALIGN).rev();
    let mut begun = places.filter(|at| content.get(*at..).is_some_and(|it| looks_begun(it, seal)));
    begun.next().map_or(offset, |at| content.len().min(at + HEADER_BYTES))
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
    use crate::record::{FORMAT, Owner};
    use base::{ClusterId, Incarnation, NodeId};

    fn seal() -> Seal {
        let (cluster, node, incarnation) = (ClusterId(1), NodeId(2), Incarnation(3));
        Seal::new(&Owner { cluster, node, incarnation }, 4, 5)
    }

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

    /// What an earlier use of the file left is not rewritten: only a header of this
    /// generation, and what stands before it, is.
    #[test]
    fn what_another_generation_left_stays() {
        let mut content = vec![1u8; 8 << 20];
        assert_eq!(end_of_torn(&content, 4096, &seal()), 4096);
        let mut begin = |at: usize, generation: u64| {
            content[at + 4] = FORMAT;
            content[at + 5] = (HEADER_BYTES / ALIGN) as u8;
            content[at + 8..at + 16].copy_from_slice(&generation.to_le_bytes());
            end_of_torn(&content, 4096, &seal())
        };
        assert_eq!(begin(5000, 4), 4096);
        assert_eq!(begin(4104, 5), 4104 + HEADER_BYTES);
        assert_eq!(begin(9096, 5), 9096 + HEADER_BYTES);
        assert_eq!(begin(4096 + TORN_BYTES_MAX, 5), 9096 + HEADER_BYTES, "no crash reaches there");
        assert_eq!(begin(4001, 5), 9096 + HEADER_BYTES, "before the end");
    }
}
