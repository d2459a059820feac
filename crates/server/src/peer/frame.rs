//! How do frames follow each other on a connection? Length, checksum, frame.
//! Drawn in docs/formats.md, "On the wire".

use base::checksum::crc32c;
use base::limits::FRAME_BYTES_MAX;
use bytes::Bytes;
use std::io::{self, IoSlice};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const HEADER_BYTES: usize = 8;

/// Slices given to the system at once; Linux takes no more.
const SLICES_MAX: usize = 1024;

/// Writes frames, all of them with as few calls as the system allows.
pub(super) async fn write_all(
    line: &mut (impl AsyncWrite + Unpin),
    frames: &[Bytes],
) -> io::Result<()> {
    let headers: Vec<_> = frames.iter().map(header).collect();
    let pairs = headers.iter().zip(frames);
    let mut slices: Vec<IoSlice<'_>> =
        pairs.flat_map(|(header, frame)| [IoSlice::new(header), IoSlice::new(frame)]).collect();
    let mut left = slices.as_mut_slice();
    while !left.is_empty() {
        let count = line.write_vectored(left.get(..SLICES_MAX).unwrap_or(left)).await?;
        if count == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        IoSlice::advance_slices(&mut left, count);
    }
    line.flush().await
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

    async fn written(frames: &[Bytes]) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_all(&mut bytes, frames).await.unwrap();
        bytes
    }

    #[tokio::test]
    async fn frames_are_read_back_one_by_one() {
        let frames: Vec<_> = (0..2000).map(|n| Bytes::from(vec![n as u8; n % 7])).collect();
        let bytes = written(&frames).await;
        let mut line = bytes.as_slice();
        for frame in &frames {
            assert_eq!(read(&mut line).await.unwrap(), frame);
        }
        let end = read(&mut line).await.unwrap_err();
        assert_eq!(end.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test]
    async fn every_flipped_bit_and_every_cut_is_noticed() {
        let whole = written(&[Bytes::from_static(b"letter")]).await;
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
        assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
    }
}
