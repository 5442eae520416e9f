//! A channel for one value, made and used in one thread and between two, beside its peers; one loop body for all.

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod support;

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod program {
    use crate::support;
    use criterion::{BenchmarkId, Criterion};
    use std::cell::Cell;
    use std::hint::black_box;
    use std::time::Instant;

    /// A channel for one value.
    trait Oneshot {
        const VARIANT: &str;
        type Sender<T: Send>: Send;
        type Receiver<T: Send>: Send;

        fn new<T: Send>() -> (Self::Sender<T>, Self::Receiver<T>);
        fn send<T: Send>(sender: Self::Sender<T>, value: T);
        fn receive<T: Send>(receiver: Self::Receiver<T>) -> T;
    }

    macro_rules! oneshot {
        ($name:ident, $variant:literal, $sender:ty, $receiver:ty, $new:expr) => {
            struct $name;

            impl Oneshot for $name {
                const VARIANT: &str = $variant;
                type Sender<T: Send> = $sender;
                type Receiver<T: Send> = $receiver;

                #[inline(always)]
                fn new<T: Send>() -> (Self::Sender<T>, Self::Receiver<T>) {
                    $new
                }

                #[inline(always)]
                fn send<T: Send>(sender: Self::Sender<T>, value: T) {
                    assert!(sender.send(value).is_ok(), "the receiver stays");
                }

                #[inline(always)]
                fn receive<T: Send>(receiver: Self::Receiver<T>) -> T {
                    receiver.recv().expect("the sender sends")
                }
            }
        };
    }

    oneshot!(
        Heddle,
        "heddle",
        heddle_primitives::oneshot::Sender<T>,
        heddle_primitives::oneshot::Receiver<T>,
        heddle_primitives::oneshot::channel()
    );
    oneshot!(Peer, "oneshot", oneshot::Sender<T>, oneshot::Receiver<T>, oneshot::channel());
    oneshot!(
        Std,
        "std",
        std::sync::mpsc::SyncSender<T>,
        std::sync::mpsc::Receiver<T>,
        std::sync::mpsc::sync_channel(1)
    );
    oneshot!(
        Crossbeam,
        "crossbeam-channel",
        crossbeam_channel::Sender<T>,
        crossbeam_channel::Receiver<T>,
        crossbeam_channel::bounded(1)
    );

    /// Times `pass`, which makes a channel and takes the number through it.
    fn alone(c: &mut Criterion, variant: &str, mut pass: impl FnMut(u64) -> u64) {
        support::pin(0);
        c.benchmark_group("oneshot/one-thread").bench_function(BenchmarkId::new(variant, 1), |b| {
            b.iter_custom(|iterations| {
                let start = Instant::now();
                for n in 0..iterations {
                    assert_eq!(pass(black_box(n)), n);
                }
                start.elapsed()
            });
        });
    }

    fn one_thread<O: Oneshot>(c: &mut Criterion) {
        alone(c, O::VARIANT, |n| {
            let (sender, receiver) = O::new();
            O::send(black_box(sender), n);
            O::receive(receiver)
        });
    }

    /// What the client sends: a number, where the answer goes, and where the next request comes.
    struct Request<O: Oneshot> {
        number: u64,
        answer: O::Sender<u64>,
        next: Option<O::Receiver<Self>>,
    }

    /// The time of a request and its answer, each through a channel of its own made for the purpose.
    fn request<O: Oneshot + 'static>(c: &mut Criterion) {
        c.benchmark_group("oneshot/request").bench_function(BenchmarkId::new(O::VARIANT, 2), |b| {
            b.iter_custom(|iterations| {
                let (sender, receiver) = O::new::<Request<O>>();
                let ends = Ends::<O>(Cell::new(Some(sender)), Cell::new(Some(receiver)));
                support::team(2, |member| ends.run(member, iterations)).0
            });
        });
    }

    struct Ends<O: Oneshot>(Cell<Option<O::Sender<Request<O>>>>, Cell<Option<O::Receiver<Request<O>>>>);

    // SAFETY: member 0 alone uses the sender and member 1 the receiver, and both are `Send`.
    unsafe impl<O: Oneshot> Sync for Ends<O> {}

    // SAFETY: the number and both ends are.
    unsafe impl<O: Oneshot> Send for Request<O> {}

    impl<O: Oneshot> Ends<O> {
        fn run(&self, member: usize, requests: u64) -> u64 {
            if member == 0 {
                let mut sender = self.0.take();
                for number in 0..requests {
                    let (answer, answered) = O::new();
                    let (next_sender, next) = O::new();
                    let request = Request { number, answer, next: (number + 1 < requests).then_some(next) };
                    O::send(sender.replace(next_sender).expect("there is a next"), request);
                    assert_eq!(O::receive(answered), number + 1);
                }
            } else {
                let mut receiver = self.1.take();
                while let Some(requests) = receiver.take() {
                    let request = O::receive(requests);
                    O::send(request.answer, request.number + 1);
                    receiver = request.next;
                }
            }
            requests
        }
    }

    fn all<O: Oneshot + 'static>(c: &mut Criterion) {
        one_thread::<O>(c);
        request::<O>(c);
    }

    pub fn run() {
        support::allowed();
        let mut c = Criterion::default().configure_from_args();
        all::<Heddle>(&mut c);
        let mut slot = heddle_primitives::oneshot::Slot::new();
        alone(&mut c, "heddle-slot", |n| {
            let (sender, receiver) = black_box(&mut slot).split();
            assert!(sender.send(n).is_ok());
            receiver.recv().expect("the sender sends")
        });
        all::<Peer>(&mut c);
        all::<Std>(&mut c);
        all::<Crossbeam>(&mut c);
        c.final_summary();
    }
}

fn main() {
    #[cfg(not(any(heddle_loom, heddle_shuttle)))]
    program::run();
}
