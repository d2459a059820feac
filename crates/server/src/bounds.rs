//! How much may wait between the sockets of peers and the lane?

use base::limits::FRAME_BYTES_MAX;

/// Frame bytes of one class that may wait for the lane; readers of sockets wait
/// beyond it.
pub(crate) const INBOX_FRAME_BYTES_MAX: usize = 2 * FRAME_BYTES_MAX;

/// Frame bytes that may wait for one connection to a peer; what comes beyond it
/// is lost.
pub(crate) const PEER_QUEUE_BYTES_MAX: usize = 4 * FRAME_BYTES_MAX;
