//! How a process finds out, before `main`, that it is another's child.
//!
//! A child is the same executable, started again. Its `main` must not run: it belongs to libtest, to criterion, or to a
//! program that knows nothing of workers. So this crate has a function in `.init_array`, which the C library calls before `main`.
//! In a process that has the environment variable it does what that says and exits; in any other it returns at once.

use core::ffi::c_int;
use core::fmt;

use heddle_primitives::sync::atomic::{AtomicBool, Ordering};

use crate::process::child::{self, LetterRef};
use crate::process::zygote;
use crate::segment::SegmentRef;
use crate::worker;

/// Set for children only, and removed first of all, so that programs they start are none. Holds a [`Role`].
pub(crate) const VARIABLE: &str = "HEDDLE_IPC_WORKER";

/// The exit code of a child that could not make out what it was told.
pub(crate) const EXIT_CONFUSED: c_int = 120;

/// In `.init_array` of whatever links this crate. Named by [`ran`] too, so that the linker takes the object file that has it.
#[used]
#[unsafe(link_section = ".init_array")]
static ENTRY: extern "C" fn() = entry;

static RAN: AtomicBool = AtomicBool::new(false);

/// Whether the entry ran in this process. If it did not, it will not in a worker of the same executable either, and the worker
/// would run the program's `main`, which might start workers in turn.
pub(crate) fn ran() -> bool {
    core::hint::black_box(&ENTRY);
    // ORDERING: Relaxed: set before `main`, by the thread that all others descend from.
    RAN.load(Ordering::Relaxed)
}

extern "C" fn entry() {
    // ORDERING: Relaxed: see `ran`.
    RAN.store(true, Ordering::Relaxed);
    let Some(value) = std::env::var_os(VARIABLE) else { return };
    // SAFETY: before `main` the process has one thread, so nobody reads the environment meanwhile.
    unsafe { std::env::remove_var(VARIABLE) };
    match value.to_str().and_then(Role::parse) {
        Some(role) => role.run(),
        // Going on to `main` would be wrong: whoever set the variable wanted no second program.
        None => worker::give_up(EXIT_CONFUSED, format_args!("{VARIABLE}={value:?} makes no sense")),
    }
}

/// What a process does instead of running `main`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// One of [`Workers`](crate::Workers), with this control segment.
    Worker(SegmentRef),
    /// A [`Process`](crate::process::Process), with this letter.
    Process(LetterRef),
    /// Makes processes of the other roles.
    Zygote(SegmentRef),
}

/// The form in which a child is told: a word, but none for workers, and numbers.
impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Role::Zygote(_) = self {
            f.write_str("zygote ")?;
        }
        match *self {
            Role::Worker(SegmentRef { pid, fd, cookie, len })
            | Role::Zygote(SegmentRef { pid, fd, cookie, len }) => write!(f, "{pid} {fd} {cookie} {len}"),
            Role::Process(LetterRef { pid, fd, len }) => write!(f, "process {pid} {fd} {len}"),
        }
    }
}

impl Role {
    pub(crate) fn parse(text: &str) -> Option<Role> {
        let (word, numbers) = match text.split_once(' ')? {
            (word @ ("process" | "zygote"), numbers) => (word, numbers),
            _ => ("", text),
        };
        let mut numbers = numbers.split(' ');
        let role = match word {
            "process" => Role::Process(LetterRef {
                pid: numbers.next()?.parse().ok()?,
                fd: numbers.next()?.parse().ok()?,
                len: numbers.next()?.parse().ok()?,
            }),
            word => {
                let reference = SegmentRef {
                    pid: numbers.next()?.parse().ok()?,
                    fd: numbers.next()?.parse().ok()?,
                    cookie: numbers.next()?.parse().ok()?,
                    len: numbers.next()?.parse().ok()?,
                };
                if word.is_empty() { Role::Worker(reference) } else { Role::Zygote(reference) }
            }
        };
        numbers.next().is_none().then_some(role)
    }

    /// The rest of this process's life.
    pub(crate) fn run(self) -> ! {
        match self {
            Role::Worker(reference) => worker::main(reference),
            Role::Process(reference) => child::main(reference),
            Role::Zygote(reference) => zygote::helper::main(reference),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_ran() {
        assert!(ran());
    }

    #[test]
    fn a_role_survives_the_environment() {
        let reference = SegmentRef { pid: 7, fd: u32::MAX, cookie: u64::MAX, len: 1 << 40 };
        let letter = LetterRef { pid: u32::MAX, fd: 0, len: u64::MAX };
        for role in [Role::Worker(reference), Role::Zygote(reference), Role::Process(letter)] {
            assert_eq!(Role::parse(&role.to_string()), Some(role));
        }
        for nonsense in [
            "",
            "1",
            "1 2 3",
            "1 2 3 4 5",
            "-1 2 3 4",
            "1 2 3 x",
            " 1 2 3 4",
            "process",
            "zygote ",
            "process 1 2 3 4",
        ] {
            assert_eq!(Role::parse(nonsense), None, "{nonsense:?}");
        }
    }
}
