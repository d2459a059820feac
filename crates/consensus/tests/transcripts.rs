//! Transcripts: a command, then exactly what the cluster says, as text.
//!
//! `tests/transcripts/shared` is told to every protocol (its outputs are kept
//! per protocol), `tests/transcripts/<protocol>` to one. With
//! `UPDATE_TRANSCRIPTS=1` the outputs are written anew: read the diff.

mod world;

use base::{NodeId, Serial};
use consensus::contract::{Input, Retention};
use consensus::protocol::ProtocolKind;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use world::{Flight, Output, World, say};

#[test]
fn the_cluster_says_what_is_written() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/transcripts");
    let mut told = 0;
    for kind in ProtocolKind::ALL {
        for file in files(&root.join("shared")) {
            check(*kind, &file, &format!("> {}", kind.name()));
            told += 1;
        }
        for file in files(&root.join(kind.name())) {
            check(*kind, &file, ">");
            told += 1;
        }
    }
    assert!(told >= 14, "only {told} transcripts were found");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder of transcripts is there");
    let paths = entries.map(|entry| entry.expect("it can be listed").path());
    let mut paths: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|ext| ext == "txt")).collect();
    paths.sort();
    paths
}

/// Lines of a transcript: `# comment`, a command, or, indented, what was said
/// to it. Only the outputs of the protocol at hand are compared and replaced:
/// a shared transcript holds a block `> name` for each protocol.
fn check(kind: ProtocolKind, file: &Path, block: &str) {
    let text = fs::read_to_string(file).expect("the transcript can be read");
    let mut world = None;
    let mut told = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let _ = writeln!(told, "{line}");
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let said = command(&mut world, kind, line);
        let mut blocks = blocks(&mut lines);
        match blocks.iter_mut().find(|(name, _)| name == block) {
            Some((_, mine)) => *mine = said,
            None => blocks.push((block.to_owned(), said)),
        }
        for (name, said) in blocks.iter().filter(|(_, said)| !said.is_empty()) {
            let _ = writeln!(told, "{name}");
            said.iter().for_each(|line| told.push_str(&format!("{line}\n")));
        }
    }
    if std::env::var_os("UPDATE_TRANSCRIPTS").is_some() {
        return fs::write(file, &told).expect("the transcript can be written");
    }
    for (number, (said, written)) in (1..).zip(told.lines().zip(text.lines())) {
        assert_eq!(said, written, "{}:{number} as {}", file.display(), kind.name());
    }
    assert_eq!(told.len(), text.len(), "{} ends early or late", file.display());
}

/// Takes the outputs that stand below a command, by protocol.
fn blocks(lines: &mut std::iter::Peekable<std::str::Lines>) -> Vec<(String, Vec<String>)> {
    let mut blocks = Vec::new();
    while let Some(name) = lines.next_if(|line| line.starts_with('>')) {
        let mut said = Vec::new();
        while let Some(line) = lines.next_if(|line| line.starts_with("  ")) {
            said.push(line.to_owned());
        }
        blocks.push((name.to_owned(), said));
    }
    blocks
}

fn command(world: &mut Option<World>, kind: ProtocolKind, line: &str) -> Vec<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    if let ["cluster", count] = words[..] {
        *world = Some(World::new(kind, number(count), 1));
        return Vec::new();
    }
    if let ["cluster", count, "tail", entries] = words[..] {
        let entries = number(entries) as usize;
        let mut made = World::new(kind, number(count), 1);
        made.retain(Retention { entries, ..Retention::default() });
        *world = Some(made);
        return Vec::new();
    }
    let world = world.as_mut().expect("a transcript begins with `cluster N`");
    if arrange(world, &words) {
        return Vec::new();
    }
    match words[..] {
        ["unmute", id] => turn(world, id, Input::Unmute),
        ["campaign", id] => turn(world, id, Input::Campaign),
        ["timeout", id] => turn(world, id, Input::Timeout),
        ["transfer", id] => turn(world, id, Input::Transfer { to: None }),
        ["transfer", id, "->", to] => {
            turn(world, id, Input::Transfer { to: Some(NodeId(node(to))) })
        }
        ["beat", id] => turn(world, id, Input::Beat),
        ["link", id, peer, up] => {
            let peer = NodeId(node(peer));
            turn(world, id, Input::Link { peer, up: up == "up" })
        }
        ["read", id] => {
            let ask = world.ask();
            turn(world, id, Input::Read { id: ask })
        }
        ["checkpoint", id] => {
            let seen = world.checkpoint(node(id));
            tell(world, node(id), &seen)
        }
        ["install", from, "->", to] => {
            let checkpoint = world.node(node(from)).checkpoint;
            let seen = world.install(node(to), checkpoint);
            tell(world, node(to), &seen)
        }
        ["propose", id, ref bodies @ ..] => propose(world, node(id), bodies),
        ["durable", id] => durable(world, node(id), u64::MAX),
        ["durable", id, upto] => durable(world, node(id), number(upto.trim_start_matches('s'))),
        ["deliver"] => deliver(world, &|_| true),
        ["deliver", from, "->", to] => deliver(world, &|f| on_way(f, from, to)),
        ["settle"] => settle(world, &[]),
        ["settle", "without", ref cut @ ..] => settle(world, cut),
        ["drop", from, "->", to] => drop_letters(world, &|f| on_way(f, from, to)),
        ["drop"] => drop_letters(world, &|_| true),
        ["log"] => log(world),
        ["commit"] => commit(world),
        _ => panic!("no such command: {line}"),
    }
}

