//! Watchers: each follows some keys through crashes, always from where it was told last.

use crate::ask;
use crate::caller::KEYSPACE;
use crate::draw::CallerDraw;
use crate::history::{History, Tale};
use crate::world::{Alarm, World};
use base::prng::Prng;
use base::{Revision, WatchKey};
use core::time::Duration;
use kv::command::Changes;
use node::event::{WatchEvent, WatchOpen};

/// How often a watcher looks after its watch.
const ROUND: Duration = Duration::from_millis(200);

/// Batches that a patient watcher takes.
const PLENTY: u32 = 1 << 20;

/// An open watch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Open {
    node: usize,
    key: WatchKey,
    /// Batches it was told and has not made room for again.
    owed: u32,
}

/// All watchers.
#[derive(Debug)]
pub struct Watchers {
    prng: Prng,
    open: Vec<Option<Open>>,
    /// Where each watcher's present tale stands in the history.
    tales: Vec<usize>,
    /// Nobody closes a watch any more, and everybody has plenty of room.
    still: bool,
}

impl Watchers {
    /// Watchers that have opened nothing yet; the first alarms are set.
    pub fn new(
        draw: &CallerDraw,
        mut prng: Prng,
        world: &mut World,
        history: &mut History,
    ) -> Self {
        for watcher in 0..draw.watchers {
            history.tales.push(tale(watcher, draw.keys, &mut prng));
            world.remind(prng.span(Duration::ZERO, ROUND), Alarm::Watcher(watcher));
        }
        let tales = (0..draw.watchers).collect();
        Self { prng, open: vec![None; draw.watchers], tales, still: false }
    }

    /// A watcher looks after its watch: opens it, gives it room, or moves it to
    /// another node.
    pub fn on_alarm(&mut self, watcher: usize, world: &mut World, history: &History) {
        world.remind(ROUND, Alarm::Watcher(watcher));
        let Some(slot) = self.open.get_mut(watcher) else { return };
        let tale = self.tales.get(watcher).and_then(|place| history.tales.get(*place));
        match slot {
            Some(open) if self.still => {
                world.credit(open.node, open.key, PLENTY);
                open.owed = 0;
            }
            Some(open) if self.prng.chance(1, 8) => {
                world.unwatch(open.node, open.key);
                *slot = None;
            }
            Some(open) if self.prng.chance(1, 4) => world.progress(open.node, open.key),
            Some(open) => {
                world.credit(open.node, open.key, open.owed);
                open.owed = 0;
            }
            None => {
                let node = self.prng.pick(&world.up()).copied();
                let credit = u32::try_from(self.prng.between(1, 8)).unwrap_or(1);
                *slot = node.zip(tale).and_then(|(node, tale)| open(tale, node, credit, world));
            }
        }
    }

    /// Opens one more watch, of everything from a revision on, with plenty of
    /// room; returns the place of its tale.
    pub fn witness(
        &mut self,
        node: usize,
        from: Revision,
        world: &mut World,
        history: &mut History,
    ) -> usize {
        let watcher = self.open.len();
        let tale = Tale::new(watcher, ask::everything(), Some(from));
        self.open.push(open(&tale, node, PLENTY, world));
        self.tales.push(history.tales.len());
        history.tales.push(tale);
        history.tales.len() - 1
    }

    /// From now on nobody closes a watch, and everybody has room for all that
    /// there is to tell: these are open.
    pub fn settle(&mut self, world: &mut World) -> Vec<WatchKey> {
        self.still = true;
        let open: Vec<Open> = self.open.iter().copied().flatten().collect();
        open.iter().for_each(|it| world.credit(it.node, it.key, PLENTY));
        open.iter().map(|it| it.key).collect()
    }

    /// The places of the tales of those that are open still.
    pub fn still_open<'a>(&'a self, keys: &'a [WatchKey]) -> impl Iterator<Item = usize> + 'a {
        let open = self.open.iter().zip(&self.tales);
        open.filter_map(|(open, tale)| open.filter(|it| keys.contains(&it.key)).map(|_| *tale))
    }

    /// Whether anybody watches.
    #[must_use]
    pub fn any_open(&self) -> bool {
        self.open.iter().any(Option::is_some)
    }

    /// News of a watch.
    pub fn on_told(
        &mut self,
        key: WatchKey,
        event: WatchEvent,
        world: &mut World,
        history: &mut History,
    ) {
        let is = |open: &Option<Open>| open.is_some_and(|open| open.key == key);
        let Some(watcher) = self.open.iter().position(is) else { return };
        let Some(slot) = self.open.get_mut(watcher) else { return };
        let Some(place) = self.tales.get_mut(watcher) else { return };
        let Some(tale) = history.tales.get_mut(*place) else { return };
        match event {
            WatchEvent::Opened { revision } => {
                tale.from = tale.from.or(Some(revision.next()));
            }
            WatchEvent::Changes { batches, .. } => {
                world.counts.told += 1;
                let batch = |it: Changes| (it.revision, it.changes.to_vec());
                tale.told.extend(batches.iter().cloned().map(batch));
                if let Some(open) = slot {
                    open.owed += 1;
                }
            }
            WatchEvent::Progress { revision, .. } => {
                tale.progress.push((revision, tale.told.len()))
            }
            WatchEvent::Compacted { oldest } => {
                tale.compacted = Some((oldest, world.applied()));
                let next = tale.after(oldest);
                *slot = None;
                *place = history.tales.len();
                history.tales.push(next);
            }
            WatchEvent::Refused(_) => *slot = None,
        }
    }

    /// A node is gone, and the watches at it.
    pub fn on_gone(&mut self, node: usize) {
        for slot in &mut self.open {
            *slot = slot.filter(|open| open.node != node);
        }
    }
}

fn tale(watcher: usize, keys: u64, prng: &mut Prng) -> Tale {
    let range = ask::key_range(prng, keys);
    Tale {
        no_put: prng.chance(1, 8),
        no_delete: prng.chance(1, 8),
        want_previous: prng.chance(1, 2),
        ..Tale::new(watcher, range, prng.chance(1, 2).then_some(Revision(2)))
    }
}

fn open(tale: &Tale, node: usize, credit: u32, world: &mut World) -> Option<Open> {
    let open = WatchOpen {
        keyspace: KEYSPACE,
        range: tale.range.clone(),
        no_put: tale.no_put,
        no_delete: tale.no_delete,
        want_previous: tale.want_previous,
        from: tale.resume(),
        credit,
    };
    world.watch(node, open).map(|key| Open { node, key, owed: 0 })
}
