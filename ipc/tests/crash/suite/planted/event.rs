//! An event whose sleepers rely on the wake: if whoever sets it dies between the store and the wake, they sleep for ever.

use std::time::Duration;

use heddle_primitives::sync::atomic::Ordering;
use heddle_primitives::{Futex, Shared};

use super::STRANDED;
use crate::suite::memory::InSegment;
use crate::suite::operation::{Death, Found, Operation, Path, Scene};
use crate::suite::slate::Cue;
use crate::suite::tracer::traced;

pub struct Set;

struct Setting(InSegment<Futex<Shared>>);

impl Operation for Set {
    fn name(&self) -> &'static str {
        "planted::event_set"
    }

    fn paths(&self) -> &'static [Path] {
        &[Path::Contended]
    }

    fn planted(&self) -> Option<&'static str> {
        Some("nobody wakes the sleeper, who never looks by itself")
    }

    fn prepare(&self, _: Path) -> Box<dyn Scene> {
        Box::new(Setting(InSegment::new(Futex::new_in(0))))
    }
}

impl Scene for Setting {
    fn bystanders(&self) -> usize {
        1
    }

    fn bystander(&self, _: usize, cue: &Cue) {
        cue.ready();
        // ORDERING: Acquire: pairs with the Release in `victim`.
        while self.0.get().word().load(Ordering::Acquire) == 0 {
            sleep_for_ever(self.0.get());
        }
    }

    fn victim(&self) {
        let event = self.0.get();
        traced(|| {
            // ORDERING: Release: pairs with the Acquire in `bystander`.
            event.word().store(1, Ordering::Release);
            event.wake_all();
        });
    }

    /// A death before the store is nobody's fault: the sleeper is let go by somebody else, who sets the event and wakes.
    fn after(&self) {
        let word = self.0.get().word();
        // ORDERING: Relaxed: nobody else is left who writes.
        if word.load(Ordering::Relaxed) == 0 {
            word.store(1, Ordering::Release);
            self.0.get().wake_all();
        }
    }

    fn check(&self, _: Death) -> Found {
        Found::Whole
    }

    fn limit(&self) -> Duration {
        STRANDED
    }
}

/// Without the look around that a shared futex takes by itself.
fn sleep_for_ever(futex: &Futex<Shared>) {
    let (word, none) = (core::ptr::from_ref(futex.word()), core::ptr::null::<libc::timespec>());
    // SAFETY: the word is mapped as long as the futex lives; there is no time limit.
    unsafe { libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAIT, 0, none) };
}
