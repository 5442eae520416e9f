//! Processes that create, open, clean and damage named segments at once, and that are killed meanwhile.

use std::time::{Duration, Instant};

use heddle_ipc::named::{OpenError, SharedMemory, clean_if, list};
use heddle_ipc::{Offset, Workers};
use heddle_primitives::sync::atomic::{AtomicU64, Ordering};
use proptest::prelude::*;

use super::{Tidy, bytes, text};

/// Killed at any moment of creating, opening and removing: what is left is whole, nobody's, and cleaned away.
#[test]
fn killed_while_creating() {
    let name = Tidy::name("killed");
    fn churn(name: [u8; 64]) -> u64 {
        for n in 0_u64.. {
            let name = format!("{}-{}", text(&name), n % 7);
            if let Ok(memory) = SharedMemory::create_with(&name, AtomicU64::new(5))
                && n % 3 == 0
            {
                memory.unlink().expect("it may");
            }
            if n % 5 == 0 {
                let prefix = name;
                clean_if(|entry| entry.name == prefix).expect("it may");
            }
        }
        0
    }
    let mut workers = Workers::start(2).unwrap();
    for round in 0..40_u64 {
        for rank in 0..2 {
            if workers.exit(rank).is_some() {
                workers.restart(rank).unwrap();
            }
            drop(workers.submit(rank, churn, bytes(&name.0)));
        }
        std::thread::sleep(Duration::from_micros(300 + round * 731 % 3_000));
        for rank in 0..2 {
            workers.kill(rank).unwrap();
            let start = Instant::now();
            while workers.exit(rank).is_none() {
                assert!(start.elapsed() < Duration::from_secs(10));
                std::thread::sleep(Duration::from_micros(100));
            }
        }
        for entry in list().unwrap().iter().filter(|entry| entry.name.starts_with(&name.0)) {
            assert!(!entry.in_use, "{entry:?}");
            let memory = SharedMemory::open_as::<AtomicU64>(&entry.name).unwrap();
            assert_eq!(memory.root::<AtomicU64>().unwrap().load(Ordering::Relaxed), 5, "not whole");
        }
        clean_if(|entry| entry.name.starts_with(&name.0)).unwrap();
        assert!(!name.is_listed());
    }
}

/// Whoever opens a segment has one that stays, while others clean as fast as they can.
#[test]
fn cleaning_races_opening() {
    let name = Tidy::name("stays");
    fn clean_all(name: [u8; 64]) -> u64 {
        let start = Instant::now();
        let mut cleaned = 0;
        while start.elapsed() < Duration::from_millis(700) {
            cleaned += clean_if(|entry| entry.name == text(&name)).expect("it may").len() as u64;
        }
        cleaned
    }
    fn create(name: [u8; 64]) -> u64 {
        let start = Instant::now();
        let mut created = 0;
        while start.elapsed() < Duration::from_millis(700) {
            created += u64::from(SharedMemory::create_with(text(&name), AtomicU64::new(0)).is_ok());
        }
        created
    }
    let workers = Workers::start(2).unwrap();
    let tickets = [
        workers.submit(0, clean_all, bytes(&name.0)).unwrap(),
        workers.submit(1, create, bytes(&name.0)).unwrap(),
    ];
    let mut opened = 0_u64;
    while !tickets.iter().all(heddle_ipc::Ticket::is_done) {
        let first = match SharedMemory::open_as::<AtomicU64>(&name.0) {
            Ok(first) => first,
            Err(OpenError::NotFound { .. }) => continue,
            Err(error) => panic!("{error}"),
        };
        opened += 1;
        first.root::<AtomicU64>().unwrap().store(opened, Ordering::Relaxed);
        let second = SharedMemory::open_as::<AtomicU64>(&name.0).expect("it stays while it is open");
        assert_eq!(second.root::<AtomicU64>().unwrap().load(Ordering::Relaxed), opened, "another one");
    }
    let [cleaned, created] = tickets.map(|ticket| ticket.wait(None).unwrap());
    assert!(opened > 0 && cleaned > 0 && created >= cleaned, "{opened} {cleaned} {created}");
}

/// What a side does that does not know that the header is damaged.
fn work(name: [u8; 64]) -> u64 {
    let Ok(memory) = SharedMemory::open(text(&name)) else { return 0 };
    let (at, len) = (memory.as_ptr(), memory.len());
    // SAFETY: within the contents, as they say; the parent writes to them as bytes, too.
    unsafe { at.wrapping_add(len - 1).write_volatile(1) };
    if let Ok(offset) = memory.segment().arena().alloc::<u64>(8) {
        let words = memory.segment().slice(offset).expect("what was allocated is within");
        // SAFETY: as above.
        unsafe { words.cast::<u64>().as_ptr().wrapping_add(7).write_volatile(1) };
    }
    let _ = memory.segment().slice(Offset::<[u64]>::slice(len as u64, 2));
    memory.join().map_or(1, |member| 2 + u64::from(member.count() > 300))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any byte of the header, any value, while another process uses the segment: errors, and nothing worse.
    #[test]
    fn a_damaged_header_harms_nobody(bytes_at in prop::collection::vec((0_usize..128, any::<u8>()), 1..4)) {
        std::thread_local! {
            static SIDE: (Workers, Tidy) = (Workers::start(1).unwrap(), Tidy::name("fuzz"));
        }
        SIDE.with(|(workers, name)| {
            let memory = SharedMemory::create(&name.0, 4096).unwrap();
            assert!(workers.call(0, work, bytes(&name.0)).unwrap() >= 1, "sound as yet");
            let ticket = workers.submit(0, work, bytes(&name.0)).unwrap();
            let header = memory.segment().as_ptr();
            for &(at, value) in &bytes_at {
                // SAFETY: within the header, which is made of atomics.
                unsafe { header.wrapping_add(at).write_volatile(value) };
            }
            let limit = Instant::now() + Duration::from_secs(10);
            ticket.wait(Some(limit)).expect("neither a death nor a panic nor a hang");
            let again = workers.submit(0, work, bytes(&name.0)).unwrap();
            again.wait(Some(limit)).expect("neither a death nor a panic nor a hang");
            prop_assert!(memory.unlink().unwrap());
            Ok(())
        })?;
    }
}
