//! What the pool's lock guards: who has which task.

mod answers;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::base::Base;
use super::desk::{Desk, Flight, Readiness};
use super::job::Verdict;
use super::memory::Parcel;
use super::station::{Argument, NOWHERE, ROOM};
use super::tasks::{Notify, Order, Outcome, Payload, Progress, Task, TaskKey, Tasks};
use crate::lane::CallWords;
use crate::link::SharedLink;
use crate::os;

/// How often in a row workers may end before they are ready.
const FAILURES: u32 = 5;

/// How many functions' last large results are remembered.
const HINTS: usize = 16;

/// Results up to so many bytes get their room together with the task, once one was so large.
const ROOM_AHEAD: usize = 1 << 20;

/// What a new worker does first, and the bytes of its argument.
pub(crate) type FirstTask = (Order, Arc<[u8]>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Open,
    /// No more tasks are taken; those that were are done.
    Closed,
    /// There are no workers, and will be none.
    Broken(Arc<str>),
    Terminated,
}

#[derive(Debug)]
pub(crate) struct State {
    base: Arc<Base>,
    pub(crate) desks: Vec<Desk>,
    pub(crate) tasks: Tasks,
    /// Tasks that no worker has, but for those that were cancelled meanwhile.
    pending: VecDeque<TaskKey>,
    /// Tasks that are not over.
    pub(crate) outstanding: usize,
    pub(crate) phase: Phase,
    /// What each new worker does first.
    pub(crate) initializer: Option<FirstTask>,
    max_tasks: Option<u64>,
    /// Workers that ended before they were ready, since one was.
    failures: u32,
    /// Workers that were replaced, ever.
    pub(crate) replaced: u64,
    hints: [(CallWords, usize); HINTS],
    /// Whether a caller looks for answers.
    pub(crate) driving: bool,
    /// How often a caller began to.
    pub(crate) drives: u64,
    /// Whether the handler looks around by itself.
    pub(crate) ticking: bool,
    /// Tasks whose end somebody sleeps for.
    pub(crate) watched: usize,
    /// To be told once the lock is free: a waker is anybody's code.
    pub(crate) to_notify: Vec<Notify>,
    /// Workers that have tasks which they were not woken for.
    pub(crate) to_wake: Vec<usize>,
    /// The handler is to be called once the lock is free.
    pub(crate) call_handler: bool,
}

impl State {
    pub(crate) fn new(
        base: Arc<Base>,
        desks: Vec<Desk>,
        initializer: Option<FirstTask>,
        max_tasks: Option<u64>,
    ) -> State {
        State {
            base,
            desks,
            tasks: Tasks::default(),
            pending: VecDeque::new(),
            outstanding: 0,
            phase: Phase::Open,
            initializer,
            max_tasks,
            failures: 0,
            replaced: 0,
            hints: [(CallWords::NONE, 0); HINTS],
            driving: false,
            drives: 0,
            ticking: false,
            watched: 0,
            to_notify: Vec::new(),
            to_wake: Vec::new(),
            call_handler: false,
        }
    }

    /// A worker stands at its station, which is fresh.
    pub(crate) fn begin(&mut self, rank: usize, link: SharedLink) {
        self.desks[rank] = Desk::new(link);
        self.base.note(rank, 0);
        self.desks[rank].readiness = Readiness::Ready;
        if let Some((order, bytes)) = self.initializer.clone() {
            let key = self.add(Task::new(order, Progress::Queued(Payload::Bytes(bytes.to_vec()))));
            self.send(rank, key);
            self.desks[rank].readiness = Readiness::Starting(key);
            self.desks[rank].given = 0;
        } else {
            self.failures = 0;
        }
    }

