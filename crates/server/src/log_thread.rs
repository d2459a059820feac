//! Who waits for the disk? A thread of its own: one operation after another,
//! each with its one sync, while the lane goes on.

use crate::disk::RealDisk;
use crate::inbox::Inbox;
use crate::item::Item;
use crate::metrics::Metrics;
use crate::threads::{self, Breakdown, Handle};
use crate::wheel::Hand;
use journal::disk::{Disk, DiskOp};
use node::event::Event;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Instant;

/// The lane's way to the disk. It ends when this is dropped, after the
/// operation it is at.
pub(crate) fn start(
    disk: RealDisk,
    inbox: Arc<Inbox>,
    metrics: Arc<Metrics>,
    breakdown: Breakdown,
) -> io::Result<(SyncSender<DiskOp>, Handle)> {
    let (ops, waiting) = sync_channel(1);
    let handle = threads::spawn("log", breakdown, move || serve(disk, &waiting, &inbox, &metrics))?;
    Ok((ops, handle))
}

fn serve(mut disk: RealDisk, waiting: &Receiver<DiskOp>, inbox: &Inbox, metrics: &Metrics) {
    while let Ok(op) = waiting.recv() {
        let appends = matches!(op, DiskOp::Write { .. });
        let begun = Instant::now();
        let done = disk.perform(op);
        if appends {
            metrics.appended(begun.elapsed());
        }
        // The next operation comes from the turn that this begins.
        inbox.push_with(Hand::Free, Item::Event(Event::Disk(done)));
    }
}
