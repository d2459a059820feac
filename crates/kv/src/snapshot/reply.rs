//! A reply that is kept for a client who asks again.
//!
//! ```text
//! reply     revision v | 0 and why u8, number v? | 1 and an answer
//! answer    1 range: n v, n pairs, more u8, count v
//!           2 put: 0 or 1 u8 and the pair before
//!           3 delete: deleted v, n v, n pairs
//!           4 transaction: succeeded u8, n v, n answers
//!           5 compaction | 6 grant: lease i64, seconds v | 7 revoke
//!           8 expiry: n v, n leases i64 | 9 alarm: n v, n alarms
//! pair      key b | create v | modified v | version v | lease i64 | value b | extension b
//! alarm     member v | kind u8
//! ```

use super::fields::{
    Read, invalid, read_alarm, read_flags, read_list, read_pair, write_alarm, write_list,
    write_pair,
};
use crate::command::{KvError, OpReply, RangeReply, Reply, TxnReply};
use alloc::vec::Vec;
use base::Revision;
use base::codec::{Reader, Writer};
use base::limits::TXN_DEPTH_MAX;

pub(super) fn write(out: &mut Vec<u8>, reply: &Reply) {
    out.put_varint(reply.revision.0);
    match &reply.result {
        Ok(answer) => {
            out.put_u8(1);
            write_answer(out, answer);
        }
        Err(why) => {
            out.put_u8(0);
            write_error(out, *why);
        }
    }
}

pub(super) fn read(reader: &mut Reader) -> Read<Reply> {
    let revision = Revision(reader.varint()?);
    let result = match reader.u8()? {
        0 => Err(read_error(reader)?),
        1 => Ok(read_answer(reader, TXN_DEPTH_MAX)?),
        other => return invalid("result of a command", u64::from(other)),
    };
    Ok(Reply { revision, result })
}

fn write_answer(out: &mut Vec<u8>, answer: &OpReply) {
    match answer {
        OpReply::Range(range) => {
            out.put_u8(1);
            write_list(out, range.kvs.iter(), write_pair);
            out.put_u8(u8::from(range.more));
            out.put_varint(range.count);
        }
        OpReply::Put { previous } => {
            out.put_u8(2);
            write_list(out, previous.iter(), write_pair);
        }
        OpReply::DeleteRange { deleted, previous } => {
            out.put_u8(3);
            out.put_varint(*deleted);
            write_list(out, previous.iter(), write_pair);
        }
        OpReply::Txn(TxnReply { succeeded, replies }) => {
            out.put_u8(4);
            out.put_u8(u8::from(*succeeded));
            write_list(out, replies.iter(), write_answer);
        }
        OpReply::Compact => out.put_u8(5),
        OpReply::LeaseGrant { id, ttl_s } => {
            out.put_u8(6);
            out.put_u64(id.cast_unsigned());
            out.put_varint(*ttl_s);
        }
        OpReply::LeaseRevoke => out.put_u8(7),
        OpReply::LeaseExpire { ended } => {
            out.put_u8(8);
            write_list(out, ended.iter(), |out, id| out.put_u64(id.cast_unsigned()));
        }
        OpReply::Alarm(alarms) => {
            out.put_u8(9);
            write_list(out, alarms.iter(), write_alarm);
        }
    }
}

fn read_answer(reader: &mut Reader, depth: usize) -> Read<OpReply> {
    let Some(deeper) = depth.checked_sub(1) else {
        return invalid("depth of answers", TXN_DEPTH_MAX as u64 + 1);
    };
    Ok(match reader.u8()? {
        1 => OpReply::Range(RangeReply {
            kvs: read_list(reader, read_pair)?,
            more: read_flags(reader, 1, "mark of more")? != 0,
            count: reader.varint()?,
        }),
        2 => {
            let mut previous = read_list(reader, read_pair)?;
            if previous.len() > 1 {
                return invalid("pairs before a put", previous.len() as u64);
            }
            OpReply::Put { previous: previous.pop() }
        }
        3 => OpReply::DeleteRange {
            deleted: reader.varint()?,
            previous: read_list(reader, read_pair)?,
        },
        4 => OpReply::Txn(TxnReply {
            succeeded: read_flags(reader, 1, "mark of success")? != 0,
            replies: read_list(reader, |reader| read_answer(reader, deeper))?,
        }),
        5 => OpReply::Compact,
        6 => OpReply::LeaseGrant { id: reader.u64()?.cast_signed(), ttl_s: reader.varint()? },
        7 => OpReply::LeaseRevoke,
        8 => OpReply::LeaseExpire {
            ended: read_list(reader, |reader| reader.u64().map(u64::cast_signed))?,
        },
        9 => OpReply::Alarm(read_list(reader, read_alarm)?),
        other => return invalid("kind of answer", u64::from(other)),
    })
}

fn write_error(out: &mut Vec<u8>, why: KvError) {
    let (kind, number) = match why {
        KvError::EmptyKey => (1, None),
        KvError::KeyNotFound => (2, None),
        KvError::LeaseNotFound => (3, None),
        KvError::LeaseExists => (4, None),
        KvError::LeaseTtlTooLarge => (5, None),
        KvError::NoSpace => (6, None),
        KvError::Corrupt => (7, None),
        KvError::SequenceOld { last } => (8, Some(last)),
        KvError::SequenceGap { expected } => (9, Some(expected)),
        KvError::TooManyOps => (10, None),
        KvError::DuplicateKey => (11, None),
        KvError::Compacted { oldest } => (12, Some(oldest.0)),
        KvError::FutureRevision => (13, None),
    };
    out.put_u8(kind);
    number.into_iter().for_each(|number| out.put_varint(number));
}

fn read_error(reader: &mut Reader) -> Read<KvError> {
    Ok(match reader.u8()? {
        1 => KvError::EmptyKey,
        2 => KvError::KeyNotFound,
        3 => KvError::LeaseNotFound,
        4 => KvError::LeaseExists,
        5 => KvError::LeaseTtlTooLarge,
        6 => KvError::NoSpace,
        7 => KvError::Corrupt,
        8 => KvError::SequenceOld { last: reader.varint()? },
        9 => KvError::SequenceGap { expected: reader.varint()? },
        10 => KvError::TooManyOps,
        11 => KvError::DuplicateKey,
        12 => KvError::Compacted { oldest: Revision(reader.varint()?) },
        13 => KvError::FutureRevision,
        other => return invalid("reason of a refusal", u64::from(other)),
    })
}
