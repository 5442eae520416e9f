//! The whole pool, which exists with real threads only: its parts are loom's, in `pool`.

use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
use heddle_primitives::verify::Scenario;
use heddle_primitives::{ThreadPool, ThreadPoolBuilder};
use std::panic::{AssertUnwindSafe, catch_unwind};

fn pool() -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(2).build().unwrap()
}

#[test]
fn joins_lend_what_both_sides_borrow() {
    Scenario::new("join").check(|| {
        let (mut left, mut right) = (vec![1, 2, 3], String::from("x"));
        let pool = pool();
        let (sum, len) = pool.join(
            || {
                left.push(4);
                pool.join(|| left.iter().sum::<i32>(), || left.len()).0
            },
            || {
                right.push('y');
                right.len()
            },
        );
        assert_eq!((sum, len, left.len(), right.as_str()), (10, 2, 4, "xy"));
    });
}

#[test]
fn scopes_run_bodies_of_every_size() {
    Scenario::new("scope").check(|| {
        let (mut small, mut large) = ([0_u64; 4], [0_u64; 4]);
        let total = AtomicU32::new(0);
        pool().scope(|scope| {
            for (small, large) in small.iter_mut().zip(&mut large) {
                let total = &total;
                // Two words lie in the body itself, six in a box.
                scope.spawn(move |scope| {
                    *small = 1;
                    scope.spawn(move |_| {
                        // ORDERING: read when the scope has ended.
                        total.fetch_add(1, Ordering::Relaxed);
                    });
                });
                let words = [1_u64, 2, 3, 4, 5];
                scope.spawn(move |_| *large = words.iter().sum());
            }
        });
        assert_eq!((small, large), ([1; 4], [15; 4]));
        // ORDERING: as above.
        assert_eq!(total.load(Ordering::Relaxed), 4);
    });
}

#[test]
fn a_panic_comes_out_after_all_have_ended() {
    Scenario::new("scope, a panic").check(|| {
        let mut ran = [false; 3];
        let pool = pool();
        let result = catch_unwind(AssertUnwindSafe(|| {
            pool.scope(|scope| {
                for (n, ran) in ran.iter_mut().enumerate() {
                    scope.spawn(move |_| {
                        *ran = true;
                        if n == 1 {
                            std::panic::resume_unwind(Box::new("planned"));
                        }
                    });
                }
            });
        }));
        assert_eq!(result.unwrap_err().downcast_ref(), Some(&"planned"));
        assert_eq!(ran, [true; 3]);
    });
}

#[test]
fn handles_hand_results_over() {
    Scenario::new("submit, broadcast, chunks").check(|| {
        let pool = pool();
        let handle = pool.submit(|| String::from("result"));
        let mut items = [1_u64, 2, 3, 4, 5];
        pool.for_each_chunk_mut(&mut items, 2, |_, chunk| chunk.iter_mut().for_each(|item| *item *= 2));
        assert_eq!(items, [2, 4, 6, 8, 10]);
        assert_eq!(pool.broadcast(|index| index), [0, 1]);
        assert_eq!(handle.join().unwrap(), "result");
    });
}
