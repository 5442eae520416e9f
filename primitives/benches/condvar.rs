//! Condition variables: to and fro between two threads, and a notification for nobody; beside std's and parking_lot's.
#![cfg_attr(any(heddle_loom, heddle_shuttle), allow(unused, reason = "no peers under a checker"))]
#![allow(clippy::disallowed_types, reason = "std's mutex belongs to a peer")]

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod support;

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod program {
    use crate::support;
    use criterion::{BenchmarkId, Criterion};
    use std::cell::Cell;
    use std::time::Duration;

    const MEMBERS: usize = 2;

    /// A number and a condition variable.
    trait Signal: Sync + Default {
        const VARIANT: &str;
        /// Waits until the number is `n` modulo the members, and adds one, notifying under the lock.
        fn turn(&self, n: u64);
        fn notify(&self);
        fn number(&self) -> u64;
    }

    macro_rules! signal {
        ($name:ident, $variant:literal, $mutex:ty, $condvar:ty, |$lock:ident| $locked:expr, |$c:ident, $g:ident| $wait:expr) => {
            #[derive(Default)]
            struct $name {
                number: $mutex,
                changed: $condvar,
            }

            impl Signal for $name {
                const VARIANT: &str = $variant;

                #[inline(always)]
                fn turn(&self, n: u64) {
                    let $lock = &self.number;
                    let mut $g = $locked;
                    while *$g % MEMBERS as u64 != n {
                        let $c = &self.changed;
                        $wait;
                    }
                    *$g += 1;
                    self.changed.notify_one();
                }

                #[inline(always)]
                fn notify(&self) {
                    self.changed.notify_one();
                }

                fn number(&self) -> u64 {
                    let $lock = &self.number;
                    *$locked
                }
            }
        };
    }

    signal!(
        Heddle,
        "heddle",
        heddle_primitives::Mutex<u64>,
        heddle_primitives::Condvar,
        |mutex| mutex.lock(),
        |condvar, guard| condvar.wait(&mut guard)
    );
    signal!(
        Std,
        "std",
        std::sync::Mutex<u64>,
        std::sync::Condvar,
        |mutex| mutex.lock().unwrap(),
        |condvar, guard| guard = condvar.wait(guard).unwrap()
    );
    signal!(
        ParkingLot,
        "parking_lot",
        parking_lot::Mutex<u64>,
        parking_lot::Condvar,
        |mutex| mutex.lock(),
        |condvar, guard| condvar.wait(&mut guard)
    );

    /// The time of a round trip, each member on a CPU of its own, or the whole process on one.
    fn ping_pong<S: Signal>(c: &mut Criterion, group: &str, one_cpu: bool) {
        let used = Cell::new((Duration::ZERO, 0_u64));
        c.benchmark_group(group).bench_function(BenchmarkId::new(S::VARIANT, MEMBERS), |b| {
            b.iter_custom(|iterations| {
                let signal = S::default();
                let (time, turns) = team(one_cpu, |n| {
                    for _ in 0..iterations {
                        signal.turn(n as u64);
                    }
                    iterations
                });
                assert_eq!(signal.number(), iterations * MEMBERS as u64);
                let cpu: Duration = turns.iter().map(|turn| turn.cpu).sum();
                used.set((used.get().0 + cpu, used.get().1 + iterations));
                time
            });
        });
        let (cpu, rounds) = used.get();
        if rounds > 0 {
            let ns = cpu.as_nanos() as f64 / rounds as f64;
            support::extra(group, S::VARIANT, MEMBERS as u32, "cpu-time", "ns", "lower", ns);
        }
    }

    /// [`support::team`], or the same without pinning, where the main thread and so all others are kept on one CPU.
    fn team(one_cpu: bool, work: impl Fn(usize) -> u64 + Sync) -> (Duration, Vec<support::Turn>) {
        if !one_cpu {
            return support::team(MEMBERS, work);
        }
        support::pin(0);
        let start = std::time::Instant::now();
        let turns = heddle_primitives::sync::thread::scope(|s| {
            let members: Vec<_> = (0..MEMBERS)
                .map(|n| {
                    let work = &work;
                    s.spawn(move || {
                        let cpu = support::cpu_time();
                        support::Turn { done: work(n), cpu: support::cpu_time() - cpu }
                    })
                })
                .collect();
            members.into_iter().map(|member| member.join().expect("a member panicked")).collect()
        });
        let time = start.elapsed();
        support::unpin();
        (time, turns)
    }

    fn notify<S: Signal>(c: &mut Criterion) {
        support::pin(0);
        c.benchmark_group("condvar/notify").bench_function(BenchmarkId::new(S::VARIANT, 1), |b| {
            let signal = S::default();
            b.iter(|| std::hint::black_box(&signal).notify());
            // Whoever notifies nobody has changed nothing: the first turn still is the first.
            signal.turn(0);
            assert_eq!(signal.number(), 1);
        });
        support::unpin();
    }

    fn all<S: Signal>(c: &mut Criterion) {
        ping_pong::<S>(c, "condvar/ping-pong", false);
        ping_pong::<S>(c, "condvar/ping-pong-one-cpu", true);
        notify::<S>(c);
    }

    pub fn run() {
        support::allowed();
        let mut c = Criterion::default().configure_from_args();
        all::<Heddle>(&mut c);
        all::<Std>(&mut c);
        all::<ParkingLot>(&mut c);
        c.final_summary();
    }
}

fn main() {
    #[cfg(not(any(heddle_loom, heddle_shuttle)))]
    program::run();
}
