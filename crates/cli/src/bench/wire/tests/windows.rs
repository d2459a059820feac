//! Nothing is sent that the server has no room for, and all that it has room for.

use super::super::frame::Kind;
use super::stage::{Stage, answer, begins, data, ends, settings, window};

const CALLS: u16 = 3;
const WINDOW: u16 = 4;

#[test]
fn long_requests_are_sent_in_pieces() {
    let mut stage = Stage::new(&[(WINDOW, 1 << 20)]);
    stage.begin(&[1; 40_000]);
    assert_eq!(stage.sent(), [(1, 16_384, false), (1, 16_384, false), (1, 7232, true)]);
    // The connection's window has 25,535 bytes left, whatever the streams' say.
    stage.begin(&[1; 30_000]);
    stage.begin(b"behind");
    assert_eq!(stage.sent(), [(3, 16_384, false), (3, 9151, false)]);
    assert_eq!(stage.hear(&window(0, 4465)), Ok(()));
    assert_eq!(stage.sent(), [(3, 4465, true)]);
    assert_eq!(stage.hear(&window(0, 100)), Ok(()));
    assert_eq!(stage.sent(), [(5, 6, true)]);
}

#[test]
fn a_stream_that_waits_holds_up_no_other() {
    let mut stage = Stage::new(&[(WINDOW, 5)]);
    stage.begin(b"1234567");
    stage.begin(b"abc");
    assert_eq!(stage.sent(), [(1, 5, false)]);
    stage.session.resume();
    assert_eq!(stage.sent(), [(3, 3, true)]);
    assert_eq!(stage.hear(&window(1, 1)), Ok(()));
    assert_eq!(stage.sent(), [(1, 1, false)]);
    assert_eq!(stage.hear(&window(1, 9)), Ok(()));
    assert_eq!(stage.sent(), [(1, 1, true)]);
}

#[test]
fn a_server_may_change_its_mind_about_windows() {
    let mut stage = Stage::new(&[(WINDOW, 10)]);
    stage.begin(&[1; 30]);
    assert_eq!(stage.sent(), [(1, 10, false)]);
    // 6 less than nothing, then 3 more than that, then 10.
    assert_eq!(stage.hear(&[settings(&[(WINDOW, 4)]), window(1, 3)].concat()), Ok(()));
    assert_eq!(stage.sent(), []);
    assert_eq!(stage.hear(&settings(&[(WINDOW, 17)])), Ok(()));
    assert_eq!(stage.sent(), [(1, 10, false)]);
    assert_eq!(stage.hear(&settings(&[(WINDOW, 1000)])), Ok(()));
    assert_eq!(stage.sent(), [(1, 10, true)]);
}

#[test]
fn a_request_that_is_answered_before_it_is_sent_is_cut_short() {
    let mut stage = Stage::new(&[(WINDOW, 5)]);
    stage.begin(b"1234567");
    assert_eq!(stage.hear(&answer(1, b"a")), Ok(()));
    assert_eq!(stage.ended, [(0, Ok(b"a".to_vec()))]);
    assert!(stage.said().iter().any(|(head, _)| head.kind == Kind::Reset && head.stream == 1));
    assert_eq!(stage.hear(&window(1, 9)), Ok(()));
    assert_eq!(stage.sent(), []);
}

#[test]
fn no_more_calls_begin_than_the_server_allows() {
    let mut stage = Stage::new(&[(CALLS, 2)]);
    (0..2).for_each(|_| stage.begin(b"body"));
    assert!(!stage.session.ready() && !stage.session.spent());
    assert_eq!(stage.hear(&answer(3, b"b")), Ok(()));
    stage.begin(b"body");
    assert_eq!(stage.hear(&settings(&[(CALLS, 0)])), Ok(()));
    assert_eq!(stage.hear(&[answer(1, b"a"), answer(5, b"c")].concat()), Ok(()));
    assert!(!stage.session.ready());
    assert_eq!(stage.ended.len(), 3);
}

#[test]
fn the_buffer_takes_only_so_much_at_once() {
    let mut stage = Stage::new(&[(WINDOW, 0x7fff_ffff)]);
    assert_eq!(stage.hear(&window(0, 0x7000_0000)), Ok(()));
    stage.begin(&vec![1; 3_000_000]);
    let mut sent = 0;
    while !stage.session.outbox.pending().is_empty() {
        assert!(stage.session.outbox.pending().len() < 300_000);
        sent += stage.sent().iter().map(|(_, length, _)| length).sum::<usize>();
        stage.session.resume();
    }
    assert_eq!(sent, 3_000_000);
}

#[test]
fn the_server_is_told_that_its_answers_were_taken() {
    let mut stage = Stage::new(&[]);
    stage.begin(b"body");
    stage.said();
    let piece = [7; 16_384];
    assert_eq!(stage.hear(&begins(1)), Ok(()));
    for _ in 0..2048 {
        assert_eq!(stage.said(), []);
        assert_eq!(stage.hear(&data(1, &piece)), Ok(()));
    }
    let said = stage.said();
    let [(head, payload)] = said.as_slice() else { panic!("{said:?}") };
    assert_eq!((head.kind, head.stream), (Kind::Window, 0));
    assert_eq!(payload.as_slice(), (32u32 << 20).to_be_bytes());
    assert_eq!(stage.hear(&ends(1, super::stage::END)), Ok(()));
    assert!(matches!(stage.ended.as_slice(), [(0, Ok(body))] if body.len() == 32 << 20));
}
