//! Waiting for one of several operations.

use super::clock::earlier;
use super::context::{Chosen, Context};
use super::error::*;
use super::flavour::{Flavour, Registered, Side, Token};
use super::receiver::Receiver;
use super::sender::Sender;
use super::shared::each_kind;
use crate::scope::Private;
use crate::spin::{DEFAULT_SPIN, Spin};
use crate::sync::Arc;
use std::fmt;
use std::marker::PhantomData;
use std::ptr::null_mut;
use std::time::{Duration, Instant};

/// One end of a channel, for [`Select`], which need not know the type of its values.
trait Handle {
    fn start(&self) -> Option<Token>;
    fn register(&self, context: &Arc<Context>, operation: u32, watch: bool) -> Registered;
    fn unregister(&self, context: &Arc<Context>, operation: u32);
    fn accept(&self, packet: *mut ()) -> Option<Token>;
    fn is_ready(&self) -> bool;
    fn next_beat(&self) -> Option<Instant>;
    fn address(&self) -> *const ();
    fn side(&self) -> Side;
}

macro_rules! handle {
    ($end:ident, $side:expr) => {
        impl<T> Handle for $end<T> {
            fn start(&self) -> Option<Token> {
                each_kind!(&self.kind, channel => channel.flavour.start($side))
            }

            fn register(&self, context: &Arc<Context>, operation: u32, watch: bool) -> Registered {
                each_kind!(&self.kind, channel => channel.flavour.register($side, context, operation, watch))
            }

            fn unregister(&self, context: &Arc<Context>, operation: u32) {
                each_kind!(&self.kind, channel => channel.flavour.unregister($side, context, operation))
            }

            fn accept(&self, packet: *mut ()) -> Option<Token> {
                each_kind!(&self.kind, channel => channel.flavour.accept($side, packet))
            }

            fn is_ready(&self) -> bool {
                each_kind!(&self.kind, channel => channel.flavour.is_ready($side))
            }

            fn next_beat(&self) -> Option<Instant> {
                each_kind!(&self.kind, channel => channel.flavour.next_beat())
            }

            fn address(&self) -> *const () {
                self.kind.address()
            }

            fn side(&self) -> Side {
                $side
            }
        }
    };
}

handle!(Sender, Side::Send);
handle!(Receiver, Side::Recv);

/// Waits for one of several sends and receives; crossbeam's, see [`select!`](crate::select) for the short form.
///
/// An operation is ready if it would not wait, also if it would fail because the channel is closed. Of several that are ready a
/// random one is chosen. A selection that is over has left nothing behind in the channels that were not chosen.
///
/// ```
/// use heddle_primitives::channel::{Select, unbounded};
///
/// let (sender, numbers) = unbounded();
/// let (_keep, words) = unbounded::<&str>();
/// sender.send(7).unwrap();
///
/// let mut select = Select::new();
/// let number = select.recv(&numbers);
/// let word = select.recv(&words);
/// let operation = select.select();
/// match operation.index() {
///     i if i == number => assert_eq!(operation.recv(&numbers), Ok(7)),
///     i if i == word => println!("{:?}", operation.recv(&words)),
///     _ => unreachable!(),
/// }
/// ```
#[derive(Clone, Default)]
pub struct Select<'a> {
    handles: Vec<(usize, &'a dyn Handle)>,
    next_index: usize,
}

// SAFETY: references to ends of channels, which the operations that use them get again; that the values may change threads is
// asked for there, since a `Sender<T>` or `Receiver<T>` is only `Sync` if `T: Send`. Registering moves no values.
unsafe impl Send for Select<'_> {}
// SAFETY: as above.
unsafe impl Sync for Select<'_> {}

impl<'a> Select<'a> {
    /// No operation yet; waiting for none lasts for ever.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a send and returns its index.
    pub fn send<T>(&mut self, sender: &'a Sender<T>) -> usize {
        self.add(sender)
    }

    /// Adds a receive and returns its index.
    pub fn recv<T>(&mut self, receiver: &'a Receiver<T>) -> usize {
        self.add(receiver)
    }

    /// Takes an operation out; the indices of the others stay, and this one is not used again.
    ///
    /// # Panics
    /// If there is none of that index.
    pub fn remove(&mut self, index: usize) {
        let at = self.handles.iter().position(|handle| handle.0 == index);
        self.handles.remove(at.expect("there is no operation of this index"));
    }

