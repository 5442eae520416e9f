//! A worker's answer, from the end of the task's function until the worker sleeps for the next one.

use std::time::{Duration, Instant};

use heddle_ipc::{CallError, Workers};
use heddle_primitives::sync::atomic::{AtomicU64, Ordering};
use libc::pid_t;

use crate::suite::memory::{Gate, InSegment};
use crate::suite::operation::{Death, Found, Operation, Path, Scene};
use crate::suite::slate::Cue;
use crate::suite::tracer::begin;

/// Too long for the head of a message.
type Long = [u64; 6];

const ARGUMENT: Long = [1, 2, 3, 4, 5, 6];

/// What the victim's task does: its end is where the operation begins.
fn answer(argument: Long) -> Long {
    begin();
    twice(argument)
}

fn twice(argument: Long) -> Long {
    argument.map(|word| 2 * word)
}

const ANSWERED: u64 = 1;
const DIED: u64 = 2;

/// A worker dies at its answer.
pub struct Answer;

struct Answering {
    /// The worker's process id, once it is ready.
    worker: InSegment<AtomicU64>,
    /// What the parent was told.
    told: InSegment<AtomicU64>,
    /// Open once the worker is traced.
    go: Gate,
}

impl Operation for Answer {
    fn name(&self) -> &'static str {
        "workers::answer"
    }

    fn paths(&self) -> &'static [Path] {
        &[Path::Fast]
    }

    fn prepare(&self, _: Path) -> Box<dyn Scene> {
        let word = || InSegment::new(AtomicU64::new(0));
        Box::new(Answering { worker: word(), told: word(), go: Gate::new() })
    }
}

impl Scene for Answering {
    fn bystanders(&self) -> usize {
        1
    }

    /// The parent: it gets the answer or learns of the death, and goes on with another worker.
    fn bystander(&self, _: usize, cue: &Cue) {
        // A worker's code lies at the same addresses each time then.
        // SAFETY: takes a number.
        unsafe { libc::personality(libc::ADDR_NO_RANDOMIZE as libc::c_ulong) };
        let mut workers = Workers::builder().count(1).spin(Duration::ZERO).start().expect("a worker starts");
        // Once round, so that what a process does only once is behind the worker.
        assert_eq!(workers.call(0, twice, ARGUMENT), Ok(twice(ARGUMENT)));
        // ORDERING, of both words: Relaxed: the cue orders the first, the end of this process the second.
        self.worker.get().store(workers.pids()[0].into(), Ordering::Relaxed);
        cue.ready();
        self.go.pass();
        let ticket = workers.submit(0, answer, ARGUMENT).expect("it is ready");
        let told = match ticket.wait(Some(Instant::now() + self.limit())) {
            Ok(answer) => {
                assert_eq!(answer, twice(ARGUMENT), "torn");
                ANSWERED
            }
            Err(CallError::Died { exit, .. }) => {
                assert_eq!(exit.signal(), Some(libc::SIGKILL));
                DIED
            }
            Err(error) => panic!("{error}"),
        };
        self.told.get().store(told, Ordering::Relaxed);
        cue.wait();
        workers.restart(0).expect("another worker starts");
        assert_eq!(workers.call(0, twice, ARGUMENT), Ok(twice(ARGUMENT)), "the set goes on");
    }

    fn found(&self) -> Option<pid_t> {
        Some(self.worker.get().load(Ordering::Relaxed) as pid_t)
    }

    fn go(&self) {
        self.go.open();
    }

    fn check(&self, death: Death) -> Found {
        match self.told.get().load(Ordering::Relaxed) {
            ANSWERED => Found::Whole,
            DIED if !death.complete => Found::Repaired,
            _ => panic!("the answer was given, and is lost"),
        }
    }
}
