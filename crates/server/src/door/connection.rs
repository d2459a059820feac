//! How is a connection of HTTP/2 served? By one task: it takes calls in, hands
//! the hot ones to the lane together, and sends answers as they come.

use super::content;
use super::count::{Count, WATCH};
use super::deadline;
use super::desk::Desk;
use super::leader;
use super::line::Line;
use super::pulse::Pulse;
use super::relay::relay;
use super::trailers;
use super::unary::{Call, Method, Read, Reading};
use crate::item::Item;
use crate::replies::{Answered, Replies};
use crate::wheel::Hand;
use api::etcd::error::{Code, Status};
use base::AskId;
use bytes::{Bytes, BytesMut};
use futures_util::stream::{FuturesUnordered, Stream};
use h2::RecvStream;
use h2::server::SendResponse;
use http::Request;
use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};
use tonic::service::Routes;

/// How often a connection with calls under way looks for clients that gave one
/// up. Deadlines have their own time.
const SWEEP: Duration = Duration::from_millis(100);

/// Memory for answers, cut into them.
const ROOM_BYTES: usize = 16 << 10;

/// What all connections share.
#[derive(Clone, Debug)]
pub(super) struct House {
    pub(super) desk: Desk,
    pub(super) routes: Routes,
    pub(super) count: Count,
    /// Where connections with watches are.
    pub(super) gallery: Handle,
    /// Whether the hot calls go straight to the lane.
    pub(super) direct: bool,
}

/// What needs more than one turn and no lane.
enum Slow {
    /// A call was read, or its client has gone.
    Read(Call, Read),
    /// A call was served by the routes.
    Relayed,
}

type Slowly = Pin<Box<dyn Future<Output = Slow> + Send>>;

/// A connection.
pub(super) struct Connection {
    house: House,
    line: h2::server::Connection<Line, Bytes>,
    pulse: Pulse,
    slow: FuturesUnordered<Slowly>,
    /// Asks of this turn, which go to the lane together.
    asks: Vec<Item>,
    waiting: HashMap<AskId, Call>,
    replies: Arc<Replies>,
    /// Answers of this turn; kept for its memory.
    answered: Vec<(AskId, Answered)>,
    room: BytesMut,
    sweep: Pin<Box<Sleep>>,
    swept: bool,
    watches: Watches,
}

/// Whether there are watches on a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Watches {
    /// None so far.
    None,
    /// The first came just now: the connection is to move.
    Came,
    /// There are, and it has moved.
    Served,
}

/// How serving ends, here.
enum Ending {
    Over,
    Moves,
}

impl Connection {
    pub(super) fn new(house: House, mut line: h2::server::Connection<Line, Bytes>) -> Self {
        let waiting = house.desk.metrics().counted.replies.clone();
        Self {
            house,
            pulse: Pulse::new(line.ping_pong()),
            line,
            slow: FuturesUnordered::new(),
            asks: Vec::new(),
            waiting: HashMap::new(),
            replies: Arc::new(Replies::counted(waiting)),
            answered: Vec::new(),
            room: BytesMut::new(),
            sweep: Box::pin(sleep_until(Instant::now())),
            swept: true,
            watches: Watches::None,
        }
    }

    /// Serves until the client or the library has closed it, or, once it is
    /// `closing`, until what is under way has ended. Comes back when the first
    /// watch came, to be served on in another place.
    pub(super) async fn serve(mut self, closing: impl Future<Output = ()>) -> Option<Self> {
        let ending = tokio::select! {
            biased;
            ending = poll_fn(|context| self.turn(context)) => ending,
            () = closing => {
                self.line.graceful_shutdown();
                poll_fn(|context| self.turn(context)).await
            }
        };
        match ending {
            Ending::Over => None,
            Ending::Moves => {
                self.watches = Watches::Served;
                Some(self)
            }
        }
    }

    /// Everything that can be done now. What is sent after the library was
    /// polled wakes this task again, so nothing is left behind.
    fn turn(&mut self, context: &mut Context<'_>) -> Poll<Ending> {
        self.take_answers(context);
        loop {
            match self.line.poll_accept(context) {
                Poll::Ready(Some(Ok((request, respond)))) => self.begin(request, respond, context),
                Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(Ending::Over),
                Poll::Pending => break,
            }
        }
        if self.watches == Watches::Came {
            // Before the watch begins: its tasks are where it begins.
            self.hand_in();
            return Poll::Ready(Ending::Moves);
        }
        while let Poll::Ready(Some(done)) = Pin::new(&mut self.slow).poll_next(context) {
            if let Slow::Read(call, read) = done {
                self.on_read(call, read);
            }
        }
        self.hand_in();
        self.poll_sweep(context);
        self.pulse.poll_gone(context).map(|()| Ending::Over)
    }

    fn begin(
        &mut self,
        request: Request<RecvStream>,
        mut respond: SendResponse<Bytes>,
        context: &mut Context<'_>,
    ) {
        let (parts, body) = request.into_parts();
        if let Err((http, why)) = content::check(&parts) {
            let _ = respond.send_response(trailers::not_grpc(http, &why), true);
            return self.house.count.other("", why.code as i32);
        }
        let hot = Method::of(parts.uri.path()).filter(|_| self.house.direct);
        let Some(method) = hot else {
            return self.relay(Request::from_parts(parts, body), respond);
        };
        let leaderless = leader::is_wanted(&parts.headers) && !self.house.desk.is_led();
        let admitted = if leaderless { Err(Status::NO_LEADER) } else { Ok(()) };
        match admitted.and_then(|()| deadline::deadline(&parts.headers)) {
            Err(why) => self.refuse(Call { method, deadline: None, respond }, &why),
            Ok(deadline) => {
                let call = Call { method, deadline, respond };
                self.read(call, Reading::new(body, &parts.headers), context);
            }
        }
    }

