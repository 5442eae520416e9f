//! Where the words of a primitive lie, and for whom they are looked at.

use core::any::type_name;
use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;
use core::ptr::NonNull;

use heddle_primitives::sync::atomic::{AtomicU64, Ordering};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::arena::AllocError;
use crate::header::HEADER_LEN;
use crate::offset::Offset;
use crate::peers::{JoinError, Member, Table};
use crate::segment::{BoundsError, Segment, SegmentRef};
use crate::shm_safe::Shareable;

/// Words in a segment, behind a mark of their type.
#[repr(C)]
pub(crate) struct Object<T> {
    /// [`fingerprint`] of `T`; written last, so that who sees it sees the words.
    tag: AtomicU64,
    words: T,
}

// SAFETY: an atomic beside what is shareable, `repr(C)`.
unsafe impl<T: Shareable> Shareable for Object<T> {}

/// Where a primitive lies: plain data, for sending to another process, as an argument of a task or over a connection.
///
/// Whoever gets it attaches with the primitive's own `attach`, as long as the process that made the address has the primitive, or
/// for as long as it lives where the address is its worker's: the segment is found through that process.
///
/// ```
/// use heddle_ipc::Workers;
/// use heddle_ipc::sync::{Address, Mutex};
///
/// fn add(counter: Address<Mutex<u64>>) -> u64 {
///     let counter = Mutex::attach(counter).expect("its maker lives");
///     *counter.lock().expect("nobody died") += 1;
///     0
/// }
///
/// let counter = Mutex::new(41)?;
/// Workers::start(1)?.call(0, add, counter.address())?;
/// assert_eq!(*counter.lock().expect("nobody died"), 42);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(FromBytes, IntoBytes, Immutable, Serialize, Deserialize)]
#[serde(transparent, bound = "")]
#[repr(transparent)]
pub struct Address<P: ?Sized> {
    raw: RawAddress,
    #[serde(skip)]
    of: PhantomData<fn() -> *const P>,
}

/// The fields of an [`Address`], apart from its type.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, Serialize, Deserialize)]
#[repr(C)]
struct RawAddress {
    segment: SegmentRef,
    at: u64,
}

impl<P: ?Sized> Clone for Address<P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P: ?Sized> Copy for Address<P> {}

impl<P: ?Sized> fmt::Debug for Address<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address<{}>({:?} + {})", type_name::<P>(), self.raw.segment, self.raw.at)
    }
}

/// A process's view of words in a segment that it has joined. Clones are the same words.
pub(crate) struct Place<T> {
    member: Member,
    object: NonNull<Object<T>>,
    at: u64,
}

// SAFETY: `Shareable` words are used by reference from all sides, and the member keeps them mapped.
unsafe impl<T: Shareable> Send for Place<T> {}
// SAFETY: as above.
unsafe impl<T: Shareable> Sync for Place<T> {}

impl<T: Shareable> Place<T> {
    /// Puts words into a segment of their own.
    pub(crate) fn alone(words: T) -> Result<Place<T>, CreateError> {
        let len = HEADER_LEN + size_of::<Table>() + size_of::<Object<T>>().next_multiple_of(128);
        let member = Member::join(Segment::create("object", len)?)?;
        Ok(Place::within(&member, words)?)
    }

    /// Puts words into a segment that this process has joined.
    pub(crate) fn within(member: &Member, words: T) -> Result<Place<T>, AllocError> {
        let (at, object) = member.segment().arena().place(Object { tag: AtomicU64::new(0), words })?;
        // ORDERING: Release: pairs with the Acquire load in `attach`: the words are in place.
        object.tag.store(fingerprint::<T>(), Ordering::Release);
        Ok(Place { member: member.clone(), object: NonNull::from(object), at: at.at() })
    }

