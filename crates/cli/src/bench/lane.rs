//! One connection and its share of the load, as one task: it polls the socket
//! and all its calls itself, so that a burst of answers wakes it once.

use super::call::{Asked, Call};
use super::fault::Fault;
use super::link::{Link, Pump, dial, route};
use super::pace::{Next, Pace};
use super::tally::{Kind, Tally};
use super::timer::Timer;
use super::workload::{Workload, method};
use futures_util::stream::{FuturesUnordered, Stream};
use http::Uri;
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
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
    pub(crate) routes: Routes,
    pub(crate) calls: FuturesUnordered<Call>,
}

/// The methods at this lane's endpoint.
#[derive(Debug)]
pub(crate) struct Routes {
    put: Uri,
    get: Uri,
    txn: Uri,
}

impl Routes {
    pub(crate) fn new(endpoint: &str) -> Result<Self, Fault> {
        let of = |kind| route(endpoint, method(kind));
        Ok(Self { put: of(Kind::Put)?, get: of(Kind::Get)?, txn: of(Kind::Txn)? })
    }

    fn of(&self, kind: Kind) -> &Uri {
        match kind {
            Kind::Put | Kind::Event => &self.put,
            Kind::Get => &self.get,
            Kind::Txn => &self.txn,
        }
    }
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
            match dial(&self.endpoint).await {
                Ok((mut link, mut pump)) => {
                    let left = std::future::poll_fn(|cx| self.poll(cx, &mut link, &mut pump)).await;
                    if left == Left::Over {
                        return;
                    }
                }
                Err(fault) => self.tally.borrow_mut().failed(fault, Instant::now()),
            }
            self.abandon(Fault::Connection);
            tokio::time::sleep(REDIAL).await;
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>, link: &mut Link, pump: &mut Pump) -> Poll<Left> {
        // Reading comes first: it wakes the calls that were answered.
        let mut broken = Pin::new(&mut *pump).poll(cx).is_ready();
        let _ = self.collect(cx);
        let over = !broken && self.begin(cx, link);
        // Those that were just begun are polled once, or they would not be woken.
        let idle = self.collect(cx);
        // What was begun now goes out in as few writes as possible.
        broken = broken || Pin::new(&mut *pump).poll(cx).is_ready();
        match (broken, over && idle) {
            (_, true) => Poll::Ready(Left::Over),
            (true, false) => Poll::Ready(Left::Broken),
            (false, false) => Poll::Pending,
        }
    }

    /// Counts the calls that have ended; true if none is under way.
    fn collect(&mut self, cx: &mut Context<'_>) -> bool {
        let now = Instant::now();
        loop {
            match Pin::new(&mut self.calls).poll_next(cx) {
                Poll::Ready(Some((asked, answer))) => {
                    let judge = |body| self.workload.judge(asked.kind, asked.key, body);
                    let how = answer.and_then(judge);
                    self.tally.borrow_mut().ended(asked.kind, asked.due, now, how);
                }
                Poll::Ready(None) => return true,
                Poll::Pending => return false,
            }
        }
    }

    /// Begins what is due, as far as there are free slots; true if nothing is left to begin.
    fn begin(&mut self, cx: &mut Context<'_>, link: &mut Link) -> bool {
        while self.calls.len() < self.slots {
            // Not ready: the server limits the calls of a connection, and more are open.
            if !matches!(link.sender.poll_ready(cx), Poll::Ready(Ok(()))) {
                return false;
            }
            match self.pace.take(Instant::now()) {
                Next::Begin(due) => self.call(link, due),
                Next::Wait(at) => match self.timer.poll_until(at, cx) {
                    Poll::Ready(_) => {}
                    Poll::Pending => return false,
                },
                Next::Over => return true,
            }
        }
        false
    }

    fn call(&mut self, link: &mut Link, due: Instant) {
        let operation = self.workload.next(due);
        let asked = Asked { kind: operation.kind, key: operation.key, due };
        match link.call(self.routes.of(operation.kind), operation.body, asked) {
            Ok(call) => self.calls.push(call),
            Err(fault) => self.tally.borrow_mut().failed(fault, due),
        }
    }

    /// The calls under way will not be answered.
    fn abandon(&mut self, fault: Fault) {
        let mut tally = self.tally.borrow_mut();
        self.calls.iter().for_each(|call| tally.failed(fault, call.asked.due));
        self.calls.clear();
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
