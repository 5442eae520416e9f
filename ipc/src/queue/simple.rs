//! A queue of whatever serde knows.

use core::fmt;
use core::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use zerocopy::{FromBytes, Immutable, IntoBytes, Unaligned};

use super::core::{Core, Ends, Limit};
use super::home::Home;
use crate::peers::Member;
use crate::sync::{Address, AttachError, CreateError};

/// An item in its serialized form.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, Unaligned)]
#[repr(C)]
struct Packet<const MAX: usize> {
    len: [u8; 4],
    bytes: [u8; MAX],
}

/// A bounded queue of items of any type that serde knows, of at most `MAX` bytes in serialized form: Python's `SimpleQueue`.
///
/// What a death does is said at [`Queue`](super::Queue). Items are copied by postcard; for larger ones put the
/// data into a segment. Clones are the same queue.
///
/// ```
/// use heddle_ipc::queue::SimpleQueue;
///
/// let words = SimpleQueue::<String>::new(4)?;
/// words.put(&"heddle".to_owned())?;
/// assert!(!words.is_empty());
/// assert_eq!(words.get()?, "heddle");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SimpleQueue<T, const MAX: usize = 1020> {
    core: Core<Packet<MAX>>,
    of: PhantomData<fn(T) -> T>,
}

impl<T> SimpleQueue<T> {
    /// Creates a queue for at most `capacity` items of 1020 bytes each, in a segment of its own.
    ///
    /// # Errors
    ///
    /// There is no memory, no descriptor, or no `/proc`.
    ///
    /// # Panics
    ///
    /// `capacity` is 0, or over 2^28.
    pub fn new(capacity: usize) -> Result<Self, CreateError> {
        SimpleQueue::with_size(capacity)
    }
}

impl<T, const MAX: usize> SimpleQueue<T, MAX> {
    /// Creates a queue for at most `capacity` items of `MAX` bytes each, in a segment of its own.
    ///
    /// # Errors
    ///
    /// There is no memory, no descriptor, or no `/proc`.
    ///
    /// # Panics
    ///
    /// `capacity` is 0, or over 2^28.
    pub fn with_size(capacity: usize) -> Result<Self, CreateError> {
        Ok(SimpleQueue::over(Home::alone(super::core::checked(capacity), super::core::SPARE)?))
    }

    /// The same, in a segment that this process has joined.
    ///
    /// # Errors
    ///
    /// The segment has no room left.
    ///
    /// # Panics
    ///
    /// `capacity` is 0, or over 2^28.
    pub fn new_in(member: &Member, capacity: usize) -> Result<Self, crate::AllocError> {
        Ok(SimpleQueue::over(Home::within(member, super::core::checked(capacity), super::core::SPARE)?))
    }

    /// Attaches to a queue that another process created.
    ///
    /// # Errors
    ///
    /// The process that made the address is gone, or something else lies there.
    pub fn attach(address: Address<Self>) -> Result<Self, AttachError> {
        Ok(SimpleQueue::over(Home::attach(address)?))
    }

    /// What another process needs to attach.
    pub fn address(&self) -> Address<Self> {
        self.core.home.address()
    }

    /// Whether there is no item; others may put and get meanwhile.
    pub fn is_empty(&self) -> bool {
        self.core.home.cells().len() == 0
    }

    /// Says that nothing is to be put any more. What is in the queue is still to be got.
    pub fn close(&self) {
        self.core.home.words().close();
    }

    fn over(home: Home<Packet<MAX>>) -> Self {
        SimpleQueue { core: Core::new(home, Ends::Same), of: PhantomData }
    }
}

impl<T: Serialize, const MAX: usize> SimpleQueue<T, MAX> {
    /// Puts an item at the end; waits for room.
    ///
    /// # Errors
    ///
    /// See [`SimplePutError`]; nothing was put.
    pub fn put(&self, item: &T) -> Result<(), SimplePutError> {
        let mut packet = Packet { len: [0; 4], bytes: [0; MAX] };
        match postcard::to_slice(item, &mut packet.bytes) {
            Ok(bytes) => packet.len = (bytes.len() as u32).to_ne_bytes(),
            Err(postcard::Error::SerializeBufferFull) => return Err(SimplePutError::TooLarge { max: MAX }),
            Err(source) => return Err(SimplePutError::Serialize { source }),
        }
        self.core.put(packet, Limit::Never).map_err(|_| SimplePutError::Closed)
    }
}

impl<T: DeserializeOwned, const MAX: usize> SimpleQueue<T, MAX> {
    /// Takes the first item; waits for one.
    ///
    /// # Errors
    ///
    /// See [`SimpleGetError`].
    pub fn get(&self) -> Result<T, SimpleGetError> {
        let cell = self.core.take(Limit::Never).map_err(|_| SimpleGetError::Closed)?;
        let packet = self.core.finish(cell);
        let len = (u32::from_ne_bytes(packet.len) as usize).min(MAX);
        postcard::from_bytes(&packet.bytes[..len]).map_err(|source| SimpleGetError::Deserialize { source })
    }
}

impl<T, const MAX: usize> Clone for SimpleQueue<T, MAX> {
    fn clone(&self) -> Self {
        SimpleQueue { core: self.core.clone(), of: PhantomData }
    }
}

impl<T, const MAX: usize> fmt::Debug for SimpleQueue<T, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimpleQueue").finish_non_exhaustive()
    }
}

/// Why an item was not put.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SimplePutError {
    /// The queue is closed.
    #[error("the queue is closed")]
    Closed,
    /// It is too large.
    #[error("the item has more than {max} bytes in serialized form")]
    TooLarge {
        /// The most bytes an item may have.
        max: usize,
    },
    /// It cannot be serialized.
    #[error("the item cannot be serialized")]
    Serialize {
        /// What postcard said.
        source: postcard::Error,
    },
}

/// Why no item was got.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SimpleGetError {
    /// The queue is closed, and empty.
    #[error("the queue is empty and closed")]
    Closed,
    /// What was got is no such item; it is gone.
    #[error("the bytes are no item of this type")]
    Deserialize {
        /// What postcard said.
        source: postcard::Error,
    },
}
