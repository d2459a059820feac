//! What the server is told: etcd's flags and variables, and who wins.

mod harness;

use harness::{Running, Said, command, directory, run, send, text};
use rustix::process::Signal;
use std::process::{Command, Stdio};

#[test]
fn a_flag_of_etcd_that_is_not_implemented_is_refused_by_name() {
    for (flag, name) in [
        ("--cert-file=server.crt", "--cert-file"),
        ("--auth-token=simple", "--auth-token"),
        ("-peer-client-cert-auth", "--peer-client-cert-auth"),
        ("--experimental-corrupt-check-time=1h", "--experimental-corrupt-check-time"),
        ("--force-new-cluster", "--force-new-cluster"),
        ("--max-txn-ops", "--max-txn-ops"),
    ] {
        let said = run(&["server", flag]);
        assert_eq!(said.code, Some(4), "{said:?}");
        assert!(said.err.contains(&format!("{name} is a flag of etcd")), "{said:?}");
        assert!(said.err.contains("known but not implemented yet"), "{said:?}");
    }
}

#[test]
fn so_is_its_variable() {
    for variable in ["ETCD_CERT_FILE", "TRIMARAN_CERT_FILE", "ETCD_WAL_DIR"] {
        let said: Said = command().arg("server").env(variable, "x").output().expect("runs").into();
        assert_eq!(said.code, Some(4), "{said:?}");
        assert!(said.err.contains(variable), "{said:?}");
    }
}

#[test]
fn a_flag_that_nobody_knows_gets_a_suggestion() {
    let said = run(&["server", "--data-dri", "x"]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("--data-dir"), "{said:?}");
}

#[test]
fn a_value_that_makes_no_sense_says_what_would() {
    let said = run(&["server", "--listen-client-urls", "127.0.0.1:2379"]);
    assert_eq!(said.code, Some(128));
    assert!(said.err.contains("for example http://127.0.0.1:2379"), "{said:?}");
}

#[test]
fn a_server_that_others_could_reach_is_not_started_unless_told_so() {
    let open = ["server", "--listen-client-urls", "http://0.0.0.0:0", "--advertise-client-urls"];
    let said = run(&[&open[..], &["http://10.0.0.1:2379"]].concat());
    assert_eq!(said.code, Some(128));
    assert!(said.err.contains("can be reached from other machines"), "{said:?}");
    assert!(said.err.contains("try: --listen-client-urls http://127.0.0.1:"), "{said:?}");
    assert!(said.err.contains("add --insecure"), "{said:?}");
}

/// A server on whatever ports are free.
fn server(name: &str) -> Command {
    let mut command = command();
    command.arg("server");
    command.args(["--listen-client-urls", "http://127.0.0.1:0"]);
    command.args(["--listen-peer-urls", "http://127.0.0.1:0"]);
    command.current_dir(env!("CARGO_TARGET_TMPDIR"));
    let _ = directory(name);
    command.stderr(Stdio::null());
    command
}

/// The line of the block that says where the data is; the server is then stopped.
fn data_line(command: Command) -> String {
    let mut server = Running::start(command);
    let line = server.until("  Data ").pop().unwrap_or_default();
    send(server.pid(), Signal::TERM);
    server.wait();
    line.trim_start().trim_start_matches("Data").trim().to_owned()
}

#[test]
fn a_flag_beats_our_variable_beats_etcds() {
    let (flag, ours, theirs) = ("flags-flag", "flags-ours", "flags-theirs");
    let told = |command: &mut Command| {
        command.env("TRIMARAN_DATA_DIR", ours).env("ETCD_DATA_DIR", theirs);
    };
    let mut all = server(flag);
    told(all.args(["--data-dir", flag]));
    assert_eq!(data_line(all), flag);
    let mut both = server(ours);
    told(&mut both);
    assert_eq!(data_line(both), ours);
    let mut one = server(theirs);
    one.env("ETCD_DATA_DIR", theirs);
    assert_eq!(data_line(one), theirs);
}

#[test]
fn a_server_says_when_it_is_ready_and_ends_in_good_order() {
    for signal in [Signal::TERM, Signal::INT] {
        let dir = directory(&format!("flags-ready-{}", signal.as_raw()));
        let log = dir.with_extension("log");
        let mut command = server("flags-ready");
        command.args(["--data-dir", text(&dir)]);
        command.stderr(std::fs::File::create(&log).expect("a log"));
        let mut server = Running::start(command);
        assert!(server.line().starts_with("trimaran "), "the block comes first");
        let said = || std::fs::read_to_string(&log).unwrap_or_default();
        harness::wait_until("it is ready", || said().contains("ready to serve client requests"));
        send(server.pid(), signal);
        assert_eq!(server.wait(), Some(0), "{}", said());
    }
}
