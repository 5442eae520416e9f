//! A small workshop: orders wait in a list for workers, who share two benches; at the end the master counts.
//!
//! Shows [`Condvar`], [`Semaphore`], [`Latch`], [`WaitGroup`], [`Parker`] and [`OnceLock`] at work.

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
fn main() {
    use heddle_primitives::sync::thread;
    use heddle_primitives::*;
    use std::collections::VecDeque;

    const WORKERS: u32 = 4;
    const ORDERS: u64 = 200;

    #[derive(Default)]
    struct Orders {
        waiting: VecDeque<u64>,
        closed: bool,
    }

    static PRICE: OnceLock<u64> = OnceLock::new();

    // A condition variable tells the workers of orders, and of closing time.
    let (orders, changed) = (Mutex::new(Orders::default()), Condvar::new());
    // Two benches for four workers.
    let benches = Semaphore::new(2);
    // The shop opens when all workers are there.
    let open = Latch::new(WORKERS);
    // The master leaves when all workers have.
    let staff = WaitGroup::new();
    // The doorman sleeps until somebody calls.
    let doorman = Parker::new();
    let takings = Mutex::new(0);

    thread::scope(|s| {
        for _ in 0..WORKERS {
            let staff = staff.clone();
            let (orders, changed, benches, open, takings) = (&orders, &changed, &benches, &open, &takings);
            s.spawn(move || {
                open.arrive_and_wait();
                loop {
                    let mut list = orders.lock();
                    changed.wait_while(&mut list, |list| list.waiting.is_empty() && !list.closed);
                    let Some(order) = list.waiting.pop_front() else { break };
                    drop(list);
                    let _bench = benches.acquire();
                    // Whoever comes first asks for the price.
                    *takings.lock() += order * PRICE.get_or_init(|| 3);
                }
                drop(staff);
            });
        }

        let bell = doorman.unparker().clone();
        s.spawn(move || {
            staff.wait();
            bell.unpark();
        });

        open.wait();
        for order in 1..=ORDERS {
            orders.lock().waiting.push_back(order);
            changed.notify_one();
        }
        orders.lock().closed = true;
        changed.notify_all();
        doorman.park();
        // All have left, and what they did is seen.
        assert_eq!(*takings.lock(), 3 * ORDERS * (ORDERS + 1) / 2);
    });
    assert_eq!(benches.available_permits(), 2);
    println!("{ORDERS} orders, takings {}", takings.into_inner());
}

#[cfg(any(heddle_loom, heddle_shuttle))]
fn main() {}
