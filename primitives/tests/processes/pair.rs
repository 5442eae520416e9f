//! Two processes over one mapping, the sides 0 and 1, and a third that looks after them.

use heddle_primitives::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use heddle_primitives::sync::{hint, thread};
use memmap2::{MmapOptions, MmapRaw};
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::time::{ClockId, clock_gettime};
use std::cell::Cell;
use std::fs::{File, read_to_string};
use std::io::stdin;
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{array, env};

/// Which side a process is, and its seed: `side:seed`. Whoever has none looks after two that have.
const ROLE: &str = "HEDDLE_TEST_SIDE";
/// A pair that needs more is stuck: each needs less than a second.
const LIMIT: Duration = Duration::from_secs(20);
const SEEDS: u64 = 3;
/// How often a side sleeps and is woken. Even: the other way round as often.
pub const SLEEPS: usize = 12;
/// A sleeper in scope `Shared` looks around after 50 ms by itself. Of several sleeps one at least ends much earlier, if wakes
/// arrive.
const SOONER_THAN_ALONE: Duration = Duration::from_millis(30);

/// What the processes share. All-zero bytes are fresh.
#[repr(C)]
struct Region<T> {
    header: Header,
    shared: T,
}

#[repr(C)]
#[derive(Default)]
struct Header {
    sides: [SideWords; 2],
    /// Where both are among the steps of [`Side::sleep_and_wake`].
    step: AtomicU64,
    /// When the last wake began, in nanoseconds of the clock that all processes have.
    waking_since: AtomicU64,
    /// Arrivals at [`Side::meet`].
    arrivals: AtomicU64,
}

#[repr(C)]
#[derive(Default)]
struct SideWords {
    /// Where the side has mapped the region.
    address: AtomicU64,
    process: AtomicU32,
    thread: AtomicU32,
    /// 1 after all went well.
    done: AtomicU32,
}

