//! One connection and its share of the load, as one task: it polls the socket
//! and all its calls itself, so that a burst of answers wakes it once.

use super::fault::Fault;
use super::pace::{Next, Pace};
use super::tally::Tally;
use super::timer::Timer;
use super::wire::Connection;
use super::wire::calls::Asked;
use super::workload::{Workload, method};
use std::cell::RefCell;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// How long to wait before a broken connection is dialled again.
const REDIAL: Duration = Duration::from_millis(20);

/// A connection's share.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) endpoint: String,
    pub(crate) workload: Workload,
    pub(crate) pace: Pace,
    /// So many calls are under way at once, at most.
    pub(crate) slots: usize,
    pub(crate) timer: Timer,
    pub(crate) tally: Rc<RefCell<Tally>>,
    /// Where its calls are under way, while it has one.
    pub(crate) connection: Option<Connection>,
}

/// Why a connection is left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Left {
    Over,
    Broken,
}

impl Lane {
    /// Works until all that was due has ended, or the patience has.
    pub(crate) async fn run(mut self, patience: Instant) {
        if tokio::time::timeout_at(patience.into(), self.work()).await.is_err() {
            self.give_up();
        }
    }

    async fn work(&mut self) {
        loop {
            match Connection::dial(&self.endpoint).await {
                Ok(connection) => {
                    self.connection = Some(connection);
                    if std::future::poll_fn(|cx| self.poll(cx)).await == Left::Over {
                        return;
                    }
                }
                Err(fault) => self.tally.borrow_mut().failed(fault, Instant::now()),
            }
            self.abandon(Fault::Connection);
            tokio::time::sleep(REDIAL).await;
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Left> {
        // What was answered makes room for what is begun.
        let heard = self.collect(cx);
        let over = heard.is_ok() && self.begin(cx);
        let Some(connection) = &mut self.connection else { return Poll::Ready(Left::Broken) };
        if over && connection.calls() == 0 {
            return Poll::Ready(Left::Over);
        }
        // What was begun now goes out in as few writes as possible.
        if heard.and_then(|()| connection.send(cx)).is_err() || connection.spent() {
            return Poll::Ready(Left::Broken);
        }
        Poll::Pending
    }

    /// Counts the calls that have ended.
    fn collect(&mut self, cx: &mut Context<'_>) -> Result<(), Fault> {
        let connection = self.connection.as_mut().ok_or(Fault::Connection)?;
        let (workload, mut tally) = (&self.workload, self.tally.borrow_mut());
        connection.receive(cx, |now, asked, answer| {
            let how = answer.and_then(|body| workload.judge(asked.kind, asked.key, body));
            tally.ended(asked.kind, asked.due, now, how);
        })
    }

    /// Begins what is due, as far as there are free slots; true if nothing is left to begin.
    fn begin(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(connection) = &mut self.connection else { return false };
        let mut now = Instant::now();
        // Not ready: the server limits the calls of a connection, or will have no more.
        while connection.calls() < self.slots && connection.ready() {
            match self.pace.take(now) {
                Next::Begin(due) => {
                    let next = self.workload.next(due);
                    let asked = Asked { kind: next.kind, key: next.key, due };
                    connection.begin(method(next.kind), next.body, asked);
                }
                Next::Wait(at) => match self.timer.poll_until(at, cx) {
                    Poll::Ready(_) => now = Instant::now(),
                    Poll::Pending => return false,
                },
                Next::Over => return true,
            }
        }
        false
    }

    /// The calls under way will not be answered.
    fn abandon(&mut self, fault: Fault) {
        let mut tally = self.tally.borrow_mut();
        if let Some(mut connection) = self.connection.take() {
            connection.abandon(|asked| tally.failed(fault, asked.due));
        }
    }

    /// What is not done by now counts as not done, begun or not.
    fn give_up(&mut self) {
        self.abandon(Fault::Unfinished);
        let now = Instant::now();
        while let Next::Begin(due) = self.pace.take(now) {
            self.tally.borrow_mut().failed(Fault::Unfinished, due);
        }
    }
}