    /// Waits until an operation is ready and starts it; the caller completes it.
    pub fn select(&mut self) -> SelectedOperation<'a> {
        self.run(Wait::Until(None)).expect("without a deadline it waits")
    }

    /// Starts an operation that is ready now.
    ///
    /// # Errors
    /// If none is.
    pub fn try_select(&mut self) -> Result<SelectedOperation<'a>, TrySelectError> {
        self.run(Wait::No).ok_or(TrySelectError)
    }

    /// As [`select`](Self::select), waiting no longer than `timeout`; a time beyond the clock's range means no limit.
    ///
    /// # Errors
    /// If none was ready in time.
    pub fn select_timeout(&mut self, timeout: Duration) -> Result<SelectedOperation<'a>, SelectTimeoutError> {
        self.run(Wait::Until(Instant::now().checked_add(timeout))).ok_or(SelectTimeoutError)
    }

    /// As [`select`](Self::select), waiting no longer than until `deadline`.
    ///
    /// # Errors
    /// If none was ready in time.
    pub fn select_deadline(
        &mut self,
        deadline: Instant,
    ) -> Result<SelectedOperation<'a>, SelectTimeoutError> {
        self.run(Wait::Until(Some(deadline))).ok_or(SelectTimeoutError)
    }

    /// Waits until an operation is ready and returns its index; others may be faster, so it may have to wait again.
    pub fn ready(&mut self) -> usize {
        self.run_ready(Wait::Until(None)).expect("without a deadline it waits")
    }

    /// The index of an operation that is ready now.
    ///
    /// # Errors
    /// If none is.
    pub fn try_ready(&mut self) -> Result<usize, TryReadyError> {
        self.run_ready(Wait::No).ok_or(TryReadyError)
    }

    /// As [`ready`](Self::ready), waiting no longer than `timeout`; a time beyond the clock's range means no limit.
    ///
    /// # Errors
    /// If none was ready in time.
    pub fn ready_timeout(&mut self, timeout: Duration) -> Result<usize, ReadyTimeoutError> {
        self.run_ready(Wait::Until(Instant::now().checked_add(timeout))).ok_or(ReadyTimeoutError)
    }

    /// As [`ready`](Self::ready), waiting no longer than until `deadline`.
    ///
    /// # Errors
    /// If none was ready in time.
    pub fn ready_deadline(&mut self, deadline: Instant) -> Result<usize, ReadyTimeoutError> {
        self.run_ready(Wait::Until(Some(deadline))).ok_or(ReadyTimeoutError)
    }

    fn add(&mut self, handle: &'a dyn Handle) -> usize {
        let index = self.next_index;
        self.next_index += 1;
        self.handles.push((index, handle));
        index
    }

    /// The operations, beginning anywhere.
    fn in_turn(&self) -> impl Iterator<Item = &(usize, &'a dyn Handle)> {
        let (before, after) = self.handles.split_at(random::below(self.handles.len()));
        after.iter().chain(before)
    }

    fn start_one(&self) -> Option<SelectedOperation<'a>> {
        self.in_turn()
            .find_map(|&(index, handle)| Some(SelectedOperation::new(index, handle, handle.start()?)))
    }

    fn run(&self, wait: Wait) -> Option<SelectedOperation<'a>> {
        if let Some(operation) = self.start_one() {
            return Some(operation);
        }
        let Wait::Until(deadline) = wait else { return None };
        {
            let mut spin = Spin::exponential::<Private>(DEFAULT_SPIN, deadline, 4, 64).patient();
            while !self.handles.is_empty() && spin.pause() {
                if let Some(operation) = self.start_one() {
                    return Some(operation);
                }
            }
        }
        loop {
            let (chosen, timed_out, packets) = self.wait(deadline, false);
            if let Chosen::Operation(n) = chosen {
                let (index, handle) = self.handles[n as usize];
                if let Some(token) = handle.accept(packets[n as usize]) {
                    return Some(SelectedOperation::new(index, handle, token));
                }
            }
            if let Some(operation) = self.start_one() {
                return Some(operation);
            }
            if timed_out {
                return None;
            }
        }
    }

    fn run_ready(&self, wait: Wait) -> Option<usize> {
        loop {
            if let Some((index, _)) = self.in_turn().find(|(_, handle)| handle.is_ready()) {
                return Some(*index);
            }
            let Wait::Until(deadline) = wait else { return None };
            let (chosen, timed_out, _) = self.wait(deadline, true);
            if let Chosen::Operation(n) = chosen {
                return Some(self.handles[n as usize].0);
            }
            if timed_out {
                return self.in_turn().find(|(_, handle)| handle.is_ready()).map(|(index, _)| *index);
            }
        }
    }

    /// Waits at all channels until one has something, or `deadline`. Returns how that ended, whether it timed out, and where
    /// values would be handed over.
    fn wait(&self, deadline: Option<Instant>, watch: bool) -> (Chosen, bool, Vec<*mut ()>) {
        let context = Context::new();
        let mut packets = vec![null_mut(); self.handles.len()];
        let mut stay = true;
        let mut registered = 0;
        for (n, (_, handle)) in self.handles.iter().enumerate() {
            let Registered { ready, packet } = handle.register(&context, n as u32, watch);
            packets[n] = packet;
            registered = n + 1;
            if ready {
                stay = false;
                context.abort();
                break;
            }
            if context.chosen().is_some() {
                break;
            }
        }
        let beat = self.handles.iter().filter_map(|(_, handle)| handle.next_beat()).min();
        let until = earlier(deadline, beat);
        let chosen = context.wait(false, until);
        for (n, (_, handle)) in self.handles[..registered].iter().enumerate() {
            handle.unregister(&context, n as u32);
        }
        (chosen, stay && chosen == Chosen::Aborted && until == deadline, packets)
    }
}

