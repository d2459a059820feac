//! Answers, however they are cut.

use super::super::super::fault::Fault;
use super::super::frame::{ACK, CANCEL, END_HEADERS, END_STREAM, Kind, number};
use super::stage::{BEGIN, END, Stage, answer, begins, data, ends, frame};

const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

#[test]
fn answers_come_in_any_order_and_in_any_pieces() {
    let answers = [answer(5, b"c"), answer(1, b"a"), answer(3, b"b")].concat();
    for length in [1, 2, 9, 10, 1000] {
        let mut stage = Stage::new(&[]);
        (0..3).for_each(|_| stage.begin(b"body"));
        assert_eq!(stage.hear_in_pieces(&answers, length), Ok(()));
        let wanted = [(2, b"c"), (0, b"a"), (1, b"b")].map(|(key, body)| (key, Ok(body.to_vec())));
        assert_eq!(stage.ended, wanted);
        assert_eq!(stage.session.calls(), 0);
    }
}

#[test]
fn odd_frames_are_read_all_the_same() {
    let interim = frame(Kind::Headers, END_HEADERS, 1, b"\x08\x03103");
    // A dynamic table update to 0 and a field to be skipped, in two pieces, padded, with a priority.
    let head = [&[3, 0, 0, 0, 0, 9, 0x20][..], &BEGIN[..1], &[0, 0, 0]].concat();
    let head = frame(Kind::Headers, PADDED | PRIORITY, 1, &head);
    let rest = frame(Kind::Continuation, END_HEADERS, 1, b"\x00\x01x\x01y");
    let unknown =
        [frame(Kind::Unknown, 0xff, 1, b"?"), frame(Kind::Priority, 0, 1, &[0; 5])].concat();
    let body = [frame(Kind::Data, PADDED, 1, b"\x02ab\0\0"), data(1, b""), data(1, b"c")].concat();
    // `grpc-status: 0` with Huffman's code, as a field to be remembered in no table.
    let tail = b"\x40\x88\x9a\xca\xc8\xb2\x12\x34\xda\x8f\x81\x07";
    let mut stage = Stage::new(&[]);
    stage.begin(b"body");
    let all = [interim, unknown, head, rest, body, ends(1, tail)].concat();
    assert_eq!(stage.hear_in_pieces(&all, 3), Ok(()));
    assert_eq!(stage.ended, [(0, Ok(b"abc".to_vec()))]);
}

#[test]
fn only_status_0_with_an_answer_is_a_success() {
    let status =
        |code: &str| [b"\x00\x0bgrpc-status", &[code.len() as u8][..], code.as_bytes()].concat();
    let only = |code| ends(1, &[BEGIN, &status(code)].concat());
    for (answer, fault) in [
        (only("14"), Fault::Status(14)),
        (only("0"), Fault::Answer),
        (ends(1, BEGIN), Fault::Answer),
        (ends(1, END), Fault::Answer),
        (ends(1, b"\x08\x03503"), Fault::Http(503)),
        (frame(Kind::Headers, END_HEADERS, 1, b"\x08\x03503"), Fault::Http(503)),
        (data(1, b"a"), Fault::Answer),
        ([begins(1), ends(1, &status("8"))].concat(), Fault::Status(8)),
        ([begins(1), ends(1, &status("x"))].concat(), Fault::Answer),
        ([begins(1), ends(1, b"\x00\x01x\x01y")].concat(), Fault::Answer),
        ([begins(1), frame(Kind::Headers, END_HEADERS, 1, END)].concat(), Fault::Answer),
        ([begins(1), frame(Kind::Data, END_STREAM, 1, b"a")].concat(), Fault::Answer),
        ([begins(1), frame(Kind::Reset, 0, 1, &[0; 4])].concat(), Fault::Reset),
    ] {
        let mut stage = Stage::new(&[]);
        (0..2).for_each(|_| stage.begin(b"body"));
        assert_eq!(stage.hear(&answer), Ok(()));
        assert_eq!(stage.ended, [(0, Err(fault))], "{answer:?}");
        // What still comes of it is skipped, and the other goes on.
        let late = [data(1, b"late"), super::stage::answer(3, b"b")].concat();
        assert_eq!(stage.hear(&late), Ok(()));
        assert_eq!(stage.ended.last(), Some(&(1, Ok(b"b".to_vec()))));
    }
}

#[test]
fn who_is_not_heard_out_is_told() {
    let mut stage = Stage::new(&[]);
    stage.begin(b"body");
    stage.said();
    assert_eq!(stage.hear(&frame(Kind::Headers, END_HEADERS, 1, b"\x08\x03404")), Ok(()));
    let said = stage.said();
    let [(head, payload)] = said.as_slice() else { panic!("{said:?}") };
    assert_eq!((head.kind, head.stream, number(payload)), (Kind::Reset, 1, Ok(CANCEL)));
}

#[test]
fn pings_are_answered() {
    let mut stage = Stage::new(&[]);
    let pings = [frame(Kind::Ping, 0, 0, b"12345678"), frame(Kind::Ping, ACK, 0, b"abcdefgh")];
    assert_eq!(stage.hear(&pings.concat()), Ok(()));
    let said = stage.said();
    let [(head, payload)] = said.as_slice() else { panic!("{said:?}") };
    assert_eq!((head.kind, head.flags, payload.as_slice()), (Kind::Ping, ACK, &b"12345678"[..]));
}

#[test]
fn a_server_that_goes_answers_what_it_took() {
    let mut stage = Stage::new(&[]);
    (0..3).for_each(|_| stage.begin(b"body"));
    // First it only announces it, as grpc-go does.
    let soon = [&0x7fff_ffffu32.to_be_bytes()[..], &[0; 4]].concat();
    assert_eq!(stage.hear(&frame(Kind::GoAway, 0, 0, &soon)), Ok(()));
    assert!(stage.ended.is_empty() && !stage.session.ready() && !stage.session.spent());
    let last = [&3u32.to_be_bytes()[..], &[0; 4], b"bye"].concat();
    let all = [answer(1, b"a"), frame(Kind::GoAway, 0, 0, &last)].concat();
    assert_eq!(stage.hear(&all), Ok(()));
    assert_eq!(stage.ended, [(0, Ok(b"a".to_vec())), (2, Err(Fault::Connection))]);
    assert!(!stage.session.spent());
    assert_eq!(stage.hear(&answer(3, b"b")), Ok(()));
    assert_eq!(stage.ended.last(), Some(&(1, Ok(b"b".to_vec()))));
    assert!(stage.session.spent());
}

#[test]
fn those_under_way_are_given_up_once() {
    let mut stage = Stage::new(&[]);
    (0..3).for_each(|_| stage.begin(b"body"));
    assert_eq!(stage.hear(&answer(3, b"b")), Ok(()));
    let mut lost = Vec::new();
    stage.session.abandon(|asked| lost.push(asked.key));
    stage.session.abandon(|asked| lost.push(asked.key));
    assert_eq!(lost, [0, 2]);
    assert_eq!(stage.session.calls(), 0);
}
