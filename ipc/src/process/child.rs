//! What runs inside a child process.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;

use crate::image::Image;
use crate::os;
use crate::process::current;
use crate::process::job::Job;
use crate::process::letter::{Desk, Head, Verdict};
use crate::process::sys;
use crate::worker::{self, EXIT_BROKEN, EXIT_NO_CONTROL, EXIT_ORPHANED, EXIT_REFUSED};

/// The exit code of a child whose function panicked, as a program's whose `main` did.
const EXIT_PANICKED: i32 = 101;

/// Where a child finds its letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LetterRef {
    /// The parent, which holds the letter.
    pub(crate) pid: u32,
    pub(crate) fd: u32,
    /// The letter's length.
    pub(crate) len: u64,
}

/// The whole life of a child, called before `main`.
pub(crate) fn main(reference: LetterRef) -> ! {
    os::ignore_broken_pipes();
    let (desk, head) = match open(reference) {
        Ok(opened) => opened,
        // The parent has ended, and its letter with it.
        Err(_) if os::parent() != reference.pid => os::exit_now(EXIT_ORPHANED),
        Err(error) => worker::give_up(EXIT_NO_CONTROL, format_args!("no letter: {error}")),
    };
    if head.identity != Image::current().identity().words() {
        worker::give_up(EXIT_REFUSED, format_args!("the parent is of another build"));
    }
    if let Err(error) = settle_in(&head) {
        worker::give_up(EXIT_NO_CONTROL, format_args!("{error}"));
    }
    sys::set_name(&head.name);
    let Head { trampoline, function, name, number, parent_name, daemon, ends_with_parent, .. } = head;
    if ends_with_parent {
        worker::follow_parent(reference.pid);
    }
    current::introduce(name, number, daemon, reference.pid, parent_name);
    // SAFETY: the parent made it, of the same build as was just found.
    let verdict = unsafe { Job { trampoline, function }.run(&desk) };
    // Exits as a program that returns from `main` does: buffers are flushed, exit handlers run.
    std::process::exit(match verdict {
        Some(Verdict::Returned) => 0,
        Some(Verdict::Panicked) => EXIT_PANICKED,
        Some(Verdict::NoArgument | Verdict::NoResult) | None => EXIT_BROKEN,
    })
}

fn open(reference: LetterRef) -> io::Result<(Desk, Head)> {
    let file = File::from(os::open_fd_of(reference.pid, reference.fd)?);
    Desk::open(file, reference.len)
}

/// Gives the process the environment and the current directory that it is to have.
fn settle_in(head: &Head) -> io::Result<()> {
    if head.clear_environment {
        for (name, _) in std::env::vars_os() {
            // SAFETY: before `main` the process has one thread, so nobody reads the environment meanwhile.
            unsafe { std::env::remove_var(name) };
        }
    }
    for (name, value) in &head.environment {
        let name = OsStr::from_bytes(name);
        match value {
            // SAFETY: as above.
            Some(value) => unsafe { std::env::set_var(name, OsStr::from_bytes(value)) },
            // SAFETY: as above.
            None => unsafe { std::env::remove_var(name) },
        }
    }
    match &head.directory {
        Some(directory) => std::env::set_current_dir(OsStr::from_bytes(directory)),
        None => Ok(()),
    }
}
