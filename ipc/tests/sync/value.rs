use std::panic::{AssertUnwindSafe, catch_unwind};

use heddle_ipc::sync::{Address, AttachError, Mutex, Value};

use super::{panics_in_a_fork, storm, workers};

type Block = [u64; 32];

fn add(block: Block) -> Block {
    assert!(block.iter().all(|&n| n == block[0]), "torn");
    block.map(|n| n + 1)
}

fn count(value: Address<Value<Block>>) -> u64 {
    let value = Value::attach(value).expect("its maker lives");
    for _ in 0..5_000 {
        value.update(add);
    }
    value.get()[0]
}

#[test]
fn counts_between_processes() {
    let value = Value::new([0; 32]).unwrap();
    let workers = workers(2);
    let tickets = [0, 1].map(|rank| workers.submit(rank, count, value.address()).unwrap());
    for _ in 0..5_000 {
        value.update(add);
    }
    let seen = tickets.map(|ticket| ticket.wait(None).unwrap());
    assert!(seen.iter().all(|seen| (5_000..=15_000).contains(seen)), "{seen:?}");
    assert_eq!(value.get(), [15_000; 32]);
    value.set([3; 32]);
    assert_eq!(value.get(), [3; 32]);
}

#[test]
fn a_panic_leaves_the_old_one() {
    let value = Value::new(1_u64).unwrap();
    let panics = || value.update(|_| panic!("on purpose"));
    assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
    assert_eq!(value.update(|n| n + 1), 2);
}

/// Writers that are killed at any moment, in the middle of a write too: the value is whole, and never goes back.
#[test]
fn a_storm_of_deaths() {
    let value = Value::new([0; 32]).unwrap();
    fn turn(value: Address<Value<Block>>) -> u64 {
        let value = Value::attach(value).expect("its maker lives");
        loop {
            value.update(add);
        }
    }
    let mut last = 0;
    storm(turn, value.address(), || {
        let now = add(value.get())[0];
        assert!(now >= last);
        last = now;
    });
    assert!(last > 1);
}

#[test]
fn a_forked_child_is_refused() {
    let value = Value::new(1_u64).unwrap();
    let workers = workers(1);
    fn fork(value: Address<Value<u64>>) -> u64 {
        let value = Value::attach(value).expect("its maker lives");
        u64::from(panics_in_a_fork(|| value.set(2)))
    }
    assert_eq!(workers.call(0, fork, value.address()), Ok(1));
    assert_eq!(value.get(), 1);
}

#[test]
fn an_address_of_something_else_is_refused() {
    let value = Value::new(0_u64).unwrap();
    let other: Address<Mutex<u64>> = zerocopy::transmute!(value.address());
    assert!(matches!(Mutex::attach(other), Err(AttachError::Type { .. })));
    let other: Address<Value<u32>> = zerocopy::transmute!(value.address());
    assert!(matches!(Value::attach(other), Err(AttachError::Type { .. })));
}
