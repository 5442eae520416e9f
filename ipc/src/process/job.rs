//! A plain function with an argument and a result that are serialized.

use core::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::image::Image;
use crate::process::letter::{Desk, Verdict};
use crate::task;
use crate::worker;

/// Takes the argument off the desk, calls `F` with it, and answers; `None` if not even that was possible.
///
/// # Safety
///
/// `function` must be what [`Job::new`] made of an `F`, as an address in this process.
type Trampoline = unsafe fn(function: usize, desk: &Desk) -> Option<Verdict>;

/// A function to call, named so that another process of the same build finds it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job {
    /// Offset of the [`Trampoline`].
    pub(super) trampoline: u64,
    /// Offset of the function if it is a function pointer, else zero.
    pub(super) function: u64,
}

impl Job {
    /// Names `f`, or `None` if it cannot be called elsewhere.
    pub(super) fn new<F, A, R>(f: F) -> Option<Job>
    where
        F: Fn(A) -> R + Copy + 'static,
        A: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + 'static,
    {
        const {
            assert!(
                size_of::<F>() == 0 || size_of::<F>() == size_of::<usize>(),
                "a function with captured state cannot be sent to another process: pass the state as its argument"
            );
        }
        let trampoline = Image::current().offset_of(trampoline::<F, A, R> as Trampoline as usize)?;
        Some(Job { trampoline, function: task::function_offset::<F, fn(A) -> R>(f)? })
    }

    /// Calls it in this process; `None` if it names no code of this executable, or there is no answering.
    ///
    /// # Safety
    ///
    /// It must come from [`Job::new`] in a process of the same build.
    pub(super) unsafe fn run(self, desk: &Desk) -> Option<Verdict> {
        let image = Image::current();
        let trampoline = image.address_of(self.trampoline)?;
        let function = match self.function {
            0 => 0,
            offset => image.address_of(offset)?,
        };
        // SAFETY: the caller says that it is the address of a trampoline.
        let trampoline = unsafe { core::mem::transmute::<usize, Trampoline>(trampoline) };
        // SAFETY: the function is the trampoline's.
        unsafe { trampoline(function, desk) }
    }
}

/// See [`Trampoline`].
unsafe fn trampoline<F, A, R>(function: usize, desk: &Desk) -> Option<Verdict>
where
    F: Fn(A) -> R + Copy + 'static,
    A: DeserializeOwned,
    R: Serialize,
{
    let mut f = MaybeUninit::<F>::uninit();
    if size_of::<F>() != 0 {
        // SAFETY: `Job::new` lets no other `F` with a size pass than function pointers, of one address each.
        unsafe { f.as_mut_ptr().cast::<usize>().write(function) };
    }
    // SAFETY: either the function pointer written above, or a copy of the value without bytes that `Job::new` was given.
    let f = unsafe { f.assume_init() };
    // Serialization runs code of the types, which may panic too.
    let answered = catch_unwind(AssertUnwindSafe(|| match desk.take_argument::<A>() {
        Ok(argument) => desk.commit_value(&f(argument)),
        Err(why) => desk.commit_text(Verdict::NoArgument, &why),
    }));
    let answered = answered.unwrap_or_else(|payload| {
        let answered = desk.commit_text(Verdict::Panicked, worker::message(&*payload));
        // The payload's drop is the function's code too, and may panic.
        core::mem::forget(payload);
        answered
    });
    answered.ok()
}
