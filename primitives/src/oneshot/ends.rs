//! The two ends.

use super::error::{RecvError, RecvTimeoutError, SendError, TryRecvError};
use super::slot::{ASLEEP, CLOSED, EMPTY, Home, OnHeap, SENT};
use crate::spin::{HANDOVER_SPIN, Spin};
use crate::sync::atomic::Ordering;
use crate::sync::futex::WaitOutcome;
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::time::{Duration, Instant};

/// The end that the value goes in; see the [module](super).
///
/// A value crosses threads, so it must be `Send`:
///
/// ```compile_fail,E0277
/// fn send(_: impl Send) {}
/// let (sender, _receiver) = heddle_primitives::oneshot::channel::<std::rc::Rc<u32>>();
/// send(sender);
/// ```
///
/// ```
/// use heddle_primitives::oneshot;
/// let (sender, receiver) = oneshot::channel::<u8>();
/// // Dropped unused, it tells the receiver.
/// drop(sender);
/// assert!(receiver.recv().is_err());
/// ```
#[must_use = "dropping it disconnects the receiver"]
pub struct Sender<T, H: Home<T> = OnHeap<T>> {
    home: H,
    value: PhantomData<*mut T>,
}

// SAFETY: the sender alone writes the value, from whichever thread has it; the receiver may take it in another.
unsafe impl<T: Send, H: Home<T> + Send> Send for Sender<T, H> {}
// SAFETY: a shared sender looks at the state only.
unsafe impl<T: Send, H: Home<T> + Send> Sync for Sender<T, H> {}

impl<T, H: Home<T>> Sender<T, H> {
    /// The sending end of the channel in `home`.
    ///
    /// # Safety
    /// The slot is empty, and this is its only sender ever since. If it is shared between processes, `T` is valid in all of them.
    ///
    /// ```
    /// use heddle_primitives::oneshot::{Receiver, Sender, Slot};
    /// let slot = Slot::new();
    /// // SAFETY: the slot is new, and these are its only ends.
    /// let (sender, receiver) = unsafe { (Sender::from_home(&slot), Receiver::from_home(&slot)) };
    /// sender.send(7).unwrap();
    /// assert_eq!(receiver.recv(), Ok(7));
    /// ```
    #[inline(always)]
    pub unsafe fn from_home(home: H) -> Self {
        Self { home, value: PhantomData }
    }

    /// Sends the value and wakes the receiver if it sleeps. Never blocks.
    ///
    /// # Errors
    /// The value, if the receiver is gone. One that goes later drops the value unseen.
    ///
    /// ```
    /// use heddle_primitives::oneshot;
    /// let (sender, receiver) = oneshot::channel();
    /// sender.send("hello").unwrap();
    /// assert_eq!(receiver.recv(), Ok("hello"));
    /// let (sender, _) = oneshot::channel();
    /// assert_eq!(sender.send("hello").unwrap_err().into_inner(), "hello");
    /// ```
    #[inline]
    pub fn send(self, value: T) -> Result<(), SendError<T>> {
        let this = ManuallyDrop::new(self);
        // SAFETY: not released: this end has not left.
        let slot = unsafe { this.home.slot() };
        // SAFETY: this is the sender, which leaves below.
        unsafe { slot.put(value) };
        match this.leave(SENT) {
            CLOSED => {
                // SAFETY: the receiver is gone, and this end is about to be.
                let value = unsafe { slot.take() };
                // ORDERING: nobody else looks any more; for a slot that outlives its ends.
                slot.word().store(CLOSED, Ordering::Relaxed);
                // SAFETY: the receiver left first and has not released.
                unsafe { this.home.release() };
                Err(SendError(value))
            }
            _ => Ok(()),
        }
    }

    /// Whether the receiver is gone, so that sending would fail. If not, it may go at any time.
    ///
    /// ```
    /// use heddle_primitives::oneshot;
    /// let (sender, receiver) = oneshot::channel::<u8>();
    /// assert!(!sender.is_closed());
    /// drop(receiver);
    /// assert!(sender.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        // SAFETY: not released: this end has not left.
        let slot = unsafe { self.home.slot() };
        // ORDERING: acquires what the receiver did before it left, see its `drop`.
        slot.word().load(Ordering::Acquire) == CLOSED
    }

    /// Leaves, with or without a value, and returns the state found. Unless that is `CLOSED`, the slot is the receiver's.
    #[inline(always)]
    fn leave(&self, state: u32) -> u32 {
        // SAFETY: not released: this end has not left.
        let slot = unsafe { self.home.slot() };
        // The slot may be gone as soon as the state has changed.
        let address = slot.futex().address();
        // ORDERING: Release hands the value, and every earlier access of this end, to the receiver. Acquire lets this end
        // free the slot if the receiver left first.
        let found = slot.word().swap(state, Ordering::AcqRel);
        if found == ASLEEP {
            address.wake(1);
        }
        found
    }
}

