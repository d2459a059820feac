//! A script, played by one program to one server.

use crate::known::Pair;
use crate::mask::Mask;
use crate::peer::{Programs, Server};
use crate::script::Example;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// What stands for a line that did not come.
const SILENT: &str = "(silence)";
/// How long a line may be waited for.
const SILENCE: Duration = Duration::from_secs(60);

/// What an example came to, masked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    code: Option<i32>,
    out: String,
    /// The last line of stderr: above it are usage and logs.
    fault: String,
}

pub(crate) fn play(
    programs: &Programs,
    pair: Pair,
    server: &Server,
    examples: &[Example],
) -> Vec<Heard> {
    let mut mask = Mask::new(server);
    let mut asker = Asker { programs, pair, endpoints: server.endpoints() };
    examples.iter().map(|example| asker.one(example, &mut mask)).collect()
}

struct Asker<'a> {
    programs: &'a Programs,
    pair: Pair,
    endpoints: String,
}

impl Asker<'_> {
    fn one(&mut self, example: &Example, mask: &mut Mask) -> Heard {
        let mut child = self.start(&example.words, mask);
        let mut stdin = child.stdin.take().expect("its stdin is a pipe");
        let (out, err) = (lines(child.stdout.take()), lines(child.stderr.take()));
        let mut said = Vec::new();
        for line in &example.input {
            // Whoever does not read hangs up, which is not what is compared.
            let _ = writeln!(stdin, "{line}");
        }
        for words in &example.meanwhile {
            let mut other = self.start(words, mask);
            drop(other.stdin.take());
            let (out, err) = (lines(other.stdout.take()), lines(other.stderr.take()));
            let _ = other.wait();
            let (out, err) = (rest(&out), rest(&err));
            assert!(err.is_empty(), "{words:?}: {out:?} {err:?}");
        }
        let code = match example.lines() {
            Some(count) => {
                while said.len() < count && said.last().is_none_or(|line| line != SILENT) {
                    let Some(line) = next(&out) else { break };
                    said.push(line);
                }
                drop(stdin);
                let _ = child.kill();
                let _ = child.wait();
                None
            }
            None => {
                drop(stdin);
                let code = end(&mut child);
                said.extend(rest(&out));
                code
            }
        };
        let is_talk = |line: &&String| !line.starts_with("{\"level\":") && !line.is_empty();
        let err = rest(&err);
        let fault = if code.is_none() { None } else { err.iter().rfind(is_talk) };
        mask.learn(&said);
        Heard {
            code,
            out: mask.apply(example, &said.join("\n")),
            fault: mask.apply(example, fault.map_or("", String::as_str)),
        }
    }

    fn start(&self, words: &[String], mask: &Mask) -> Child {
        let mut command: Command = self.programs.asker(self.pair);
        command.args(["--endpoints", &self.endpoints]);
        command.args(words.iter().map(|word| mask.undo(word)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("the program starts")
    }
}

fn lines(stream: Option<impl std::io::Read + Send + 'static>) -> Receiver<String> {
    let stream = BufReader::new(stream.expect("a pipe"));
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in stream.split(b'\n').map_while(Result::ok) {
            if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Its exit code; whoever does not end by itself has none.
fn end(child: &mut Child) -> Option<i32> {
    let until = Instant::now() + SILENCE;
    while Instant::now() < until {
        if let Some(status) = child.try_wait().expect("it is a child") {
            return status.code();
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}

impl Heard {
    /// Whether a line was waited for in vain.
    pub(crate) fn was_silent(&self) -> bool {
        self.out.contains(SILENT)
    }
}

/// The next line, or none at the end. Silence is told as a line of its own, so
/// that it shows which example it was.
fn next(lines: &Receiver<String>) -> Option<String> {
    match lines.recv_timeout(SILENCE) {
        Ok(line) => Some(line),
        Err(RecvTimeoutError::Disconnected) => None,
        Err(RecvTimeoutError::Timeout) => Some(SILENT.to_owned()),
    }
}

fn rest(lines: &Receiver<String>) -> Vec<String> {
    std::iter::from_fn(|| next(lines)).collect()
}