    /// Takes a task, and gives it to a worker if one has room.
    #[inline]
    pub(crate) fn submit(&mut self, order: Order, bytes: &[u8]) -> TaskKey {
        if self.pending.is_empty()
            && bytes.len() <= ROOM
            && let Some(rank) = self.free_desk()
        {
            let sent = Progress::Sent { rank, seq: self.desks[rank].next, argument: None };
            let key = self.add(Task::new(order, sent));
            self.put(rank, key, order.call, Argument::Small(bytes));
            return key;
        }
        self.enqueue(order, Payload::Bytes(bytes.to_vec()))
    }

    /// The same for a task whose argument is in a parcel already.
    pub(crate) fn submit_packed(&mut self, order: Order, parcel: Parcel, len: usize) -> TaskKey {
        self.enqueue(order, Payload::Parcel(parcel, len as u64))
    }

    fn enqueue(&mut self, order: Order, payload: Payload) -> TaskKey {
        let key = self.add(Task::new(order, Progress::Queued(payload)));
        self.pending.push_back(key);
        self.dispatch();
        key
    }

    fn add(&mut self, task: Task) -> TaskKey {
        self.outstanding += 1;
        self.tasks.insert(task)
    }

    /// Deals with all that workers have published, and all alarms.
    #[inline]
    pub(crate) fn pump(&mut self) {
        if !self.base.news() {
            return;
        }
        let mut room = false;
        for rank in 0..self.desks.len() {
            if self.base.news_of(rank) {
                self.drain(rank);
                room = true;
            }
        }
        if self.base.heed() {
            for rank in 0..self.desks.len() {
                if self.desks[rank].readiness != Readiness::Dead && self.desks[rank].link.death().is_some() {
                    // What it published before it died.
                    self.drain(rank);
                    self.bury(rank);
                    room = true;
                }
            }
        }
        if room {
            self.dispatch();
        }
    }

    /// Gives waiting tasks to workers that have room.
    pub(crate) fn dispatch(&mut self) {
        while !self.pending.is_empty() {
            let Some(rank) = self.free_desk() else { return };
            let Some(key) = self.pending.pop_front() else { return };
            if self.tasks.get(key).is_some_and(|task| matches!(task.progress, Progress::Queued(_))) {
                self.send(rank, key);
            }
        }
        self.share_out();
    }

    /// The worker with room that has the fewest tasks.
    #[inline]
    fn free_desk(&self) -> Option<usize> {
        let free = self.desks.iter().enumerate().filter(|(_, desk)| desk.has_room());
        free.min_by_key(|(_, desk)| desk.in_flight()).map(|(rank, _)| rank)
    }

    /// Gives idle workers what busy ones have not begun, one task each.
    fn share_out(&mut self) {
        if self.desks.len() == 1 {
            return;
        }
        for idle in 0..self.desks.len() {
            if !self.desks[idle].is_idle() {
                continue;
            }
            let busy =
                self.desks.iter().enumerate().filter(|(_, desk)| desk.in_flight() > 1 && desk.is_slow());
            let Some((busy, _)) = busy.max_by_key(|(_, desk)| desk.in_flight()) else { return };
            let desk = &self.desks[busy];
            let taken = (desk.seen..desk.next).rev().find_map(|seq| self.take_back(busy, seq));
            if let Some(key) = taken {
                self.send(idle, key);
            }
        }
    }

    /// Takes a task back that its worker has not begun.
    fn take_back(&mut self, rank: usize, seq: u64) -> Option<TaskKey> {
        let key = self.desks[rank].flight(seq).key?;
        if self.desks[rank].readiness == Readiness::Starting(key)
            || !self.base.floor.station(rank).withdraw(seq)
        {
            return None;
        }
        self.desks[rank].given -= 1;
        *self.desks[rank].flight(seq) = Flight::default();
        self.reclaim(rank, seq, key);
        Some(key)
    }

