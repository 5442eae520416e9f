//! Waiting for one of several operations.
//!
//! - `handle`: one end of a channel in a selection;
//! - `operation`: what was selected;
//! - `random`: so that none is preferred.

mod handle;
mod operation;
mod random;

pub use operation::SelectedOperation;

use super::clock::earlier;
use super::context::{Chosen, Context};
use super::error::*;
use super::flavour::Registered;
use super::receiver::Receiver;
use super::sender::Sender;
use crate::scope::Private;
use crate::spin::{DEFAULT_SPIN, Spin};
use handle::Handle;
use std::fmt;
use std::ptr::null_mut;
use std::time::{Duration, Instant};

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
    ///
    /// ```
    /// use heddle_primitives::channel::Select;
    /// use std::time::Duration;
    /// assert!(Select::new().select_timeout(Duration::from_millis(1)).is_err());
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a send and returns its index.
    ///
    /// ```
    /// use heddle_primitives::channel::{Select, bounded};
    /// let (sender, receiver) = bounded(1);
    /// let mut select = Select::new();
    /// assert_eq!(select.send(&sender), 0);
    /// select.select().send(&sender, 7).unwrap();
    /// assert_eq!(receiver.recv(), Ok(7));
    /// ```
    pub fn send<T>(&mut self, sender: &'a Sender<T>) -> usize {
        self.add(sender)
    }

    /// Adds a receive and returns its index.
    ///
    /// ```
    /// use heddle_primitives::channel::{RecvError, Select, unbounded};
    /// let (_, receiver) = unbounded::<u8>();
    /// let mut select = Select::new();
    /// assert_eq!(select.recv(&receiver), 0);
    /// assert_eq!(select.select().recv(&receiver), Err(RecvError));
    /// ```
    pub fn recv<T>(&mut self, receiver: &'a Receiver<T>) -> usize {
        self.add(receiver)
    }

    /// Takes an operation out; the indices of the others stay, and this one is not used again.
    ///
    /// # Panics
    /// If there is none of that index.
    ///
    /// ```
    /// use heddle_primitives::channel::{Select, unbounded};
    /// let ((sender, numbers), (_, ended)) = (unbounded(), unbounded::<u8>());
    /// let mut select = Select::new();
    /// let (number, end) = (select.recv(&numbers), select.recv(&ended));
    /// assert_eq!(select.ready(), end);
    /// select.remove(end);
    /// sender.send(7).unwrap();
    /// assert_eq!(select.ready(), number);
    /// ```
    pub fn remove(&mut self, index: usize) {
        let at = self.handles.iter().position(|handle| handle.0 == index);
        self.handles.remove(at.expect("there is no operation of this index"));
    }

    /// Waits until an operation is ready and starts it; the caller completes it.
    ///
    /// ```
    /// use heddle_primitives::channel::{Select, unbounded};
    /// use heddle_primitives::sync::thread;
    /// let (sender, receiver) = unbounded();
    /// let (_keep, silent) = unbounded::<u8>();
    /// thread::scope(|s| {
    ///     s.spawn(move || sender.send(7).unwrap());
    ///     let mut select = Select::new();
    ///     let (number, _) = (select.recv(&receiver), select.recv(&silent));
    ///     let operation = select.select();
    ///     assert_eq!(operation.index(), number);
    ///     assert_eq!(operation.recv(&receiver), Ok(7));
    /// });
    /// ```
    pub fn select(&mut self) -> SelectedOperation<'a> {
        self.run(Wait::Until(None)).expect("without a deadline it waits")
    }

    /// Starts an operation that is ready now.
    ///
    /// # Errors
    /// If none is.
    ///
    /// ```
    /// use heddle_primitives::channel::{Select, bounded};
    /// let (sender, receiver) = bounded(1);
    /// let mut select = Select::new();
    /// select.recv(&receiver);
    /// assert!(select.try_select().is_err());
    /// sender.send(7).unwrap();
    /// assert_eq!(select.try_select().unwrap().recv(&receiver), Ok(7));
    /// ```
    pub fn try_select(&mut self) -> Result<SelectedOperation<'a>, TrySelectError> {
        self.run(Wait::No).ok_or(TrySelectError)
    }

    /// As [`select`](Self::select), waiting no longer than `timeout`; a time beyond the clock's range means no limit.
    ///
    /// # Errors
    /// If none was ready in time.
    ///
    /// ```
    /// use heddle_primitives::channel::{Select, bounded};
    /// use std::time::Duration;
    /// let (sender, receiver) = bounded(1);
    /// let mut select = Select::new();
    /// select.recv(&receiver);
    /// assert!(select.select_timeout(Duration::from_millis(1)).is_err());
    /// sender.send(7).unwrap();
    /// assert_eq!(select.select_timeout(Duration::from_millis(1)).unwrap().recv(&receiver), Ok(7));
    /// ```
    pub fn select_timeout(&mut self, timeout: Duration) -> Result<SelectedOperation<'a>, SelectTimeoutError> {
        self.run(Wait::Until(Instant::now().checked_add(timeout))).ok_or(SelectTimeoutError)
    }

    /// As [`select`](Self::select), waiting no longer than until `deadline`.
    ///
    /// # Errors
    /// If none was ready in time.
    ///
    /// ```
    /// use heddle_primitives::channel::{Select, bounded};
    /// use std::time::Instant;
    /// let (sender, receiver) = bounded(1);
    /// let mut select = Select::new();
    /// select.recv(&receiver);
    /// assert!(select.select_deadline(Instant::now()).is_err());
    /// sender.send(7).unwrap();
    /// assert_eq!(select.select_deadline(Instant::now()).unwrap().recv(&receiver), Ok(7));
    /// ```
    pub fn select_deadline(
        &mut self,
        deadline: Instant,
    ) -> Result<SelectedOperation<'a>, SelectTimeoutError> {
        self.run(Wait::Until(Some(deadline))).ok_or(SelectTimeoutError)
    }

    /// Waits until an operation is ready and returns its index; others may be faster, so it may have to wait again.
    ///
    /// ```
    /// use heddle_primitives::channel::{Select, bounded};
    /// let (sender, receiver) = bounded(1);
    /// sender.send(7).unwrap();
    /// let mut select = Select::new();
    /// let number = select.recv(&receiver);
    /// assert_eq!(select.ready(), number);
    /// // It was there then, and nobody else receives here.
    /// assert_eq!(receiver.try_recv(), Ok(7));
    /// ```
    pub fn ready(&mut self) -> usize {
        self.run_ready(Wait::Until(None)).expect("without a deadline it waits")
    }

    /// The index of an operation that is ready now.
    ///
    /// # Errors
    /// If none is.
    ///
    /// ```
    /// use heddle_primitives::channel::{Select, bounded};
    /// let (sender, receiver) = bounded(1);
    /// let mut select = Select::new();
    /// let number = select.recv(&receiver);
    /// assert!(select.try_ready().is_err());
    /// sender.send(7).unwrap();
    /// assert_eq!(select.try_ready(), Ok(number));
    /// ```
    pub fn try_ready(&mut self) -> Result<usize, TryReadyError> {
        self.run_ready(Wait::No).ok_or(TryReadyError)
    }

    /// As [`ready`](Self::ready), waiting no longer than `timeout`; a time beyond the clock's range means no limit.
    ///
    /// # Errors
    /// If none was ready in time.
    ///
    /// ```
    /// use heddle_primitives::channel::{Select, bounded};
    /// use std::time::Duration;
    /// let (sender, receiver) = bounded(1);
    /// let mut select = Select::new();
    /// let number = select.recv(&receiver);
    /// assert!(select.ready_timeout(Duration::from_millis(1)).is_err());
    /// sender.send(7).unwrap();
    /// assert_eq!(select.ready_timeout(Duration::from_millis(1)), Ok(number));
    /// ```
    pub fn ready_timeout(&mut self, timeout: Duration) -> Result<usize, ReadyTimeoutError> {
        self.run_ready(Wait::Until(Instant::now().checked_add(timeout))).ok_or(ReadyTimeoutError)
    }

    /// As [`ready`](Self::ready), waiting no longer than until `deadline`.
    ///
    /// # Errors
    /// If none was ready in time.
    ///
    /// ```
    /// use heddle_primitives::channel::{Select, bounded};
    /// use std::time::Instant;
    /// let (sender, receiver) = bounded(1);
    /// let mut select = Select::new();
    /// let number = select.recv(&receiver);
    /// assert!(select.ready_deadline(Instant::now()).is_err());
    /// sender.send(7).unwrap();
    /// assert_eq!(select.ready_deadline(Instant::now()), Ok(number));
    /// ```
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
