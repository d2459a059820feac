//! What can be counted from outside without slowing anybody.

use super::super::cluster::Cluster;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

/// How long a page of metrics may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the kernel calls a sector there, whatever the disk's own are.
const SECTOR_BYTES: f64 = 512.0;

/// Both servers count these under the same names.
const LOG_SYNCS: &str = "etcd_disk_wal_fsync_duration_seconds_count";
const PEER_BYTES: &str = "etcd_network_peer_sent_bytes_total";

/// What all processes have counted so far.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(super) struct Seen {
    /// A thread waited: a wakeup follows.
    voluntary: f64,
    /// A thread was made to make room.
    involuntary: f64,
    log_syncs: f64,
    /// What anybody wrote to the device. What a process wrote is not to be had:
    /// `write_bytes` of proc(5) counts a whole folio of the page cache, a megabyte
    /// or more, for each few bytes that are changed in it.
    device_bytes: f64,
    peer_bytes: f64,
}

impl Seen {
    /// With what reached the device on which this directory is.
    pub(super) fn of(cluster: &Cluster, dir: &Path) -> Result<Self, String> {
        let mut seen = Self { device_bytes: device_bytes(dir), ..Self::default() };
        for pid in cluster.processes() {
            for status in threads(pid)? {
                seen.voluntary += field(&status, "voluntary_ctxt_switches:");
                seen.involuntary += field(&status, "nonvoluntary_ctxt_switches:");
            }
        }
        for door in cluster.doors() {
            let page = metrics(&door).map_err(|why| format!("http://{door}/metrics: {why}"))?;
            seen.log_syncs += metric(&page, LOG_SYNCS);
            seen.peer_bytes += metric(&page, PEER_BYTES);
        }
        Ok(seen)
    }

    /// A thread that has ended since takes its switches with it, so nothing is
    /// less than nothing.
    pub(super) fn since(&self, before: &Self) -> Self {
        let less = |now: f64, before: f64| if now < before { 0.0 } else { now - before };
        Self {
            voluntary: less(self.voluntary, before.voluntary),
            involuntary: less(self.involuntary, before.involuntary),
            log_syncs: less(self.log_syncs, before.log_syncs),
            device_bytes: less(self.device_bytes, before.device_bytes),
            peer_bytes: less(self.peer_bytes, before.peer_bytes),
        }
    }

    /// Named, for each of so many operations, with where it was read.
    pub(super) fn per(&self, operations: f64) -> [(&'static str, f64); 5] {
        [
            ("voluntary switches (/proc)", self.voluntary / operations),
            ("involuntary switches (/proc)", self.involuntary / operations),
            ("syncs of the log (/metrics)", self.log_syncs / operations),
            ("bytes to the device (/sys)", self.device_bytes / operations),
            ("bytes to peers (/metrics)", self.peer_bytes / operations),
        ]
    }
}

/// The status of each thread of a process: proc(5).
pub(super) fn threads(pid: u32) -> Result<Vec<String>, String> {
    let path = format!("/proc/{pid}/task");
    let tasks = fs::read_dir(&path).map_err(|why| format!("{path}: {why}"))?;
    // A thread may end between the two looks.
    Ok(tasks.flatten().filter_map(|it| fs::read_to_string(it.path().join("status")).ok()).collect())
}

/// The number behind a name at the beginning of a line.
pub(super) fn field(text: &str, name: &str) -> f64 {
    let number = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    number.unwrap_or(0.0)
}

/// Sectors written, of stat(5) of block devices; not a number for a directory that
/// is on no device of its own.
fn device_bytes(dir: &Path) -> f64 {
    let Ok(about) = fs::metadata(dir) else { return f64::NAN };
    let device = about.dev();
    let (major, minor) = ((device >> 8) & 0xfff, (device & 0xff) | ((device >> 12) & 0xf_ff00));
    let stat = fs::read_to_string(format!("/sys/dev/block/{major}:{minor}/stat"));
    let sectors = stat.unwrap_or_default().split_whitespace().nth(6).and_then(|it| it.parse().ok());
    sectors.map_or(f64::NAN, |sectors: f64| sectors * SECTOR_BYTES)
}

/// HTTP/1.0, so that the answer is one piece that ends with the connection.
pub(in super::super) fn metrics(door: &str) -> std::io::Result<String> {
    let mut line = TcpStream::connect(door)?;
    line.set_read_timeout(Some(PATIENCE))?;
    line.write_all(format!("GET /metrics HTTP/1.0\r\nHost: {door}\r\n\r\n").as_bytes())?;
    let mut page = String::new();
    line.read_to_string(&mut page)?;
    Ok(page)
}

/// The sum of a metric over its labels.
pub(in super::super) fn metric(page: &str, name: &str) -> f64 {
    let value = |line: &str| {
        let rest = line.strip_prefix(name)?;
        let labelled = rest.starts_with('{') || rest.starts_with(' ');
        labelled.then(|| rest.rsplit(' ').next()?.parse::<f64>().ok())?
    };
    page.lines().filter_map(value).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_summed_over_its_labels_and_no_other_name() {
        let page = "# HELP a b\na{To=\"1\"} 2\na{To=\"2\"} 3e2\na_b 7\n";
        assert_eq!(metric(page, "a"), 302.0);
        assert_eq!(metric(page, "a_b"), 7.0);
        assert_eq!(metric(page, "b"), 0.0);
    }

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let status = "voluntary_ctxt_switches:\t12\nnonvoluntary_ctxt_switches:\t3\n";
        assert_eq!(field(status, "voluntary_ctxt_switches:"), 12.0);
        assert_eq!(field(status, "nonvoluntary_ctxt_switches:"), 3.0);
        assert_eq!(field("", "x:"), 0.0);
    }

    #[test]
    fn this_process_has_threads_with_switches() {
        let threads = threads(std::process::id()).expect("this process is there");
        assert!(threads.iter().all(|status| status.contains("\nvoluntary_ctxt_switches:")));
        assert!(!threads.is_empty());
    }

    #[test]
    fn the_difference_is_per_operation_and_never_below_nothing() {
        let before = Seen { voluntary: 10.0, involuntary: 5.0, ..Seen::default() };
        let after = Seen { voluntary: 30.0, involuntary: 1.0, ..before };
        let rows = after.since(&before).per(10.0);
        assert_eq!(rows[0].1, 2.0);
        assert_eq!(rows[1].1, 0.0);
    }
}
