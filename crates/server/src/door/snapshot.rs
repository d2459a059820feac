//! How is a whole keyspace sent? A chunk at a time, each made on a thread that
//! may take its time, and only when the client has taken the one before: a slow
//! client holds up nobody, and no more than a chunk in memory.

use super::desk::Desk;
use super::words::{KEYSPACE, mismatch, refused};
use api::etcd::snapshot::Blobs;
use api::etcd::wire::etcdserverpb::SnapshotResponse;
use node::backup::Writing;
use node::event::{Answer, Ask, Refused};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::spawn_blocking;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tracing::info;

/// Blobs that wait for their client.
const BLOBS_WAITING: usize = 16;

type Told = Result<SnapshotResponse, Status>;

/// Begins a backup of what this node has applied. Too many at one time are
/// refused: each keeps the state of its moment in memory.
pub(super) async fn begin(desk: &Desk) -> Result<ReceiverStream<Told>, Status> {
    let room = desk.room_for_backup().ok_or_else(|| refused(Refused::TooManyRequests))?;
    let (answer, header) = desk.ask(Ask::Snapshot { keyspace: KEYSPACE }, 0).await?;
    let Answer::Snapshot(snapshot) = answer else { return Err(mismatch()) };
    let (index, revision) = (snapshot.place().index.0, snapshot.revision().0);
    info!(index, revision, "a backup is streamed");
    let writing = Writing::new(header.cluster_id, KEYSPACE, snapshot);
    let (blobs, sent) = mpsc::channel(BLOBS_WAITING);
    tokio::spawn(serve(Backup(Some(writing)), blobs, desk.clone(), room));
    Ok(ReceiverStream::new(sent))
}

async fn serve(backup: Backup, blobs: mpsc::Sender<Told>, desk: Desk, _room: OwnedSemaphorePermit) {
    let end = tokio::select! {
        end = tell(backup, &blobs) => end,
        () = desk.closing() => Err(refused(Refused::Stopped)),
        () = blobs.closed() => Ok(()),
    };
    if let Err(status) = end {
        // No room is no loss: a file without its sum is no file.
        let _ = blobs.try_send(Err(status));
    }
}

/// The size is told with the first blob, so all chunks are made twice: that is
/// cheaper than to keep them.
async fn tell(mut backup: Backup, blobs: &mpsc::Sender<Told>) -> Result<(), Status> {
    let size = loop {
        if let Some(size) = backup.aside(Writing::measure).await? {
            break size;
        }
    };
    let mut cutting = Some(Blobs::new(size));
    while let Some(mut cut) = cutting.take() {
        let (next, told) = backup
            .aside(move |writing| match writing.next_part() {
                Some(part) => {
                    let told = cut.add(&part);
                    (Some(cut), Some(told))
                }
                None => (None, cut.finish()),
            })
            .await?;
        for blob in told.ok_or_else(mismatch)? {
            if blobs.send(Ok(blob)).await.is_err() {
                return Ok(());
            }
        }
        cutting = next;
    }
    Ok(())
}

/// A backup that is worked on aside, and let go of there too: by then it may be
/// the last that holds much of an old state.
struct Backup(Option<Writing>);

impl Backup {
    async fn aside<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Writing) -> T + Send + 'static,
    ) -> Result<T, Status> {
        let mut writing = self.0.take().ok_or_else(mismatch)?;
        let done = spawn_blocking(move || {
            let done = work(&mut writing);
            (writing, done)
        });
        let (writing, done) = done.await.map_err(|_| mismatch())?;
        self.0 = Some(writing);
        Ok(done)
    }
}

impl Drop for Backup {
    fn drop(&mut self) {
        if let (Some(writing), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn_blocking(move || drop(writing));
        }
    }
}
