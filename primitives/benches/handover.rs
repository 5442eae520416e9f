//! Handing over between two threads whose partner takes a while: how long it takes beyond that, and what waiting costs.
//!
//! One thread asks, the other works for a given time in registers and answers. `latency` is the time of a round less the
//! partner's work, `cpu-time` what the asking thread used of its CPU in a round. A wait can be bought with either: spinning
//! has the least latency, sleeping the least CPU time; both are measured as references. In `crowded` two such pairs share two
//! CPUs, in `one-cpu` one pair has one; the partner answers at once there.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "std's lock and park are peers")]

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod support;

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod program {
    use crate::support;
    use criterion::{BenchmarkId, Criterion};
    use heddle_primitives::channel;
    use heddle_primitives::oneshot;
    use heddle_primitives::spsc::{Consumer, Producer, RingBuffer};
    use heddle_primitives::sync::atomic::{AtomicU32, AtomicU64, Ordering};
    use heddle_primitives::{Condvar, Event, Futex, Mutex, Parker, Semaphore, Unparker, WaitOutcome};
    use std::cell::{Cell, UnsafeCell};
    use std::time::{Duration, Instant};

    /// A way to wake a partner and to wait for it. `notify` of side 0 ends one `wait` of side 1, and the other way round; the
    /// two take turns, so there is at most one notification on its way.
    trait Handover: Sync {
        const VARIANT: &str;
        fn new() -> Self;
        /// Called by each side, in its thread, before anything else.
        fn enter(&self, _side: usize) {}
        fn notify(&self, side: usize);
        fn wait(&self, side: usize);
    }

    /// What each of the two sides alone uses.
    struct Sides<T>([UnsafeCell<T>; 2]);

    // SAFETY: side n alone uses the nth, in one thread at a time.
    unsafe impl<T: Send> Sync for Sides<T> {}

    impl<T> Sides<T> {
        fn new(zero: T, one: T) -> Self {
            Self([UnsafeCell::new(zero), UnsafeCell::new(one)])
        }

        #[allow(clippy::mut_from_ref, reason = "the side is the owner")]
        fn get(&self, side: usize) -> &mut T {
            // SAFETY: as above, and no caller keeps the reference.
            unsafe { &mut *self.0[side].get() }
        }
    }

    struct ByEvent([Event; 2]);

    impl Handover for ByEvent {
        const VARIANT: &str = "heddle-event";

        fn new() -> Self {
            Self([Event::new(), Event::new()])
        }

        fn notify(&self, side: usize) {
            self.0[side].set();
        }

        fn wait(&self, side: usize) {
            self.0[1 - side].wait();
            self.0[1 - side].clear();
        }
    }

    struct ByQueue(Sides<(Producer<u64>, Consumer<u64>)>);

    impl Handover for ByQueue {
        const VARIANT: &str = "heddle-spsc";

        fn new() -> Self {
            let ((to_one, at_one), (to_zero, at_zero)) = (RingBuffer::new(2), RingBuffer::new(2));
            Self(Sides::new((to_one, at_zero), (to_zero, at_one)))
        }

        fn notify(&self, side: usize) {
            self.0.get(side).0.send(1).expect("the other side stays");
        }

        fn wait(&self, side: usize) {
            assert_eq!(self.0.get(side).1.recv(), Ok(1));
        }
    }

    /// Each message carries the way back, made for the purpose.
    struct Message(Option<oneshot::Sender<Message>>);

    type Ends = (Option<oneshot::Sender<Message>>, Option<oneshot::Receiver<Message>>);

    struct ByOneshot(Sides<Ends>);

    impl Handover for ByOneshot {
        const VARIANT: &str = "heddle-oneshot";

        fn new() -> Self {
            let (sender, receiver) = oneshot::channel();
            Self(Sides::new((Some(sender), None), (None, Some(receiver))))
        }

        fn notify(&self, side: usize) {
            let (back, answer) = oneshot::channel();
            let ends = self.0.get(side);
            ends.1 = Some(answer);
            let there = ends.0.take().expect("the last message brought it");
            assert!(there.send(Message(Some(back))).is_ok());
        }

        fn wait(&self, side: usize) {
            let ends = self.0.get(side);
            let Message(back) = ends.1.take().expect("made for the last message").recv().expect("sent");
            ends.0 = back;
        }
    }

    struct ByCondvar([(Mutex<bool>, Condvar); 2]);

    impl Handover for ByCondvar {
        const VARIANT: &str = "heddle-condvar";

        fn new() -> Self {
            Self(Default::default())
        }

        fn notify(&self, side: usize) {
            *self.0[side].0.lock() = true;
            self.0[side].1.notify_one();
        }

        fn wait(&self, side: usize) {
            let (flag, condvar) = &self.0[1 - side];
            let mut flag = flag.lock();
            condvar.wait_while(&mut flag, |flag| !*flag);
            *flag = false;
        }
    }

    struct BySemaphore([Semaphore; 2]);

    impl Handover for BySemaphore {
        const VARIANT: &str = "heddle-semaphore";

        fn new() -> Self {
            Self([Semaphore::new(0), Semaphore::new(0)])
        }

        fn notify(&self, side: usize) {
            self.0[side].release(1);
        }

        fn wait(&self, side: usize) {
            self.0[1 - side].acquire().forget();
        }
    }

    struct ByRendezvous([(channel::Sender<u64>, channel::Receiver<u64>); 2]);

    impl Handover for ByRendezvous {
        const VARIANT: &str = "heddle-rendezvous";

        fn new() -> Self {
            Self([channel::bounded(0), channel::bounded(0)])
        }

        fn notify(&self, side: usize) {
            self.0[side].0.send(1).expect("the other side stays");
        }

        fn wait(&self, side: usize) {
            assert_eq!(self.0[1 - side].1.recv(), Ok(1));
        }
    }

    struct ByParker(Sides<Parker>, [Unparker; 2]);

    impl Handover for ByParker {
        const VARIANT: &str = "heddle-parker";

        fn new() -> Self {
            let parkers = [Parker::new(), Parker::new()];
            let unparkers = [parkers[1].unparker().clone(), parkers[0].unparker().clone()];
            let [zero, one] = parkers;
            Self(Sides::new(zero, one), unparkers)
        }

        fn notify(&self, side: usize) {
            self.1[side].unpark();
        }

        fn wait(&self, side: usize) {
            self.0.get(side).park();
        }
    }

    struct CrossbeamParker(Sides<crossbeam_utils::sync::Parker>, [crossbeam_utils::sync::Unparker; 2]);

    impl Handover for CrossbeamParker {
        const VARIANT: &str = "crossbeam-parker";

        fn new() -> Self {
            let (zero, one) = (crossbeam_utils::sync::Parker::new(), crossbeam_utils::sync::Parker::new());
            let unparkers = [one.unparker().clone(), zero.unparker().clone()];
            Self(Sides::new(zero, one), unparkers)
        }

        fn notify(&self, side: usize) {
            self.1[side].unpark();
        }

        fn wait(&self, side: usize) {
            self.0.get(side).park();
        }
    }

    struct StdCondvar([(std::sync::Mutex<bool>, std::sync::Condvar); 2]);

    impl Handover for StdCondvar {
        const VARIANT: &str = "std-condvar";

        fn new() -> Self {
            Self(Default::default())
        }

        fn notify(&self, side: usize) {
            *self.0[side].0.lock().unwrap() = true;
            self.0[side].1.notify_one();
        }

        fn wait(&self, side: usize) {
            let (flag, condvar) = &self.0[1 - side];
            *condvar.wait_while(flag.lock().unwrap(), |flag| !*flag).unwrap() = false;
        }
    }

    struct ParkingLot([(parking_lot::Mutex<bool>, parking_lot::Condvar); 2]);

    impl Handover for ParkingLot {
        const VARIANT: &str = "parking_lot-condvar";

        fn new() -> Self {
            Self(Default::default())
        }

        fn notify(&self, side: usize) {
            *self.0[side].0.lock() = true;
            self.0[side].1.notify_one();
        }

        fn wait(&self, side: usize) {
            let (flag, condvar) = &self.0[1 - side];
            let mut flag = flag.lock();
            condvar.wait_while(&mut flag, |flag| !*flag);
            *flag = false;
        }
    }

    struct StdChannel(Sides<(std::sync::mpsc::Sender<u64>, std::sync::mpsc::Receiver<u64>)>);

    impl Handover for StdChannel {
        const VARIANT: &str = "std-mpsc";

        fn new() -> Self {
            let ((to_one, at_one), (to_zero, at_zero)) =
                (std::sync::mpsc::channel(), std::sync::mpsc::channel());
            Self(Sides::new((to_one, at_zero), (to_zero, at_one)))
        }

        fn notify(&self, side: usize) {
            self.0.get(side).0.send(1).expect("the other side stays");
        }

        fn wait(&self, side: usize) {
            assert_eq!(self.0.get(side).1.recv(), Ok(1));
        }
    }

    struct Rendezvous([(crossbeam_channel::Sender<u64>, crossbeam_channel::Receiver<u64>); 2]);

    impl Handover for Rendezvous {
        const VARIANT: &str = "crossbeam-rendezvous";

        fn new() -> Self {
            Self([crossbeam_channel::bounded(0), crossbeam_channel::bounded(0)])
        }

        fn notify(&self, side: usize) {
            self.0[side].0.send(1).expect("the other side stays");
        }

        fn wait(&self, side: usize) {
            assert_eq!(self.0[1 - side].1.recv(), Ok(1));
        }
    }

    struct PeerMessage(Option<::oneshot::Sender<PeerMessage>>);

    type PeerEnds = (Option<::oneshot::Sender<PeerMessage>>, Option<::oneshot::Receiver<PeerMessage>>);

    struct PeerOneshot(Sides<PeerEnds>);

    impl Handover for PeerOneshot {
        const VARIANT: &str = "oneshot";

        fn new() -> Self {
            let (sender, receiver) = ::oneshot::channel();
            Self(Sides::new((Some(sender), None), (None, Some(receiver))))
        }

        fn notify(&self, side: usize) {
            let (back, answer) = ::oneshot::channel();
            let ends = self.0.get(side);
            ends.1 = Some(answer);
            let there = ends.0.take().expect("the last message brought it");
            assert!(there.send(PeerMessage(Some(back))).is_ok());
        }

        fn wait(&self, side: usize) {
            let ends = self.0.get(side);
            let PeerMessage(back) = ends.1.take().expect("made for the last message").recv().expect("sent");
            ends.0 = back;
        }
    }

    struct StdPark([AtomicU32; 2], [std::sync::OnceLock<std::thread::Thread>; 2]);

    impl Handover for StdPark {
        const VARIANT: &str = "std-park";

        fn new() -> Self {
            Self(Default::default(), Default::default())
        }

        fn enter(&self, side: usize) {
            self.1[side].set(std::thread::current()).expect("entered once");
        }

        fn notify(&self, side: usize) {
            self.0[side].store(1, Ordering::Release);
            self.1[1 - side].wait().unpark();
        }

        fn wait(&self, side: usize) {
            while self.0[1 - side].load(Ordering::Acquire) == 0 {
                std::thread::park();
            }
            self.0[1 - side].store(0, Ordering::Relaxed);
        }
    }

    /// The least latency there is, for all of a CPU.
    struct Spinning([AtomicU32; 2]);

    impl Handover for Spinning {
        const VARIANT: &str = "spinning";

        fn new() -> Self {
            Self(Default::default())
        }

        fn notify(&self, side: usize) {
            self.0[side].store(1, Ordering::Release);
        }

        fn wait(&self, side: usize) {
            while self.0[1 - side].load(Ordering::Acquire) == 0 {
                heddle_primitives::sync::hint::spin_loop();
            }
            self.0[1 - side].store(0, Ordering::Relaxed);
        }
    }

    /// The least CPU time there is: sleeps and wakes, always.
    struct Sleeping([Futex; 2]);

    impl Handover for Sleeping {
        const VARIANT: &str = "sleeping";

        fn new() -> Self {
            Self([Futex::new(0), Futex::new(0)])
        }

        fn notify(&self, side: usize) {
            self.0[side].word().swap(1, Ordering::Release);
            self.0[side].wake_one();
        }

        fn wait(&self, side: usize) {
            let futex = &self.0[1 - side];
            while futex.word().swap(0, Ordering::Acquire) == 0 {
                let outcome = futex.wait(0, None);
                assert_ne!(outcome, WaitOutcome::TimedOut);
            }
        }
    }

    /// Rounds in which side 0 asks and side 1 answers after `delay`. Where threads are to outnumber CPUs, two pairs do so on two CPUs,
    /// each with a side on either.
    fn rounds<H: Handover>(c: &mut Criterion, group: &str, delay: Duration) {
        /// From where on the partner's work is timed: what two looks at the clock cost is nothing beside it.
        const TIMED: Duration = Duration::from_micros(10);
        let steps = support::steps(delay.as_nanos() as u64);
        let cpu = |n| if group == ONE_CPU { 0 } else { n % 2 };
        let pairs = if group == CROWDED { 2 } else { 1 };
        let members = 2 * pairs;
        let totals = Cell::new((Duration::ZERO, Duration::ZERO, Duration::ZERO, 0));
        c.benchmark_group(group).bench_function(BenchmarkId::new(H::VARIANT, members), |b| {
            b.iter_custom(|iterations| {
                let handovers: Vec<_> = (0..pairs).map(|_| H::new()).collect();
                let (ready, worked) = (std::sync::Barrier::new(members), AtomicU64::new(0));
                let (time, turns) = support::team_on(cpu, members, |n| {
                    let (handover, side) = (&handovers[n / 2], n % 2);
                    let mut work = delay * iterations as u32;
                    handover.enter(side);
                    ready.wait();
                    if side == 0 {
                        for _ in 0..iterations {
                            handover.notify(side);
                            handover.wait(side);
                        }
                    } else if delay < TIMED {
                        for _ in 0..iterations {
                            handover.wait(side);
                            support::work(steps);
                            handover.notify(side);
                        }
                    } else {
                        work = Duration::ZERO;
                        for _ in 0..iterations {
                            handover.wait(side);
                            let start = Instant::now();
                            support::work(steps);
                            work += start.elapsed();
                            handover.notify(side);
                        }
                    }
                    if side == 1 {
                        worked.fetch_add(work.as_nanos() as u64, Ordering::Relaxed);
                    }
                    iterations
                });
                let worked = Duration::from_nanos(worked.into_inner()) / pairs as u32;
                let used = turns.iter().step_by(2).map(|turn| turn.cpu).sum::<Duration>() / pairs as u32;
                let (all, works, uses, rounds) = totals.get();
                totals.set((all + time, works + worked, uses + used, rounds + iterations));
                time
            });
        });
        let (all, worked, used, rounds) = totals.get();
        if rounds > 0 {
            let round = |time: Duration| time.as_nanos() as f64 / rounds as f64;
            let latency = round(all.saturating_sub(worked));
            support::extra(group, H::VARIANT, members as u32, "latency", "ns", "lower", latency);
            support::extra(group, H::VARIANT, members as u32, "cpu-time", "ns", "lower", round(used));
        }
    }

    const ONE_CPU: &str = "handover/one-cpu";
    const CROWDED: &str = "handover/crowded";

    fn all(c: &mut Criterion, group: &str, delay: Duration) {
        rounds::<ByEvent>(c, group, delay);
        rounds::<ByQueue>(c, group, delay);
        rounds::<ByOneshot>(c, group, delay);
        rounds::<ByCondvar>(c, group, delay);
        rounds::<BySemaphore>(c, group, delay);
        rounds::<ByRendezvous>(c, group, delay);
        rounds::<ByParker>(c, group, delay);
        rounds::<StdCondvar>(c, group, delay);
        rounds::<ParkingLot>(c, group, delay);
        rounds::<StdChannel>(c, group, delay);
        rounds::<Rendezvous>(c, group, delay);
        rounds::<PeerOneshot>(c, group, delay);
        rounds::<StdPark>(c, group, delay);
        rounds::<CrossbeamParker>(c, group, delay);
        rounds::<Sleeping>(c, group, delay);
        if group != ONE_CPU && group != CROWDED {
            // Where it keeps a CPU from the partner it would take a time slice a round.
            rounds::<Spinning>(c, group, delay);
        }
    }

    pub fn run() {
        support::allowed();
        let mut c = Criterion::default().configure_from_args();
        // One CPU first: a process that was seen to have several counts as one that has.
        all(&mut c, ONE_CPU, Duration::ZERO);
        all(&mut c, CROWDED, Duration::ZERO);
        all(&mut c, "handover/0us", Duration::ZERO);
        for us in [1, 10, 100, 1_000] {
            all(&mut c, &format!("handover/{us}us"), Duration::from_micros(us));
        }
        c.final_summary();
    }
}

fn main() {
    #[cfg(not(any(heddle_loom, heddle_shuttle)))]
    program::run();
}
