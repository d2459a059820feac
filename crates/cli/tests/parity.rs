//! The verbs beside put, get and del: their words against literals, and against
//! etcdctl's own, both asked at the same cluster. Ids are the same for both;
//! sizes, times and versions are masked.

mod harness;

use harness::{Cluster, Said, command, etcdctl, wait_until};
use std::io::Write;
use std::process::{Command, Stdio};

/// Runs `words` at `endpoints` and says `input` to it.
fn said(mut program: Command, endpoints: &str, words: &[&str], input: &str) -> Said {
    // Not by its variable, with which etcdctl refuses --cluster.
    program.args(["--endpoints", endpoints]).args(words);
    program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = program.spawn().expect("the program runs");
    let mut stdin = child.stdin.take().expect("its stdin is a pipe");
    // Whoever does not read hangs up, which is not what is tested.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("it ends").into()
}

fn ours(endpoints: &str, words: &[&str], input: &str) -> Said {
    said(command(), endpoints, words, input)
}

#[test]
fn a_transaction_does_one_of_two_things() {
    let cluster = Cluster::up("parity-txn", 1);
    let at = cluster.endpoints().join(",");
    let input = "\
value(\"user1\") = \"bad\"

del user1

put user1 \"very bad\"
get user1

";
    let out = ours(&at, &["txn"], input).ok();
    assert_eq!(out, "FAILURE\n\nOK\n\nuser1\nvery bad\n");
    let input = "mod(\"user1\") > \"0\"\n\nget user1\nget none\n\n\n";
    assert_eq!(ours(&at, &["txn"], input).ok(), "SUCCESS\n\nuser1\nvery bad\n\n");
    let out = ours(&at, &["txn", "--interactive"], "\n\n\n").ok();
    let titles =
        "compares:\nsuccess requests (get, put, del):\nfailure requests (get, put, del):\n";
    assert_eq!(out, format!("{titles}SUCCESS\n"));
    let json = ours(&at, &["txn", "-w", "json"], "\nput k v\n\n\n").ok();
    assert!(json.contains("\"succeeded\":true,\"responses\":[{\"Response\":{"), "{json}");
    for (input, code, words) in [
        ("", 3, "Error: EOF\n"),
        ("nonsense\n\n\n\n", 3, "Error: malformed comparison: nonsense\n"),
        ("\nwatch k\n\n\n", 3, "Error: invalid txn request: watch k\n"),
        ("\nput k 1\nput k 2\n\n\n", 1, "Error: etcdserver: duplicate key given in txn request\n"),
    ] {
        let said = ours(&at, &["txn"], input);
        assert_eq!((said.code, said.err.as_str()), (Some(code), words), "{input:?}");
    }
}

#[test]
fn each_member_says_how_it_is() {
    let cluster = Cluster::up("parity-endpoints", 3);
    let at = cluster.endpoints().join(",");
    let ask = |words: &[&str]| ours(&at, words, "").ok();
    let leader = cluster.leader().endpoint;
    let statuses = ask(&["endpoint", "status"]);
    let lines: Vec<&str> = statuses.lines().collect();
    assert_eq!(lines.len(), 3, "{statuses}");
    for (line, endpoint) in lines.iter().zip(cluster.endpoints()) {
        let words: Vec<&str> = line.split(", ").collect();
        assert_eq!((words.len(), words.first()), (10, Some(&endpoint.as_str())), "{line}");
        assert_eq!(words.get(4), Some(&if endpoint == leader { "true" } else { "false" }));
    }
    let table = ask(&["endpoint", "status", "-w", "table"]);
    assert!(table.contains("|    ENDPOINT     |"), "{table}");
    assert!(table.contains("| IS LEADER | IS LEARNER | RAFT TERM | RAFT INDEX |"), "{table}");
    let health = ask(&["endpoint", "health", "--cluster"]);
    let well = "is healthy: successfully committed proposal: took = ";
    assert!(health.lines().count() == 3 && health.lines().all(|line| line.contains(well)));
    let members = ask(&["member", "list"]);
    assert!(
        members.lines().count() == 3 && members.contains(", started, n2, http://"),
        "{members}"
    );
    cluster.dev(&["kill", "n1"]).ok();
    let said = ours(&at, &["endpoint", "health"], "");
    assert_eq!((said.code, said.out.lines().count()), (Some(1), 2), "{said:?}");
    assert!(said.err.contains(" is unhealthy: failed to commit proposal: "), "{said:?}");
    assert!(said.err.ends_with("Error: unhealthy cluster\n"), "{said:?}");
    let said = ours(&at, &["endpoint", "status", "-w", "json"], "");
    assert_eq!((said.code, said.out.matches("\"Endpoint\":").count()), (Some(1), 2), "{said:?}");
    assert!(said.err.contains("Failed to get the status of endpoint "), "{said:?}");
}

