//! The tasks that somebody may still ask for.

use core::fmt;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use heddle_primitives::Unparker;

use super::job::Verdict;
use super::memory::Parcel;
use crate::exit::Exit;
use crate::lane::CallWords;

/// Names a task as long as it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TaskKey {
    at: u32,
    serial: u32,
}

/// What a task is about, for its errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Label {
    pub(crate) name: &'static str,
    /// The number of its first element among those of its call; `None` if it is by itself.
    pub(crate) index: Option<usize>,
}

/// What to do with an argument.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    pub(crate) call: CallWords,
    pub(crate) label: Label,
    /// How often it may be run again after its worker has died with it.
    pub(crate) reruns: u32,
}

/// The bytes of an argument that no worker has.
#[derive(Debug)]
pub(crate) enum Payload {
    Bytes(Vec<u8>),
    /// So many at the start of a parcel.
    Parcel(Parcel, u64),
}

#[derive(Debug)]
pub(crate) enum Progress {
    /// It waits for a worker.
    Queued(Payload),
    /// A worker has it, and with it its argument, or this one.
    Sent { rank: usize, seq: u64, argument: Option<(Parcel, u64)> },
    /// It is over.
    Over(Outcome),
}

/// What came of a task.
#[derive(Debug)]
pub(crate) enum Outcome {
    Answered {
        verdict: u32,
        item: u64,
        bytes: Stored,
    },
    /// The worker died when it was at this element.
    Died {
        pid: u32,
        exit: Exit,
        item: u64,
    },
    /// The worker wrote something that makes no sense, and was ended.
    Garbage(String),
    Cancelled,
    /// It took too long and its worker was killed.
    Overtime(Duration),
    Terminated,
    Broken(Arc<str>),
    /// There was no memory to send it.
    NoMemory(u64),
}

impl Outcome {
    /// Whether it is a result and no error.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self, Outcome::Answered { verdict, .. } if *verdict == Verdict::Done as u32)
    }
}

/// The bytes of a result.
#[derive(Debug)]
pub(crate) enum Stored {
    Short([u8; Stored::SHORT], u8),
    Heap(Box<[u8]>),
    Parcel(Parcel, usize),
    /// There are none, but there would have been so many.
    Missing(u64),
}

impl Stored {
    const SHORT: usize = 40;

    #[inline]
    pub(crate) fn new(bytes: &[u8]) -> Stored {
        if bytes.len() <= Stored::SHORT {
            let mut short = [0; Stored::SHORT];
            short[..bytes.len()].copy_from_slice(bytes);
            Stored::Short(short, bytes.len() as u8)
        } else {
            Stored::Heap(bytes.into())
        }
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Stored::Short(bytes, len) => &bytes[..usize::from(*len)],
            Stored::Heap(bytes) => bytes,
            // SAFETY: the worker has answered, and writes to the parcel no more.
            Stored::Parcel(parcel, len) => unsafe { parcel.bytes(*len) },
            Stored::Missing(_) => &[],
        }
    }
}

/// Who wants to know that a task is over.
#[derive(Clone, Debug)]
pub(crate) enum Notify {
    Thread(Unparker),
    Future(Waker),
}

impl Notify {
    pub(crate) fn notify(self) {
        match self {
            Notify::Thread(unparker) => unparker.unpark(),
            Notify::Future(waker) => waker.wake(),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) order: Order,
    pub(crate) progress: Progress,
    pub(crate) notify: Option<Notify>,
    /// Nobody asks for it any more.
    pub(crate) abandoned: bool,
    /// Its worker is killed because it took longer than this.
    pub(crate) overtime: Option<Duration>,
}

impl Task {
    pub(crate) fn new(order: Order, progress: Progress) -> Task {
        Task { order, progress, notify: None, abandoned: false, overtime: None }
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.progress, Progress::Over(_))
    }

    /// Whether it is over and has a result.
    pub(crate) fn is_done(&self) -> bool {
        matches!(&self.progress, Progress::Over(outcome) if outcome.is_done())
    }
}

/// Tasks in places that are used again.
#[derive(Default)]
pub(crate) struct Tasks {
    places: Vec<(u32, Option<Task>)>,
    free: Vec<u32>,
}

impl Tasks {
    #[inline]
    pub(crate) fn insert(&mut self, task: Task) -> TaskKey {
        match self.free.pop() {
            Some(at) => {
                let (serial, place) = &mut self.places[at as usize];
                *place = Some(task);
                TaskKey { at, serial: *serial }
            }
            None => {
                let at = u32::try_from(self.places.len()).expect("fewer than 2^32 tasks");
                self.places.push((0, Some(task)));
                TaskKey { at, serial: 0 }
            }
        }
    }

    #[inline]
    pub(crate) fn get(&mut self, key: TaskKey) -> Option<&mut Task> {
        let (serial, place) = self.places.get_mut(key.at as usize)?;
        if *serial == key.serial { place.as_mut() } else { None }
    }

    #[inline]
    pub(crate) fn remove(&mut self, key: TaskKey) -> Option<Task> {
        let (serial, place) = self.places.get_mut(key.at as usize)?;
        if *serial != key.serial {
            return None;
        }
        let task = place.take()?;
        *serial = serial.wrapping_add(1);
        self.free.push(key.at);
        Some(task)
    }

    /// Takes out what came of a task that is over; the rest of it is not moved.
    #[inline]
    pub(crate) fn take(&mut self, key: TaskKey) -> Option<Outcome> {
        let (serial, place) = self.places.get_mut(key.at as usize)?;
        let task = place.as_mut().filter(|_| *serial == key.serial)?;
        if !task.is_over() {
            return None;
        }
        let Progress::Over(outcome) =
            core::mem::replace(&mut task.progress, Progress::Over(Outcome::Cancelled))
        else {
            return None;
        };
        *place = None;
        *serial = serial.wrapping_add(1);
        self.free.push(key.at);
        Some(outcome)
    }

    /// All keys of tasks that are not over.
    pub(crate) fn unfinished(&self) -> Vec<TaskKey> {
        let key = |(at, (serial, task)): (usize, &(u32, Option<Task>))| {
            task.as_ref().filter(|task| !task.is_over())?;
            Some(TaskKey { at: at as u32, serial: *serial })
        };
        self.places.iter().enumerate().filter_map(key).collect()
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks").field("held", &(self.places.len() - self.free.len())).finish_non_exhaustive()
    }
}