    fn relay(&mut self, request: Request<RecvStream>, respond: SendResponse<Bytes>) {
        if self.watches == Watches::None && request.uri().path() == WATCH {
            self.watches = Watches::Came;
        }
        let house = self.house.clone();
        self.slow.push(Box::pin(async move {
            let path = request.uri().path().to_owned();
            let code = relay(house.routes, &house.desk, request, respond).await;
            house.count.other(&path, code);
            Slow::Relayed
        }));
    }

    /// Nearly always the message has come with the headers.
    fn read(&mut self, call: Call, mut reading: Reading, context: &mut Context<'_>) {
        match reading.poll(context) {
            Poll::Ready(read) => self.on_read(call, read),
            Poll::Pending => self.slow.push(Box::pin(async move {
                let read = read_on(reading, call.deadline).await;
                Slow::Read(call, read)
            })),
        }
    }

    fn on_read(&mut self, call: Call, read: Read) {
        let Some(message) = read else {
            return self.house.count.hot(call.method, Code::Canceled);
        };
        let asked = message.and_then(|message| {
            let bytes = message.len();
            Ok((call.method.ask(message)?, bytes))
        });
        match asked {
            Err(why) => self.refuse(call, &why),
            Ok((ask, bytes)) => {
                let (id, item) = self.house.desk.prepare(ask, bytes, &self.replies);
                self.asks.push(item);
                self.wait(id, call);
            }
        }
    }

    /// All asks of the turn at once, so that the lane wakes once.
    fn hand_in(&mut self) {
        if self.asks.is_empty() {
            return;
        }
        // Threads of connections with watches have a lower rank than the lane.
        let hand = if self.watches == Watches::Served { Hand::Busy } else { Hand::Free };
        self.house.desk.hand_in(hand, &mut self.asks);
        for refused in std::mem::take(&mut self.asks) {
            if let Item::Ask { id, .. } = refused
                && let Some(call) = self.waiting.remove(&id)
            {
                self.refuse(call, &Status::TOO_MANY_REQUESTS);
            }
        }
    }

    fn take_answers(&mut self, context: &mut Context<'_>) {
        let mut answered = std::mem::take(&mut self.answered);
        self.replies.take(&mut answered, context.waker());
        for (id, answered) in answered.drain(..) {
            // Nobody waits for what was forgotten.
            if let Some(call) = self.waiting.remove(&id) {
                self.answer(call, answered);
            }
        }
        self.answered = answered;
    }

    fn answer(&mut self, call: Call, answered: Answered) {
        let Answered { term, answer } = answered;
        let header = self.house.desk.header_in(term);
        if self.room.capacity() == 0 {
            self.room.reserve(ROOM_BYTES);
        }
        match call.method.answer(answer, header, &mut self.room) {
            Ok(frame) => {
                self.house.count.hot(call.method, Code::Ok);
                call.reply(frame);
            }
            Err(why) => self.refuse(call, &why),
        }
    }

    fn refuse(&self, call: Call, why: &Status) {
        self.house.count.hot(call.method, why.code);
        call.refuse(why);
    }

    fn wait(&mut self, id: AskId, call: Call) {
        let now = self.swept.then(Instant::now);
        let due = now.map_or_else(|| self.sweep.deadline(), |now| now + SWEEP);
        let earlier = call.deadline.filter(|deadline| *deadline < due);
        if now.is_some() || earlier.is_some() {
            self.sweep.as_mut().reset(earlier.unwrap_or(due));
            self.swept = false;
        }
        self.waiting.insert(id, call);
    }

    /// Looks for clients that gave up, now and then while any wait.
    fn poll_sweep(&mut self, context: &mut Context<'_>) {
        while !self.swept && self.sweep.as_mut().poll(context).is_ready() {
            self.swept = true;
            let now = Instant::now();
            let ended = self.waiting.extract_if(|_, call| call.ended(now, context));
            let ended: Vec<_> = ended.collect();
            for (id, call) in ended {
                self.house.desk.forget(id);
                self.give_up(call, now);
            }
            self.rearm(now);
        }
    }

    fn give_up(&self, call: Call, now: Instant) {
        if call.deadline.is_some_and(|deadline| deadline <= now) {
            self.refuse(call, &deadline::exceeded());
        } else {
            self.house.count.hot(call.method, Code::Canceled);
        }
    }

    fn rearm(&mut self, now: Instant) {
        if !self.waiting.is_empty() {
            let deadlines = self.waiting.values().filter_map(|call| call.deadline);
            let next = deadlines.min().unwrap_or(now + SWEEP).min(now + SWEEP);
            self.sweep.as_mut().reset(next);
            self.swept = false;
        }
    }
}

async fn read_on(mut reading: Reading, deadline: Option<Instant>) -> Read {
    let read = poll_fn(|context| reading.poll(context));
    match deadline {
        None => read.await,
        Some(deadline) => match timeout_at(deadline, read).await {
            Ok(read) => read,
            Err(_) => Some(Err(deadline::exceeded())),
        },
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.waiting.keys().for_each(|id| self.house.desk.forget(*id));
    }
}
