//! What a scope is given to run.

use super::scope::Scope;
use std::fmt;
use std::mem::MaybeUninit;

/// Room for what a closure has captured.
type Data = [MaybeUninit<usize>; 3];

/// A closure of any type, which is run once. One that has captured three words at most lies in the body itself: a box for each would
/// cost more than all the rest, since another thread than the one that has allocated it frees it as a rule.
///
/// A body that is not run is not dropped either; a scope runs all that it is given.
pub struct Body {
    run: unsafe fn(Data, &Scope<'static>),
    data: Data,
}

// SAFETY: `Body::new` takes closures that may be sent.
unsafe impl Send for Body {}

impl Body {
    /// # Safety
    /// It is run with a scope whose lifetime is `'scope`, and before that has ended.
    #[inline]
    pub unsafe fn new<'scope, F: FnOnce(&Scope<'scope>) + Send + 'scope>(f: F) -> Self {
        const { assert!(size_of::<Box<F>>() <= size_of::<Data>()) };
        if size_of::<F>() <= size_of::<Data>() && align_of::<F>() <= align_of::<Data>() {
            Self::inline(f)
        } else {
            let f = Box::new(f);
            Self::inline(move |scope: &Scope<'scope>| f(scope))
        }
    }

    /// With a closure that fits.
    #[inline(always)]
    fn inline<'scope, F: FnOnce(&Scope<'scope>)>(f: F) -> Self {
        unsafe fn run<'scope, F: FnOnce(&Scope<'scope>)>(data: Data, scope: &Scope<'static>) {
            // SAFETY: `inline` has written it there, and the body is gone with this call.
            let f = unsafe { (&raw const data).cast::<F>().read() };
            // SAFETY: the lifetime is all that differs, and the scope is that of the closure, as `Body::new` was promised.
            f(unsafe { &*(&raw const *scope).cast::<Scope<'scope>>() });
        }
        let mut data = [MaybeUninit::uninit(); 3];
        // SAFETY: it fits, in size and alignment.
        unsafe { data.as_mut_ptr().cast::<F>().write(f) };
        Self { run: run::<F>, data }
    }

    /// Runs the closure.
    ///
    /// # Safety
    /// `scope` is what [`new`](Self::new) says.
    #[inline]
    pub unsafe fn run(self, scope: &Scope<'static>) {
        // SAFETY: the function was made for the data, and the scope is the right one.
        unsafe { (self.run)(self.data, scope) }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Body")
    }
}
