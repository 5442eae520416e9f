//! How a process finds out, before `main`, that it is a worker.
//!
//! A worker is the same executable, started again. Its `main` must not run: it belongs to libtest, to criterion, or to a
//! program that knows nothing of workers. So this crate has a function in `.init_array`, which the C library calls before `main`.
//! In a process that has the environment variable it serves tasks and exits; in any other it returns at once.

use core::ffi::c_int;

use heddle_primitives::sync::atomic::{AtomicBool, Ordering};

use crate::segment::SegmentRef;
use crate::worker;

/// Set for workers only, and removed before their first task, so that programs they start are none. Holds what
/// [`format_reference`] makes.
pub(crate) const VARIABLE: &str = "HEDDLE_IPC_WORKER";

/// The exit code of a worker that could not make out what it was told.
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
    match value.to_str().and_then(parse_reference) {
        Some(reference) => worker::main(reference),
        // Going on to `main` would be wrong: whoever set the variable wanted a worker.
        None => worker::give_up(EXIT_CONFUSED, format_args!("{VARIABLE}={value:?} makes no sense")),
    }
}

/// The form in which a worker is told where its control segment is.
pub(crate) fn format_reference(reference: SegmentRef) -> String {
    let SegmentRef { pid, fd, cookie, len } = reference;
    format!("{pid} {fd} {cookie} {len}")
}

fn parse_reference(text: &str) -> Option<SegmentRef> {
    let mut words = text.split(' ');
    let reference = SegmentRef {
        pid: words.next()?.parse().ok()?,
        fd: words.next()?.parse().ok()?,
        cookie: words.next()?.parse().ok()?,
        len: words.next()?.parse().ok()?,
    };
    words.next().is_none().then_some(reference)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_ran() {
        assert!(ran());
    }

    #[test]
    fn a_reference_survives_the_environment() {
        let reference = SegmentRef { pid: 7, fd: u32::MAX, cookie: u64::MAX, len: 1 << 40 };
        assert_eq!(parse_reference(&format_reference(reference)), Some(reference));
        for nonsense in ["", "1", "1 2 3", "1 2 3 4 5", "-1 2 3 4", "1 2 3 x", " 1 2 3 4"] {
            assert_eq!(parse_reference(nonsense), None, "{nonsense:?}");
        }
    }
}