impl<T, H: Home<T>> Drop for Sender<T, H> {
    fn drop(&mut self) {
        if self.leave(CLOSED) == CLOSED {
            // SAFETY: the receiver left first and has not released.
            unsafe { self.home.release() };
        }
    }
}

impl<T, H: Home<T>> fmt::Debug for Sender<T, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("closed", &self.is_closed()).finish()
    }
}

/// The end that the value comes out; see the [module](super).
///
/// It may be sent to another thread, not used by two:
///
/// ```compile_fail,E0277
/// fn share(_: impl Sync) {}
/// let (_sender, receiver) = heddle_primitives::oneshot::channel::<u32>();
/// share(receiver);
/// ```
///
/// ```
/// use heddle_primitives::oneshot;
/// let (sender, receiver) = oneshot::channel();
/// assert!(receiver.try_recv().is_err());
/// sender.send(7).unwrap();
/// assert_eq!(receiver.try_recv(), Ok(7));
/// ```
#[must_use = "dropping it disconnects the sender"]
pub struct Receiver<T, H: Home<T> = OnHeap<T>> {
    home: H,
    value: PhantomData<*mut T>,
}

// SAFETY: the receiver alone takes the value, in whichever thread has it.
unsafe impl<T: Send, H: Home<T> + Send> Send for Receiver<T, H> {}

impl<T, H: Home<T>> Receiver<T, H> {
    /// The receiving end of the channel in `home`.
    ///
    /// # Safety
    /// The slot was empty before its sender was made, and this is its only receiver ever since. If it is shared between processes,
    /// `T` is valid in all of them.
    ///
    /// ```
    /// use heddle_primitives::oneshot::{Receiver, Sender, Slot};
    /// let slot = Slot::new();
    /// // SAFETY: the slot is new, and these are its only ends.
    /// let (sender, receiver) = unsafe { (Sender::from_home(&slot), Receiver::from_home(&slot)) };
    /// sender.send(7).unwrap();
    /// assert_eq!(receiver.recv(), Ok(7));
    /// ```
    #[inline(always)]
    pub unsafe fn from_home(home: H) -> Self {
        Self { home, value: PhantomData }
    }

    /// Waits for the value as long as it takes.
    ///
    /// # Errors
    /// If the sender is gone without having sent, or the value was taken before.
    ///
    /// ```
    /// use heddle_primitives::oneshot::{self, RecvError};
    /// let (sender, receiver) = oneshot::channel();
    /// sender.send(7).unwrap();
    /// assert_eq!(receiver.recv(), Ok(7));
    /// let (_, receiver) = oneshot::channel::<u8>();
    /// assert_eq!(receiver.recv(), Err(RecvError));
    /// ```
    #[inline]
    pub fn recv(self) -> Result<T, RecvError> {
        let this = ManuallyDrop::new(self);
        let state = this.wait(None);
        // A wait without a limit ends when the sender has left.
        let value = this.take(state).map_err(|_| RecvError);
        // SAFETY: the sender left first and has not released; this end is not used again.
        unsafe { this.home.release() };
        value
    }

