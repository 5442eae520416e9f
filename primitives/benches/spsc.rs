//! The queue between two running threads, beside rtrb; one loop body for both.

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod support;

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod program {
    use crate::support;
    use criterion::{BenchmarkId, Criterion};
    use std::hint::black_box;
    use std::sync::Arc;
    use std::time::Duration;

    const CAPACITY: usize = 1024;
    const CHUNK: usize = 64;

    /// The two ends of a queue of numbers; each gives up at once or waits, as the variant does.
    trait Queue {
        const VARIANT: &str;
        type Sender: Send;
        type Receiver: Send;

        fn new(capacity: usize) -> (Self::Sender, Self::Receiver);
        fn send(sender: &mut Self::Sender, value: u64);
        fn receive(receiver: &mut Self::Receiver) -> u64;
    }

    /// Pushes and pops without blocking, trying again until it works.
    struct Heddle;

    impl Queue for Heddle {
        const VARIANT: &str = "heddle";
        type Sender = heddle_primitives::spsc::Producer<u64>;
        type Receiver = heddle_primitives::spsc::Consumer<u64>;

        fn new(capacity: usize) -> (Self::Sender, Self::Receiver) {
            heddle_primitives::spsc::RingBuffer::new(capacity)
        }

        #[inline(always)]
        fn send(sender: &mut Self::Sender, value: u64) {
            while sender.push(value).is_err() {
                heddle_primitives::sync::hint::spin_loop();
            }
        }

        #[inline(always)]
        fn receive(receiver: &mut Self::Receiver) -> u64 {
            loop {
                if let Ok(value) = receiver.pop() {
                    return value;
                }
                heddle_primitives::sync::hint::spin_loop();
            }
        }
    }

    /// Sends and receives, asleep when it takes long.
    struct HeddleBlocking;

    impl Queue for HeddleBlocking {
        const VARIANT: &str = "heddle-blocking";
        type Sender = heddle_primitives::spsc::Producer<u64>;
        type Receiver = heddle_primitives::spsc::Consumer<u64>;

        fn new(capacity: usize) -> (Self::Sender, Self::Receiver) {
            heddle_primitives::spsc::RingBuffer::new(capacity)
        }

        #[inline(always)]
        fn send(sender: &mut Self::Sender, value: u64) {
            sender.send(value).expect("the consumer stays to the end");
        }

        #[inline(always)]
        fn receive(receiver: &mut Self::Receiver) -> u64 {
            receiver.recv().expect("the producer stays to the end")
        }
    }

    struct Rtrb;

    impl Queue for Rtrb {
        const VARIANT: &str = "rtrb";
        type Sender = rtrb::Producer<u64>;
        type Receiver = rtrb::Consumer<u64>;

        fn new(capacity: usize) -> (Self::Sender, Self::Receiver) {
            rtrb::RingBuffer::new(capacity)
        }

        #[inline(always)]
        fn send(sender: &mut Self::Sender, value: u64) {
            while sender.push(value).is_err() {
                heddle_primitives::sync::hint::spin_loop();
            }
        }

        #[inline(always)]
        fn receive(receiver: &mut Self::Receiver) -> u64 {
            loop {
                if let Ok(value) = receiver.pop() {
                    return value;
                }
                heddle_primitives::sync::hint::spin_loop();
            }
        }
    }

    /// Runs the two closures, each in a thread pinned to its own core, and returns the time until both have ended.
    fn pair(first: impl FnOnce() + Send, second: impl FnOnce() + Send) -> Duration {
        let (first, second) = (std::cell::Cell::new(Some(first)), std::cell::Cell::new(Some(second)));
        let work = Once(first, second);
        support::team(2, |n| work.run(n)).0
    }

    struct Once<F, G>(std::cell::Cell<Option<F>>, std::cell::Cell<Option<G>>);

    // SAFETY: member 0 alone uses the first cell and member 1 the second, and both closures are `Send`.
    unsafe impl<F: Send, G: Send> Sync for Once<F, G> {}

    impl<F: FnOnce(), G: FnOnce()> Once<F, G> {
        fn run(&self, n: usize) -> u64 {
            match n {
                0 => self.0.take().expect("runs once")(),
                _ => self.1.take().expect("runs once")(),
            }
            1
        }
    }

    fn throughput<Q: Queue>(c: &mut Criterion) {
        c.benchmark_group("spsc/throughput").bench_function(BenchmarkId::new(Q::VARIANT, 2), |b| {
            support::in_bulk(b, 10_000, |messages| {
                let (mut sender, mut receiver) = Q::new(CAPACITY);
                pair(
                    move || (0..messages).for_each(|n| Q::send(&mut sender, n)),
                    move || (0..messages).for_each(|n| assert_eq!(Q::receive(&mut receiver), n)),
                )
            });
        });
    }

    /// The same loop with a value that the compiler must keep in memory on both sides, which sets the ends a few ns apart. Such
    /// loops have two modes, ten times apart: ends that follow each other at a distance of many slots work undisturbed, ends
    /// that meet take each slot's cache line from each other. This one keeps them close.
    fn opaque<Q: Queue>(c: &mut Criterion) {
        c.benchmark_group("spsc/throughput-opaque").bench_function(BenchmarkId::new(Q::VARIANT, 2), |b| {
            support::in_bulk(b, 10_000, |messages| {
                let (mut sender, mut receiver) = Q::new(CAPACITY);
                pair(
                    move || (0..messages).for_each(|n| Q::send(&mut sender, black_box(n))),
                    move || {
                        (0..messages).for_each(|n| assert_eq!(black_box(Q::receive(&mut receiver)), n));
                    },
                )
            });
        });
    }

    /// A queue whose ends take several values at a time.
    trait Chunks: Queue {
        /// Sends up to a chunk of the numbers from `from` on, at most `n`, and returns how many.
        fn send_chunk(sender: &mut Self::Sender, from: u64, n: usize) -> usize;
        /// Receives up to a chunk, at most `n`, into `sum`, and returns how many.
        fn receive_chunk(receiver: &mut Self::Receiver, n: usize, sum: &mut u64) -> usize;
    }

    macro_rules! chunks {
        ($queue:ty) => {
            impl Chunks for $queue {
                #[inline(always)]
                fn send_chunk(sender: &mut Self::Sender, from: u64, n: usize) -> usize {
                    match sender.write_chunk_uninit(n) {
                        Ok(chunk) => chunk.fill_from_iter(from..),
                        Err(_) => 0,
                    }
                }

                #[inline(always)]
                fn receive_chunk(receiver: &mut Self::Receiver, n: usize, sum: &mut u64) -> usize {
                    match receiver.read_chunk(n) {
                        Ok(chunk) => {
                            *sum = chunk.into_iter().fold(*sum, u64::wrapping_add);
                            n
                        }
                        Err(_) => 0,
                    }
                }
            }
        };
    }

    chunks!(Heddle);
    chunks!(Rtrb);

    /// The time of a message when they go in and come out in chunks.
    fn in_chunks<Q: Chunks>(c: &mut Criterion) {
        c.benchmark_group("spsc/chunks-of-64").bench_function(BenchmarkId::new(Q::VARIANT, 2), |b| {
            support::in_bulk(b, 10_000, |messages| {
                let (mut sender, mut receiver) = Q::new(CAPACITY);
                let next = |done: u64| (messages - done).min(CHUNK as u64) as usize;
                pair(
                    move || {
                        let mut sent = 0;
                        while sent < messages {
                            match Q::send_chunk(&mut sender, sent, next(sent)) {
                                0 => heddle_primitives::sync::hint::spin_loop(),
                                n => sent += n as u64,
                            }
                        }
                    },
                    move || {
                        let (mut received, mut sum) = (0, 0);
                        while received < messages {
                            match Q::receive_chunk(&mut receiver, next(received), &mut sum) {
                                0 => heddle_primitives::sync::hint::spin_loop(),
                                n => received += n as u64,
                            }
                        }
                        let n = u128::from(messages);
                        assert_eq!(
                            sum,
                            (n * n.saturating_sub(1) / 2) as u64,
                            "the sum of all numbers below n"
                        );
                    },
                )
            });
        });
    }

    fn round_trip<Q: Queue>(c: &mut Criterion) {
        c.benchmark_group("spsc/round-trip").bench_function(BenchmarkId::new(Q::VARIANT, 2), |b| {
            support::in_bulk(b, 10_000, |messages| {
                let (mut ask, mut asked) = Q::new(CAPACITY);
                let (mut answer, mut answered) = Q::new(CAPACITY);
                let done = Arc::new(());
                let kept = done.clone();
                let time = pair(
                    move || {
                        for n in 0..messages {
                            Q::send(&mut ask, n);
                            assert_eq!(Q::receive(&mut answered), n + 1);
                        }
                    },
                    move || {
                        for _ in 0..messages {
                            let n = Q::receive(&mut asked);
                            Q::send(&mut answer, n + 1);
                        }
                        drop(kept);
                    },
                );
                assert_eq!(Arc::strong_count(&done), 1, "the other end has answered all");
                time
            });
        });
    }

    pub fn run() {
        support::allowed();
        let mut c = Criterion::default().configure_from_args();
        throughput::<Heddle>(&mut c);
        throughput::<HeddleBlocking>(&mut c);
        throughput::<Rtrb>(&mut c);
        opaque::<Heddle>(&mut c);
        opaque::<HeddleBlocking>(&mut c);
        opaque::<Rtrb>(&mut c);
        in_chunks::<Heddle>(&mut c);
        in_chunks::<Rtrb>(&mut c);
        round_trip::<Heddle>(&mut c);
        round_trip::<HeddleBlocking>(&mut c);
        round_trip::<Rtrb>(&mut c);
        c.final_summary();
    }
}

fn main() {
    #[cfg(not(any(heddle_loom, heddle_shuttle)))]
    program::run();
}
