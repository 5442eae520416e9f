//! A page that all processes of a trial write what they have to say on.

use std::sync::OnceLock;

use heddle_ipc::{Segment, Shareable};
use heddle_primitives::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use heddle_primitives::{Futex, Shared};

/// Bystanders at most.
pub const BYSTANDERS: usize = 4;
/// The longest message.
const TEXT: usize = 600;

/// The only slate; set before the first fork.
static SLATE: OnceLock<&'static Slate> = OnceLock::new();

/// What lies there. All zero at the beginning of each trial.
#[repr(C)]
pub struct Slate {
    /// Not 0 once the victim sleeps or is dead.
    cue: Futex<Shared>,
    /// Not 0 once a bystander is where it ought to be.
    ready: [AtomicU32; BYSTANDERS],
    /// Not 0 if a survivor found something to repair.
    recovered: AtomicU32,
    /// Nanoseconds that a survivor took.
    took: AtomicU64,
    /// What somebody said who panicked; the first counts.
    len: AtomicU32,
    text: [AtomicU8; TEXT],
}

// SAFETY: atomics and a shared futex, `repr(C)`.
unsafe impl Shareable for Slate {}

impl Slate {
    /// The slate of this program, which is made when it is first asked for.
    pub fn get() -> &'static Slate {
        SLATE.get_or_init(|| {
            let segment = Segment::create("slate", 4096).expect("a page");
            let segment: &'static Segment = Box::leak(Box::new(segment));
            let offset = segment.arena().alloc::<u8>(size_of::<Slate>()).expect("it fits").at();
            // SAFETY: fresh memory that nobody else uses, all zero.
            unsafe { segment.get(heddle_ipc::Offset::new(offset)) }.expect("in bounds")
        })
    }

    // ORDERING, of all that follows: Relaxed but for what says otherwise. Processes that start or end are ordered by the kernel.

    /// Wipes it for the next trial.
    pub fn clear(&self) {
        self.cue.word().store(0, Ordering::Relaxed);
        self.ready.iter().for_each(|ready| ready.store(0, Ordering::Relaxed));
        self.recovered.store(0, Ordering::Relaxed);
        self.took.store(0, Ordering::Relaxed);
        self.len.store(0, Ordering::Relaxed);
    }

    /// Lets all bystanders go on.
    pub fn give_cue(&self) {
        // ORDERING: Release: pairs with the Acquire in `Cue::wait`.
        if self.cue.word().swap(1, Ordering::Release) == 0 {
            self.cue.wake_all();
        }
    }

    pub fn is_ready(&self, bystander: usize) -> bool {
        // ORDERING: Acquire: pairs with the Release in `Cue::ready`.
        self.ready[bystander].load(Ordering::Acquire) != 0
    }

    /// What a survivor found.
    pub fn conclude(&self, recovered: bool, took: std::time::Duration) {
        self.recovered.store(recovered.into(), Ordering::Relaxed);
        self.took.store(took.as_nanos().try_into().unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub fn recovered(&self) -> bool {
        self.recovered.load(Ordering::Relaxed) != 0
    }

    pub fn took(&self) -> std::time::Duration {
        std::time::Duration::from_nanos(self.took.load(Ordering::Relaxed))
    }

    /// Notes what went wrong in this process.
    pub fn say(&self, text: &str) {
        let cut = text.floor_char_boundary(TEXT);
        for (place, byte) in self.text.iter().zip(&text.as_bytes()[..cut]) {
            place.store(*byte, Ordering::Relaxed);
        }
        self.len.store(cut as u32, Ordering::Relaxed);
    }

    pub fn said(&self) -> String {
        let len = (self.len.load(Ordering::Relaxed) as usize).min(TEXT);
        let bytes: Vec<u8> = self.text[..len].iter().map(|byte| byte.load(Ordering::Relaxed)).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// How a bystander and the tracer keep step.
#[derive(Clone, Copy)]
pub struct Cue {
    slate: &'static Slate,
    bystander: usize,
}

impl Cue {
    pub fn new(bystander: usize) -> Cue {
        Cue { slate: Slate::get(), bystander }
    }

    /// Says that this process is where it ought to be once it sleeps: the victim does not begin before.
    pub fn ready(&self) {
        // ORDERING: Release: pairs with the Acquire in `Slate::is_ready`.
        self.slate.ready[self.bystander].store(1, Ordering::Release);
    }

    /// Sleeps until the victim sleeps or is dead.
    pub fn wait(&self) {
        // ORDERING: Acquire: pairs with the Release in `Slate::give_cue`.
        while self.slate.cue.word().load(Ordering::Acquire) == 0 {
            self.slate.cue.wait(0, None);
        }
    }
}
