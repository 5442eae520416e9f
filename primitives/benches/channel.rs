//! Channels between running threads that may sleep, beside their peers; one loop body for all.
#![cfg_attr(not(any(heddle_loom, heddle_shuttle)), allow(clippy::disallowed_types))]

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod support;

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod program {
    use crate::support;
    use criterion::{BenchmarkId, Criterion};

    /// What a channel is for: `None` has no limit.
    type Capacity = Option<usize>;

    trait Channel {
        const VARIANT: &str;
        type Sender: Send;
        type Receiver: Send;

        fn new(capacity: Capacity) -> (Self::Sender, Self::Receiver);
        fn send(sender: &Self::Sender, value: u64);
        fn receive(receiver: &Self::Receiver) -> u64;
    }

    /// A channel whose ends can be cloned.
    trait ToMany: Channel<Sender: Clone, Receiver: Clone> {}

    macro_rules! channel {
        ($name:ident, $variant:literal, $module:ident, $sender:ty, $receiver:ty) => {
            struct $name;

            impl Channel for $name {
                const VARIANT: &str = $variant;
                type Sender = $sender;
                type Receiver = $receiver;

                fn new(capacity: Capacity) -> (Self::Sender, Self::Receiver) {
                    capacity.map_or_else($module::unbounded, $module::bounded)
                }

                #[inline(always)]
                fn send(sender: &Self::Sender, value: u64) {
                    sender.send(value).expect("the receivers stay to the end");
                }

                #[inline(always)]
                fn receive(receiver: &Self::Receiver) -> u64 {
                    receiver.recv().expect("the senders stay to the end")
                }
            }

            impl ToMany for $name {}
        };
    }

    use heddle_primitives::channel as heddle;
    channel!(Heddle, "heddle", heddle, heddle::Sender<u64>, heddle::Receiver<u64>);
    channel!(
        Crossbeam,
        "crossbeam-channel",
        crossbeam_channel,
        crossbeam_channel::Sender<u64>,
        crossbeam_channel::Receiver<u64>
    );
    channel!(Kanal, "kanal", kanal, kanal::Sender<u64>, kanal::Receiver<u64>);
    channel!(Flume, "flume", flume, flume::Sender<u64>, flume::Receiver<u64>);

    /// Its channels with and without a limit are of different types.
    enum Either<B, U> {
        Bounded(B),
        Unbounded(U),
    }

    impl<B: Clone, U: Clone> Clone for Either<B, U> {
        fn clone(&self) -> Self {
            match self {
                Self::Bounded(end) => Self::Bounded(end.clone()),
                Self::Unbounded(end) => Self::Unbounded(end.clone()),
            }
        }
    }

    macro_rules! crossfire {
        ($name:ident, $variant:literal, $module:ident, $sender:ident, $receiver:ident) => {
            struct $name;

            impl Channel for $name {
                const VARIANT: &str = $variant;
                type Sender = Either<
                    crossfire::$sender<crossfire::$module::Array<u64>>,
                    crossfire::$sender<crossfire::$module::List<u64>>,
                >;
                type Receiver = Either<
                    crossfire::$receiver<crossfire::$module::Array<u64>>,
                    crossfire::$receiver<crossfire::$module::List<u64>>,
                >;

                fn new(capacity: Capacity) -> (Self::Sender, Self::Receiver) {
                    match capacity {
                        Some(capacity) => {
                            let (sender, receiver) = crossfire::$module::bounded_blocking(capacity);
                            (Either::Bounded(sender), Either::Bounded(receiver))
                        }
                        None => {
                            let (sender, receiver) = crossfire::$module::unbounded_blocking();
                            (Either::Unbounded(sender), Either::Unbounded(receiver))
                        }
                    }
                }

                #[inline(always)]
                fn send(sender: &Self::Sender, value: u64) {
                    match sender {
                        Either::Bounded(sender) => sender.send(value),
                        Either::Unbounded(sender) => sender.send(value),
                    }
                    .expect("the receivers stay to the end");
                }

                #[inline(always)]
                fn receive(receiver: &Self::Receiver) -> u64 {
                    match receiver {
                        Either::Bounded(receiver) => receiver.recv(),
                        Either::Unbounded(receiver) => receiver.recv(),
                    }
                    .expect("the senders stay to the end")
                }
            }
        };
    }

    crossfire!(Crossfire, "crossfire", mpmc, MTx, MRx);
    crossfire!(CrossfireMpsc, "crossfire-mpsc", mpsc, MTx, Rx);
    crossfire!(CrossfireSpsc, "crossfire-spsc", spsc, Tx, Rx);

    impl ToMany for Crossfire {}

    struct Std;

    #[derive(Clone)]
    enum StdSender {
        Bounded(std::sync::mpsc::SyncSender<u64>),
        Unbounded(std::sync::mpsc::Sender<u64>),
    }

    impl Channel for Std {
        const VARIANT: &str = "std";
        type Sender = StdSender;
        type Receiver = std::sync::mpsc::Receiver<u64>;

        fn new(capacity: Capacity) -> (Self::Sender, Self::Receiver) {
            match capacity {
                Some(capacity) => {
                    let (sender, receiver) = std::sync::mpsc::sync_channel(capacity);
                    (StdSender::Bounded(sender), receiver)
                }
                None => {
                    let (sender, receiver) = std::sync::mpsc::channel();
                    (StdSender::Unbounded(sender), receiver)
                }
            }
        }

        #[inline(always)]
        fn send(sender: &Self::Sender, value: u64) {
            match sender {
                StdSender::Bounded(sender) => sender.send(value),
                StdSender::Unbounded(sender) => sender.send(value),
            }
            .expect("the receiver stays to the end");
        }

        #[inline(always)]
        fn receive(receiver: &Self::Receiver) -> u64 {
            receiver.recv().expect("the senders stay to the end")
        }
    }

    /// Hands each member of a team its end.
    struct Ends<E>(Vec<std::cell::Cell<Option<E>>>);

    // SAFETY: each member takes the end of its own number, and ends are `Send`.
    unsafe impl<E: Send> Sync for Ends<E> {}

    impl<E> Ends<E> {
        fn new(ends: impl IntoIterator<Item = E>) -> Self {
            Self(ends.into_iter().map(|end| std::cell::Cell::new(Some(end))).collect())
        }

        fn take(&self, n: usize) -> E {
            self.0[n].take().expect("each end is taken once")
        }
    }

    /// A rendezvous at which both sides sleep takes a hundred times as long as a message through a buffer.
    fn least(capacity: Capacity) -> u64 {
        if capacity == Some(0) { 1_000 } else { 10_000 }
    }

    /// The time of a message while as many senders as receivers run.
    fn throughput<C: Channel>(
        c: &mut Criterion,
        group: &str,
        capacity: Capacity,
        pairs: usize,
        ends: impl Fn(C::Sender, C::Receiver) -> (Vec<C::Sender>, Vec<C::Receiver>),
    ) {
        c.benchmark_group(group).bench_function(BenchmarkId::new(C::VARIANT, 2 * pairs), |b| {
            support::in_bulk(b, least(capacity), |messages| {
                let (sender, receiver) = C::new(capacity);
                let (senders, receivers) = ends(sender, receiver);
                let (senders, receivers) = (Ends::new(senders), Ends::new(receivers));
                // The first `messages % pairs` senders, and receivers, do one more.
                let share =
                    |n: usize| messages / pairs as u64 + u64::from((n as u64) < messages % pairs as u64);
                let (time, turns) = support::team(2 * pairs, |n| {
                    if n < pairs {
                        let sender = senders.take(n);
                        (0..share(n)).for_each(|i| C::send(&sender, i));
                        0
                    } else {
                        let receiver = receivers.take(n - pairs);
                        (0..share(n - pairs)).fold(0, |sum, _| sum + C::receive(&receiver))
                    }
                });
                let expected: u64 = (0..pairs).map(|n| share(n) * share(n).saturating_sub(1) / 2).sum();
                assert_eq!(turns.iter().map(|turn| turn.done).sum::<u64>(), expected);
                time
            });
        });
    }

    fn one_to_one<C: Channel>(c: &mut Criterion) {
        let one = |sender, receiver| (vec![sender], vec![receiver]);
        throughput::<C>(c, "channel/bounded-1x1", Some(1024), 1, one);
        throughput::<C>(c, "channel/unbounded-1x1", None, 1, one);
    }

    fn meeting<C: Channel>(c: &mut Criterion) {
        throughput::<C>(c, "channel/rendezvous", Some(0), 1, |sender, receiver| {
            (vec![sender], vec![receiver])
        });
    }

    fn two_to_two<C: ToMany>(c: &mut Criterion) {
        let two = |sender, receiver| (vec![sender; 2], vec![receiver; 2]);
        throughput::<C>(c, "channel/bounded-2x2", Some(1024), 2, two);
        throughput::<C>(c, "channel/unbounded-2x2", None, 2, two);
    }

    fn all<C: ToMany>(c: &mut Criterion) {
        one_to_one::<C>(c);
        meeting::<C>(c);
        two_to_two::<C>(c);
    }

    pub fn run() {
        support::allowed();
        // crossfire's advice where there are few CPUs.
        crossfire::detect_backoff_cfg();
        let mut c = Criterion::default().configure_from_args();
        all::<Heddle>(&mut c);
        all::<Crossbeam>(&mut c);
        all::<Kanal>(&mut c);
        all::<Flume>(&mut c);
        // In its channels without room a sender does not wait for a receiver.
        one_to_one::<Crossfire>(&mut c);
        two_to_two::<Crossfire>(&mut c);
        one_to_one::<CrossfireMpsc>(&mut c);
        one_to_one::<CrossfireSpsc>(&mut c);
        one_to_one::<Std>(&mut c);
        meeting::<Std>(&mut c);
        c.final_summary();
    }
}

fn main() {
    #[cfg(not(any(heddle_loom, heddle_shuttle)))]
    program::run();
}
