//! How long are writes out after something was done to a cluster?

use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

/// A new write is tried so often at each node, whatever became of the last:
/// a node may hold one back until it knows its leader, or lose it with him.
const TRY_EVERY: Duration = Duration::from_millis(10);
/// How long one try may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);
/// When to stop looking.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// From `at` until the first write that began after it is accepted by anybody,
/// if one is in time. There is one of `tries` for each node.
pub(crate) async fn first_write<T, F>(tries: &[T], at: Instant) -> Option<Duration>
where
    T: Fn() -> F,
    F: Future<Output = bool> + Send + 'static,
{
    let (sender, mut receiver) = mpsc::channel(1);
    let mut under_way = JoinSet::new();
    let mut ticks = interval(TRY_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while at.elapsed() < LIMIT {
        tokio::select! {
            biased;
            took = receiver.recv() => return took,
            _ = ticks.tick() => for begin in tries {
                let (write, sender) = (begin(), sender.clone());
                under_way.spawn(async move {
                    if write.await {
                        let _ = sender.try_send(at.elapsed());
                    }
                });
            },
        }
    }
    None
}

/// Writes like that for a while; says how many were accepted.
pub(crate) async fn keep_writing<T, F>(tries: &[T], long: Duration) -> usize
where
    T: Fn() -> F,
    F: Future<Output = bool> + Send + 'static,
{
    let until = Instant::now() + long;
    let mut under_way = JoinSet::new();
    let mut ticks = interval(TRY_EVERY);
    let mut accepted = 0;
    while Instant::now() < until {
        ticks.tick().await;
        for begin in tries {
            under_way.spawn(begin());
        }
        while let Some(ended) = under_way.try_join_next() {
            accepted += usize::from(ended.unwrap_or(false));
        }
    }
    // What has no answer yet goes on: nobody waits for it, and nothing is called off.
    under_way.detach_all();
    accepted
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// A node that accepts all but its first writes.
    fn deaf_at_first(deaf: u64, asked: &Arc<AtomicU64>) -> impl Fn() -> std::future::Ready<bool> {
        let asked = Arc::clone(asked);
        move || std::future::ready(asked.fetch_add(1, Ordering::Relaxed) >= deaf)
    }

    #[tokio::test]
    async fn tries_go_on_until_one_is_accepted() {
        let asked = Arc::new(AtomicU64::new(0));
        let took = first_write(&[deaf_at_first(3, &asked)], Instant::now()).await;
        assert!(took.is_some_and(|took| took >= 2 * TRY_EVERY), "{took:?}");
        assert!(asked.load(Ordering::Relaxed) >= 4);
    }

    #[tokio::test]
    async fn what_is_accepted_is_counted() {
        let asked = Arc::new(AtomicU64::new(0));
        let accepted = keep_writing(&[deaf_at_first(1, &asked)], 5 * TRY_EVERY).await;
        let asked = asked.load(Ordering::Relaxed);
        assert!(asked >= 3 && accepted > 0 && (accepted as u64) < asked, "{accepted} of {asked}");
    }
}
