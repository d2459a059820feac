//! What is no HTTP/2 ends the connection, and nothing else.

use super::super::super::fault::Fault;
use super::super::frame::{END_HEADERS, END_STREAM, Kind};
use super::stage::{END, Stage, answer, begins, data, ends, frame, settings, window};

#[test]
fn what_is_broken_ends_the_connection() {
    let block = |bytes: &[u8]| ends(1, bytes);
    let half = |stream| frame(Kind::Headers, 0, stream, b"");
    let on = |stream| frame(Kind::Continuation, 0, stream, &[0; 16_000]);
    for broken in [
        // A frame that is longer than we allow.
        vec![0, 0x40, 1, 0, 0, 0, 0, 0, 1],
        // Streams that nobody opened, or that are not ours.
        data(0, b""),
        data(2, b""),
        data(5, b""),
        begins(5),
        window(5, 1),
        frame(Kind::Reset, 0, 5, &[0; 4]),
        frame(Kind::Push, END_HEADERS, 1, &[0, 0, 0, 2]),
        frame(Kind::Ping, 0, 1, &[0; 8]),
        frame(Kind::Settings, 0, 1, b""),
        frame(Kind::GoAway, 0, 1, &[0; 8]),
        // More padding than there is room, and too little of everything.
        frame(Kind::Data, 0x8, 1, b""),
        frame(Kind::Data, 0x8, 1, b"\x02a"),
        frame(Kind::Headers, 0x20 | END_HEADERS, 1, &[0; 4]),
        frame(Kind::Reset, 0, 1, &[0; 3]),
        frame(Kind::Window, 0, 1, &[0; 3]),
        frame(Kind::GoAway, 0, 0, &[0; 3]),
        frame(Kind::Ping, 0, 0, &[0; 7]),
        frame(Kind::Settings, 0, 0, &[0; 7]),
        // Windows that do not move, or that are too wide.
        window(0, 0),
        window(1, 0),
        window(0, 0x7fff_ffff),
        window(1, 0x7fff_ffff),
        settings(&[(4, 0x8000_0000)]),
        settings(&[(5, 16_383)]),
        // Pieces of a block that do not follow each other, or never end.
        frame(Kind::Continuation, END_HEADERS, 1, b""),
        [half(1), begins(1)].concat(),
        [half(1), data(1, b"")].concat(),
        [half(1), frame(Kind::Continuation, END_HEADERS, 3, b"")].concat(),
        [half(1), on(1), on(1), on(1), on(1), on(1)].concat(),
        // Blocks that are cut, name what no table holds, or want a table.
        block(b"\xff"),
        block(b"\x00\x0bgrpc"),
        block(b"\x80"),
        block(b"\xbe"),
        block(b"\x3f\xe1\x1f\x88"),
        block(b"\x00\x84\xff\xff\xff\xff\x010"),
    ] {
        let mut stage = Stage::new(&[]);
        (0..2).for_each(|_| stage.begin(b"body"));
        assert_eq!(stage.hear(&broken), Err(Fault::Connection), "{broken:?}");
    }
}

#[test]
fn the_first_word_is_the_settings() {
    for first in [frame(Kind::Ping, 0, 0, &[0; 8]), frame(Kind::Settings, 1, 0, b"")] {
        let mut session = super::super::session::Session::new("localhost:1");
        let head = super::super::frame::Head::read(&first).expect("a whole head");
        let taken = session.take(head, &first[9..], &mut |_, _| {});
        assert_eq!(taken, Err(Fault::Connection));
    }
}

#[test]
fn who_asks_for_answers_and_takes_none_is_left() {
    let mut stage = Stage::new(&[]);
    let pings = frame(Kind::Ping, 0, 0, &[0; 8]).repeat(10_000);
    assert_eq!((0..40).try_for_each(|_| stage.hear(&pings)), Err(Fault::Connection));
}

#[test]
fn an_answer_without_end_is_given_up() {
    let mut stage = Stage::new(&[]);
    stage.begin(b"body");
    assert_eq!(stage.hear(&begins(1)), Ok(()));
    let piece = data(1, &[0; 16_384]);
    for _ in 0..4097 {
        assert_eq!(stage.hear(&piece), Ok(()));
    }
    assert_eq!(stage.ended, [(0, Err(Fault::Answer))]);
}

#[test]
fn what_is_over_may_still_be_spoken_of() {
    let mut stage = Stage::new(&[]);
    (0..2).for_each(|_| stage.begin(b"body"));
    let late = [
        answer(3, b"b"),
        data(3, b"late"),
        frame(Kind::Headers, END_HEADERS | END_STREAM, 3, END),
        frame(Kind::Reset, 0, 3, &[0; 4]),
        window(3, 1),
    ];
    assert_eq!(stage.hear(&late.concat()), Ok(()));
    assert_eq!(stage.ended.len(), 1);
}
