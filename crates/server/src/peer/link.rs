//! Is a peer's process there? Its connections are the evidence: up when both
//! ways are open, down at once when one closes or a call is refused.

use crate::inbox::{Inbox, Item};
use base::NodeId;
use node::event::Event;
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Debug)]
pub(super) struct Link {
    peer: NodeId,
    inbox: Arc<Inbox>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    outgoing: bool,
    /// A peer that has come back may be here twice for a moment.
    incoming: usize,
    said: Option<bool>,
}

impl Link {
    pub(super) fn new(peer: NodeId, inbox: Arc<Inbox>) -> Self {
        Self { peer, inbox, state: Mutex::default() }
    }

    pub(super) fn outgoing_opened(&self) {
        self.change(|state| {
            state.outgoing = true;
            (state.incoming > 0).then_some(true)
        });
    }

    /// Closed, refused, or not to be reached.
    pub(super) fn outgoing_closed(&self) {
        self.change(|state| {
            state.outgoing = false;
            Some(false)
        });
    }

    pub(super) fn incoming_opened(&self) {
        self.change(|state| {
            state.incoming += 1;
            state.outgoing.then_some(true)
        });
    }

    pub(super) fn incoming_closed(&self) {
        self.change(|state| {
            state.incoming = state.incoming.saturating_sub(1);
            (state.incoming == 0).then_some(false)
        });
    }

    /// Tells the lane what is new, in the order in which it happened.
    fn change(&self, change: impl FnOnce(&mut State) -> Option<bool>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(up) = change(&mut state)
            && state.said != Some(up)
        {
            state.said = Some(up);
            self.inbox.push(Item::Event(Event::Link { peer: self.peer, up }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;
    use std::time::Duration;

    #[test]
    fn a_link_is_up_when_both_ways_are_and_down_when_one_is_not() {
        let inbox = Arc::new(Inbox::new());
        let link = Link::new(NodeId(7), Arc::clone(&inbox));
        let said = || {
            let mut batch = VecDeque::new();
            inbox.take(&mut batch, Some(Duration::ZERO));
            let up = |item| match item {
                Item::Event(Event::Link { peer: NodeId(7), up }) => up,
                other => panic!("{other:?}"),
            };
            batch.into_iter().map(up).collect::<Vec<_>>()
        };
        link.outgoing_closed();
        link.outgoing_closed();
        assert_eq!(said(), [false]);
        link.incoming_opened();
        assert_eq!(said(), []);
        link.outgoing_opened();
        assert_eq!(said(), [true]);
        link.incoming_opened();
        link.incoming_closed();
        assert_eq!(said(), []);
        link.incoming_closed();
        assert_eq!(said(), [false]);
        link.outgoing_closed();
        assert_eq!(said(), []);
    }
}
