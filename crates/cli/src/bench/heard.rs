//! What watchers have heard: counted and not decoded, so that hearing costs little.

use super::fault::Fault;
use bytes::Bytes;
use prost::DecodeError;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use std::collections::BTreeMap;

/// What the watchers of one stream have heard.
#[derive(Default, Debug)]
pub(crate) struct Heard {
    pub(crate) responses: u64,
    pub(crate) events: u64,
    pub(crate) bytes: u64,
    /// Events that came out of order, or behind a revision that never came: right
    /// only if everything that is written is watched.
    pub(crate) gaps: u64,
    /// The revision that each watcher heard of last.
    pub(crate) last: BTreeMap<i64, i64>,
}

impl Heard {
    /// Takes a response as it came.
    pub(crate) fn hear(&mut self, message: &Bytes) -> Result<(), Fault> {
        let mut glance = Glance::default();
        response(message, &mut glance).map_err(|_| Fault::Answer)?;
        self.responses += 1;
        self.bytes += message.len() as u64;
        let last = self.last.entry(glance.id).or_default();
        for revision in glance.revisions {
            self.events += 1;
            // The events of one revision stand together.
            self.gaps += u64::from(revision != *last && revision != *last + 1);
            *last = revision;
        }
        if glance.canceled { Err(Fault::Watch) } else { Ok(()) }
    }
}

/// What is looked at of a response.
#[derive(Default, Debug)]
struct Glance {
    id: i64,
    canceled: bool,
    revisions: Vec<i64>,
}

/// A `WatchResponse`.
fn response(message: &[u8], glance: &mut Glance) -> Result<(), DecodeError> {
    fields(message, |field, value| {
        match (field, value) {
            (2, Value::Number(id)) => glance.id = id.cast_signed(),
            (4, Value::Number(canceled)) => glance.canceled = canceled != 0,
            (11, Value::Bytes(event)) => glance.revisions.extend(revision(event)?),
            _ => {}
        }
        Ok(())
    })
}

/// The revision that made an `Event`.
fn revision(event: &[u8]) -> Result<Option<i64>, DecodeError> {
    let mut revision = None;
    fields(event, |field, value| match (field, value) {
        (2, Value::Bytes(pair)) => fields(pair, |field, value| {
            if let (3, Value::Number(number)) = (field, value) {
                revision = Some(number.cast_signed());
            }
            Ok(())
        }),
        _ => Ok(()),
    })?;
    Ok(revision)
}

/// A field's value, as far as it matters here.
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

fn fields<'a>(
    mut rest: &'a [u8],
    mut look: impl FnMut(u32, Value<'a>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    while !rest.is_empty() {
        let (field, kind) = decode_key(&mut rest)?;
        match kind {
            WireType::Varint => look(field, Value::Number(decode_varint(&mut rest)?))?,
            WireType::LengthDelimited => {
                let length = usize::try_from(decode_varint(&mut rest)?).unwrap_or(usize::MAX);
                match rest.split_at_checked(length) {
                    Some((value, behind)) => {
                        rest = behind;
                        look(field, Value::Bytes(value))?;
                    }
                    // No varint either: that is the error to have.
                    None => drop(decode_varint(&mut &[][..])?),
                }
            }
            _ => skip_field(kind, field, &mut rest, DecodeContext::default())?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use client::wire::WatchResponse;
    use prost::Message;

    fn response(id: i64, revisions: &[i64]) -> Bytes {
        let mut response = WatchResponse { watch_id: id, ..WatchResponse::default() };
        for revision in revisions {
            response.events.push(Default::default());
            if let Some(event) = response.events.last_mut() {
                let pair = event.kv.get_or_insert_default();
                (pair.mod_revision, pair.value) = (*revision, vec![b'v'; 300].into());
            }
        }
        response.encode_to_vec().into()
    }

    #[test]
    fn what_is_heard_is_counted_and_gaps_are_seen() {
        let mut heard = Heard { last: BTreeMap::from([(0, 4), (300, 4)]), ..Heard::default() };
        for (id, revisions) in [(0, &[5, 5, 6][..]), (300, &[5]), (300, &[6, 8]), (0, &[6])] {
            assert_eq!(heard.hear(&response(id, revisions)), Ok(()));
        }
        assert_eq!((heard.responses, heard.events, heard.gaps), (4, 7, 1));
        assert_eq!(heard.last, BTreeMap::from([(0, 6), (300, 8)]));
        let end = WatchResponse { canceled: true, ..WatchResponse::default() };
        assert_eq!(heard.hear(&end.encode_to_vec().into()), Err(Fault::Watch));
        let cut = response(0, &[7]);
        assert_eq!(heard.hear(&cut.slice(..cut.len() - 1)), Err(Fault::Answer));
    }
}
