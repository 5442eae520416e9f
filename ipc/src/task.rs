//! A plain function and its argument as bytes, and back.

use core::any::TypeId;
use core::mem::MaybeUninit;

use crate::image::Image;
use crate::shm_safe::ShmSafe;

/// The most bytes an argument or a result may have. Larger data belongs into a [`Segment`](crate::Segment), and its
/// [`Offset`](crate::Offset) into the argument.
pub const MAX_INLINE: usize = 256;

/// The bytes of an argument or a result, aligned for copying.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Bytes(pub(crate) [u8; MAX_INLINE]);

impl Bytes {
    pub(crate) const ZERO: Bytes = Bytes([0; MAX_INLINE]);
}

/// Reads an `A`, calls `F` with it, writes the `R`.
///
/// # Safety
///
/// `argument` must be valid for reading an `A`, `result` for writing an `R`, at any alignment; `function` must be what
/// [`Call::new`] made of an `F`, as an address in this process.
type Trampoline = unsafe fn(function: usize, argument: *const u8, result: *mut u8);

/// A function to call, named so that another process of the same build finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// Offset of the [`Trampoline`] for `F`, `A` and `R`. It stands for the three types.
    pub(crate) trampoline: u64,
    /// Offset of the function if it is a function pointer; zero if `F` itself says which function it is.
    pub(crate) function: u64,
}

impl Call {
    /// Names `f`, or `None` if it cannot be called elsewhere: it captures something, or is not code of this executable.
    #[inline]
    pub(crate) fn new<F, A, R>(f: F) -> Option<Call>
    where
        F: Fn(A) -> R + Copy + 'static,
        A: ShmSafe,
        R: ShmSafe,
    {
        const {
            assert!(
                size_of::<A>() <= MAX_INLINE,
                "the argument is too large to be sent inline: put it into a segment"
            );
            assert!(
                size_of::<R>() <= MAX_INLINE,
                "the result is too large to be sent inline: put it into a segment"
            );
            assert!(
                size_of::<F>() == 0 || size_of::<F>() == size_of::<usize>(),
                "a function with captured state cannot be sent to another process: pass the state as its argument"
            );
        }
        let trampoline = Image::current().offset_of(trampoline::<F, A, R> as Trampoline as usize)?;
        Some(Call { trampoline, function: function_offset::<F, fn(A) -> R>(f)? })
    }

    /// Calls it in this process; `false` if it names no code of this executable.
    ///
    /// # Safety
    ///
    /// It must come from [`Call::new`] in a process of the same build, and `argument` hold an `A` of it.
    pub(crate) unsafe fn run(self, argument: &Bytes, result: &mut Bytes) -> bool {
        let image = Image::current();
        let Some(trampoline) = image.address_of(self.trampoline) else { return false };
        let function = match self.function {
            0 => 0,
            offset => match image.address_of(offset) {
                Some(address) => address,
                None => return false,
            },
        };
        // SAFETY: the caller says that it is the address of a trampoline.
        let trampoline = unsafe { core::mem::transmute::<usize, Trampoline>(trampoline) };
        // SAFETY: both buffers are as long as any argument or result may be; the function is the trampoline's.
        unsafe { trampoline(function, argument.0.as_ptr(), result.0.as_mut_ptr()) };
        true
    }
}

/// What a trampoline for `F` has to know beside the type: nothing, which is 0, if `F` has no bytes, and the offset of the function if `F` is the
/// function pointer `P`. `None` for anything else, and for functions that are not code of this executable.
#[inline]
pub(crate) fn function_offset<F: Copy + 'static, P: 'static>(f: F) -> Option<u64> {
    if size_of::<F>() == 0 {
        Some(0)
    } else if TypeId::of::<F>() == TypeId::of::<P>() && size_of::<F>() == size_of::<usize>() {
        // SAFETY: `F` is a function pointer, which has the size of an address and may be read as one.
        Image::current().offset_of(unsafe { core::mem::transmute_copy::<F, usize>(&f) })
    } else {
        None
    }
}

/// See [`Trampoline`].
unsafe fn trampoline<F, A, R>(function: usize, argument: *const u8, result: *mut u8)
where
    F: Fn(A) -> R + Copy + 'static,
    A: ShmSafe,
    R: ShmSafe,
{
    // SAFETY: the caller promises an `A` here.
    let argument = unsafe { argument.cast::<A>().read_unaligned() };
    let mut f = MaybeUninit::<F>::uninit();
    if size_of::<F>() != 0 {
        // SAFETY: `Call::new` lets no other `F` with a size pass than function pointers, of one address each.
        unsafe { f.as_mut_ptr().cast::<usize>().write(function) };
    }
    // SAFETY: either the function pointer written above, or a copy of the value without bytes that `Call::new` was given.
    let f = unsafe { f.assume_init() };
    let value = f(argument);
    // SAFETY: the caller promises room for an `R`.
    unsafe { result.cast::<R>().write_unaligned(value) };
}