/// Runs `work` in two processes that share what `fresh` has made, once for each seed; `name` is that of the calling test.
///
/// # Panics
/// If a side panics, ends otherwise, or is not done within the time limit; neither lives on then.
pub fn pair<T>(name: &str, fresh: impl Fn() -> T, work: impl Fn(&Side<'_>, &T)) {
    match env::var(ROLE) {
        Ok(role) => be_side(&role, work),
        Err(_) => (1..=SEEDS).for_each(|seed| supervise(name, seed, fresh())),
    }
}

fn supervise<T>(name: &str, seed: u64, fresh: T) {
    let file = File::from(memfd_create("heddle-test", MemfdFlags::CLOEXEC).unwrap());
    ftruncate(&file, size_of::<Region<T>>() as u64).unwrap();
    let map = map(&file);
    let region = map.as_mut_ptr().cast::<Region<T>>();
    // SAFETY: the mapping is as long as a region, aligned to a page, and known to nobody else yet.
    unsafe { region.write(Region { header: Header::default(), shared: fresh }) };
    // SAFETY: written just now, and mapped until the end; others change it through atomics alone.
    let header = unsafe { &(*region).header };

    let mut sides: [Child; 2] = array::from_fn(|side| {
        Command::new(env::current_exe().unwrap())
            .args([name, "--exact", "--nocapture", "--test-threads=1"])
            .env(ROLE, format!("{side}:{seed}"))
            .stdin(file.try_clone().unwrap())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    });
    let verdict = watch(&mut sides);
    let output = sides.map(|mut side| {
        // One that has ended is not there to be ended.
        let _ = side.kill();
        let output = side.wait_with_output().unwrap();
        String::from_utf8_lossy(&output.stderr).into_owned()
    });
    if let Err(cause) = verdict {
        let [a, b] = output;
        panic!("{name}, seed {seed}: {cause}\nside 0 says: {a}\nside 1 says: {b}");
    }
    // A side that has run another test than this one, or none, ends well too.
    assert!(
        header.sides.iter().all(|side| side.done.load(Ordering::Acquire) == 1),
        "{name} is no test's name"
    );
    let [a, b] = &header.sides;
    assert_ne!(a.address.load(Ordering::Relaxed), b.address.load(Ordering::Relaxed));
}

/// Waits for both sides, or until one fails.
fn watch(sides: &mut [Child; 2]) -> Result<(), String> {
    let start = Instant::now();
    loop {
        let mut ended = 0;
        for (number, side) in sides.iter_mut().enumerate() {
            match side.try_wait().unwrap() {
                Some(status) if !status.success() => {
                    return Err(format!("side {number} ended with {status}"));
                }
                Some(_) => ended += 1,
                None => {}
            }
        }
        if ended == sides.len() {
            return Ok(());
        }
        if start.elapsed() > LIMIT {
            return Err(format!("stuck for {LIMIT:?}"));
        }
        thread::sleep(Duration::from_millis(2));
    }
}

fn be_side<T>(role: &str, work: impl Fn(&Side<'_>, &T)) {
    let (number, seed) = role.split_once(':').unwrap();
    let number: usize = number.parse().unwrap();
    let file = File::from(stdin().as_fd().try_clone_to_owned().unwrap());
    let first = map(&file);
    // SAFETY: mapped until the end of the process and written by whoever started it; headers are atomics.
    let header = unsafe { &*first.as_mut_ptr().cast::<Header>() };
    let mut last = None;
    if number == 1 {
        until(|| header.sides[0].address.load(Ordering::Relaxed) != 0);
        if header.sides[0].address.load(Ordering::Relaxed) == first.as_ptr().addr() as u64 {
            last = Some(map(&file));
        }
    }
    let region = last.as_ref().unwrap_or(&first).as_mut_ptr().cast::<Region<T>>();
    // SAFETY: as above; what is shared is made for that.
    let region = unsafe { &*region };
    let own = &region.header.sides[number];
    own.process.store(std::process::id(), Ordering::Relaxed);
    own.address.store((&raw const *region).addr() as u64, Ordering::Relaxed);

    let side = Side {
        number,
        header: &region.header,
        step: Cell::new(0),
        meetings: Cell::new(0),
        random: Cell::new(seed.parse::<u64>().unwrap() * 2 + number as u64 + 0x9e37_79b9_7f4a_7c15),
    };
    side.meet();
    work(&side, &region.shared);
    own.done.store(1, Ordering::Release);
}

fn map(file: &File) -> MmapRaw {
    MmapOptions::new().map_raw(file).unwrap()
}

/// Waits by asking, so that the test's own waits need nothing of what is tested.
fn until(mut reached: impl FnMut() -> bool) {
    while !reached() {
        thread::yield_now();
    }
}

fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// One of the two processes.
pub struct Side<'a> {
    /// 0 or 1.
    pub number: usize,
    header: &'a Header,
    step: Cell<u64>,
    meetings: Cell<u64>,
    random: Cell<u64>,
}

impl Side<'_> {
    /// Waits until both sides are here. All that one did before is seen by the other after.
    pub fn meet(&self) {
        self.meetings.set(self.meetings.get() + 1);
        // ORDERING: releases to whoever counts this arrival, and acquires from those counted.
        self.header.arrivals.fetch_add(1, Ordering::AcqRel);
        until(|| self.header.arrivals.load(Ordering::Acquire) >= 2 * self.meetings.get());
    }

    /// In turns one side sleeps and the other wakes it, `2 * SLEEPS` times.
    ///
    /// `wake` makes the other side's `sleep` impossible, calls its second argument, which returns when the other sleeps in it, and
    /// makes it possible. Both get the number of the round.
    ///
    /// # Panics
    /// If no sleep ended before the sleeper would have looked around by itself: then no wake has arrived.
    pub fn sleep_and_wake(&self, mut wake: impl FnMut(usize, &dyn Fn()), mut sleep: impl FnMut(usize)) {
        let step = &self.header.step;
        let mut fastest = u64::MAX;
        for round in 0..2 * SLEEPS {
            let first = self.step.get();
            self.step.set(first + 3);
            if round % 2 == self.number {
                until(|| step.load(Ordering::Acquire) == first + 1);
                let own = &self.header.sides[self.number];
                own.thread.store(rustix::thread::gettid().as_raw_nonzero().get() as u32, Ordering::Relaxed);
                step.store(first + 2, Ordering::Release);
                sleep(round);
                fastest = fastest.min(now() - self.header.waking_since.load(Ordering::Relaxed));
                step.store(first + 3, Ordering::Release);
            } else {
                let called = Cell::new(false);
                wake(round, &|| {
                    called.set(true);
                    step.store(first + 1, Ordering::Release);
                    until(|| step.load(Ordering::Acquire) == first + 2 && self.other_is_asleep());
                    self.header.waking_since.store(now(), Ordering::Relaxed);
                });
                assert!(called.get());
                // The other one may be in the next round already.
                until(|| step.load(Ordering::Acquire) >= first + 3);
            }
        }
        let fastest = Duration::from_nanos(fastest);
        assert!(fastest < SOONER_THAN_ALONE, "no sleep was shorter than {fastest:?}: wakes do not arrive");
    }

    /// Whether the kernel says that the other side's thread sleeps.
    fn other_is_asleep(&self) -> bool {
        let other = &self.header.sides[1 - self.number];
        let (process, thread) = (other.process.load(Ordering::Relaxed), other.thread.load(Ordering::Relaxed));
        // `tid (name) state ...`, and names may contain anything.
        let stat = read_to_string(format!("/proc/{process}/task/{thread}/stat")).unwrap();
        stat.rsplit(") ").next().unwrap().starts_with('S')
    }

    /// Now and then takes a while, by the seed, so that the sides meet in ever other places.
    pub fn dawdle(&self) {
        // Marsaglia's xorshift.
        let mut random = self.random.get();
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        self.random.set(random);
        match random % 256 {
            0 => thread::sleep(Duration::from_micros(50)),
            1..8 => thread::yield_now(),
            8..64 => (0..random >> 57).for_each(|_| hint::spin_loop()),
            _ => {}
        }
    }
}
