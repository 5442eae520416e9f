//! A plain function with its argument and its result as bytes of any number.

use core::any::TypeId;
use core::mem::MaybeUninit;

use heddle_primitives::sync::atomic::{AtomicU64, Ordering};
use postcard::ser_flavors::Flavor;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::station::ROOM;
use crate::image::Image;
use crate::task::Call;

/// What may be sent to another process: serde's bytes of it, and nothing borrowed.
///
/// ```
/// fn sendable<T: heddle_ipc::pool::Sendable>() {}
/// sendable::<(String, Vec<f64>)>();
/// ```
pub trait Sendable: Serialize + DeserializeOwned + 'static {}

impl<T: Serialize + DeserializeOwned + 'static> Sendable for T {}

/// What became of a task in the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Verdict {
    /// The bytes are the result.
    Done = 1,
    /// The function panicked; the bytes are the message.
    Panicked = 2,
    /// The worker could not make the argument out of its bytes.
    BadArgument = 3,
    /// The worker could not make bytes out of the result.
    BadResult = 4,
    /// There was no memory for the result; `len` is how much it needs.
    NoMemory = 5,
    /// The task names no function of the executable.
    NoFunction = 6,
}

impl Verdict {
    pub(crate) fn from_number(number: u32) -> Option<Verdict> {
        [
            Verdict::Done,
            Verdict::Panicked,
            Verdict::BadArgument,
            Verdict::BadResult,
            Verdict::NoMemory,
            Verdict::NoFunction,
        ]
        .into_iter()
        .find(|&verdict| verdict as u32 == number)
    }
}

/// A function that takes an `A`, in whichever form.
pub(crate) trait Function<A>: Copy + 'static {
    type Output;
    /// The type of a pointer to it, if it is one.
    type Pointer: 'static;
    fn call(&self, argument: A) -> Self::Output;
}

/// A function of one argument.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct One<F>(pub(crate) F);

impl<F: Fn(A) -> R + Copy + 'static, A: 'static, R: 'static> Function<A> for One<F> {
    type Output = R;
    type Pointer = fn(A) -> R;

    #[inline]
    fn call(&self, argument: A) -> R {
        (self.0)(argument)
    }
}

/// A function of several arguments, called with the elements of a tuple: what [`Pool::starmap`](super::Pool::starmap) takes.
pub trait Star<A>: Copy + 'static {
    /// What it returns.
    type Output;
    #[doc(hidden)]
    type Pointer: 'static;
    #[doc(hidden)]
    fn call(&self, arguments: A) -> Self::Output;
}

/// A function of several arguments, as one that takes a tuple.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Spread<F>(pub(crate) F);

impl<F: Star<A>, A: 'static> Function<A> for Spread<F> {
    type Output = F::Output;
    type Pointer = F::Pointer;

    fn call(&self, argument: A) -> F::Output {
        self.0.call(argument)
    }
}

macro_rules! star {
    ($($name:ident)*) => {
        impl<Func, Out: 'static, $($name: 'static),*> Star<($($name,)*)> for Func
        where
            Func: Fn($($name),*) -> Out + Copy + 'static,
        {
            type Output = Out;
            type Pointer = fn($($name),*) -> Out;

            #[allow(non_snake_case, reason = "one name for the type and the value")]
            fn call(&self, ($($name,)*): ($($name,)*)) -> Out {
                self($($name),*)
            }
        }
    };
}
star!(A);
star!(A B);
star!(A B C);
star!(A B C D);
star!(A B C D E);
star!(A B C D E F);

/// Bytes that are being written: into a small room first, and into the heap once that is full.
pub(crate) struct Sink<'a> {
    room: &'a mut [u8; ROOM],
    len: usize,
    /// Not empty once the room was not enough; then everything is here.
    spill: &'a mut Vec<u8>,
}

impl<'a> Sink<'a> {
    pub(crate) fn new(room: &'a mut [u8; ROOM], spill: &'a mut Vec<u8>) -> Sink<'a> {
        spill.clear();
        Sink { room, len: 0, spill }
    }

    /// Appends a value.
    #[inline]
    pub(crate) fn put<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), postcard::Error> {
        postcard::serialize_with_flavor(value, self)
    }

    /// Appends bytes as they are.
    pub(crate) fn put_raw(&mut self, bytes: &[u8]) -> Result<(), postcard::Error> {
        let mut sink: &mut Sink<'_> = self;
        sink.try_extend(bytes)
    }

    /// How many bytes are in the small room, if all are.
    #[inline]
    pub(crate) fn small(&self) -> Option<usize> {
        self.spill.is_empty().then_some(self.len)
    }
}

impl Flavor for &mut Sink<'_> {
    type Output = ();

    #[inline(always)]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.try_extend(&[byte])
    }

    #[inline(always)]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        let end = self.len + bytes.len();
        if self.spill.is_empty() {
            if let Some(room) = self.room.get_mut(self.len..end) {
                room.copy_from_slice(bytes);
                self.len = end;
                return Ok(());
            }
            self.spill.extend_from_slice(&self.room[..self.len]);
        }
        self.spill.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// Reads an argument, calls a function with it, writes the result.