    /// Makes a task that was sent, and has not begun, or may begin again, one that waits.
    fn reclaim(&mut self, rank: usize, seq: u64, key: TaskKey) {
        let Some(task) = self.tasks.get(key) else { return };
        let argument = match &mut task.progress {
            Progress::Sent { argument, .. } => argument.take(),
            _ => return,
        };
        let payload = match argument {
            Some((parcel, len)) => Payload::Parcel(parcel, len),
            None => {
                let mut bytes = Vec::new();
                // SAFETY: published, and the cell was not used again, since its answer has not been read.
                let small = unsafe { self.base.floor.station(rank).argument(seq, &mut bytes) };
                small.expect("a large argument is in its task");
                Payload::Bytes(bytes)
            }
        };
        task.progress = Progress::Queued(payload);
    }

    /// Sends a task that waits to a worker that has room.
    fn send(&mut self, rank: usize, key: TaskKey) {
        let base = Arc::clone(&self.base);
        let seq = self.desks[rank].next;
        let Some(task) = self.tasks.get(key) else { return };
        let call = task.order.call;
        let sent = |argument| Progress::Sent { rank, seq, argument };
        let Progress::Queued(payload) = core::mem::replace(&mut task.progress, sent(None)) else { return };
        let (parcel, len) = match payload {
            Payload::Bytes(bytes) if bytes.len() <= ROOM => {
                return self.put(rank, key, call, Argument::Small(&bytes));
            }
            Payload::Bytes(bytes) => match base.parcels.pack(&bytes) {
                Ok(parcel) => (parcel, bytes.len() as u64),
                Err(_) => return self.finish(key, Outcome::NoMemory(bytes.len() as u64)),
            },
            Payload::Parcel(parcel, len) => (parcel, len),
        };
        let place = parcel.place();
        task.progress = sent(Some((parcel, len)));
        self.put(rank, key, call, Argument::Large(place, len));
    }

    /// Puts a task onto a station. That it is there is noted before the worker can see it.
    #[inline]
    fn put(&mut self, rank: usize, key: TaskKey, call: CallWords, argument: Argument<'_>) {
        let hint = self.hint(call);
        // Without room in advance the worker asks for it.
        let room = hint.and_then(|len| self.base.parcels.take(len).ok());
        let place = room.as_ref().map_or(NOWHERE, Parcel::place);
        let desk = &mut self.desks[rank];
        let seq = desk.next;
        *desk.flight(seq) = Flight { key: Some(key), room };
        desk.next += 1;
        desk.given += 1;
        if self.max_tasks.is_some_and(|max| desk.given >= max) {
            desk.readiness = Readiness::Retiring;
        }
        if !core::mem::replace(&mut desk.unwoken, true) {
            self.to_wake.push(rank);
        }
        // SAFETY: under the lock nobody else publishes; the window is at most the depth, so the cell's last answer was read.
        unsafe { self.base.floor.station(rank).publish(seq, call, argument, place) };
    }

    /// A worker could not be made ready: once more, and once more, but not for ever.
    pub(crate) fn fail(&mut self, why: &str) {
        self.failures += 1;
        if self.failures > FAILURES {
            self.end(Phase::Broken(why.into()));
        }
    }

    /// A task is over.
    #[inline]
    pub(crate) fn finish(&mut self, key: TaskKey, outcome: Outcome) {
        let Some(task) = self.tasks.get(key).filter(|task| !task.is_over()) else { return };
        self.outstanding -= 1;
        if let Some(notify) = task.notify.take() {
            self.watched -= 1;
            self.to_notify.push(notify);
        }
        let abandoned = task.abandoned;
        task.progress = Progress::Over(outcome);
        if self.initializer.is_some() {
            self.initialized(key);
        }
        if abandoned {
            self.tasks.remove(key);
        }
        if self.outstanding == 0 && self.phase != Phase::Open {
            self.call_handler = true;
        }
    }

