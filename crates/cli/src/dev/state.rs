//! What is known about a dev cluster between two commands: one small file.
//!
//! `DIR/cluster` is replaced as a whole under the lock `DIR/cluster.lock`, so
//! that a prompt and other terminals can act on the same cluster.

use super::node::Node;
use super::process::Process;
use crate::failure::Failure;
use std::fmt::Write;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

const FILE: &str = "cluster";
const LOCK: &str = "cluster.lock";
const UP_LOCK: &str = "up.lock";
const TITLE: &str = "trimaran dev 1";

/// The directory of one dev cluster.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    pub(crate) dir: PathBuf,
}

/// The cluster as it was last known.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct State {
    /// The foreground that the nodes end with, if there is one.
    pub(crate) foreground: Option<Process>,
    /// Heartbeat and election, in milliseconds.
    pub(crate) times: (u64, u64),
    /// Further flags of every node, without their dashes.
    pub(crate) more: Vec<String>,
    pub(crate) nodes: Vec<Member>,
}

/// A node and its last process.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Member {
    pub(crate) node: Node,
    pub(crate) process: Option<Process>,
}

impl Member {
    /// Its process, if that still lives.
    pub(crate) fn alive(&self) -> Option<Process> {
        self.process.filter(|process| process.alive())
    }
}

impl State {
    /// What the cluster was told to speak, if it was.
    pub(crate) fn protocol(&self) -> Option<&str> {
        self.more.iter().rev().find_map(|flag| flag.strip_prefix("protocol="))
    }

    pub(crate) fn foreground(&self) -> Option<Process> {
        self.foreground.filter(|process| process.alive())
    }

    pub(crate) fn plan(&self) -> Vec<Node> {
        self.nodes.iter().map(|member| member.node.clone()).collect()
    }

    pub(crate) fn any_alive(&self) -> bool {
        self.nodes.iter().any(|member| member.alive().is_some())
    }

    /// The member of this name.
    pub(crate) fn member(&self, name: &str) -> Result<&Member, Failure> {
        self.nodes.iter().find(|member| member.node.name == name).ok_or_else(|| {
            let names: Vec<&str> =
                self.nodes.iter().map(|member| member.node.name.as_str()).collect();
            Failure::arguments(format!("there is no node {name:?}; there are {}", names.join(" ")))
        })
    }

    fn text(&self) -> String {
        let word = |process: Option<Process>| {
            process.map_or_else(|| "-".to_owned(), |process| process.to_string())
        };
        let (heartbeat, election) = self.times;
        let mut text = format!("{TITLE}\nforeground {}\n", word(self.foreground));
        let _ = writeln!(text, "times {heartbeat} {election}");
        for flag in &self.more {
            let _ = writeln!(text, "with {flag}");
        }
        for Member { node, process } in &self.nodes {
            let Node { name, client_port, peer_port } = node;
            let _ = writeln!(text, "node {name} {client_port} {peer_port} {}", word(*process));
        }
        text
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        if lines.next()? != TITLE {
            return None;
        }
        let mut state = Self::default();
        for line in lines {
            let words: Vec<&str> = line.split(' ').collect();
            match words.as_slice() {
                ["foreground", process] => state.foreground = Process::parse(process),
                ["times", heartbeat, election] => {
                    state.times = (heartbeat.parse().ok()?, election.parse().ok()?);
                }
                ["with", ..] => state.more.push(line.strip_prefix("with ")?.to_owned()),
                ["node", name, client, peer, process] => {
                    let (client_port, peer_port) = (client.parse().ok()?, peer.parse().ok()?);
                    let node = Node { name: (*name).to_owned(), client_port, peer_port };
                    state.nodes.push(Member { node, process: Process::parse(process) });
                }
                _ => return None,
            }
        }
        Some(state)
    }
}

impl Home {
    /// The directory that was named, or the one for a person's dev cluster.
    pub(crate) fn new(given: Option<&Path>) -> Result<Self, Failure> {
        let dir = given.map(Path::to_path_buf).or_else(usual_dir).ok_or_else(|| {
            Failure::arguments("neither HOME nor XDG_STATE_HOME is set\n  try: --dir DIR")
        })?;
        let dir = std::path::absolute(&dir)
            .map_err(|error| Failure::io(&format!("use {}", dir.display()), &error))?;
        Ok(Self { dir })
    }