///
/// # Safety
///
/// `function` must be what [`call`] or [`call_chunk`] made of the function that this is the trampoline of, as an address in this
/// process.
type Trampoline =
    unsafe fn(function: usize, argument: &[u8], result: &mut Sink<'_>, item: &AtomicU64) -> Verdict;

/// Names `f`, to be called once a task; `None` if it is not code of this executable.
pub(crate) fn call<G: Function<A>, A: Sendable>(f: G) -> Option<Call>
where
    G::Output: Sendable,
{
    name::<G, A>(f, once::<G, A> as Trampoline)
}

/// Names `f`, to be called with each of a chunk of arguments.
pub(crate) fn call_chunk<G: Function<A>, A: Sendable>(f: G) -> Option<Call>
where
    G::Output: Sendable,
{
    name::<G, A>(f, chunk::<G, A> as Trampoline)
}

fn name<G: Function<A>, A>(f: G, trampoline: Trampoline) -> Option<Call> {
    const {
        assert!(
            size_of::<G>() == 0 || size_of::<G>() == size_of::<usize>(),
            "a function with captured state cannot be sent to another process: pass the state as its argument"
        );
    }
    let image = Image::current();
    let trampoline = image.offset_of(trampoline as usize)?;
    let function = if size_of::<G>() == 0 {
        0
    } else if TypeId::of::<G>() == TypeId::of::<One<G::Pointer>>()
        || TypeId::of::<G>() == TypeId::of::<Spread<G::Pointer>>()
    {
        // SAFETY: `G` is a transparent wrapper of a function pointer, which has the size of an address and may be read as one.
        image.offset_of(unsafe { core::mem::transmute_copy::<G, usize>(&f) })?
    } else {
        return None;
    };
    Some(Call { trampoline, function })
}

/// Runs a task in this process.
///
/// # Safety
///
/// `call` must come from [`call`] or [`call_chunk`] in a process of the same build.
pub(crate) unsafe fn run(call: Call, argument: &[u8], result: &mut Sink<'_>, item: &AtomicU64) -> Verdict {
    let image = Image::current();
    let Some(trampoline) = image.address_of(call.trampoline) else { return Verdict::NoFunction };
    let function = match call.function {
        0 => 0,
        offset => match image.address_of(offset) {
            Some(address) => address,
            None => return Verdict::NoFunction,
        },
    };
    // SAFETY: the caller says that it is the address of a trampoline.
    let trampoline = unsafe { core::mem::transmute::<usize, Trampoline>(trampoline) };
    // SAFETY: the function is the trampoline's, as the caller says.
    unsafe { trampoline(function, argument, result, item) }
}

/// The function that `name` had.
///
/// # Safety
///
/// `function` is the address that stands for a `G`.
unsafe fn function<G: Function<A>, A>(function: usize) -> G {
    let mut f = MaybeUninit::<G>::uninit();
    if size_of::<G>() != 0 {
        // SAFETY: `name` lets no other `G` with a size pass than wrapped function pointers, of one address each.
        unsafe { f.as_mut_ptr().cast::<usize>().write(function) };
    }
    // SAFETY: either the function pointer written above, or a copy of the value without bytes that `name` was given.
    unsafe { f.assume_init() }
}

/// See [`Trampoline`].
unsafe fn once<G: Function<A>, A: Sendable>(
    address: usize,
    argument: &[u8],
    result: &mut Sink<'_>,
    _item: &AtomicU64,
) -> Verdict
where
    G::Output: Sendable,
{
    // SAFETY: as the caller says.
    let f = unsafe { function::<G, A>(address) };
    let Ok(argument) = postcard::from_bytes::<A>(argument) else { return Verdict::BadArgument };
    put(result, &f.call(argument))
}

/// See [`Trampoline`]. The argument is what [`put_chunk`] wrote; the result as many results.
unsafe fn chunk<G: Function<A>, A: Sendable>(
    address: usize,
    argument: &[u8],
    result: &mut Sink<'_>,
    item: &AtomicU64,
) -> Verdict
where
    G::Output: Sendable,
{
    // SAFETY: as the caller says.
    let f = unsafe { function::<G, A>(address) };
    let Some((mut rest, count)) = argument.split_last_chunk::<8>() else { return Verdict::BadArgument };
    for at in 0..u64::from_le_bytes(*count) {
        // ORDERING: Relaxed: read after the process has ended, or by this thread.
        item.store(at, Ordering::Relaxed);
        let Ok((argument, behind)) = postcard::take_from_bytes::<A>(rest) else {
            return Verdict::BadArgument;
        };
        rest = behind;
        match put(result, &f.call(argument)) {
            Verdict::Done => {}
            other => return other,
        }
    }
    Verdict::Done
}

#[inline]
fn put<R: Serialize>(result: &mut Sink<'_>, value: &R) -> Verdict {
    match result.put(value) {
        Ok(()) => Verdict::Done,
        Err(_) => Verdict::BadResult,
    }
}

/// Writes the arguments of a chunk: at most `size` of `items`. Returns how many.
pub(crate) fn put_chunk<A: Sendable>(
    items: &mut impl Iterator<Item = A>,
    size: usize,
    sink: &mut Sink<'_>,
) -> Result<usize, postcard::Error> {
    let mut count = 0;
    for item in items.take(size) {
        sink.put(&item)?;
        count += 1;
    }
    // Behind the items, since it is known then.
    sink.put_raw(&(count as u64).to_le_bytes())?;
    Ok(count)
}