    /// The words at an address.
    pub(crate) fn attach<P>(address: Address<P>) -> Result<Place<T>, AttachError> {
        let member = Member::attach(address.raw.segment)?;
        let offset = Offset::<Object<T>>::new(address.raw.at);
        // SAFETY: any bytes are an `Object<T>`; that they are used as one, and as nothing else, the fingerprint says, as far as peers
        // do not lie.
        let object =
            unsafe { member.segment().get(offset) }.map_err(|source| AttachError::Bounds { source })?;
        // ORDERING: Acquire: pairs with the Release store in `within`.
        if object.tag.load(Ordering::Acquire) != fingerprint::<T>() {
            return Err(AttachError::Type { expected: type_name::<P>() });
        }
        let object = NonNull::from(object);
        Ok(Place { member, object, at: address.raw.at })
    }

    /// What another process needs to attach.
    pub(crate) fn address<P>(&self) -> Address<P> {
        Address { raw: RawAddress { segment: self.member.segment().share(), at: self.at }, of: PhantomData }
    }
}

impl<T> Place<T> {
    /// Who looks.
    #[inline(always)]
    pub(crate) fn census(&self) -> &Member {
        &self.member
    }
}

impl<T> Clone for Place<T> {
    fn clone(&self) -> Self {
        Place { member: self.member.clone(), object: self.object, at: self.at }
    }
}

impl<T> Deref for Place<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: an `Object<T>` in the member's segment, which stays mapped as long as the member is held.
        let object = unsafe { self.object.as_ref() };
        &object.words
    }
}

/// A number for the type, its size and its alignment: equal in programs of one build, and very probably different for two types.
pub(crate) fn fingerprint<T>() -> u64 {
    // FNV-1a.
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    let sizes = [size_of::<T>(), align_of::<T>()];
    let bytes = type_name::<T>().bytes().chain(sizes.into_iter().flat_map(usize::to_le_bytes));
    bytes.fold(0xcbf2_9ce4_8422_2325, mix) | 1
}

/// Why a primitive could not be created.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CreateError {
    /// Its segment could not be created.
    #[error(transparent)]
    Segment(#[from] crate::segment::CreateError),
    /// Its segment could not be joined.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// There is no room for it.
    #[error(transparent)]
    Alloc(#[from] AllocError),
}

/// Why an address leads to no primitive.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AttachError {
    /// The segment is gone, or cannot be joined.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// The address is outside its segment.
    #[error("the address is no place in its segment")]
    Bounds {
        /// What is wrong with it.
        source: BoundsError,
    },
    /// Something else lies there.
    #[error("no {expected} lies at the address")]
    Type {
        /// What was asked for.
        expected: &'static str,
    },
}

/// The constructors that each primitive in shared memory has.
macro_rules! placed {
    ([$($parameter:ident: $bound:path)?] $name:ty, $what:literal, new($($argument:ident: $type:ty),*) = $words:expr) => {
        impl$(<$parameter: $bound + Send>)? $name {
            #[doc = concat!("Creates ", $what, " in a segment of its own.")]
            ///
            /// # Errors
            ///
            /// There is no memory, no descriptor, or no `/proc`.
            pub fn new($($argument: $type),*) -> Result<Self, $crate::sync::CreateError> {
                Ok(Self { place: $crate::sync::place::Place::alone($words)? })
            }

            #[doc = concat!("Creates ", $what, " in a segment that this process has joined.")]
            ///
            /// # Errors
            ///
            /// The segment has no room left.
            pub fn new_in(member: &$crate::Member, $($argument: $type),*) -> Result<Self, $crate::AllocError> {
                Ok(Self { place: $crate::sync::place::Place::within(member, $words)? })
            }

            #[doc = concat!("Attaches to ", $what, " that another process created.")]
            ///
            /// # Errors
            ///
            /// The process that made the address is gone, or something else lies there.
            pub fn attach(address: $crate::sync::Address<Self>) -> Result<Self, $crate::sync::AttachError> {
                Ok(Self { place: $crate::sync::place::Place::attach(address)? })
            }

            /// What another process needs to attach.
            pub fn address(&self) -> $crate::sync::Address<Self> {
                self.place.address()
            }
        }
    };
}
pub(crate) use placed;
