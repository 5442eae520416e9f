//! Workers that are killed and replaced at random while tasks are under way: every ticket ends, with the right answer or with the
//! death of its worker; and a pool that is to make up for all deaths does.
//!
//! `HEDDLE_SOAK` says for how many seconds; 1.5 unless set.
#![cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]

use std::time::{Duration, Instant};

use heddle_ipc::pool::Pool;
use heddle_ipc::{CallError, SubmitError, Ticket, Workers};

const WORKERS: usize = 3;

/// An answer that depends on every byte of the argument, and is too long for the head of a message.
fn mix(words: [u64; 12]) -> [u64; 12] {
    let sum = words.iter().fold(0_u64, |sum, word| sum.rotate_left(7) ^ word);
    words.map(|word| word ^ sum)
}

/// Pseudo-random numbers, so that a failure can be had again. splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

struct Pending {
    ticket: Ticket<[u64; 12]>,
    argument: [u64; 12],
    generation: u64,
}

#[test]
fn no_task_is_lost_among_deaths() {
    let _alone = ALONE.lock();
    let mut random = Random(1);
    let mut workers = Workers::start(WORKERS).unwrap();
    let mut pending: Vec<Pending> = Vec::new();
    let (mut answered, mut died, mut restarts) = (0_u64, 0_u64, 0_u64);
    let until = Instant::now() + duration();
    while Instant::now() < until || !pending.is_empty() {
        let rank = random.below(WORKERS as u64) as usize;
        let ending = Instant::now() >= until;
        match random.below(2000) {
            0 if !ending => workers.kill(rank).unwrap(),
            1 if !ending => {
                workers.restart(rank).unwrap();
                restarts += 1;
            }
            2..1000 if !ending => {
                let argument = core::array::from_fn(|_| random.below(u64::MAX));
                match workers.submit(rank, mix, argument) {
                    Ok(ticket) => {
                        pending.push(Pending { ticket, argument, generation: workers.generation(rank) })
                    }
                    Err(SubmitError::Full { .. }) => {}
                    Err(SubmitError::Dead { exit, .. }) => {
                        assert_eq!(exit.signal(), Some(libc::SIGKILL));
                        workers.restart(rank).unwrap();
                        restarts += 1;
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            1000..1100 if !pending.is_empty() => {
                let at = random.below(pending.len() as u64) as usize;
                drop(pending.swap_remove(at));
            }
            _ if !pending.is_empty() => {
                let at = random.below(pending.len() as u64) as usize;
                let Pending { ticket, argument, generation } = pending.swap_remove(at);
                let rank = ticket.rank();
                match ticket.wait(Some(Instant::now() + Duration::from_secs(20))) {
                    Ok(answer) => {
                        assert_eq!(answer, mix(argument));
                        answered += 1;
                    }
                    Err(CallError::Died { exit, .. }) => {
                        assert_eq!(exit.signal(), Some(libc::SIGKILL));
                        let replaced = workers.generation(rank) > generation;
                        assert!(
                            replaced || workers.exit(rank).is_some(),
                            "the worker that died is the ticket's"
                        );
                        died += 1;
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            _ => {}
        }
    }
    println!("{answered} answered, {died} died, {restarts} restarts");
    assert!(answered > 1000 && restarts > 0);
}

/// One at a time: descriptors are counted.
static ALONE: heddle_primitives::Mutex<()> = heddle_primitives::Mutex::new(());

fn duration() -> Duration {
    let seconds =
        std::env::var("HEDDLE_SOAK").map_or(1.5, |value| value.parse().expect("a number of seconds"));
    Duration::from_secs_f64(seconds)
}

/// What the pool does; and now and then it does not come to it.
fn deadly_mix(x: u64) -> u64 {
    let nanoseconds = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic).tv_nsec;
    if nanoseconds % 20_000 == 7 {
        // SAFETY: a process may always end itself.
        unsafe { libc::kill(std::process::id() as i32, libc::SIGKILL) };
    }
    x.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(13)
}

fn expected(x: u64) -> u64 {
    x.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(13)
}

/// Eight processes that die at random: whatever was to be done is done, once as far as anybody can see, and nothing stays behind.
#[test]
fn a_pool_makes_up_for_deaths() {
    const TASKS: u64 = 20_000;
    let _alone = ALONE.lock();
    let before = descriptors();
    let until = Instant::now() + duration();
    let (mut done, mut replaced) = (0, 0);
    let pool = Pool::new(8).unwrap().idempotent();
    while Instant::now() < until || replaced == 0 {
        let answers = pool.map(deadly_mix, 0..TASKS).unwrap();
        assert!(answers.iter().copied().eq((0..TASKS).map(expected)), "in order, and none twice");
        done += TASKS;
        replaced = pool.replaced();
    }
    pool.close();
    pool.join().unwrap();
    drop(pool);
    println!("{done} tasks done, {replaced} workers replaced");
    assert_eq!(descriptors(), before, "descriptors are left open");
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}
