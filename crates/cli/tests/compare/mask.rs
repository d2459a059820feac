//! What no two clusters have in common: ids, addresses, terms, and by an
//! example's marks sizes, sums and times. Each is replaced where it stands, so
//! that the rest of its line is still compared.

use crate::peer::Server;
use crate::script::Example;

/// How a lease is called in scripts.
const LEASES: [&str; 4] = ["LEASE1", "LEASE2", "LEASE3", "LEASE4"];

pub(crate) struct Mask {
    /// A text of this cluster, and what it is called.
    names: Vec<(String, String)>,
    leases: Vec<i64>,
}

impl Mask {
    pub(crate) fn new(server: &Server) -> Self {
        let mut names = vec![
            (server.cluster_id.to_string(), "CLUSTER".to_owned()),
            (format!("{:x}", server.cluster_id), "XCLUSTER".to_owned()),
        ];
        for (at, node) in server.nodes.iter().enumerate() {
            let peer = node.member.peer_urls.concat();
            let plain = [
                (format!("{:x}", node.member.id), "XMEMBER"),
                (node.member.id.to_string(), "MEMBER"),
                (node.endpoint.clone(), "CLIENT"),
                (peer, "PEER"),
                (format!(", {}, ", node.member.name), "NAME"),
                (format!("\"{}\"", node.member.name), "NAME"),
                (format!(" {} ", node.member.name), "NAME"),
            ];
            names.extend(plain.map(|(text, name)| (text, format!("{name}{at}"))));
        }
        // An id may be a part of a longer one.
        names.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
        Self { names, leases: Vec::new() }
    }

    /// Takes the id of a lease that was just granted.
    pub(crate) fn learn(&mut self, said: &[String]) {
        let Some(line) = said.first().filter(|line| line.contains(" granted with TTL(")) else {
            return;
        };
        let id = line.split(' ').nth(1).and_then(|id| i64::from_str_radix(id, 16).ok());
        let id = id.expect("the id of a lease");
        if !self.leases.contains(&id) {
            self.leases.push(id);
        }
    }

    /// The names in a script's word, made this cluster's own texts.
    pub(crate) fn undo(&self, word: &str) -> String {
        let mut word = word.to_owned();
        for (id, name) in self.leases.iter().zip(LEASES) {
            word = word.replace(name, &format!("{id:016x}"));
        }
        for (text, name) in self.names.iter().filter(|(_, name)| name.starts_with("XMEMBER")) {
            word = word.replace(name, text);
        }
        word
    }

    pub(crate) fn apply(&self, example: &Example, text: &str) -> String {
        let mut text = text.to_owned();
        for (id, name) in self.leases.iter().zip(LEASES) {
            text = text.replace(&format!("{id:016x}"), name).replace(&id.to_string(), name);
        }
        for (own, name) in &self.names {
            text = text.replace(own, name);
        }
        for head in ["\"raft_term\":", "\"RaftTerm\" : "] {
            text = number_after(&text, head);
        }
        for (mark, heads) in MARKS {
            if example.marked(mark) {
                text = heads.iter().fold(text, |text, head| number_after(&text, head));
            }
        }
        if example.marked("columns") {
            text = columns(&text);
        }
        if example.marked("took") {
            text = took(&text);
        }
        if example.marked("sorted") {
            let mut lines: Vec<&str> = text.lines().collect();
            lines.sort_unstable();
            text = lines.join("\n");
        }
        text
    }
}

/// What stands before the numbers that a mark hides.
const MARKS: &[(&str, &[&str])] = &[
    ("hash", &["\"hash\":", "\"Hash\" : ", "CLIENT0, ", "CLIENT1, ", "CLIENT2, "]),
    (
        "sizes",
        &[
            "\"dbSize\":",
            "\"dbSizeInUse\":",
            "\"raftIndex\":",
            "\"raftTerm\":",
            "\"raftAppliedIndex\":",
            "\"DBSize\" : ",
            "\"RaftIndex\" : ",
            "\"RaftAppliedIndex\" : ",
            "\"version\":\"3.5.",
            "\"Version\" : \"3.5.",
        ],
    ),
    ("granted", &["\"ID\" : "]),
    ("left", &["remaining(", "\"ttl\":", "\"TTL\" : "]),
    ("perf", &["Throughput is ", "took ", "Stddev is ", "Compacted with revision "]),
];

/// Digits (and a dot among them) after `head` become a sign.
fn number_after(text: &str, head: &str) -> String {
    let mut parts = text.split(head);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|sign: char| sign.is_ascii_digit() || sign == '.');
        out.push_str(head);
        out.push_str(if rest.len() == part.len() { "" } else { "#" });
        out.push_str(rest);
    }
    out
}

/// Of a line of `endpoint status`, or a row of its table: version, size, term
/// and indices hidden, and the width of columns with them.
fn columns(text: &str) -> String {
    let line = |line: &str| {
        if line.starts_with('+') {
            return "+-".repeat(line.matches('+').count() - 1) + "+";
        }
        let sign = if line.starts_with('|') { "|" } else { "," };
        let cells = line.split(sign).map(|cell| {
            let cell = cell.trim();
            let varies = cell.starts_with(|sign: char| sign.is_ascii_digit());
            if varies { "#" } else { cell }
        });
        cells.collect::<Vec<_>>().join(sign)
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// A duration as Go writes it, after each word that comes before one.
fn took(text: &str) -> String {
    ["took = ", "\"took\":\"", "\"Took\" : \"", "\"Took\" : "].iter().fold(
        text.to_owned(),
        |text, head| {
            let mut parts = text.split(head);
            let mut out = parts.next().unwrap_or_default().to_owned();
            for part in parts {
                let end = part.find('s').map_or(0, |at| at + 1);
                let is_time = part.starts_with(|sign: char| sign.is_ascii_digit());
                let rest = if is_time { &part[end..] } else { part };
                out.push_str(&format!("{head}{}{rest}", if is_time { "TIME" } else { "" }));
            }
            out
        },
    )
}

#[test]
fn only_the_number_goes() {
    assert_eq!(number_after("{\"hash\":12,\"x\":3}", "\"hash\":"), "{\"hash\":#,\"x\":3}");
    assert_eq!(number_after("Stddev is 0.001s", "Stddev is "), "Stddev is #s");
    assert_eq!(columns("a, 1, true, 20 kB\n+--+--+\n|  a | 1 |"), "a,#,true,#\n+-+-+\n|a|#|");
    assert_eq!(took("is healthy: took = 1.2ms"), "is healthy: took = TIME");
    assert_eq!(took("[{\"took\":\"1.2µs\"}]"), "[{\"took\":\"TIME\"}]");
}
