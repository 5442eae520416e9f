//! Shared memory by name, as Python's `shared_memory` has it: one process makes it and tells nobody but by name, another finds it, both
//! count in it under a lock that survives them, and what a killed process left is found and removed.

use heddle_ipc::Workers;
use heddle_ipc::named::{SharedMemory, clean_if, list};
use heddle_ipc::sync::{Address, LockError, Mutex};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// What lies in the memory: two locks beside.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Counters {
    hits: Address<Mutex<u64>>,
    misses: Address<Mutex<u64>>,
}

/// A name, as an argument of a task.
type Name = [u8; 32];

fn count(name: Name) -> u64 {
    let memory = SharedMemory::open_as::<Counters>(text(&name)).expect("the parent made it");
    let _member = memory.join().expect("room for one more");
    let counters: Counters = memory.contents().expect("as opened");
    let [hits, misses] =
        [counters.hits, counters.misses].map(|address| Mutex::attach(address).expect("joined"));
    for n in 0..1000 {
        let counter = if n % 10 == 0 { &misses } else { &hits };
        *counter.lock().expect("nobody died") += 1;
    }
    1000
}

fn leave_something(name: Name) -> u64 {
    SharedMemory::create(text(&name), 1 << 20).expect("the name is free");
    std::process::abort()
}

fn text(name: &Name) -> &str {
    core::str::from_utf8(name).expect("it was a string").trim_end_matches('\0')
}

fn name(of: &str) -> Name {
    let mut name = [0; 32];
    let of = format!("{of}-{}", std::process::id());
    name[..of.len()].copy_from_slice(of.as_bytes());
    name
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let counters = name("counters");
    let memory = SharedMemory::build::<Counters>(text(&counters), 4096, |member| {
        Ok(Counters {
            hits: Mutex::new_in(member, 0)?.address(),
            misses: Mutex::new_in(member, 0)?.address(),
        })
    })?;
    let mut workers = Workers::start(2)?;
    let tickets = [workers.submit(0, count, counters)?, workers.submit(1, count, counters)?];
    workers.wait_all(tickets.into(), None)?;

    let _member = memory.join()?;
    let of = |address| -> Result<u64, Box<dyn std::error::Error>> {
        let counter = Mutex::attach(address)?;
        let count = counter.lock().map_err(|error: LockError<_>| error.to_string())?;
        Ok(*count)
    };
    let contents: Counters = memory.contents()?;
    println!("{} hits, {} misses in {}", of(contents.hits)?, of(contents.misses)?, memory.name());
    assert_eq!((of(contents.hits)?, of(contents.misses)?), (1800, 200));
    assert!(memory.unlink()?, "nobody else did");

    let left = name("left-over");
    assert!(workers.call(0, leave_something, left).is_err(), "it ends itself");
    workers.restart(0)?;
    let of_the_dead: Vec<_> = list()?.into_iter().filter(|entry| entry.name == text(&left)).collect();
    println!("left over: {of_the_dead:?}");
    assert!(of_the_dead.len() == 1 && !of_the_dead[0].in_use);
    assert_eq!(clean_if(|entry| entry.name == text(&left))?, [text(&left)]);
    Ok(())
}
