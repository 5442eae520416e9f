//! Row 18: who may be sent to another thread, and who may be used by several. This file does not compile if one is wrong.

use heddle_primitives::deque::{Injector, Stealer, Worker};
use heddle_primitives::mutex::{ArcMutexGuard, SendMutexGuard};
use heddle_primitives::*;
use std::cell::Cell;
use std::rc::Rc;

/// May be sent, not shared.
type Sends = Cell<u32>;
/// May be neither.
type Stays = Rc<u32>;

/// The types have the traits.
macro_rules! are {
    ($traits:path: $($type:ty),+ $(,)?) => {
        const _: () = {
            const fn has<T: ?Sized + $traits>() {}
            $(has::<$type>();)+
        };
    };
}

/// None of the types has the trait: if one had, which `item` is meant would be undecided.
macro_rules! are_not {
    ($trait:path: $($type:ty),+ $(,)?) => {
        const _: () = {
            trait Undecided<A> {
                fn item() {}
            }
            struct HasIt;
            impl<T: ?Sized> Undecided<()> for T {}
            impl<T: ?Sized + $trait> Undecided<HasIt> for T {}
            $(let _ = <$type as Undecided<_>>::item;)+
        };
    };
}

trait SendSync: Send + Sync {}
impl<T: ?Sized + Send + Sync> SendSync for T {}

// Exclusion makes what may be sent shareable.
are!(SendSync: Mutex<Sends>, FairMutex<Sends>, ReentrantMutex<Sends>, RwLock<u32>, ShardedRwLock<u32>, OnceLock<u32>);
are!(SendSync: SeqLock<u32>, LazyLock<u32>, Once, Event, Barrier, Latch, Condvar, Semaphore, BoundedSemaphore, Futex);
are!(SendSync: RawMutex, RawRwLock, WaitGroup, Unparker, ThreadPool, pool::Scope<'static>, pool::JoinHandle<u32>);
are!(SendSync: ArrayQueue<Sends>, Queue<Sends>, channel::Sender<Sends>, channel::Receiver<Sends>);
are!(SendSync: Injector<Sends>, Stealer<Sends>, oneshot::Sender<Sends>, oneshot::Slot<Sends>);
are!(Send: RwLock<Sends>, ShardedRwLock<Sends>, OnceLock<Sends>, Parker, Worker<Sends>);
are!(Send: oneshot::Receiver<Sends>, spsc::Producer<Sends>, spsc::Consumer<Sends>, SendMutexGuard<'static, Sends>);
are!(Sync: MutexGuard<'static, u32>, RwLockReadGuard<'static, u32>, RwLockWriteGuard<'static, u32>);

// Readers share what is inside, as does a place that is written once.
are_not!(Sync: RwLock<Sends>, ShardedRwLock<Sends>, OnceLock<Sends>, LazyLock<Sends>);
// Nothing makes what may not be sent sendable: parking_lot #349, kanal 3938bd0.
are_not!(Send: Mutex<Stays>, FairMutex<Stays>, ReentrantMutex<Stays>, RwLock<Stays>, ShardedRwLock<Stays>, OnceLock<Stays>);
are_not!(Sync: Mutex<Stays>, FairMutex<Stays>, ReentrantMutex<Stays>, RwLock<Stays>, ShardedRwLock<Stays>, OnceLock<Stays>);
are_not!(Send: ArrayQueue<Stays>, Queue<Stays>, channel::Sender<Stays>, channel::Receiver<Stays>);
are_not!(Sync: ArrayQueue<Stays>, Queue<Stays>, channel::Sender<Stays>, channel::Receiver<Stays>);
are_not!(Send: Worker<Stays>, Stealer<Stays>, Injector<Stays>, pool::JoinHandle<Stays>);
are_not!(Sync: Worker<Stays>, Stealer<Stays>, Injector<Stays>, pool::JoinHandle<Stays>);
are_not!(Send: oneshot::Sender<Stays>, oneshot::Receiver<Stays>, oneshot::Slot<Stays>);
are_not!(Send: spsc::Producer<Stays>, spsc::Consumer<Stays>, spsc::Heap<Stays>);
are_not!(Sync: oneshot::Slot<Stays>, spsc::Heap<Stays>);
// One owner each, who may move.
are_not!(Sync: Parker, Worker<u32>, oneshot::Receiver<u32>, spsc::Producer<u32>, spsc::Consumer<u32>);
// A guard that knows its thread belongs to it; others may move where what is inside may be used.
are_not!(Send: MutexGuard<'static, u32>, MappedMutexGuard<'static, u32>, ReentrantMutexGuard<'static, u32>);
are_not!(Send: RwLockReadGuard<'static, u32>, RwLockWriteGuard<'static, u32>, RwLockUpgradableReadGuard<'static, u32>);
are_not!(Send: MappedRwLockReadGuard<'static, u32>, MappedRwLockWriteGuard<'static, u32>);
are!(Send: SendRwLockReadGuard<'static, u32>, SendRwLockWriteGuard<'static, Sends>, ArcMutexGuard<Sends>);
are!(Send: SendRwLockUpgradableReadGuard<'static, u32>);
are_not!(Send: SendRwLockReadGuard<'static, Sends>, SendRwLockUpgradableReadGuard<'static, Sends>);
are_not!(Send: SendRwLockWriteGuard<'static, Stays>, ShardedRwLockReadGuard<'static, Sends>);
are_not!(Send: ShardedRwLockWriteGuard<'static, Stays>, SendMutexGuard<'static, Stays>, ArcMutexGuard<Stays>);
// A guard shares what is inside: parking_lot #262.
are_not!(Sync: MutexGuard<'static, Sends>, MappedMutexGuard<'static, Sends>, SendMutexGuard<'static, Sends>);
are_not!(Sync: ReentrantMutexGuard<'static, Sends>, RwLockReadGuard<'static, Sends>, RwLockWriteGuard<'static, Sends>);
are_not!(Sync: RwLockUpgradableReadGuard<'static, Sends>, MappedRwLockReadGuard<'static, Sends>);
are_not!(Sync: MappedRwLockWriteGuard<'static, Sends>, ShardedRwLockReadGuard<'static, Sends>);
are_not!(Sync: ShardedRwLockWriteGuard<'static, Sends>, ArcMutexGuard<Sends>);
are_not!(Sync: SendRwLockReadGuard<'static, Sends>, SendRwLockWriteGuard<'static, Sends>);