#[derive(Debug, Clone, Copy)]
enum Wait {
    No,
    Until(Option<Instant>),
}

impl fmt::Debug for Select<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Select").field("operations", &self.handles.len()).finish()
    }
}

/// An operation that was started and must be completed, at once: the other side may be waiting for it.
///
/// # Panics
/// When it is dropped without having been completed.
#[must_use = "an operation that was started must be completed"]
pub struct SelectedOperation<'a> {
    token: Token,
    index: usize,
    address: *const (),
    side: Side,
    ends: PhantomData<&'a ()>,
}

impl<'a> SelectedOperation<'a> {
    fn new(index: usize, handle: &'a dyn Handle, token: Token) -> Self {
        Self { token, index, address: handle.address(), side: handle.side(), ends: PhantomData }
    }

    /// The index that [`Select::send`] or [`Select::recv`] returned.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Completes a send.
    ///
    /// # Errors
    /// The value, if the channel takes no more.
    ///
    /// # Panics
    /// If the operation is not a send into this channel.
    pub fn send<T>(self, sender: &Sender<T>, value: T) -> Result<(), SendError<T>> {
        assert!(self.is(sender), "another operation was selected");
        let token = self.token;
        std::mem::forget(self);
        each_kind!(&sender.kind, channel => channel.flavour.finish_send(token, value))
    }

    /// Completes a receive.
    ///
    /// # Errors
    /// If the channel is empty and no more values will come.
    ///
    /// # Panics
    /// If the operation is not a receive from this channel.
    pub fn recv<T>(self, receiver: &Receiver<T>) -> Result<T, RecvError> {
        assert!(self.is(receiver), "another operation was selected");
        let token = self.token;
        std::mem::forget(self);
        each_kind!(&receiver.kind, channel => channel.flavour.finish_recv(token))
    }

    fn is(&self, handle: &dyn Handle) -> bool {
        self.address == handle.address() && self.side == handle.side()
    }
}

impl Drop for SelectedOperation<'_> {
    fn drop(&mut self) {
        assert!(
            std::thread::panicking() || matches!(self.token, Token::Closed),
            "an operation that was selected was not completed"
        );
    }
}

impl fmt::Debug for SelectedOperation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SelectedOperation").field("index", &self.index).finish_non_exhaustive()
    }
}

/// Numbers good enough to be fair.
mod random {
    #[cfg(not(any(heddle_loom, heddle_shuttle)))]
    pub(super) fn below(n: usize) -> usize {
        use std::cell::Cell;

        std::thread_local! {
            static STATE: Cell<u64> = const { Cell::new(0) };
        }

        let mut x = STATE.get();
        if x == 0 {
            x = crate::sync::thread::serial().wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        }
        // Marsaglia's xorshift.
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        STATE.set(x);
        ((u128::from(x) * n as u128) >> 64) as usize
    }

    /// The checkers run the same program again and again.
    #[cfg(any(heddle_loom, heddle_shuttle))]
    pub(super) fn below(_: usize) -> usize {
        0
    }
}
