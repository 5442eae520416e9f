//! What may live in shared memory: plain data, and nothing whose bytes mean something in one process only, or not in all values.
//!
//! Each refusal stands beside a type that differs in that one thing and is accepted. What a derive refuses is in the docs of `ShmSafe`.
#![cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
#![allow(dead_code, reason = "types to ask about")]

use core::cell::Cell;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::num::{NonZeroU8, NonZeroU64, Wrapping};
use core::ptr::NonNull;
use std::rc::Rc;
use std::time::{Duration, Instant};

use heddle_ipc::loan::LoanTicket;
use heddle_ipc::sync::{Address, Mutex};
use heddle_ipc::{Offset, SegmentRef, Shareable, ShmSafe};
use heddle_primitives::sync::atomic::{AtomicU32, AtomicU64};
use heddle_primitives::sync::cell::UnsafeCell;
use heddle_primitives::{Futex, Private, Shared};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Whether a type has a trait: the inherent constant, which comes first, exists only where it has.
macro_rules! is {
    ($what:ty: $bound:path) => {{
        struct Probe<T>(PhantomData<T>);
        trait Otherwise {
            const IS: bool = false;
        }
        impl<T> Otherwise for Probe<T> {}
        impl<T: $bound> Probe<T> {
            const IS: bool = true;
        }
        <Probe<$what>>::IS
    }};
}

macro_rules! assert_all {
    ($bound:path, $expected:literal: $($what:ty,)+) => {
        $(assert_eq!(is!($what: $bound), $expected, "{}: {}", stringify!($what), stringify!($bound));)+
    };
}

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Plain {
    a: u32,
    b: u32,
    c: [f64; 2],
}

/// As `Plain`, but that it is no `Copy`, which whatever has a `Drop` is not.
#[derive(FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Owner {
    a: u32,
}

impl Drop for Owner {
    fn drop(&mut self) {}
}

/// As `Plain`, but that it may not be written as bytes: what a struct with padding can derive.
#[derive(Clone, Copy, FromBytes, Immutable)]
#[repr(C)]
struct Padded {
    a: u32,
    b: u64,
}

/// As `Plain`, but that some bytes are none: what an enum can derive.
#[derive(Clone, Copy, IntoBytes, Immutable)]
#[repr(u8)]
enum Choice {
    This,
    That,
}

/// Plain data if its field is.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(transparent)]
struct Generic<T>(T);

#[test]
fn plain_data_is() {
    assert_all!(ShmSafe, true:
        (), u8, i8, u64, i128, usize, f32, f64, [u8; 1000], [[u64; 2]; 2], Wrapping<u32>, PhantomData<Rc<u8>>,
        Plain, [Plain; 3], Generic<u64>, Generic<Plain>,
        Offset<u64>, Offset<[Plain]>, SegmentRef, Address<Mutex<u64>>, LoanTicket,
    );
}

/// They would point into another process.
#[test]
fn pointers_are_not() {
    assert_all!(ShmSafe, false:
        &'static u8, &'static [u8], &'static str, &'static mut u8, *const u8, *mut u8, NonNull<u8>, fn(), fn(u8) -> u8,
        Option<&'static u8>, Option<fn()>, Generic<&'static u8>, [&'static u8; 2], Box<u8>, Rc<u8>, Vec<u8>, String,
    );
}

/// Other processes may write any bytes, and these are not values for all.
#[test]
fn niches_are_not() {
    assert_all!(ShmSafe, false:
        bool, char, NonZeroU8, NonZeroU64, [bool; 2], Generic<bool>, Choice, Option<u8>, Option<bool>,
        Result<u8, u8>, Duration, Instant, core::cmp::Ordering, core::convert::Infallible,
    );
}

#[test]
fn padding_drop_and_interior_mutability_are_not() {
    assert_all!(ShmSafe, false:
        Padded, (u8, u64), MaybeUninit<u8>, Owner, Cell<u8>, Cell<u64>, UnsafeCell<u64>, AtomicU32, AtomicU64,
        Generic<Cell<u8>>, std::fs::File,
    );
}

/// What is used in place by reference is another matter: only what keeps its promises between processes.
#[test]
fn what_may_be_used_in_place() {
    assert_all!(Shareable, true: AtomicU32, [AtomicU64; 4], Futex<Shared>, heddle_primitives::Mutex<u64, Shared>,);
    assert_all!(Shareable, false:
        u64, Plain, Cell<u8>, Futex<Private>, heddle_primitives::Mutex<u64>, heddle_primitives::Mutex<bool, Shared>,
        heddle_primitives::Mutex<Vec<u8>, Shared>, std::sync::OnceLock<u8>, &'static AtomicU32, Mutex<u64>,
    );
}
