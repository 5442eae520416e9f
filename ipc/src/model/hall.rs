//! A pool's bell and one station, with the threads that meet there.

use std::time::Duration;

use heddle_primitives::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::lane::CallWords;
use crate::pool::bell::Bell;
use crate::pool::station::{Answer, Argument, Begun, DEPTH, Fate, NOWHERE, Station, WorkerEnd};
use crate::task::Call;

/// How many tasks a worker may have.
pub const TASKS: usize = DEPTH;

/// The segment that a worker is granted, and that a task comes with.
const SEGMENT: [u64; 3] = [7, 8, 9];

/// What a pool and one worker share, and what the pool's threads share besides.
#[derive(Debug)]
pub struct Hall {
    bell: Bell,
    station: Station,
    /// What of the worker's was dealt with. The pool's threads change it one after the other, elsewhere under a lock.
    noted: AtomicU64,
    /// Whether the worker has died.
    dead: AtomicU32,
}

/// What became of a task whose worker is dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was answered with this.
    Answered([u64; 8]),
    /// It may have begun.
    Begun,
    /// It has not begun.
    Queued,
    /// It was taken back.
    Withdrawn,
}

impl Default for Hall {
    fn default() -> Self {
        Hall::new()
    }
}

/// Bytes that do not fit the line of a task's head, nor that of an answer.
fn bytes(words: [u64; 8]) -> [u8; 64] {
    let mut bytes = [0; 64];
    for (room, word) in bytes.chunks_exact_mut(8).zip(words) {
        room.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

fn words(bytes: &[u8]) -> [u64; 8] {
    let mut words = [0; 8];
    for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = u64::from_le_bytes(bytes.try_into().expect("8 bytes"));
    }
    words
}

/// The pool's side.
impl Hall {
    /// A station whose worker has not come.
    pub fn new() -> Hall {
        Hall { bell: Bell::new(), station: Station::new(), noted: AtomicU64::new(0), dead: AtomicU32::new(0) }
    }

    /// Publishes task `seq`, with a long argument or, if it is 0, a short one, and wakes the worker.
    pub fn publish(&self, seq: u64, argument: u64) {
        let long = bytes([argument; 8]);
        let argument = if argument == 0 { Argument::Small(&long[..8]) } else { Argument::Small(&long) };
        // SAFETY: scenarios publish in order, and no more than there is room for.
        unsafe {
            self.station.publish(seq, CallWords::from(Call { trampoline: 1, function: 0 }), argument, NOWHERE)
        };
        self.station.wake_worker();
    }

    /// The same of a task whose argument and result lie elsewhere.
    pub fn publish_large(&self, seq: u64) {
        let argument = Argument::Large(SEGMENT, 1 << 40);
        // SAFETY: as in `publish`.
        unsafe { self.station.publish(seq, CallWords::NONE, argument, SEGMENT) };
        self.station.wake_worker();
    }

    fn news(&self) -> bool {
        // ORDERING: Relaxed, here and below: a hint, as elsewhere.
        self.station.news() != self.noted.load(Ordering::Relaxed) || self.dead.load(Ordering::Relaxed) != 0
    }

    /// Notes what has come; returns whether that is all that is waited for.
    fn note(&self, answers: u64) -> bool {
        let done = self.station.done();
        let (asked, need) = self.station.asked();
        // ORDERING: Acquire: pairs with `die`: what the worker did is there.
        let dead = self.dead.load(Ordering::Acquire) != 0;
        // ORDERING: Relaxed: see `news`.
        let noted = self.noted.load(Ordering::Relaxed);
        if done + asked != noted && asked == 1 && noted <= done {
            assert_eq!(need, 1 << 41);
            // SAFETY: the only request, which was not answered.
            unsafe { self.station.grant(1, SEGMENT) };
        }
        // ORDERING: as above.
        self.noted.store(done + asked, Ordering::Relaxed);
        done >= answers || dead
    }

    /// Waits, as a caller does, until so many tasks are answered or the worker is dead.
    pub fn drive(&self, answers: u64) {
        self.bell.disarm_handler();
        while !self.note(answers) {
            self.bell.sleep_driver(None, || self.news());
        }
    }

    /// Leaves the rest to the handler; `false` if there is something to be dealt with first.
    pub fn hand_over(&self) -> bool {
        !self.bell.arm_handler(|| self.news())
    }

    /// Waits as the handler does while a caller drives, until that hands over and something comes, or it is called; then deals with
    /// what there is. Returns whether so many tasks are answered.
    pub fn sleep_and_look(&self, answers: u64) -> bool {
        self.bell.sleep_handler(false, None);
        self.bell.attend();
        self.note(answers)
    }

    /// Waits, as the handler does when nobody else is there, until so many tasks are answered or the worker is dead.
    pub fn handle(&self, answers: u64) {
        loop {
            self.bell.attend();
            if self.note(answers) {
                return;
            }
            if !self.bell.arm_handler(|| self.news()) {
                self.bell.sleep_handler(true, None);
            }
        }
    }

    /// Calls the handler.
    pub fn call_handler(&self) {
        self.bell.call_handler();
    }

    /// Waits as the handler, with nothing else to do, until it was called: then whatever was done before is seen.
    pub fn await_call(&self, done: impl Fn() -> bool) {
        loop {
            self.bell.attend();
            if done() {
                return;
            }
            self.bell.sleep_handler(false, None);
        }
    }

    /// What the worker answered to task `seq`.
    pub fn answer(&self, seq: u64) -> [u64; 8] {
        // SAFETY: scenarios ask for what was answered only.
        let answer = unsafe { self.station.answer(seq) };
        assert_eq!((answer.verdict, answer.large), (1, false));
        // SAFETY: as above.
        unsafe { self.station.result(seq, answer.len as usize, words) }
    }

    /// Takes task `seq` back, unless the worker has it.
    pub fn withdraw(&self, seq: u64) -> bool {
        self.station.withdraw(seq)
    }

    /// The argument of a task that was taken back or never begun.
    pub fn argument(&self, seq: u64) -> u64 {
        let mut bytes = Vec::new();
        // SAFETY: scenarios ask for what was published only.
        unsafe { self.station.argument(seq, &mut bytes) }.expect("a small one");
        words(&bytes)[0]
    }

    /// Tells the worker to go.
    pub fn close(&self) {
        self.station.close();
    }

    /// What the supervisor does once the worker's process has ended.
    pub fn die(&self) {
        // ORDERING: Release: pairs with `note`.
        self.dead.store(1, Ordering::Release);
        self.bell.alarm();
    }

    /// What became of task `seq`, which was published and whose worker is dead.
    pub fn end(&self, seq: u64) -> End {
        if seq < self.station.done() {
            return End::Answered(self.answer(seq));
        }
        match self.station.fate(seq) {
            Fate::Begun => End::Begun,
            Fate::Queued => End::Queued,
            Fate::Withdrawn => End::Withdrawn,
        }
    }

    /// Has the next worker come, to a station that is as good as new.
    pub fn renew(&self) {
        self.station.renew();
        // ORDERING: Relaxed, both: nobody else is there.
        self.noted.store(0, Ordering::Relaxed);
        self.dead.store(0, Ordering::Relaxed);
    }

    /// The worker comes.
    pub fn work(&self) -> Attendant<'_> {
        // SAFETY: scenarios have one worker at a time.
        Attendant { end: unsafe { WorkerEnd::new(&self.station, &self.bell) } }
    }
}

