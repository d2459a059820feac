//! How do frames follow each other on a connection? Length, checksum, frame.
//! Drawn in docs/formats.md, "On the wire".

use base::checksum::crc32c;
use base::limits::FRAME_BYTES_MAX;
use bytes::Bytes;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use tokio::io::{AsyncRead, AsyncReadExt};

const HEADER_BYTES: usize = 8;

/// Slices given to the system at once; Linux takes no more.
const SLICES_MAX: usize = 1024;

/// Frames on their way into a connection, in their order.
#[derive(Debug, Default)]
pub(super) struct Train {
    frames: VecDeque<([u8; HEADER_BYTES], Bytes)>,
    /// So many bytes of the first are written already.
    begun: usize,
}

impl Train {
    pub(super) fn push(&mut self, frame: Bytes) {
        self.frames.push_back((header(&frame), frame));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Frames that are not written to their ends.
    pub(super) fn len(&self) -> usize {
        self.frames.len()
    }

    /// Writes as much as `write` takes, with as few calls as the system allows.
    pub(super) fn write(
        &mut self,
        mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> io::Result<()> {
        while !self.is_empty() {
            let count = write(&self.slices())?;
            if count == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.advance(count);
        }
        Ok(())
    }

    fn slices(&self) -> Vec<IoSlice<'_>> {
        let frames = self.frames.iter().take(SLICES_MAX / 2);
        let mut slices: Vec<_> = frames
            .flat_map(|(header, frame)| [IoSlice::new(header), IoSlice::new(frame)])
            .collect();
        let mut left = slices.as_mut_slice();
        IoSlice::advance_slices(&mut left, self.begun);
        let gone = self.frames.len().min(SLICES_MAX / 2) * 2 - left.len();
        slices.drain(..gone);
        slices
    }

    fn advance(&mut self, count: usize) {
        self.begun += count;
        while let Some((header, frame)) = self.frames.front() {
            let whole = header.len() + frame.len();
            if self.begun < whole {
                break;
            }
            self.begun -= whole;
            self.frames.pop_front();
        }
    }
}

/// The next frame; an error is the end of the connection.
pub(super) async fn read(line: &mut (impl AsyncRead + Unpin)) -> io::Result<Bytes> {
    let length = line.read_u32_le().await? as usize;
    let crc = line.read_u32_le().await?;
    if length > FRAME_BYTES_MAX {
        return Err(damaged("a frame longer than allowed"));
    }
    // The buffer grows with what really comes: a lying length costs nothing.
    let mut frame = Vec::new();
    let count = line.take(length as u64).read_to_end(&mut frame).await?;
    if count < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if crc32c(&frame) != crc {
        return Err(damaged("a frame whose checksum does not fit"));
    }
    Ok(frame.into())
}

fn header(frame: &Bytes) -> [u8; HEADER_BYTES] {
    let length = u32::try_from(frame.len()).unwrap_or(u32::MAX);
    let [a, b, c, d] = length.to_le_bytes();
    let [e, f, g, h] = crc32c(frame).to_le_bytes();
    [a, b, c, d, e, f, g, h]
}

fn damaged(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;

    /// What a line that takes `room` bytes at a time, and every second time none,
    /// has been given in the end.
    fn written(frames: &[Bytes], room: usize) -> Vec<u8> {
        let (mut train, mut bytes) = (Train::default(), Vec::new());
        frames.iter().cloned().for_each(|frame| train.push(frame));
        loop {
            let mut full = false;
            let outcome = train.write(|slices| {
                if std::mem::replace(&mut full, true) {
                    return Err(ErrorKind::WouldBlock.into());
                }
                let all: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
                let count = all.len().min(room);
                bytes.extend(&all[..count]);
                Ok(count)
            });
            match outcome {
                Ok(()) => return bytes,
                Err(why) => assert_eq!(why.kind(), ErrorKind::WouldBlock),
            }
        }
    }

    #[tokio::test]
    async fn frames_are_read_back_one_by_one_however_little_was_taken_at_once() {
        let frames: Vec<_> = (0..600).map(|n| Bytes::from(vec![n as u8; n % 7])).collect();
        for room in [1, 7, 9, 1000, usize::MAX] {
            let bytes = written(&frames, room);
            let mut line = bytes.as_slice();
            for frame in &frames {
                assert_eq!(read(&mut line).await.unwrap(), frame);
            }
            let end = read(&mut line).await.unwrap_err();
            assert_eq!(end.kind(), ErrorKind::UnexpectedEof);
        }
    }

    #[test]
    fn a_line_that_takes_nothing_is_broken() {
        let mut train = Train::default();
        train.push(Bytes::from_static(b"letter"));
        assert_eq!(train.write(|_| Ok(0)).unwrap_err().kind(), ErrorKind::WriteZero);
        assert_eq!(train.len(), 1);
    }

    #[tokio::test]
    async fn every_flipped_bit_and_every_cut_is_noticed() {
        let whole = written(&[Bytes::from_static(b"letter")], usize::MAX);
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(read(&mut bytes.as_slice()).await.is_err(), "bit {bit}");
        }
        for cut in 0..whole.len() {
            assert!(read(&mut &whole[..cut]).await.is_err(), "cut at {cut}");
        }
    }

    #[tokio::test]
    async fn a_frame_beyond_the_bound_is_refused_before_it_is_read() {
        let length = u32::try_from(FRAME_BYTES_MAX + 1).unwrap();
        let mut bytes = length.to_le_bytes().to_vec();
        bytes.extend([0; 4]);
        let refused = read(&mut bytes.as_slice()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidData);
    }
}