    /// Waits for the value no longer than `timeout`; a time beyond the clock's range means no limit.
    ///
    /// # Errors
    /// If nothing was sent in time; the value may still come. If the sender is gone without having sent, or the value was taken
    /// before.
    ///
    /// ```
    /// use heddle_primitives::oneshot::{self, RecvTimeoutError};
    /// use std::time::Duration;
    /// let (sender, receiver) = oneshot::channel();
    /// assert_eq!(receiver.recv_timeout(Duration::from_millis(1)), Err(RecvTimeoutError::Timeout));
    /// sender.send(7).unwrap();
    /// assert_eq!(receiver.recv_timeout(Duration::MAX), Ok(7));
    /// ```
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        self.recv_within(Instant::now().checked_add(timeout))
    }

    /// Waits for the value no longer than until `deadline`.
    ///
    /// # Errors
    /// As [`recv_timeout`](Self::recv_timeout).
    ///
    /// ```
    /// use heddle_primitives::oneshot::{self, RecvTimeoutError};
    /// use std::time::Instant;
    /// let (sender, receiver) = oneshot::channel();
    /// assert_eq!(receiver.recv_deadline(Instant::now()), Err(RecvTimeoutError::Timeout));
    /// sender.send(7).unwrap();
    /// assert_eq!(receiver.recv_deadline(Instant::now()), Ok(7));
    /// ```
    pub fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        self.recv_within(Some(deadline))
    }

    /// Takes the value if it is there.
    ///
    /// # Errors
    /// If nothing was sent yet. If the sender is gone without having sent, or the value was taken before.
    ///
    /// ```
    /// use heddle_primitives::oneshot::{self, TryRecvError};
    /// let (sender, receiver) = oneshot::channel();
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    /// sender.send(7).unwrap();
    /// assert_eq!(receiver.try_recv(), Ok(7));
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    /// ```
    #[inline]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.take(self.state())
    }

    /// Whether a value is there.
    ///
    /// ```
    /// use heddle_primitives::oneshot;
    /// let (sender, receiver) = oneshot::channel();
    /// assert!(!receiver.has_message());
    /// sender.send(7).unwrap();
    /// assert!(receiver.has_message());
    /// ```
    pub fn has_message(&self) -> bool {
        self.state() == SENT
    }

    /// Whether no value will come: the sender is gone without having sent, or the value was taken before.
    ///
    /// ```
    /// use heddle_primitives::oneshot;
    /// let (sender, receiver) = oneshot::channel();
    /// sender.send(7).unwrap();
    /// assert!(!receiver.is_closed());
    /// receiver.try_recv().unwrap();
    /// assert!(receiver.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.state() == CLOSED
    }

    fn recv_within(&self, deadline: Option<Instant>) -> Result<T, RecvTimeoutError> {
        self.take(self.wait(deadline)).map_err(|error| match error {
            TryRecvError::Empty => RecvTimeoutError::Timeout,
            TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
        })
    }

    #[inline(always)]
    fn state(&self) -> u32 {
        // SAFETY: not released: this end has not left.
        let slot = unsafe { self.home.slot() };
        // ORDERING: acquires the value, and the sender's last access, from its `leave`.
        slot.word().load(Ordering::Acquire)
    }

    /// Takes the value out if `state`, which was seen, says that it is there.
    #[inline(always)]
    fn take(&self, state: u32) -> Result<T, TryRecvError> {
        match state {
            SENT => {
                // SAFETY: not released: this end has not left.
                let slot = unsafe { self.home.slot() };
                // SAFETY: the value is there, the sender is gone, and the state below keeps it from being taken again.
                let value = unsafe { slot.take() };
                // ORDERING: nobody else looks any more.
                slot.word().store(CLOSED, Ordering::Relaxed);
                Ok(value)
            }
            CLOSED => Err(TryRecvError::Disconnected),
            _ => Err(TryRecvError::Empty),
        }
    }

    /// Waits until the sender has left or `deadline` has passed, and returns the state.
    #[inline(always)]
    fn wait(&self, deadline: Option<Instant>) -> u32 {
        let state = self.state();
        if state >= SENT { state } else { self.wait_slow(deadline) }
    }

    #[cold]
    fn wait_slow(&self, deadline: Option<Instant>) -> u32 {
        // SAFETY: not released: this end has not left.
        let slot = unsafe { self.home.slot() };
        let mut spin = Spin::new::<H::Scope>(HANDOVER_SPIN, deadline);
        let mut state = self.state();
        let mut timed_out = false;
        while state < SENT && !timed_out {
            if spin.pause() {
                state = self.state();
                continue;
            }
            if state == EMPTY
                // ORDERING: failure acquires as `state` does; success publishes nothing.
                && let Err(found) =
                    slot.word().compare_exchange(EMPTY, ASLEEP, Ordering::Relaxed, Ordering::Acquire)
            {
                state = found;
                continue;
            }
            // A time-out leaves ASLEEP behind, which costs the sender a needless wake.
            timed_out = slot.futex().wait(ASLEEP, deadline) == WaitOutcome::TimedOut;
            state = self.state();
        }
        state
    }
}

impl<T, H: Home<T>> Drop for Receiver<T, H> {
    fn drop(&mut self) {
        // SAFETY: not released: this end has not left.
        let slot = unsafe { self.home.slot() };
        // ORDERING: Release lets the sender free the slot after this end's last access; Acquire is for the value, or for
        // freeing the slot, if the sender left first.
        match slot.word().swap(CLOSED, Ordering::AcqRel) {
            EMPTY | ASLEEP => return,
            SENT => {
                /// Frees the slot also if the value panics while it is dropped.
                struct Release<T, H: Home<T>>(H, PhantomData<T>);

                impl<T, H: Home<T>> Drop for Release<T, H> {
                    fn drop(&mut self) {
                        // SAFETY: the sender left first and has not released.
                        unsafe { self.0.release() };
                    }
                }

                let _release = Release(self.home, PhantomData::<T>);
                // SAFETY: the value is there, and nobody else will take it.
                drop(unsafe { slot.take() });
                return;
            }
            _ => {}
        }
        // SAFETY: the sender left first, or the slot was closed by `take` after it had; it has not released.
        unsafe { self.home.release() };
    }
}

impl<T, H: Home<T>> fmt::Debug for Receiver<T, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("has_message", &self.has_message())
            .field("closed", &self.is_closed())
            .finish()
    }
}