    pub(crate) fn data(&self, node: &Node) -> PathBuf {
        self.dir.join(&node.name)
    }

    pub(crate) fn log(&self, node: &Node) -> PathBuf {
        self.dir.join(format!("{}.log", node.name))
    }

    /// What is known, if there ever was a cluster here.
    pub(crate) fn load(&self) -> Result<Option<State>, Failure> {
        let path = self.dir.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::io(&format!("read {}", path.display()), &error)),
        };
        State::parse(&text).map(Some).ok_or_else(|| {
            Failure::error(format!(
                "{} is not a state of `trimaran dev` that this version can read\n  \
                 try: --dir with another directory",
                path.display()
            ))
        })
    }

    /// What is known about the cluster that must be here.
    pub(crate) fn need(&self) -> Result<State, Failure> {
        self.load()?.ok_or_else(|| {
            Failure::error(format!(
                "there is no dev cluster in {}\n  try: `trimaran dev`, or --dir DIR",
                self.dir.display()
            ))
        })
    }

    /// Takes the lock for a change; it is held until the file is dropped.
    pub(crate) fn lock(&self) -> Result<File, Failure> {
        let file = self.lock_file(LOCK)?;
        file.lock().map_err(|error| self.fault("lock", &error))?;
        Ok(file)
    }

    /// Takes the lock of the one `dev` that starts or keeps this cluster.
    pub(crate) fn lock_up(&self) -> Result<File, Failure> {
        fs::create_dir_all(&self.dir).map_err(|error| self.fault("make", &error))?;
        let file = self.lock_file(UP_LOCK)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(self.running()),
            Err(TryLockError::Error(error)) => Err(self.fault("lock", &error)),
        }
    }

    pub(crate) fn running(&self) -> Failure {
        Failure::error(format!(
            "a dev cluster already runs in {}\n  \
             try: `trimaran dev ps`, `trimaran dev stop`, or --dir with another directory",
            self.dir.display()
        ))
    }

    /// Replaces the state as a whole. The lock must be held.
    pub(crate) fn store(&self, _lock: &File, state: &State) -> Result<(), Failure> {
        let fresh = self.dir.join(format!("{FILE}.new"));
        fs::write(&fresh, state.text())
            .and_then(|()| fs::rename(&fresh, self.dir.join(FILE)))
            .map_err(|error| self.fault("write to", &error))
    }

    /// Every file that `dev` makes here besides what belongs to a node.
    pub(crate) fn own_files(&self) -> [PathBuf; 4] {
        [FILE, LOCK, UP_LOCK, "cluster.new"].map(|name| self.dir.join(name))
    }

    fn lock_file(&self, name: &str) -> Result<File, Failure> {
        let options = File::options().create(true).truncate(false).write(true).clone();
        options.open(self.dir.join(name)).map_err(|error| self.fault("write to", &error))
    }

    fn fault(&self, what: &str, error: &io::Error) -> Failure {
        Failure::io(&format!("{what} {}", self.dir.display()), error)
    }
}

fn usual_dir() -> Option<PathBuf> {
    let named = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = named("XDG_STATE_HOME").or_else(|| Some(named("HOME")?.join(".local/state")))?;
    Some(state.join("trimaran/dev"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_read_as_it_was_written() {
        let node = |number: u16| Node {
            name: format!("n{number}"),
            client_port: 2379 + number,
            peer_port: 3379 + number,
        };
        let state = State {
            foreground: Process::parse("3:4"),
            times: (50, 500),
            more: vec!["log-level=debug".to_owned()],
            nodes: vec![
                Member { node: node(1), process: Process::parse("1:2") },
                Member { node: node(2), process: None },
            ],
        };
        assert_eq!(State::parse(&state.text()), Some(state));
    }

    #[test]
    fn what_is_no_state_is_refused() {
        for text in ["", "trimaran dev 2\n", "trimaran dev 1\nnode n1 1\n", "x\n"] {
            assert_eq!(State::parse(text), None, "{text:?}");
        }
    }
}
