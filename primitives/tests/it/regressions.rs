//! Bugs that others have had, and the tests that would show them here.
//!
//! Tests are named after their row, `rNN_`. Those of one primitive stand in its file; those in `regressions/`, named in full here, are
//! about several. `loom/x.rs` and `shuttle/x.rs` run the scenarios of `scenarios/x.rs`; `broken/x.rs` has the bug planted, which
//! loom or shuttle must find.
//!
//! | | scenario | shown by |
//! |---|---|---|
//! | 1 | parking_lot #465, #466: a time-out strands a sleeper | `it/{mutex,rwlock}.rs` and `r01_time_outs_strand_nobody`; `time_outs` in `loom/{mutex,rwlock,semaphore,condvar,channel,barrier,oneshot,sharded_rwlock}.rs` |
//! | 2 | event-listener #138, #139: a look for listeners comes too early | `it/{condvar,pool}.rs` and `r02_r03_nobody_sleeps_beside_what_is_there`; `loom/{event,latch,parker,queue,once,pool}.rs`; `broken/{mod,channel,pool}.rs` |
//! | 3 | oneTBB #2136, brpc #3539: no full fence between store and look | the same; `loom/planted.rs`: `missing_fences_are_found`; `loom/{spsc,channel,pool,deque,sharded_rwlock}.rs`; `it/rwlock.rs` for the sharded lock |
//! | 4 | musl 97c5b5a, 37195db, glibc 25847: wrapped numbers, stolen signals | `it/condvar.rs` and `r04_numbers_wrap`; `loom/{condvar,barrier}.rs`; `broken/condvar.rs` |
//! | 5 | glibc 12674, rust #55005, rayon #768, #929: the waker touches what is freed | `it/{mutex,rwlock,semaphore,event,latch,condvar,once,oneshot,pool,memory}.rs`, `r05_unlock_touches_nothing_after_the_release`, `r05_stray_wakes_change_nothing` |
//! | 6 | rust #123458, #141248: an owner's name comes again | `it/{reentrant,raw}.rs` |
//! | 7 | crossbeam #821, rust #106668: who waits uses the CPU | `it/{memory,mutex,rwlock,reentrant,semaphore,condvar,parker,once,array_queue,channel,pool}.rs`, `r07_hand_over_on_one_cpu`, `r07_who_waits_sleeps` |
//! | 8 | crossbeam #971, #1084, #1187: dropped twice, or never | `it/{once,oneshot,array_queue,channel,spsc_chunks,deque,pool,threading}.rs`, `r08_values_are_dropped_once` |
//! | 9 | CVE-2021-32810: stolen twice | `it/{deque,pool}.rs`; `loom/deque.rs`; `broken/deque.rs` |
//! | 10 | heapless #583, #461: full while there is room, endless laps | `it/array_queue.rs`, `r10_nobody_is_refused_in_a_channel`, `r10_a_channel_of_256_goes_round`; `loom/{array_queue,channel}.rs`; `broken/array_queue.rs` |
//! | 11 | parking_lot #212, #101: readers behind a queued writer or upgrade | `it/rwlock.rs`; `loom/rwlock.rs`: `recursion` |
//! | 12 | rust #53366: a plain store of the token | `it/parker.rs`; `loom/parker.rs`; `broken/signals.rs` |
//! | 13 | flume #44: a selector hangs | `it/channel.rs`; `loom/channel.rs`: `selection` |
//! | 14 | rayon #592, #1251: a wait under a lock runs what needs the lock | `it/pool.rs` |
//! | 15 | crossbeam #798, #953, kanal 68bb153: huge time-outs overflow | `it/{memory,rwlock,semaphore,latch,condvar,barrier,once,oneshot,parker,queue,channel,reentrant}.rs`, `r15_huge_time_outs_do_not_overflow` |
//! | 16 | iceoryx #325, #2193: the owner is killed | not here: scope `Shared` does not survive its holder, and says so; robust types are another crate's |
//! | 17 | litebox #809: a wake that counts wrong | `it/{mutex,rwlock,semaphore,condvar}.rs`, `r17_all_sleepers_are_released` |
//! | 18 | parking_lot #262, #349, kanal 3938bd0: unsound auto traits | `auto_traits`; `compile_fail` examples of the types |
//! | 19 | iceoryx2 0d42374: Acquire and Release exchanged | `it/semaphore.rs`; `loom/semaphore.rs`: `planted_bugs_are_found`; `broken/signals.rs` |
//!
//! Row 5 leaves out the barrier: all members look at its word until they leave, so none may free it before the others have. Channels,
//! parkers and wait groups count their owners.

mod auto_traits;
mod lifetimes;
mod waits;
