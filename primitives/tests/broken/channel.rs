//! A channel for one value, as small as it can be: the receiver sleeps beside it, or meets the sender.

use crate::scenarios::{Plain, team};
use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
use heddle_primitives::sync::futex::WaitOutcome;
use heddle_primitives::sync::{Arc, fence, thread};
use heddle_primitives::{Futex, Mutex};
use std::time::Instant;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelBug {
    None,
    /// Looks for a sleeper before the value is there.
    WakesBeforePublishing,
    /// Sleeps without a look at the channel after it has become known as a waiter.
    LooksBeforeRegistering,
    /// Ends the wait of a partner before the value is there.
    EndsBeforePutting,
    /// Looks whether the partner sleeps before it ends the wait.
    LooksBeforeEnding,
    /// Times out without asking the list whether somebody has come.
    LeavesUnasked,
}

struct Beside {
    full: AtomicU32,
    value: Plain,
    waits: Futex,
    bug: ChannelBug,
}

impl Beside {
    fn notify(&self) {
        fence(Ordering::SeqCst);
        if self.waits.word().load(Ordering::Relaxed) == 1 {
            self.waits.word().swap(0, Ordering::Relaxed);
            self.waits.wake_one();
        }
    }

    fn send(&self, value: u32) {
        if self.bug == ChannelBug::WakesBeforePublishing {
            self.notify();
        }
        self.value.set(value);
        self.full.store(1, Ordering::Release);
        if self.bug != ChannelBug::WakesBeforePublishing {
            self.notify();
        }
    }

    fn receive(&self) -> u32 {
        let full = || self.full.load(Ordering::Acquire) == 1;
        while !full() {
            self.waits.word().swap(1, Ordering::Relaxed);
            fence(Ordering::SeqCst);
            if self.bug == ChannelBug::LooksBeforeRegistering || !full() {
                self.waits.wait(1, None);
            }
        }
        self.value.get()
    }
}

/// A value passes from one thread to another, which may sleep beside the channel.
pub fn channel_beside(bug: ChannelBug) {
    let channel = Beside { full: AtomicU32::new(0), value: Plain::new(), waits: Futex::new(0), bug };
    team(2, &Arc::new(channel), |channel, n| {
        if n == 0 {
            channel.send(7);
        } else {
            assert_eq!(channel.receive(), 7);
        }
    });
}

const ASLEEP: u32 = 1;
const READY: u32 = 2;

struct Meeting {
    /// Whether the receiver can be chosen.
    listed: Mutex<bool>,
    state: Futex,
    value: Plain,
    bug: ChannelBug,
}

impl Meeting {
    fn choose(&self) -> bool {
        std::mem::take(&mut *self.listed.lock())
    }

    fn end(&self) {
        let word = self.state.word();
        let seen = word.load(Ordering::Relaxed);
        let found = word.swap(READY, Ordering::Release);
        if ASLEEP == if self.bug == ChannelBug::LooksBeforeEnding { seen } else { found } {
            self.state.wake_one();
        }
    }

    fn send(&self, value: u32) -> bool {
        let chosen = self.choose();
        if chosen && self.bug == ChannelBug::EndsBeforePutting {
            self.end();
            self.value.set(value);
        } else if chosen {
            self.value.set(value);
            self.end();
        }
        chosen
    }

    fn receive(&self, mut deadline: Option<Instant>) -> Option<u32> {
        *self.listed.lock() = true;
        let word = self.state.word();
        let _ = word.compare_exchange(0, ASLEEP, Ordering::Relaxed, Ordering::Relaxed);
        while word.load(Ordering::Acquire) != READY {
            if self.state.wait(ASLEEP, deadline) == WaitOutcome::TimedOut {
                if self.bug == ChannelBug::LeavesUnasked || self.choose() {
                    return None;
                }
                deadline = None;
            }
        }
        Some(self.value.get())
    }
}

/// A sender hands its value to a receiver that waits, unless that has timed out: both say the same.
pub fn channel_meeting(bug: ChannelBug, may_time_out: bool) {
    let meeting = Meeting { listed: Mutex::new(false), state: Futex::new(0), value: Plain::new(), bug };
    let shared = Arc::new((meeting, AtomicU32::new(0)));
    team(2, &shared, move |(meeting, balance), n| {
        if n == 0 {
            while !meeting.send(7) {
                if may_time_out {
                    return;
                }
                thread::yield_now();
            }
            balance.fetch_add(1, Ordering::Relaxed);
        } else if let Some(value) = meeting.receive(may_time_out.then(Instant::now)) {
            assert_eq!(value, 7);
            balance.fetch_sub(1, Ordering::Relaxed);
        }
    });
    assert_eq!(shared.1.load(Ordering::Relaxed), 0, "sent and received differ");
}
