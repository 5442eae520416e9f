//! What loom has of its own: tokens that complete its search, watched cells.

use std::sync::atomic::Ordering::Relaxed;

pub use loom::sync::Arc;
pub use loom::sync::atomic as raw;
pub use loom::sync::atomic::fence;
pub use loom::thread;

/// The most threads that loom can run, the main one included.
const THREADS: usize = 5;

/// Makes loom see that a load and a later store of another thread could change places.
///
/// loom's partial-order reduction keeps only the last access to an object, so a load is forgotten when the next one comes,
/// and executions are missed (loom #166, #392). A token per thread remembers: a load hits the token of its own thread, and a
/// write those of all threads that have loaded since the last write. A hit is an exchange that fails, on a token that never
/// changes: an access to the reduction, and nothing to the memory model. It is made while exploration is stopped, so it adds
/// no branch; a conflict found at it is traced back to the operation before.
#[derive(Debug)]
pub struct Tokens {
    tokens: [raw::AtomicBool; THREADS],
    /// A bit for each thread that has loaded since the last write. Plain: loom runs all its threads on one.
    readers: std::sync::atomic::AtomicU8,
}

impl Tokens {
    pub fn new() -> Self {
        Self {
            tokens: std::array::from_fn(|_| raw::AtomicBool::new(false)),
            readers: std::sync::atomic::AtomicU8::new(0),
        }
    }

    pub fn after_load(&self) {
        let me = current_index();
        self.readers.fetch_or(1 << me, Relaxed);
        self.hit(1 << me);
    }

    pub fn after_write(&self) {
        self.hit(self.readers.swap(0, Relaxed));
    }

    /// Nothing was written, so what conflicts with the loads is still to come.
    pub fn after_failed_exchange(&self) {
        self.after_load();
        self.hit(self.readers.load(Relaxed));
    }

    fn hit(&self, threads: u8) {
        if threads == 0 {
            return;
        }
        loom::stop_exploring();
        for (n, token) in self.tokens.iter().enumerate() {
            if threads & (1 << n) != 0 {
                let _ = token.compare_exchange(true, true, Relaxed, Relaxed);
            }
        }
        loom::explore();
    }
}

/// The current thread's number.
pub fn current_index() -> usize {
    let index = super::number_in(loom::thread::current().id());
    assert!(index < THREADS, "loom has changed how it shows a thread");
    index
}

/// Orders the events of one futex: each call is a point where loom explores who comes first.
#[derive(Debug)]
pub struct Turn(raw::AtomicBool);

impl Turn {
    pub fn new() -> Self {
        Self(raw::AtomicBool::new(false))
    }

    pub fn take(&self) {
        let _ = self.0.compare_exchange(true, true, Relaxed, Relaxed);
    }
}

/// Where one sleeper waits for one wake.
#[derive(Debug)]
pub struct Parker {
    thread: thread::Thread,
    unparked: std::sync::atomic::AtomicBool,
}

impl Parker {
    pub fn new() -> Self {
        Self { thread: thread::current(), unparked: std::sync::atomic::AtomicBool::new(false) }
    }

    pub fn park(&self) {
        while !self.unparked.load(Relaxed) {
            thread::park();
        }
    }

    pub fn unpark(&self) {
        self.unparked.store(true, Relaxed);
        self.thread.unpark();
    }
}

/// Reports accesses to a cell that nothing orders.
#[derive(Debug, Default)]
pub struct Watch(loom::cell::UnsafeCell<()>);

pub type Reading = loom::cell::ConstPtr<()>;
pub type Writing = loom::cell::MutPtr<()>;

impl Watch {
    #[track_caller]
    pub fn new() -> Self {
        Self(loom::cell::UnsafeCell::new(()))
    }

    #[track_caller]
    pub fn read(&self) -> Reading {
        self.0.get()
    }

    #[track_caller]
    pub fn write(&self) -> Writing {
        self.0.get_mut()
    }
}