#[test]
fn a_table_is_refused_before_anything_is_done() {
    let cluster = Cluster::up("parity-table", 1);
    let at = cluster.endpoints().join(",");
    let said = ours(&at, &["put", "k", "v", "-w", "table"], "");
    assert_eq!(
        (said.code, said.err.as_str()),
        (Some(4), "Error: table not supported as output format\n")
    );
    assert_eq!(ours(&at, &["get", "k"], "").ok(), "");
}

#[test]
fn a_watch_runs_a_command_for_every_change() {
    let cluster = Cluster::up("parity-watch-command", 1);
    let at = cluster.endpoints().join(",");
    ours(&at, &["put", "k", "a b"], "").ok();
    ours(&at, &["del", "k"], "").ok();
    // It fails at the second change, which ends the watch.
    let script = "echo $ETCD_WATCH_EVENT_TYPE $ETCD_WATCH_KEY $ETCD_WATCH_VALUE; \
                  test $ETCD_WATCH_EVENT_TYPE = '\"PUT\"'";
    let said = ours(&at, &["watch", "k", "--rev", "2", "--", "sh", "-c", script], "");
    assert_eq!(said.code, Some(1));
    let lines: Vec<&str> = said.out.lines().collect();
    assert!(
        lines.contains(&"\"PUT\" \"k\" \"a b\"") && lines.contains(&"\"DELETE\" \"k\" \"\""),
        "{said:?}"
    );
    assert!(
        said.err.starts_with("command [\"sh\" \"-c\" ") && said.err.contains("(exit status 1)")
    );
}

#[test]
fn watches_are_read_from_stdin() {
    let cluster = Cluster::up("parity-watch-lines", 1);
    let at = cluster.endpoints().join(",");
    ours(&at, &["put", "k", "v"], "").ok();
    let mut program = command();
    program.env("ETCDCTL_ENDPOINTS", &at).args(["watch", "-i"]).stdin(Stdio::piped());
    let mut watch = harness::Running::start(program);
    watch.tell("nonsense");
    watch.tell("watch \"k\" --rev=2");
    assert_eq!([watch.line(), watch.line(), watch.line()], ["PUT", "k", "v"]);
    watch.tell("progress");
    assert_eq!(watch.line(), "progress notify: 2");
    watch.tell("watch l --rev 1 -- echo changed");
    ours(&at, &["put", "l", "w"], "").ok();
    assert_eq!([watch.line(), watch.line(), watch.line()], ["PUT", "l", "w"]);
    assert_eq!(watch.line(), "changed");
    drop(watch.child.stdin.take());
    wait_until("it ended", || watch.child.try_wait().is_ok_and(|ended| ended.is_some()));
    assert_eq!(watch.wait(), Some(3));
}

#[test]
fn a_steady_load_is_borne() {
    let cluster = Cluster::up("parity-check", 1);
    let at = cluster.endpoints().join(",");
    let said = ours(&at, &["check", "perf", "--seconds", "1"], "");
    // Whether it passes is the machine's business; that it judges is ours.
    assert_eq!(said.code == Some(0), said.out.ends_with("\nPASS\n"), "{said:?}");
    assert!(said.out.contains(": Throughput ") && said.out.contains(": Stddev "), "{said:?}");
    assert_eq!(ours(&at, &["get", "--prefix", "", "--keys-only"], "").ok(), "", "it tidied up");
}

