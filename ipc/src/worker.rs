//! What runs inside a worker process, and what its tasks may ask.

use core::any::Any;
use core::ffi::c_int;
use core::fmt;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use heddle_primitives::Mutex;

use crate::control::ControlRef;
use crate::image::Image;
use crate::lane::Status;
use crate::os;
use crate::process;
use crate::segment::{OpenError, Segment, SegmentRef};
use crate::serve::{Ended, Service};
use crate::task::{Bytes, Call, MAX_INLINE};

/// The exit code of a worker that could not open its control segment.
pub(crate) const EXIT_NO_CONTROL: c_int = 121;
/// The exit code of a worker whose parent ended.
pub(crate) const EXIT_ORPHANED: c_int = 122;
/// The exit code of a worker whose parent is of another build.
pub(crate) const EXIT_REFUSED: c_int = 123;
/// The exit code of a worker that found its rings broken.
pub(crate) const EXIT_BROKEN: c_int = 124;

/// How many segments a process keeps mapped for [`attach`].
const ATTACHED: usize = 64;

/// Who the current process is among its siblings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Context {
    /// This worker's number, from 0 on.
    pub rank: usize,
    /// How many workers were started together.
    pub count: usize,
}

static CONTEXT: OnceLock<Context> = OnceLock::new();
static CACHE: Mutex<Vec<(SegmentRef, Arc<Segment>)>> = Mutex::new(Vec::new());

/// Who the current process is, if it is a worker.
pub fn current() -> Option<Context> {
    CONTEXT.get().copied()
}

/// Maps the segment that another process [shared](Segment::share), or returns the mapping that this process has of it already.
///
/// The last 64 segments stay mapped, so that a task that is called again and again with the same segment attaches it once. In
/// the process that shared the segment it works too, and makes a second mapping.
///
/// # Errors
///
/// As [`Segment::attach`].
pub fn attach(reference: SegmentRef) -> Result<Arc<Segment>, OpenError> {
    let mut cache = CACHE.lock();
    if let Some(at) = cache.iter().position(|(known, _)| *known == reference) {
        // The latest stands last.
        let found = cache.remove(at);
        let segment = Arc::clone(&found.1);
        cache.push(found);
        return Ok(segment);
    }
    let segment = Arc::new(Segment::attach(reference)?);
    if cache.len() == ATTACHED {
        cache.remove(0);
    }
    cache.push((reference, Arc::clone(&segment)));
    Ok(segment)
}

/// Forgets a mapping that [`attach`] keeps, so that its memory can be freed. Returns whether there was one.
pub fn detach(reference: SegmentRef) -> bool {
    let mut cache = CACHE.lock();
    let before = cache.len();
    cache.retain(|(known, _)| *known != reference);
    cache.len() != before
}

/// The whole life of a worker, called before `main`.
pub(crate) fn main(reference: SegmentRef) -> ! {
    os::ignore_broken_pipes();
    let control = match ControlRef::attach(reference) {
        Ok(control) => control,
        Err(error) => give_up(EXIT_NO_CONTROL, format_args!("no control segment: {error}")),
    };
    let terms = control.terms();
    // SAFETY: the worker makes these ends, here and nowhere else.
    let mut service = unsafe { Service::new(&control) };
    if !service.greet(terms.identity, Image::current().identity()) {
        std::process::exit(EXIT_REFUSED);
    }
    let context = Context { rank: terms.rank as usize, count: terms.count as usize };
    CONTEXT.set(context).expect("set once");
    let name = format!("heddle-worker-{}", context.rank);
    process::sys::set_name(&name);
    follow_parent(reference.pid);
    let ended = service.serve(terms.spin, |head, argument, result| {
        run(Call::from(head.call), head.status as usize, argument, result)
    });
    match ended {
        // Exits as a program that returns from `main` does: buffers are flushed, exit handlers run.
        Ended::Dismissed => std::process::exit(0),
        Ended::TooLong(len) => give_up(EXIT_BROKEN, format_args!("a task claims {len} bytes")),
        Ended::NoRoom => give_up(EXIT_BROKEN, format_args!("no room for a reply")),
    }
}

/// Ends a worker that cannot work. Its parent sees the exit code, people see the message.
pub(crate) fn give_up(code: c_int, why: fmt::Arguments<'_>) -> ! {
    let _ = writeln!(std::io::stderr(), "heddle worker {}: {why}", std::process::id());
    std::process::exit(code)
}

/// Ends this process when its parent ends, also in the middle of a task.
///
/// A thread that polls the parent's pidfd. PR_SET_PDEATHSIG is an alternative for a zygote's children only: it fires when the *thread* that
/// started the worker ends, which for a test or a pool is long before the process does.
pub(crate) fn follow_parent(parent: u32) {
    let Ok(pidfd) = os::pidfd(parent) else { std::process::exit(EXIT_ORPHANED) };
    if os::parent() != parent {
        // It ended before the pidfd was open, and the id may be another process's by now.
        std::process::exit(EXIT_ORPHANED);
    }
    // Not `exit`: the main thread is in the middle of something.
    if let Err(error) = process::sys::end_with(pidfd, EXIT_ORPHANED) {
        give_up(EXIT_ORPHANED, format_args!("the parent cannot be followed: {error}"));
    }
}

/// Runs a task whose result has `len` bytes; returns what to reply.
fn run(call: Call, len: usize, argument: &Bytes, result: &mut Bytes) -> (Status, usize) {
    // SAFETY: the parent made it, of the same build as the handshake found, for this argument.
    let ran = catch_unwind(AssertUnwindSafe(|| unsafe { call.run(argument, result) }));
    match ran {
        Ok(true) => (Status::Ok, len.min(MAX_INLINE)),
        Ok(false) => (Status::NoFunction, 0),
        Err(payload) => {
            let message = message(&*payload);
            let cut = message.floor_char_boundary(MAX_INLINE);
            result.0[..cut].copy_from_slice(&message.as_bytes()[..cut]);
            // The payload's drop is the task's code too, and may panic.
            core::mem::forget(payload);
            (Status::Panicked, cut)
        }
    }
}

/// The message of a panic.
pub(crate) fn message(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message")
}
