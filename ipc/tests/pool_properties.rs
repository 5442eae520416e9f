//! `map` over anything equals the sequential `map`, for any size of chunks and any number of workers.
#![cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]

use std::sync::OnceLock;

use heddle_ipc::pool::Pool;
use proptest::prelude::*;

type Item = (i64, String, Option<Vec<u8>>);

fn change((number, text, bytes): Item) -> Result<(String, usize), i64> {
    match bytes {
        Some(bytes) => Ok((format!("{text}{number}").repeat(bytes.len() % 40), bytes.len())),
        None => Err(number.wrapping_mul(3)),
    }
}

/// A pool of each size, started once.
fn pool(processes: usize) -> &'static Pool {
    static POOLS: [OnceLock<Pool>; 3] = [const { OnceLock::new() }; 3];
    POOLS[processes - 1].get_or_init(|| Pool::new(processes).unwrap())
}

fn items() -> impl Strategy<Value = Vec<Item>> {
    let bytes = prop::option::of(prop::collection::vec(any::<u8>(), 0..600));
    prop::collection::vec((any::<i64>(), "\\PC{0,20}", bytes), 0..150)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn map_equals_map(items in items(), chunk in 0_usize..200, processes in 1_usize..4) {
        let expected: Vec<_> = items.iter().cloned().map(change).collect();
        let pool = pool(processes);
        let mapped = if chunk == 0 { pool.map(change, items) } else { pool.map_chunked(change, items, chunk) };
        prop_assert_eq!(mapped.unwrap(), expected);
    }

    #[test]
    fn imap_equals_map(items in items(), chunk in 1_usize..20, processes in 1_usize..4) {
        let mut expected: Vec<_> = items.iter().cloned().map(change).collect();
        let pool = pool(processes);
        let ordered: Result<Vec<_>, _> = pool.imap(change, items.clone(), chunk).unwrap().collect();
        prop_assert_eq!(&ordered.unwrap(), &expected);
        let unordered: Result<Vec<_>, _> = pool.imap_unordered(change, items, chunk).unwrap().collect();
        let mut unordered = unordered.unwrap();
        unordered.sort();
        expected.sort();
        prop_assert_eq!(unordered, expected);
    }

    #[test]
    fn map_async_equals_map(items in items(), processes in 1_usize..4) {
        let expected: Vec<_> = items.iter().cloned().map(change).collect();
        prop_assert_eq!(pool(processes).map_async(change, items).unwrap().get().unwrap(), expected);
    }
}
