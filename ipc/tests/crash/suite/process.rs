//! Forks of this process, each behind a number.
//!
//! Only a process of one thread may fork without exec: this program starts no threads.

use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use libc::{c_int, pid_t};

/// The exit code of a process that panicked.
pub const EXIT_PANICKED: c_int = 101;
/// The exit code of a process that may not be traced.
pub const EXIT_UNTRACED: c_int = 102;

/// Keeps SIGCHLD from being thrown away, so that [`wait`] can sleep for it with a limit.
pub fn hold_child_signals() {
    let set = child_signal();
    // SAFETY: the set is initialised; no old set is asked for.
    unsafe { libc::sigprocmask(libc::SIG_BLOCK, &set, core::ptr::null_mut()) };
}

fn child_signal() -> libc::sigset_t {
    let mut set = core::mem::MaybeUninit::uninit();
    // SAFETY: initialises the set that it is given.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: initialised just now; the signal exists.
    unsafe { libc::sigaddset(set.as_mut_ptr(), libc::SIGCHLD) };
    // SAFETY: as above.
    unsafe { set.assume_init() }
}

/// A child that runs `body` and exits, with [`EXIT_PANICKED`] if that panics. It ends when this process does.
pub fn fork(body: impl FnOnce()) -> io::Result<pid_t> {
    // What stands in a buffer would be written twice.
    io::Write::flush(&mut io::stdout())?;
    // SAFETY: this process has one thread, so the child may do whatever the parent may.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            // SAFETY: takes numbers only.
            unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
            let done = catch_unwind(AssertUnwindSafe(body));
            exit(if done.is_ok() { 0 } else { EXIT_PANICKED })
        }
        pid => Ok(pid),
    }
}

/// Ends this process at once.
pub fn exit(code: c_int) -> ! {
    // SAFETY: always allowed.
    unsafe { libc::_exit(code) }
}

/// What a child's next change of state is; `None` if there is none until the deadline.
pub fn wait(pid: pid_t, deadline: Option<Instant>) -> io::Result<Option<c_int>> {
    loop {
        let mut status = 0;
        let flags = libc::__WALL | if deadline.is_some() { libc::WNOHANG } else { 0 };
        // SAFETY: `status` is valid for the call.
        match unsafe { libc::waitpid(pid, &mut status, flags) } {
            -1 if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
            -1 => return Err(io::Error::last_os_error()),
            0 => {
                let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
                let Some(left) = left.filter(|left| !left.is_zero()) else { return Ok(None) };
                let limit = libc::timespec {
                    tv_sec: left.as_secs() as libc::time_t,
                    tv_nsec: left.subsec_nanos() as libc::c_long,
                };
                // A signal that came since is pending, so none is missed; that it may be another child's is why this is a loop.
                // SAFETY: set and limit are valid; no information about the signal is asked for.
                unsafe { libc::sigtimedwait(&child_signal(), core::ptr::null_mut(), &limit) };
            }
            _ => return Ok(Some(status)),
        }
    }
}

/// So long is one look at something that is waited for. Limits count looks, so that a program that is stopped for a while, or a
/// machine that is, has not lost the time.
const LOOK: Duration = Duration::from_millis(20);

/// Asks `look`, which may take until the instant that it is told, until it has an answer; none after `limit`.
pub fn patiently<T>(limit: Duration, mut look: impl FnMut(Instant) -> Option<T>) -> Option<T> {
    let looks = limit.as_millis() / LOOK.as_millis() + 1;
    (0..looks).find_map(|_| look(Instant::now() + LOOK))
}

/// Waits until a killed child is gone.
pub fn reap(pid: pid_t) {
    while let Ok(Some(status)) = wait(pid, None) {
        if libc::WIFEXITED(status) || libc::WIFSIGNALED(status) {
            return;
        }
    }
}

pub fn kill(pid: pid_t) {
    // SAFETY: takes numbers only; the child is not reaped yet, so the id is still its.
    unsafe { libc::kill(pid, libc::SIGKILL) };
}

/// Whether a child sleeps in the kernel.
pub fn is_asleep(pid: pid_t) -> bool {
    state(pid) == Some('S')
}

/// Whether a child has ended, and is not reaped.
pub fn has_ended(pid: pid_t) -> bool {
    state(pid) == Some('Z')
}

/// The letter by which the kernel tells what a process does.
fn state(pid: pid_t) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it is in parentheses, and may contain some.
    stat.rsplit(") ").next()?.chars().next()
}

/// Gives others the processor for a moment.
pub fn nap() {
    std::thread::sleep(Duration::from_micros(50));
}

/// Has a child run `body` and die there, and waits until the kernel has taken it down.
pub fn dies(body: impl FnOnce()) {
    let pid = fork(body).expect("a process");
    let status = wait(pid, None).expect("a child").expect("without a limit it waits");
    assert!(
        libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0,
        "a process that was to die did so badly: {status}"
    );
}
