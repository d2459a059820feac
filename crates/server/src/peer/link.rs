//! Is a peer's process there? Its connections are the evidence: up when both
//! ways are open, down at once when one closes or a call is refused, and down
//! again when the last that it speaks on has closed: what was still on its way
//! from a process that died may have sounded as if it lived.

use crate::inbox::Inbox;
use crate::item::Item;
use base::NodeId;
use node::event::{Class, Event};
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
    /// By [`Class`]. A peer that has come back may be here twice for a moment.
    incoming: [usize; 2],
    said: Option<bool>,
}

impl State {
    /// The connections that bring votes and pulses.
    const fn urgent(&mut self) -> &mut usize {
        let [urgent, _] = &mut self.incoming;
        urgent
    }

    const fn of(&mut self, class: Class) -> &mut usize {
        let [urgent, bulk] = &mut self.incoming;
        match class {
            Class::Urgent => urgent,
            Class::Bulk => bulk,
        }
    }
}

impl Link {
    pub(super) fn new(peer: NodeId, inbox: Arc<Inbox>) -> Self {
        Self { peer, inbox, state: Mutex::default() }
    }

    pub(super) fn outgoing_opened(&self) {
        self.change(|state| {
            state.outgoing = true;
            (*state.urgent() > 0).then_some(true)
        });
    }

    /// Closed, refused, or not to be reached.
    pub(super) fn outgoing_closed(&self) {
        self.change(|state| {
            state.outgoing = false;
            Some(false)
        });
    }

    pub(super) fn incoming_opened(&self, class: Class) {
        self.change(|state| {
            *state.of(class) += 1;
            (class == Class::Urgent && state.outgoing).then_some(true)
        });
    }

    /// Everything that came over it is with the lane by now.
    pub(super) fn incoming_closed(&self, class: Class) {
        self.change(|state| {
            let count = state.of(class);
            *count = count.saturating_sub(1);
            if state.incoming == [0, 0] {
                state.said = None;
            }
            (*state.urgent() == 0).then_some(false)
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

    #[test]
    fn a_link_is_up_when_both_ways_are_and_down_when_one_is_not() {
        let inbox = Arc::new(Inbox::new());
        let link = Link::new(NodeId(7), Arc::clone(&inbox));
        link.outgoing_closed();
        link.outgoing_closed();
        assert_eq!(said(&inbox), [false]);
        link.incoming_opened(Class::Urgent);
        assert_eq!(said(&inbox), []);
        link.outgoing_opened();
        assert_eq!(said(&inbox), [true]);
        link.incoming_opened(Class::Urgent);
        link.incoming_opened(Class::Bulk);
        link.incoming_closed(Class::Urgent);
        assert_eq!(said(&inbox), []);
        link.incoming_closed(Class::Urgent);
        assert_eq!(said(&inbox), [false]);
        link.outgoing_closed();
        assert_eq!(said(&inbox), []);
    }

    #[test]
    fn a_link_is_down_again_when_nothing_can_come_any_more() {
        let inbox = Arc::new(Inbox::new());
        let link = Link::new(NodeId(7), Arc::clone(&inbox));
        link.outgoing_opened();
        Class::ALL.into_iter().for_each(|class| link.incoming_opened(class));
        link.outgoing_closed();
        assert_eq!(said(&inbox), [true, false]);
        link.incoming_closed(Class::Urgent);
        assert_eq!(said(&inbox), []);
        link.incoming_closed(Class::Bulk);
        assert_eq!(said(&inbox), [false]);
        link.outgoing_closed();
        assert_eq!(said(&inbox), []);
    }

    fn said(inbox: &Inbox) -> Vec<bool> {
        let mut batch = VecDeque::new();
        inbox.take(&mut batch);
        let up = |item| match item {
            Item::Event(Event::Link { peer: NodeId(7), up }) => up,
            other => panic!("{other:?}"),
        };
        batch.into_iter().map(up).collect()
    }
}
