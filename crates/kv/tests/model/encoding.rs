//! What is written is read back; what was not written never panics.

use crate::strategy;
use base::Revision;
use base::codec::CodecError;
use base::limits::TXN_DEPTH_MAX;
use bytes::Bytes;
use kv::command::{
    Alarm, AlarmChange, AlarmKind, Command, Compact, Envelope, KeyRange, LeaseGrant, Put, Txn,
    TxnOp,
};
use kv::encode::{decode, encode};
use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_command_comes_back_as_it_went(
        envelope in strategy::envelope(),
        command in strategy::command(),
    ) {
        let body = encode(&envelope, &command);
        prop_assert_eq!(decode(body), Ok((envelope, command)));
    }

    #[test]
    fn every_cut_is_an_error(envelope in strategy::envelope(), command in strategy::command()) {
        let body = encode(&envelope, &command);
        for cut in 0..body.len() {
            prop_assert!(decode(body.slice(..cut)).is_err(), "cut at {}", cut);
        }
        let longer = Bytes::from([&body[..], b"x"].concat());
        prop_assert_eq!(decode(longer), Err(CodecError::Trailing { left: 1 }));
    }

    /// What changed bytes say, if anything, has exactly those bytes for its encoding.
    #[test]
    fn changed_bytes_never_panic(
        envelope in strategy::envelope(),
        command in strategy::command(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = encode(&envelope, &command).to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let bytes = Bytes::from(bytes);
        if let Ok((envelope, command)) = decode(bytes.clone()) {
            prop_assert_eq!(encode(&envelope, &command), bytes);
        }
    }

    #[test]
    fn random_bytes_never_panic(tail in vec(any::<u8>(), 0..200), kind in 0u8..11) {
        let _ = decode(Bytes::from(tail.clone()));
        // Behind an envelope that is right, to get deeper.
        let mut bytes = vec![1, 0, 0, 0, 0, 0, 0, kind];
        bytes.extend(tail);
        let _ = decode(Bytes::from(bytes));
    }
}

fn nested(depth: usize) -> Command {
    let mut txn = Txn { compare: vec![], success: vec![], failure: vec![] };
    for _ in 1..depth {
        txn = Txn { compare: vec![], success: vec![TxnOp::Txn(txn)], failure: vec![] };
    }
    Command::Txn(txn)
}

#[test]
fn the_depth_is_bounded() {
    let body = |depth| encode(&Envelope::default(), &nested(depth));
    assert!(decode(body(TXN_DEPTH_MAX)).is_ok());
    let refused = decode(body(TXN_DEPTH_MAX + 1));
    assert!(matches!(refused, Err(CodecError::Invalid { what: "depth of transactions", .. })));
}

#[test]
fn a_count_without_its_items_is_refused_before_room_is_made() {
    let mut bytes = vec![1, 0, 0, 0, 0, 0, 0, 3];
    bytes.extend([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
    assert!(matches!(decode(bytes.into()), Err(CodecError::Short { wanted: usize::MAX, left: 0 })));
}

#[test]
fn unknown_kinds_and_formats_are_named() {
    let body = |format, kind| Bytes::from(vec![format, 0, 0, 0, 0, 0, 0, kind]);
    assert_eq!(decode(body(1, 99)), Err(CodecError::Invalid { what: "kind of command", got: 99 }));
    assert_eq!(decode(body(2, 1)), Err(CodecError::Invalid { what: "command format", got: 2 }));
}

/// Stored logs depend on these bytes: a change here is a new format.
#[test]
fn a_put_to_the_byte() {
    let envelope = Envelope { wall_ms: 300, sequence: Some((7, 8)), ..Envelope::default() };
    let put = Put {
        key: Bytes::from_static(b"k"),
        value: Some(Bytes::from_static(b"vv")),
        lease: Some(0),
        want_previous: true,
    };
    let wanted: &[u8] = &[
        1, 0, 0, 0, 0xac, 2, 1, 7, 8, 0, // format, envelope
        1, 1, b'k', 7, 2, b'v', b'v', 0, 0, 0, 0, 0, 0, 0, 0,
    ];
    assert_eq!(encode(&envelope, &Command::Put(put)), wanted);
}

/// The same for everything but data.
#[test]
fn the_other_commands_to_the_byte() {
    let alarm = Alarm { member: 3, kind: AlarmKind::Corrupt };
    let table: [(Command, &[u8]); 5] = [
        (Command::Compact(Compact { revision: Revision(300), physical: true }), &[5, 0xac, 2, 1]),
        (
            Command::LeaseGrant(LeaseGrant { id: -2, ttl_s: 5 }),
            &[6, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 5],
        ),
        (Command::LeaseRevoke { id: 1 }, &[7, 1, 0, 0, 0, 0, 0, 0, 0]),
        (Command::LeaseExpire { ids: vec![2] }, &[8, 1, 2, 0, 0, 0, 0, 0, 0, 0]),
        (Command::Alarm(AlarmChange { alarm, raise: true }), &[9, 3, 2, 1]),
    ];
    for (command, wanted) in table {
        let body = encode(&Envelope::default(), &command);
        assert_eq!(body[7..], *wanted, "{command:?}");
    }
}

#[test]
fn an_expiry_of_too_many_leases_is_refused() {
    let mut bytes = vec![1, 0, 0, 0, 0, 0, 0, 8, 0xf5, 3];
    bytes.extend([0; 8 * 501]);
    let refused = decode(bytes.into());
    assert!(matches!(refused, Err(CodecError::Invalid { what: "leases to end", got: 501 })));
}

#[test]
fn what_is_read_points_into_the_body() {
    let range = KeyRange::One(Bytes::from_static(b"a key that is long enough"));
    let delete = kv::command::DeleteRange { range, want_previous: false };
    let body = encode(&Envelope::default(), &Command::DeleteRange(delete));
    let (_, command) = decode(body.clone()).unwrap();
    let Command::DeleteRange(delete) = command else { panic!("{command:?}") };
    assert!(body.as_ptr_range().contains(&delete.range.start().as_ptr()));
}