/// The worker's side.
#[derive(Debug)]
pub struct Attendant<'h> {
    end: WorkerEnd<'h>,
}

impl Attendant<'_> {
    /// Answers tasks until it is told to go: `f` is given the task's number and the first word of its argument, and its result answered.
    pub fn serve(&mut self, mut f: impl FnMut(u64, u64) -> u64) {
        while let Some(task) = self.end.next(Duration::ZERO) {
            match task.argument {
                None => self.answer(&task, &mut f),
                Some(place) => self.answer_large(&task, place),
            }
        }
    }

    fn answer(&mut self, task: &Begun, f: &mut impl FnMut(u64, u64) -> u64) {
        let argument =
            self.end.argument(task, |bytes| words(bytes)[0]).expect("at most what there is room for");
        let result = bytes([f(task.seq, argument); 8]);
        let len = if argument == 0 { 8 } else { 64 };
        let answer = Answer { verdict: 1, large: false, len: len as u64, item: 0 };
        self.end.answer(answer, &result[..len]);
    }

    fn answer_large(&mut self, task: &Begun, place: [u64; 3]) {
        assert_eq!((place, task.room, task.len), (SEGMENT, SEGMENT, 1 << 40));
        assert_eq!(self.end.ask(1 << 41, Duration::ZERO), SEGMENT);
        self.end.answer(Answer { verdict: 1, large: true, len: 1 << 41, item: 3 }, &[]);
    }
}
