//! What may live in a segment.

use heddle_primitives::{Barrier, CachePadded, Event, Futex, Mutex, Shared};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::peers::Table;

/// Plain data: values that mean the same in every process that maps them, and that no byte pattern makes invalid.
///
/// Implemented for every type that has zerocopy's `FromBytes` (any bytes are a value: no `bool`, no niche, no enum),
/// `IntoBytes` (no padding, so that nothing uninitialised is shared), `Immutable` (no interior mutability: such types are
/// [`Shareable`]) and is `Copy` (no `Drop`). zerocopy implements none of them for references, and neither `FromBytes` nor
/// `IntoBytes` for raw pointers and function pointers. Derive the four, and the type is `ShmSafe`:
///
/// ```
/// use heddle_ipc::ShmSafe;
/// use zerocopy::{FromBytes, Immutable, IntoBytes};
///
/// #[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
/// #[repr(C)]
/// struct Span { begin: u64, end: u64 }
///
/// fn accepts<T: ShmSafe>() {}
/// accepts::<Span>();
/// accepts::<[f64; 4]>();
/// accepts::<()>();
/// ```
///
/// A reference would point into another process's memory:
/// ```compile_fail,E0277
/// fn accepts<T: heddle_ipc::ShmSafe>() {}
/// accepts::<&'static u8>();
/// ```
/// So would a pointer:
/// ```compile_fail,E0277
/// fn accepts<T: heddle_ipc::ShmSafe>() {}
/// accepts::<*const u8>();
/// ```
/// A function's address differs between images that are loaded at different bases:
/// ```compile_fail,E0277
/// fn accepts<T: heddle_ipc::ShmSafe>() {}
/// accepts::<fn()>();
/// ```
/// Not every byte is a `bool`:
/// ```compile_fail,E0277
/// fn accepts<T: heddle_ipc::ShmSafe>() {}
/// accepts::<bool>();
/// ```
/// Zero is no `NonZeroU32`:
/// ```compile_fail,E0277
/// fn accepts<T: heddle_ipc::ShmSafe>() {}
/// accepts::<core::num::NonZeroU32>();
/// ```
/// A type that owns something would be dropped twice, or never:
/// ```compile_fail,E0277
/// fn accepts<T: heddle_ipc::ShmSafe>() {}
/// accepts::<Vec<u8>>();
/// ```
/// Atomics are [`Shareable`] instead: plain data is copied in and out as a whole, with nobody writing meanwhile.
/// ```compile_fail,E0277
/// fn accepts<T: heddle_ipc::ShmSafe>() {}
/// accepts::<heddle_primitives::sync::atomic::AtomicU64>();
/// ```
///
/// # How to derive it
///
/// There is no derive of its own: `#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]` with `#[repr(C)]` is it, and zerocopy, which has to
/// be a dependency of the crate that derives, says at each field what is wrong. `#[repr(C)]` fixes the layout, which two programs
/// must agree on. What it refuses, and what to write instead:
///
/// Padding, which would share what happened to be in it. Put a field there, or order the fields by size:
/// ```compile_fail,E0277
/// # use zerocopy::IntoBytes;
/// #[derive(IntoBytes)]
/// #[repr(C)]
/// struct Padded { small: u32, large: u64 }
/// ```
/// ```
/// # use zerocopy::IntoBytes;
/// #[derive(IntoBytes)]
/// #[repr(C)]
/// struct Filled { small: u32, unused: u32, large: u64 }
/// ```
/// An enum, of which a peer may write a variant that there is not. Keep a number, and convert it with `TryFrom`, or with zerocopy's `TryFromBytes`:
/// ```compile_fail
/// # use zerocopy::FromBytes;
/// #[derive(FromBytes)]
/// #[repr(u8)]
/// enum Side { Left, Right }
/// ```
/// ```
/// # use zerocopy::FromBytes;
/// #[derive(FromBytes)]
/// #[repr(transparent)]
/// struct Side(u8);
/// ```
/// A field that is not plain data itself:
/// ```compile_fail,E0277
/// # use zerocopy::FromBytes;
/// #[derive(FromBytes)]
/// #[repr(C)]
/// struct Flagged { value: u32, valid: bool }
/// ```
/// Cells. Use atomics or a lock from [`sync`](crate::sync), in place:
/// ```compile_fail,E0277
/// # use zerocopy::Immutable;
/// #[derive(Immutable)]
/// #[repr(C)]
/// struct Counted { count: core::cell::Cell<u64> }
/// ```
/// `Drop`, which excludes `Copy`:
/// ```compile_fail,E0184
/// #[derive(Clone, Copy)]
/// #[repr(C)]
/// struct Owned { descriptor: i32 }
/// impl Drop for Owned { fn drop(&mut self) {} }
/// ```
///
/// What no trait can see: a number that means something in one process only. A file descriptor, an address as a `usize`, a thread's or a
/// process's id are numbers like others; send an [`Offset`](crate::Offset), a [`SegmentRef`](crate::SegmentRef) or an [`Address`](crate::sync::Address)
/// in their place. `usize` itself is as wide in all programs of one architecture, and the fingerprints that guard objects in segments name its size.
#[diagnostic::on_unimplemented(
    message = "`{Self}` may not live in shared memory",
    note = "derive zerocopy's `FromBytes`, `IntoBytes` and `Immutable`, and `Clone, Copy`, on a `repr(C)` struct of plain fields"
)]
pub trait ShmSafe: FromBytes + IntoBytes + Immutable + Copy + 'static {}

impl<T: FromBytes + IntoBytes + Immutable + Copy + 'static> ShmSafe for T {}

/// Types that are used in place in a segment, by reference, from several processes at once.
///
/// # Safety
///
/// The type must be `repr(C)` or `repr(transparent)`, contain no pointer, reference or handle, need no `Drop`, keep its
/// promises when several processes map it at different addresses (a futex in it is a shared one), and every byte pattern of
/// its size must be a value on which its methods are free of undefined behaviour, however wrong their answers.
pub unsafe trait Shareable: Sync + 'static {}

macro_rules! shareable_atomics {
    ($($atomic:ident)*) => {$(
        // SAFETY: an integer atomic is one lock-free word without pointer, niche or Drop.
        unsafe impl Shareable for heddle_primitives::sync::atomic::$atomic {}
    )*};
}
shareable_atomics!(AtomicU8 AtomicU32 AtomicU64 AtomicUsize);

// SAFETY: an array adds neither padding nor anything else to its elements.
unsafe impl<T: Shareable, const N: usize> Shareable for [T; N] {}

// SAFETY: `repr(C)` words in the shared scope; a wrong number in one makes threads sleep or go on wrongly, no more.
unsafe impl Shareable for Futex<Shared> {}
// SAFETY: as for the futex.
unsafe impl Shareable for Event<Shared> {}
// SAFETY: as for the futex.
unsafe impl Shareable for Barrier<Shared> {}
// SAFETY: a futex beside data of which any bytes are a value. Its exclusion holds among peers that do not write its word
// themselves.
unsafe impl<T: ShmSafe + Send> Shareable for Mutex<T, Shared> {}
// SAFETY: `repr(C)` atomics; any numbers are read as such.
unsafe impl Shareable for Table {}
// SAFETY: only adds alignment.
unsafe impl<T: Shareable> Shareable for CachePadded<T> {}
