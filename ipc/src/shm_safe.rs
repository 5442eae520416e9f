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
