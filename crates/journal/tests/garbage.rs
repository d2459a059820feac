//! Whatever bytes a disk hands up, reading them ends in an answer.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test a panic is the message"
)]

mod kit;

use bytes::Bytes;
use journal::memory::MemoryDisk;
use journal::record::{Found, Link, RecordKind, Seal, decode, encode_header};
use journal::recover::recover;
use journal::wal::Options;
use journal::{identity, segment};
use proptest::prelude::*;
use std::collections::BTreeMap;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_record_of_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let seal = Seal::new(&kit::options().owner, 0, 1);
        let _ = decode(&bytes.into(), &seal);
    }

    #[test]
    fn a_head_of_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..5000)) {
        let _ = segment::decode(&bytes);
    }

    #[test]
    fn an_identity_of_any_bytes(mut bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = identity::decode(&bytes.clone().into());
        let mut whole = b"TRIMARAN\x01\0\x01\0".to_vec();
        whole.resize(40, 0);
        whole.append(&mut bytes);
        whole.extend_from_slice(&base::checksum::crc32c(&whole).to_le_bytes());
        let _ = identity::decode(&whole.into());
    }

    #[test]
    fn a_log_of_any_bytes(
        bytes in proptest::collection::vec(any::<u8>(), 0..6000),
        headed in any::<bool>(),
        must_exist in any::<bool>(),
    ) {
        let mut disk = MemoryDisk::new();
        let options = Options { must_exist, ..kit::options() };
        let begun = Options { must_exist: false, ..options };
        recover(&mut disk, &begun, &BTreeMap::new()).unwrap();
        let name = segment::file_name(0, 1);
        let mut content = if headed { disk.content(&name).unwrap()[..4096].to_vec() } else { vec![] };
        content.extend_from_slice(&bytes);
        disk.put(&name, &content);
        let again = recover(&mut disk, &options, &BTreeMap::new()).map(|found| found.groups.len());
        prop_assert!(!headed || again == Ok(0));
    }

    #[test]
    fn what_is_encoded_is_decoded(
        body in proptest::collection::vec(any::<u8>(), 0..300),
        numbers in any::<[u64; 8]>(),
        cut in any::<bool>(),
        entry_kind in any::<u8>(),
    ) {
        let seal = Seal::new(&kit::options().owner, 3, numbers[0]);
        let mut record = kit::entry(numbers[1], numbers[2], cut, &body);
        record.incarnation = base::Incarnation(numbers[3]);
        record.era = base::Era(numbers[4]);
        if let RecordKind::Entry { entry_kind: kind, clock, ballot, .. } =
            &mut record.kind
        {
            (*kind, *clock, ballot.round) = (entry_kind, numbers[5], numbers[6]);
        }
        let serial = base::Serial(numbers[7].max(1));
        let link = Link { serial, durable: serial.prev(), prev_hash: numbers[6] };
        let mut bytes = Vec::new();
        let hash = encode_header(&record, &link, &seal, &mut bytes);
        bytes.extend_from_slice(&body);
        bytes.resize(record.stored_bytes(), 0);
        let found = decode(&Bytes::from(bytes.clone()), &seal);
        let stored = record.stored_bytes();
        prop_assert_eq!(&found, &Found::Good { link, record, hash, stored });

        let other = Seal::new(&kit::options().owner, 4, numbers[0]);
        prop_assert_eq!(decode(&bytes.into(), &other), Found::BadHeader);
    }

    #[test]
    fn a_slot_that_is_encoded_is_decoded(
        body in proptest::collection::vec(any::<u8>(), 0..300),
        (index, round, behind) in (1..u64::MAX, any::<u64>(), any::<u32>()),
    ) {
        let seal = Seal::new(&kit::options().owner, 3, 1);
        let record = kit::slot(1, index, round, index.saturating_sub(behind.into()), &body);
        let link = Link { serial: base::Serial(2), durable: base::Serial(1), prev_hash: 6 };
        let mut bytes = Vec::new();
        let hash = encode_header(&record, &link, &seal, &mut bytes);
        bytes.extend_from_slice(&record.body);
        bytes.resize(record.stored_bytes(), 0);
        let stored = record.stored_bytes();
        let found = decode(&Bytes::from(bytes), &seal);
        prop_assert_eq!(&found, &Found::Good { link, record, hash, stored });
    }
}
