//! Parker.

use super::Plain;
use heddle_primitives::Parker;
use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
use heddle_primitives::sync::{Arc, thread};
use std::time::Instant;

pub fn parker_passes_a_message() {
    let (parker, data) = (Parker::new(), Arc::new(Plain::new()));
    let (unparker, written) = (parker.unparker().clone(), data.clone());
    let other = thread::spawn(move || {
        written.set(7);
        unparker.unpark();
    });
    parker.park();
    assert_eq!(data.get(), 7);
    other.join().unwrap();
}

pub fn parker_times_out_or_passes() {
    let (parker, data) = (Parker::new(), Arc::new(Plain::new()));
    let (unparker, written) = (parker.unparker().clone(), data.clone());
    let other = thread::spawn(move || {
        written.set(7);
        unparker.unpark();
    });
    if !parker.park_deadline(Instant::now()) {
        // The token comes later and is kept.
        parker.park();
    }
    assert_eq!(data.get(), 7);
    assert!(!parker.park_deadline(Instant::now()), "one token, taken");
    other.join().unwrap();
}

/// Who hands over a token that is there already is seen too: flags are plain work, and `park` alone makes them visible.
pub fn parker_hears_everybody(unparkers: u32) {
    let (parker, work) = (Parker::new(), Arc::new(AtomicU32::new(0)));
    let others: Vec<_> = (0..unparkers)
        .map(|n| {
            let (unparker, work) = (parker.unparker().clone(), work.clone());
            thread::spawn(move || {
                work.fetch_or(1 << n, Ordering::Relaxed);
                unparker.unpark();
            })
        })
        .collect();
    while work.load(Ordering::Relaxed) != (1 << unparkers) - 1 {
        parker.park();
    }
    others.into_iter().for_each(|other| other.join().unwrap());
}