    /// If the task was an initializer, its worker is ready, or the pool is broken.
    fn initialized(&mut self, key: TaskKey) {
        let starting = |desk: &Desk| desk.readiness == Readiness::Starting(key);
        let Some(rank) = self.desks.iter().position(starting) else { return };
        let Some(task) = self.tasks.remove(key) else { return };
        match task.progress {
            Progress::Over(Outcome::Answered { verdict, .. }) if verdict == Verdict::Done as u32 => {
                self.desks[rank].readiness = Readiness::Ready;
                self.failures = 0;
            }
            Progress::Over(Outcome::Answered { verdict, bytes, .. }) => {
                let message = String::from_utf8_lossy(bytes.bytes());
                let what = match Verdict::from_number(verdict) {
                    Some(Verdict::Panicked) => format!("{} panicked: {message}", task.order.label.name),
                    other => format!("{}: {other:?}", task.order.label.name),
                };
                self.end(Phase::Broken(what.into()));
            }
            // Its worker died, or the pool is being ended.
            _ => {}
        }
    }

    /// Cancels a task that has not begun.
    pub(crate) fn cancel(&mut self, key: TaskKey, outcome: Outcome) -> bool {
        let Some(task) = self.tasks.get(key) else { return false };
        match task.progress {
            Progress::Over(_) => return false,
            // Its key in the queue is passed over later.
            Progress::Queued(_) => {}
            Progress::Sent { rank, seq, .. } => {
                if self.take_back(rank, seq).is_none() {
                    return false;
                }
            }
        }
        self.finish(key, outcome);
        true
    }

    /// Kills the worker that is at a task, which then ends as one that took too long; or cancels the task if none is.
    pub(crate) fn cut_short(&mut self, key: TaskKey, limit: Duration) {
        if self.cancel(key, Outcome::Overtime(limit)) {
            return;
        }
        let Some(task) = self.tasks.get(key) else { return };
        let Progress::Sent { rank, seq, .. } = task.progress else { return };
        task.overtime = Some(limit);
        // The kill must not meet the next task: if all behind it can be taken back, there is none; else this one is done.
        for behind in (seq + 1..self.desks[rank].next).rev() {
            if let Some(key) = self.take_back(rank, behind) {
                self.pending.push_front(key);
            }
        }
        if self.base.floor.station(rank).done() <= seq {
            let _ = os::kill(self.desks[rank].link.pidfd());
        }
        self.dispatch();
    }

    /// Nobody asks for the task any more.
    pub(crate) fn abandon(&mut self, key: TaskKey) {
        let Some(task) = self.tasks.get(key) else { return };
        if task.is_over() {
            self.tasks.remove(key);
        } else {
            if task.notify.take().is_some() {
                self.watched -= 1;
            }
            task.abandoned = true;
        }
    }

    /// Has `notify` told when the task is over.
    pub(crate) fn watch(&mut self, key: TaskKey, notify: Notify) {
        let Some(task) = self.tasks.get(key).filter(|task| !task.is_over()) else { return };
        if task.notify.replace(notify).is_none() {
            self.watched += 1;
        }
    }

    /// What came of a task that is over.
    #[inline]
    pub(crate) fn take(&mut self, key: TaskKey) -> Option<Outcome> {
        self.tasks.take(key)
    }

    /// Ends the pool: all tasks are over, and no more are taken.
    pub(crate) fn end(&mut self, phase: Phase) {
        if self.phase == Phase::Terminated {
            return;
        }
        self.phase = phase;
        self.pending.clear();
        for key in self.tasks.unfinished() {
            let outcome = match &self.phase {
                Phase::Broken(reason) => Outcome::Broken(Arc::clone(reason)),
                _ => Outcome::Terminated,
            };
            self.finish(key, outcome);
        }
        for desk in self.desks.iter().filter(|desk| desk.readiness != Readiness::Dead) {
            let _ = os::kill(desk.link.pidfd());
        }
        self.call_handler = true;
    }

    /// Workers that are to be replaced.
    pub(crate) fn vacancies(&self) -> Vec<usize> {
        let vacant = |rank: &usize| self.desks[*rank].readiness == Readiness::Dead;
        (0..self.desks.len()).filter(vacant).collect()
    }
}
