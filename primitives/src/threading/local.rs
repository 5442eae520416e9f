//! A value for each thread, in each object.

use crate::Mutex;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;

std::thread_local! {
    /// The thread's values, by the numbers of their objects.
    static VALUES: RefCell<HashMap<u64, Rc<dyn Any>>> = RefCell::new(HashMap::new());
    /// How many objects had gone when the thread last looked.
    static SEEN: Cell<usize> = const { Cell::new(0) };
}

/// The last number given, and the numbers of objects that are gone, in that order.
static NUMBERS: Mutex<Numbers> = Mutex::new(Numbers { last: 0, gone: Vec::new() });

struct Numbers {
    last: u64,
    gone: Vec<u64>,
}

/// A value for each thread that asks, made when it first does; Python's `threading.local`.
///
/// Unlike `thread_local!` it is a value itself: two of them are two sets of values, which go with it. A thread's value is dropped by
/// that thread: when it ends, or when it next uses a `Local` that it has no value of, after the object is gone. So values need not be
/// `Send`. A main thread's value may never be dropped, as with `thread_local!`.
///
/// Memory: for each thread and object the value and an entry of a map; for each object that is gone 8 bytes.
///
/// ```
/// use heddle_primitives::sync::thread;
/// use heddle_primitives::threading::Local;
/// use std::cell::Cell;
///
/// let hits = Local::new(|| Cell::new(0));
/// hits.with(|n| n.set(n.get() + 1));
/// thread::scope(|s| _ = s.spawn(|| hits.with(|n| assert_eq!(n.get(), 0))));
/// hits.with(|n| assert_eq!(n.get(), 1));
/// ```
pub struct Local<T: 'static, F = fn() -> T> {
    number: u64,
    make: F,
    value: PhantomData<fn() -> T>,
}

impl<T: 'static, F: Fn() -> T> Local<T, F> {
    /// No values yet; `make` makes one for each thread that asks.
    ///
    /// ```
    /// use heddle_primitives::threading::Local;
    /// let scratch = Local::new(|| Vec::<u8>::with_capacity(100));
    /// assert_eq!(scratch.with(Vec::capacity), 100);
    /// ```
    pub fn new(make: F) -> Self {
        let mut numbers = NUMBERS.lock();
        numbers.last += 1;
        Self { number: numbers.last, make, value: PhantomData }
    }

    /// Lends the calling thread's value to `f`, which may use this and other objects as well.
    ///
    /// # Panics
    /// As `f` and `make` do; and while the values of an ending thread are being dropped.
    ///
    /// ```
    /// use heddle_primitives::threading::Local;
    /// use std::cell::Cell;
    /// let calls = Local::new(|| Cell::new(0));
    /// (0..3).for_each(|_| calls.with(|n| n.set(n.get() + 1)));
    /// assert_eq!(calls.with(Cell::get), 3);
    /// ```
    pub fn with<R>(&self, f: impl FnOnce(&T) -> R) -> R {
        let found = VALUES.with(|values| values.borrow().get(&self.number).cloned());
        let value = found.unwrap_or_else(|| self.first());
        f(value.downcast_ref().expect("a number belongs to one object"))
    }

    /// Whether the calling thread has a value.
    ///
    /// ```
    /// use heddle_primitives::threading::Local;
    /// let id = Local::new(|| 7);
    /// assert!(!id.is_set());
    /// assert_eq!(id.with(|id| *id), 7);
    /// assert!(id.is_set());
    /// ```
    pub fn is_set(&self) -> bool {
        VALUES.with(|values| values.borrow().contains_key(&self.number))
    }

    /// Drops the calling thread's value; the next use makes a new one. True if there was one.
    ///
    /// ```
    /// use heddle_primitives::threading::Local;
    /// use std::cell::Cell;
    /// let seen = Local::new(|| Cell::new(0));
    /// seen.with(|n| n.set(5));
    /// assert!(seen.clear());
    /// assert_eq!(seen.with(Cell::get), 0);
    /// ```
    pub fn clear(&self) -> bool {
        // Dropped when nothing is borrowed: what is dropped may use other objects.
        let value = VALUES.with(|values| values.borrow_mut().remove(&self.number));
        value.is_some()
    }

    #[cold]
    fn first(&self) -> Rc<dyn Any> {
        let gone: Vec<_> = {
            let numbers = NUMBERS.lock();
            numbers.gone[SEEN.replace(numbers.gone.len())..].to_vec()
        };
        let of_gone: Vec<_> = VALUES
            .with(|values| gone.iter().filter_map(|number| values.borrow_mut().remove(number)).collect());
        drop(of_gone);
        let value: Rc<dyn Any> = Rc::new((self.make)());
        VALUES.with(|values| values.borrow_mut().insert(self.number, value.clone()));
        value
    }
}

impl<T: 'static, F> Drop for Local<T, F> {
    fn drop(&mut self) {
        NUMBERS.lock().gone.push(self.number);
        // The calling thread's at once; those of others by themselves. An ending thread has dropped all of its own.
        let value = VALUES.try_with(|values| values.borrow_mut().remove(&self.number));
        drop(value);
    }
}

impl<T: 'static, F> fmt::Debug for Local<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Local").field("number", &self.number).finish_non_exhaustive()
    }
}
