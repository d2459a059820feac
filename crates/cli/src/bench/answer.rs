//! Is this the message that was asked for? Looked at lightly, without decoding.

use super::fault::Fault;
use super::template::FRAME;
use bytes::Buf;

/// The message in a unary answer: one frame and nothing after it.
pub(crate) fn unframed(body: &[u8]) -> Result<&[u8], Fault> {
    let (head, message) = body.split_first_chunk::<FRAME>().ok_or(Fault::Answer)?;
    let [compressed, length @ ..] = *head;
    let whole = usize::try_from(u32::from_be_bytes(length)) == Ok(message.len());
    if compressed == 0 && whole { Ok(message) } else { Err(Fault::Answer) }
}

/// Whether the message has a field of this number.
pub(crate) fn has_field(mut rest: &[u8], wanted: u32) -> Result<bool, Fault> {
    use prost::encoding::{DecodeContext, WireType, decode_key, skip_field};
    while rest.has_remaining() {
        let (field, kind): (u32, WireType) = decode_key(&mut rest).map_err(|_| Fault::Answer)?;
        if field == wanted {
            return Ok(true);
        }
        skip_field(kind, field, &mut rest, DecodeContext::default()).map_err(|_| Fault::Answer)?;
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::super::template::framed;
    use super::*;
    use client::mvccpb::KeyValue;
    use client::wire::{RangeResponse, ResponseHeader};

    #[test]
    fn an_answer_is_one_frame() {
        let answer = RangeResponse { count: 3, ..RangeResponse::default() };
        let frame = framed(&answer);
        assert_eq!(unframed(&frame).map(<[u8]>::len), Ok(frame.len() - FRAME));
        for broken in [&frame[..FRAME - 1], &frame[..frame.len() - 1], &[]] {
            assert_eq!(unframed(broken), Err(Fault::Answer));
        }
        assert_eq!(unframed(&[1, 0, 0, 0, 0]), Err(Fault::Answer));
    }

    #[test]
    fn a_field_is_found_behind_others() {
        let header = Some(ResponseHeader { revision: 300, ..ResponseHeader::default() });
        let none = RangeResponse { header, count: 1, ..RangeResponse::default() };
        let one = RangeResponse { kvs: vec![KeyValue::default()], ..none.clone() };
        let has = |answer| unframed(&framed(answer)).and_then(|message| has_field(message, 2));
        assert_eq!(has(&none), Ok(false));
        assert_eq!(has(&one), Ok(true));
        assert_eq!(has_field(&[0xff], 2), Err(Fault::Answer));
    }
}
