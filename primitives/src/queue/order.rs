//! In which order the values of a queue come out.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// In which order values come out.
///
/// ```
/// use heddle_primitives::queue::{Order, Queue};
/// /// Even numbers first.
/// #[derive(Default)]
/// struct EvenFirst(Vec<u32>);
///
/// impl Order<u32> for EvenFirst {
///     fn put(&mut self, value: u32) {
///         self.0.push(value);
///     }
///
///     fn get(&mut self) -> Option<u32> {
///         let even = self.0.iter().position(|value| value % 2 == 0);
///         (!self.0.is_empty()).then(|| self.0.remove(even.unwrap_or(0)))
///     }
///
///     fn len(&self) -> usize {
///         self.0.len()
///     }
/// }
///
/// let queue: Queue<u32, EvenFirst> = Queue::with_maxsize(0);
/// [1, 2, 3].into_iter().for_each(|n| queue.put(n).unwrap());
/// assert_eq!((queue.get(), queue.get(), queue.get()), (Ok(2), Ok(1), Ok(3)));
/// ```
pub trait Order<T>: Default {
    /// Puts a value in.
    ///
    /// ```
    /// use heddle_primitives::queue::{Fifo, Order};
    /// let mut order = Fifo::default();
    /// order.put('a');
    /// assert_eq!(order.len(), 1);
    /// ```
    fn put(&mut self, value: T);
    /// Takes the next one out.
    ///
    /// ```
    /// use heddle_primitives::queue::{Fifo, Order};
    /// let mut order = Fifo::default();
    /// order.put('a');
    /// assert_eq!((order.get(), order.get()), (Some('a'), None));
    /// ```
    fn get(&mut self) -> Option<T>;
    /// How many there are.
    ///
    /// ```
    /// use heddle_primitives::queue::{Lifo, Order};
    /// let mut order = Lifo::default();
    /// ['a', 'b'].into_iter().for_each(|value| order.put(value));
    /// assert_eq!(order.len(), 2);
    /// ```
    fn len(&self) -> usize;
    /// Whether there are none.
    ///
    /// ```
    /// use heddle_primitives::queue::{Order, Smallest};
    /// let mut order = Smallest::default();
    /// assert!(order.is_empty());
    /// order.put('a');
    /// assert!(!order.is_empty());
    /// ```
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// First in, first out.
///
/// ```
/// use heddle_primitives::queue::{Fifo, Order};
/// let mut order = Fifo::default();
/// [1, 2, 3].into_iter().for_each(|n| order.put(n));
/// assert!(std::iter::from_fn(|| order.get()).eq([1, 2, 3]));
/// ```
#[derive(Debug)]
pub struct Fifo<T>(VecDeque<T>);

/// Last in, first out.
///
/// ```
/// use heddle_primitives::queue::{Lifo, Order};
/// let mut order = Lifo::default();
/// [1, 2, 3].into_iter().for_each(|n| order.put(n));
/// assert!(std::iter::from_fn(|| order.get()).eq([3, 2, 1]));
/// ```
#[derive(Debug)]
pub struct Lifo<T>(Vec<T>);

/// The smallest first.
///
/// ```
/// use heddle_primitives::queue::{Smallest, Order};
/// let mut order = Smallest::default();
/// [2, 3, 1].into_iter().for_each(|n| order.put(n));
/// assert!(std::iter::from_fn(|| order.get()).eq([1, 2, 3]));
/// ```
#[derive(Debug)]
pub struct Smallest<T>(BinaryHeap<Reverse<T>>);

macro_rules! order {
    ($name:ident $(: $bound:ident)?, $put:ident($value:ident => $in:expr), $get:ident($out:ident => $back:expr)) => {
        impl<T $(: $bound)?> Default for $name<T> {
            fn default() -> Self {
                Self(Default::default())
            }
        }

        impl<T $(: $bound)?> Order<T> for $name<T> {
            fn put(&mut self, $value: T) {
                self.0.$put($in);
            }

            fn get(&mut self) -> Option<T> {
                self.0.$get().map(|$out| $back)
            }

            fn len(&self) -> usize {
                self.0.len()
            }
        }
    };
}

order!(Fifo, push_back(value => value), pop_front(value => value));
order!(Lifo, push(value => value), pop(value => value));
order!(Smallest: Ord, push(value => Reverse(value)), pop(value => value.0));
