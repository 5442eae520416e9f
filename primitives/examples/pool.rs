//! Counts the words of a text in the ways that a pool of threads offers, and hands a result over from a timer.
//!
//! `cargo run --example pool`

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
fn main() {
    use heddle_primitives::Mutex;
    use heddle_primitives::deque::{Steal, Worker};
    use heddle_primitives::pool::{ThreadPoolBuilder, join, scope};
    use heddle_primitives::threading::{Local, Thread, Timer};
    use std::cell::Cell;
    use std::collections::BTreeMap;
    use std::time::Duration;

    let text = "warp and weft and heddle and shuttle and warp again ".repeat(500);
    let words: Vec<&str> = text.split_whitespace().collect();
    let pool = ThreadPoolBuilder::new().thread_name(|n| format!("weaver {n}")).build().unwrap();

    // By two halves, again and again, down to single words: a join costs a few nanoseconds.
    fn count(words: &[&str], wanted: &str) -> usize {
        match words {
            [] => 0,
            [word] => usize::from(*word == wanted),
            _ => {
                let (left, right) = words.split_at(words.len() / 2);
                let (left, right) = join(|| count(left, wanted), || count(right, wanted));
                left + right
            }
        }
    }
    let warps = pool.install(|| count(&words, "warp"));
    assert_eq!(warps, 1_000);

    // As a reduction, whose order does not depend on the threads.
    let letters = pool.map_reduce(&words, || 0, |word| word.len(), |a, b| a + b);
    assert_eq!(letters, text.len() - words.len());

    // As tasks that borrow.
    let counts = Mutex::new(BTreeMap::new());
    pool.install(|| {
        scope(|s| {
            for part in words.chunks(1_000) {
                let counts = &counts;
                s.spawn(move |_| part.iter().for_each(|word| *counts.lock().entry(*word).or_insert(0) += 1));
            }
        })
    });
    assert_eq!(counts.lock()["and"], 2_000);

    // As tasks whose results come later.
    let handles: Vec<_> = ["heddle", "again"]
        .map(|wanted| {
            let text = text.clone();
            pool.submit(move || text.matches(wanted).count())
        })
        .into();
    let found: Vec<usize> = handles.into_iter().map(|handle| handle.join().unwrap()).collect();
    assert_eq!(found, [500, 500]);

    // By hand, with a deque: one thread works from the end, another takes from the front.
    let own = Worker::new_lifo();
    words.iter().for_each(|word| own.push(word.len()));
    let stealer = own.stealer();
    let thief = Thread::builder().name("thief").start(move || {
        let mut stolen = 0;
        loop {
            match stealer.steal() {
                Steal::Success(len) => stolen += len,
                Steal::Retry => {}
                Steal::Empty => return stolen,
            }
        }
    });
    let popped: usize = std::iter::from_fn(|| own.pop()).sum();
    assert_eq!(popped + thief.unwrap().join().unwrap(), letters);

    // A value for each thread, and something later.
    let calls = Local::new(|| Cell::new(0));
    let most = pool.broadcast(|_| calls.with(|n| n.replace(n.get() + 1)));
    assert!(most.iter().all(|n| *n == 0));
    let later = Timer::start(Duration::from_millis(2), move || warps + 1).unwrap();
    assert_eq!(later.join().unwrap(), Some(1_001));
    println!("{} words, {letters} letters, {warps} warps", words.len());
}

#[cfg(any(heddle_loom, heddle_shuttle))]
fn main() {}
