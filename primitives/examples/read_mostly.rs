//! Three ways to share what is read more often than it is written: a table of routes that many look up, settings that are read
//! at every turn, and a position that a sensor writes and nobody waits for.
#![cfg_attr(any(heddle_loom, heddle_shuttle), allow(unused, reason = "for normal builds only"))]

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
fn main() {
    use heddle_primitives::sync::thread;
    use heddle_primitives::{RwLock, RwLockUpgradableReadGuard, SeqLock, ShardedRwLock};
    use std::collections::HashMap;

    const THREADS: u32 = 4;
    const LOOKUPS: u32 = 1_000;

    /// Looked up by all, extended by whoever misses an entry.
    static ROUTES: RwLock<Option<HashMap<u32, u32>>> = RwLock::new(None);
    /// Read at every turn, changed once.
    static SCALE: ShardedRwLock<u32> = ShardedRwLock::new(1);
    /// Written all the time; whoever reads gets the newest.
    static POSITION: SeqLock<[f64; 3]> = SeqLock::new([0.0; 3]);

    /// The route to `target`, which is found out once.
    fn route(target: u32) -> u32 {
        if let Some(route) = ROUTES.read().as_ref().and_then(|routes| routes.get(&target)) {
            return *route;
        }
        // Nobody else can get in between the look and the entry; plain readers go on meanwhile.
        let routes = ROUTES.upgradable_read();
        if let Some(route) = routes.as_ref().and_then(|routes| routes.get(&target)) {
            return *route;
        }
        let route = target * target;
        let mut routes = RwLockUpgradableReadGuard::upgrade(routes);
        let known = routes.get_or_insert_default().insert(target, route);
        assert!(known.is_none(), "every route is entered once");
        route
    }

    let sums: Vec<u32> = thread::scope(|s| {
        s.spawn(|| (1..=1_000).for_each(|n| POSITION.write([f64::from(n); 3])));
        s.spawn(|| *SCALE.write() = 2);
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                s.spawn(|| {
                    (0..LOOKUPS)
                        .map(|n| {
                            let [x, y, z] = POSITION.read();
                            assert!(x == y && y == z, "a position is never torn");
                            assert!((1..=2).contains(&*SCALE.read()));
                            route(n % 10)
                        })
                        .sum()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    // 100 times the squares of 0 to 9.
    assert_eq!(sums, [100 * 285; THREADS as usize]);
    assert_eq!((*SCALE.read(), POSITION.read()), (2, [1_000.0; 3]));
    println!("{THREADS} threads looked up {LOOKUPS} routes each and agree");
}

#[cfg(any(heddle_loom, heddle_shuttle))]
fn main() {}