/// etcdctl's documented examples, and what can go wrong with them. Without
/// `--cluster`: the etcdctl of Debian (3.4) then sends a URL as the authority.
const EXAMPLES: &[(&[&str], &str)] = &[
    (
        &["txn"],
        "value(\"key1\") > \"1\"\nmod(\"key1\") > \"0\"\n\nput key1 \"over\"\n\nput key1 \"new\"\nput key2 \"some extra text\"\n\n",
    ),
    (
        &["txn"],
        "mod(\"key1\") > \"0\"\n\nput key1 \"overwrote-key1\"\n\nput key1 \"created-key1\"\nput key2 \"some extra text\"\n\n",
    ),
    (
        &["txn", "-i"],
        "ver(\"key1\") > \"0\"\n\nget key1\nget --prefix key --keys-only\ndel none\n\n\n",
    ),
    (&["txn", "-w", "json"], "c(\"key1\") < \"1\"\n\n\nget key1\ndel none\n\n"),
    (&["txn", "-w", "fields"], "val(\"key1\") != \"x\"\n\nget key1\n\n\n"),
    (&["txn"], "foo(\"k\") = \"1\"\n\n\n\n"),
    (&["txn"], "mod(\"k\") = \"x\"\n\n\n\n"),
    (&["txn"], "\nput\n\n\n"),
    (&["txn"], "\nget a --order up\n\n\n"),
    (&["txn"], "\n"),
    (&["txn", "word"], ""),
    (&["member", "list"], ""),
    (&["member", "list", "-w", "json"], ""),
    (&["member", "list", "-w", "table"], ""),
    (&["member", "list", "-w", "fields"], ""),
    (&["endpoint", "status"], ""),
    (&["endpoint", "status", "-w", "table"], ""),
    (&["endpoint", "status", "-w", "fields"], ""),
    (&["put", "a", "b", "-w", "table"], ""),
    (&["watch", "--prefix", "a", "b"], ""),
    (&["compaction"], ""),
    (&["compaction", "x"], ""),
    (&["move-leader"], ""),
    (&["lease", "grant"], ""),
    (&["lease", "grant", "x"], ""),
    (&["lease", "revoke"], ""),
    (&["lease", "revoke", "zz"], ""),
    (&["lease", "timetolive"], ""),
    (&["lease", "keep-alive"], ""),
];

#[test]
fn the_documented_examples_read_as_etcdctls() {
    if etcdctl().is_none() {
        return;
    }
    let cluster = Cluster::up("parity-examples", 1);
    let at = cluster.endpoints().join(",");
    for (words, input) in EXAMPLES {
        // The same question to the same data: what a transaction wrote is taken back.
        ours(&at, &["put", "key1", "1"], "").ok();
        let theirs = said(etcdctl().expect("it was there"), &at, words, input);
        ours(&at, &["put", "key1", "1"], "").ok();
        let ours = ours(&at, words, input);
        let numbers_vary = !words.contains(&"member");
        let mask = |text: &str| mask(text, numbers_vary);
        assert_eq!(
            (ours.code, mask(&ours.out)),
            (theirs.code, mask(&theirs.out)),
            "{words:?} {input:?}: {}",
            ours.err
        );
        let last = |text: &str| text.lines().last().map(str::to_owned);
        assert_eq!(last(&ours.err), last(&theirs.err), "{words:?} {input:?}");
    }
}

/// Times, and numbers that grow with every write.
fn mask(text: &str, numbers_vary: bool) -> String {
    let is_time =
        |word: &str| word.ends_with('s') && word.starts_with(|sign: char| sign.is_ascii_digit());
    let line = |line: &str| {
        let words = line.split(' ').map(|word| if is_time(word) { "TIME" } else { word });
        let line = words.collect::<Vec<_>>().join(" ");
        if numbers_vary { without_numbers(&line) } else { line }
    };
    let text = text.lines().map(line).collect::<Vec<_>>().join("\n");
    // etcdctl 3.4 had other names for the cases of an answer; ours are those of 3.5.
    let cases = [("Put", "put"), ("Range", "range"), ("DeleteRange", "delete_range")];
    cases.iter().fold(text, |text, (old, new)| {
        text.replace(&format!("\"Response{old}\""), &format!("\"response_{new}\""))
    })
}

fn without_numbers(line: &str) -> String {
    let mut out = String::new();
    for sign in line.chars() {
        match sign {
            '0'..='9' if out.ends_with('#') => (),
            '0'..='9' => out.push('#'),
            other => out.push(other),
        }
    }
    out
}
