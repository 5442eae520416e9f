//! What must survive a death anywhere. To add one: a file that implements `Operation`, and its line in [`ALL`].

mod arena;
mod barrier;
mod condvar;
mod connection;
mod event;
mod joinable;
mod mutex;
mod once;
mod queue;
mod rwlock;
mod semaphore;
mod spsc;
mod value;
mod workers;

use crate::suite::operation::Operation;

pub const ALL: &[&dyn Operation] = &[
    &arena::Alloc,
    &barrier::Wait,
    &condvar::Notify,
    &condvar::Wait,
    &connection::Send,
    &event::Set,
    &event::Wait,
    &joinable::Task,
    &mutex::Lock,
    &mutex::Unlock,
    &once::Call,
    &queue::Put,
    &queue::Get,
    &rwlock::Read,
    &rwlock::Write,
    &semaphore::Acquire,
    &semaphore::Release,
    &spsc::Push,
    &spsc::Pop,
    &value::Set,
    &workers::Answer,
];
