//! `snapshot save`, `status` and `restore`: a backup and what can be done with it.

use super::write;
use crate::args::{RestoreArgs, SnapshotVerb};
use crate::caller::Caller;
use crate::env;
use crate::failure::Failure;
use crate::print::{self, SnapshotStatus};
use crate::server as node;
use server::backup::{self, Backup, BackupFault};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Between two words about how far a long one is.
const WORD_INTERVAL: Duration = Duration::from_secs(1);

pub(super) async fn run(
    verb: &SnapshotVerb,
    caller: &Caller,
    out: &mut (dyn Write + Send),
) -> Result<(), Failure> {
    match verb {
        SnapshotVerb::Save(args) => save(&args.words, caller, out).await,
        SnapshotVerb::Status(args) => status(&args.words, caller, out),
        SnapshotVerb::Restore(args) => restore(args, out),
    }
}

/// The file has its name only when it is whole and on disk.
async fn save(
    words: &[OsString],
    caller: &Caller,
    out: &mut (dyn Write + Send),
) -> Result<(), Failure> {
    let [path] = words else {
        return Err(Failure::arguments("snapshot save expects one argument"));
    };
    if caller.endpoints.len() != 1 {
        let given = caller.endpoints.join(" ");
        return Err(Failure::interrupted(format!(
            "snapshot must be requested to one selected node, not multiple [{given}]"
        )));
    }
    let path = Path::new(path);
    let part = beside(path);
    let saved = receive(caller, &part).await.and_then(|()| {
        let named = fs::rename(&part, path).and_then(|()| sync_parent(path));
        named.map_err(|why| Failure::io(&format!("name {}", path.display()), &why))
    });
    if let Err(failure) = saved {
        // It may never have been made; why is said.
        let _ = fs::remove_file(&part);
        return Err(failure);
    }
    write(out, format!("Snapshot saved at {}\n", path.display()).as_bytes())
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

fn sync_parent(path: &Path) -> std::io::Result<()> {
    path.canonicalize()?.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}

async fn receive(caller: &Caller, part: &Path) -> Result<(), Failure> {
    let fault = |why: std::io::Error| Failure::io(&format!("write {}", part.display()), &why);
    let mut snapshot = caller.client.snapshot().await?;
    let mut file = File::create(part).map_err(fault)?;
    let (mut received, mut told) = (0, Instant::now());
    while let Some(next) = snapshot.next().await? {
        file.write_all(&next.bytes).map_err(fault)?;
        received += next.bytes.len() as u64;
        if told.elapsed() >= WORD_INTERVAL {
            told = Instant::now();
            let (done, all) = (print::size(received), print::size(received + next.remaining));
            eprintln!("{done} of {all}");
        }
    }
    file.sync_all().map_err(fault)
}

fn status(
    words: &[OsString],
    caller: &Caller,
    out: &mut (dyn Write + Send),
) -> Result<(), Failure> {
    let [path] = words else {
        return Err(Failure::arguments("snapshot status requires exactly one argument"));
    };
    let backup = backup::look(Path::new(path)).map_err(failure)?;
    write(out, &print::snapshot_status(caller.format, &told(&backup)))
}

/// The hash is the beginning of the sum that the file ends with.
fn told(backup: &Backup) -> SnapshotStatus {
    let [a, b, c, d, ..] = backup.totals.sum;
    SnapshotStatus {
        hash: u32::from_be_bytes([a, b, c, d]),
        revision: backup.head.revision.0,
        keys: backup.head.keys,
        bytes: backup.size,
    }
}

fn restore(args: &RestoreArgs, out: &mut (dyn Write + Send)) -> Result<(), Failure> {
    let [path] = args.words.as_slice() else {
        return Err(Failure::arguments("snapshot restore requires exactly one argument"));
    };
    refuse_unknown(args)?;
    let config = node::restored(args, &env::Process)?;
    let restored = backup::restore(Path::new(path), &config).map_err(failure)?;
    let (head, cluster) = (restored.backup.head, restored.cluster);
    let text = format!(
        "Restored revision {} with {} keys to {}, of member {} in the new cluster {cluster}\n",
        head.revision.0,
        head.keys,
        config.data_dir.display(),
        config.name,
    );
    write(out, text.as_bytes())
}

fn refuse_unknown(args: &RestoreArgs) -> Result<(), Failure> {
    let given = [
        ("skip-hash-check", args.skip_hash_check),
        ("wal-dir", args.wal_dir.is_some()),
        ("bump-revision", args.bump_revision.is_some()),
        ("mark-compacted", args.mark_compacted),
    ];
    match given.into_iter().find(|(_, given)| *given) {
        Some((name, _)) => Err(Failure::feature(format!(
            "--{name} of etcdutl is known but not implemented\n  try: leave it out"
        ))),
        None => Ok(()),
    }
}

fn failure(fault: BackupFault) -> Failure {
    Failure::error(fault.to_string())
}
