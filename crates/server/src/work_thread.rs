//! Who does the lane's long jobs? A thread of its own: one disk operation after
//! another, the jobs in turns, while log and lane go on.

use crate::disk::RealDisk;
use crate::inbox::Inbox;
use crate::item::Item;
use crate::threads::{self, Breakdown, Handle};
use journal::disk::Disk;
use node::event::Event;
use node::job::Job;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

/// The lane's way to its worker. It ends when this is dropped, after the
/// operation it is at. How many jobs wait is bounded by the lane.
pub(crate) fn start(
    disk: RealDisk,
    inbox: Arc<Inbox>,
    breakdown: Breakdown,
) -> io::Result<(Sender<Job>, Handle)> {
    let (works, waiting) = channel();
    let handle = threads::spawn("work", breakdown, move || serve(disk, &waiting, &inbox))?;
    Ok((works, handle))
}

fn serve(mut disk: RealDisk, waiting: &Receiver<Job>, inbox: &Inbox) {
    while let Ok(first) = waiting.recv() {
        let mut jobs = VecDeque::from([first]);
        while let Some(mut job) = jobs.pop_front() {
            match job.next_op() {
                Some(op) => {
                    job.on_done(disk.perform(op));
                    jobs.push_back(job);
                }
                None => inbox.push(Item::Event(Event::JobDone(job.finish()))),
            }
            loop {
                match waiting.try_recv() {
                    Ok(next) => jobs.push_back(next),
                    Err(std::sync::mpsc::TryRecvError::Empty) => break,
                    // Nobody waits for what is not done yet.
                    Err(std::sync::mpsc::TryRecvError::Disconnected) => return,
                }
            }
        }
    }
}