/// What the world does; nobody says anything to it.
fn arrange(world: &mut World, words: &[&str]) -> bool {
    match *words {
        ["disk", id, how] => world.slow_disk(node(id), how == "slow"),
        // The beginning of many transcripts: one leads, and all know it.
        ["lead", id] => world.elect(node(id)),
        // Only time passes: `timeout` says who notices.
        ["pass", millis] => world.now += Duration::from_millis(number(millis)),
        // Of what was not synced, nothing survives.
        // A checkpoint comes, and the power goes before the machine is replaced.
        ["flip", from, "->", to] => {
            let checkpoint = world.node(node(from)).checkpoint;
            assert!(world.flip(node(to), checkpoint), "it is taken");
        }
        // Its disk is gone with its promises, and it starts anew.
        ["lose", id] => {
            world.lose_disk(node(id));
            world.node(node(id)).setup.mute = true;
            world.restart(node(id));
        }
        ["crash", id] => world.crash(node(id), 0),
        ["restart", id] => world.restart(node(id)),
        _ => return false,
    }
    true
}

fn number(word: &str) -> u64 {
    word.parse().unwrap_or_else(|_| panic!("{word} is no number"))
}

fn node(word: &str) -> u64 {
    number(word.trim_start_matches('n'))
}

/// What a fast disk lets go at once is not said twice.
fn tell(world: &mut World, id: u64, outputs: &[Output]) -> Vec<String> {
    let slow = world.node(id).slow_disk;
    let outputs = outputs.iter().filter(|output| slow || !matches!(output, Output::Leaves(..)));
    outputs.map(|output| say::output(NodeId(id), output)).collect()
}

fn turn(world: &mut World, id: &str, input: Input) -> Vec<String> {
    let id = node(id);
    let seen = world.turn(id, input);
    tell(world, id, &seen)
}

/// Several proposals on one line arrive in one turn.
fn propose(world: &mut World, id: u64, bodies: &[&str]) -> Vec<String> {
    let mut seen = Vec::new();
    for body in bodies {
        let ask = world.ask();
        let kind = consensus::entry::EntryKind::Command;
        let body = body.as_bytes().to_vec().into();
        world.step(id, Input::Propose { id: ask, kind, body }, &mut seen);
    }
    world.end_turn(id, &mut seen);
    tell(world, id, &seen)
}

fn durable(world: &mut World, id: u64, upto: u64) -> Vec<String> {
    let upto = world.node(id).serial.min(Serial(upto));
    let seen = world.durable(id, upto);
    tell(world, id, &seen)
}

fn on_way(flight: &Flight, from: &str, to: &str) -> bool {
    let fits = |id: NodeId, word: &str| word == "*" || id.0 == node(word);
    fits(flight.from, from) && fits(flight.to, to)
}

/// Delivers what is on its way now, not what follows from it.
fn deliver(world: &mut World, which: &dyn Fn(&Flight) -> bool) -> Vec<String> {
    let (go, stay) = std::mem::take(&mut world.net).into_iter().partition(which);
    world.net = stay;
    let go: Vec<Flight> = go;
    go.into_iter().flat_map(|flight| arrive(world, flight)).collect()
}

fn arrive(world: &mut World, flight: Flight) -> Vec<String> {
    let to = flight.to;
    let mut said = vec![format!("  {}", say::flight(&flight))];
    let seen = world.deliver(flight);
    said.extend(tell(world, to.0, &seen).into_iter().map(|line| format!("  {line}")));
    said
}

fn settle(world: &mut World, cut: &[&str]) -> Vec<String> {
    let mut said = Vec::new();
    let gone = |id: NodeId| cut.iter().any(|word| node(word) == id.0);
    while !world.net.is_empty() {
        let flight = world.net.remove(0);
        if !gone(flight.from) && !gone(flight.to) {
            said.extend(arrive(world, flight));
        }
    }
    said
}

fn drop_letters(world: &mut World, which: &dyn Fn(&Flight) -> bool) -> Vec<String> {
    let (gone, stay): (Vec<Flight>, Vec<Flight>) =
        std::mem::take(&mut world.net).into_iter().partition(|flight| which(flight));
    world.net = stay;
    gone.iter().map(|flight| format!("  lost: {}", say::flight(flight))).collect()
}

fn log(world: &mut World) -> Vec<String> {
    let line = |node: &world::Node| {
        let entries: Vec<String> = node.log().iter().map(say::entry).collect();
        format!("  {} has {}", node.id, entries.join(", "))
    };
    world.nodes.values().map(line).collect()
}

fn commit(world: &mut World) -> Vec<String> {
    world.nodes.values().map(|node| format!("  {} committed {}", node.id, node.commit)).collect()
}
