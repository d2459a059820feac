//! A `trimaran dev` cluster for strangers' clients, gone when the value is.
//!
//! `cargo xtask interop` builds the program and names it by `TRIMARAN`.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// How long a condition may take on a very slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A cluster of real processes in the background.
pub struct Cluster {
    program: PathBuf,
    dir: PathBuf,
}

impl Cluster {
    /// Starts one on free ports, with its data in a directory of its own.
    pub fn up(name: &str, nodes: usize) -> Self {
        let program = std::env::var_os("TRIMARAN").expect("`cargo xtask interop` sets TRIMARAN");
        let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target-data").join(name);
        let cluster = Self { program: program.into(), dir };
        // Left by a test that was stopped in the middle.
        if cluster.dir.exists() {
            cluster.try_dev(&["stop"]);
            std::fs::remove_dir_all(&cluster.dir).expect("the old directory goes");
        }
        cluster.dev(&["-d", "--ports", "auto", "-n", &nodes.to_string()]);
        cluster
    }

    /// Runs `trimaran dev WORDS` and demands that it goes well.
    pub fn dev(&self, words: &[&str]) -> String {
        let done = self.command(words).output().expect("trimaran runs");
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(
            done.status.success(),
            "{words:?}: {said}{}",
            String::from_utf8_lossy(&done.stderr)
        );
        said
    }

    fn try_dev(&self, words: &[&str]) {
        let _ = self.command(words).output();
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("dev").arg("--dir").arg(&self.dir).args(words);
        command
    }

    /// Where the nodes can be called, in the order of their names.
    pub fn endpoints(&self) -> Vec<String> {
        let table = self.dev(&["ps"]);
        let lines = table.lines().skip(1);
        lines.filter_map(|line| line.split_whitespace().nth(3)).map(str::to_owned).collect()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.try_dev(&["stop"]);
        if !std::thread::panicking() {
            self.try_dev(&["rm"]);
        }
    }
}

/// Waits until `holds` says so; the message says what did not come to be.
pub async fn wait_until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let until = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < until, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The value, or a panic if it takes too long.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let answer = tokio::time::timeout(PATIENCE, future).await;
    answer.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}
