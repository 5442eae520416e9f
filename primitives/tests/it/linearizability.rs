//! The checker of histories against a slow and obviously right one, and on histories whose verdict is known; then the histories of
//! every primitive with real threads.

#[path = "../linearizability/mod.rs"]
mod histories;

use histories::checker::{MOST_TRIED, Verdict, check_within};
use histories::history::{Call, History};
use histories::specification::{Sight, Specification, only};
use proptest::prelude::*;

/// A number that is written and read, whose reads may be late.
struct Register;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Access {
    Write(u8),
    Read,
}
use Access::*;

impl Specification for Register {
    type Operation = Access;
    type Answer = u8;
    type State = u8;

    fn initial(&self) -> u8 {
        0
    }

    fn next(&self, state: &u8, operation: &Access, answer: &u8) -> Vec<u8> {
        match operation {
            Write(value) => vec![*value],
            Read => only(state == answer, *state),
        }
    }

    fn sight(&self, operation: &Access, _answer: &u8) -> Sight {
        if *operation == Read { Sight::Idle } else { Sight::Newest }
    }
}

/// A history of (thread, operation, answer, invoked, returned).
fn history(calls: &[(usize, Access, u8, u64, u64)]) -> History<Register> {
    History(
        calls
            .iter()
            .map(|&(thread, operation, answer, invoked, returned)| Call {
                thread,
                operation,
                answer,
                invoked,
                returned,
            })
            .collect(),
    )
}

fn verdict(history: &History<Register>, late: bool) -> Verdict {
    check_within(&Register, history, late, MOST_TRIED)
}

/// Tries every permutation, and looks at each as a whole.
fn some_permutation_explains(history: &History<Register>) -> bool {
    fn permutations(left: Vec<usize>) -> Vec<Vec<usize>> {
        if left.is_empty() {
            return vec![Vec::new()];
        }
        let with_first = |n: usize| {
            let rest = left.iter().copied().filter(|m| *m != n).collect();
            permutations(rest).into_iter().map(move |rest| [vec![n], rest].concat())
        };
        left.iter().copied().flat_map(with_first).collect()
    }

    let calls = &history.0;
    permutations((0..calls.len()).collect()).into_iter().any(|order| {
        let in_time = order
            .iter()
            .enumerate()
            .all(|(at, &n)| order[at + 1..].iter().all(|&later| calls[later].returned >= calls[n].invoked));
        let mut value = 0;
        let in_state = order.iter().all(|&n| match calls[n].operation {
            Write(new) => {
                value = new;
                true
            }
            Read => calls[n].answer == value,
        });
        in_time && in_state
    })
}

/// Up to three threads with up to two operations each, at random times.
fn histories() -> impl Strategy<Value = History<Register>> {
    let operation = (any::<bool>(), 0..3_u8, 0..4_u64, 0..4_u64);
    let thread = prop::collection::vec(operation, 0..=2);
    prop::collection::vec(thread, 1..=3).prop_map(|threads| {
        let mut calls = Vec::new();
        for (thread, operations) in threads.into_iter().enumerate() {
            let mut now = 0;
            for (writes, value, pause, duration) in operations {
                let (operation, answer) = if writes { (Write(value), 0) } else { (Read, value) };
                let invoked = now + 1 + pause;
                now = invoked + 1 + duration;
                // Stamps are unique where they are real; here threads differ in the last digits.
                let stamp = |time: u64| 4 * time + thread as u64;
                calls.push((thread, operation, answer, stamp(invoked), stamp(now)));
            }
        }
        history(&calls)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn agrees_with_trying_every_permutation(history in histories()) {
        let expected = if some_permutation_explains(&history) { Verdict::Yes } else { Verdict::No };
        prop_assert_eq!(verdict(&history, false), expected, "\n{}", history);
    }

    #[test]
    fn what_is_right_at_once_is_right_late(history in histories()) {
        if verdict(&history, false) == Verdict::Yes {
            prop_assert_eq!(verdict(&history, true), Verdict::Yes, "\n{}", history);
        }
    }
}

#[test]
fn what_overlaps_may_come_in_either_order() {
    for seen in [0, 1] {
        let overlapping = history(&[(0, Write(1), 0, 1, 4), (1, Read, seen, 2, 3)]);
        assert_eq!(verdict(&overlapping, false), Verdict::Yes, "{overlapping}");
    }
    let invented = history(&[(0, Write(1), 0, 1, 4), (1, Read, 2, 2, 3)]);
    assert_eq!(verdict(&invented, false), Verdict::No);
}

#[test]
fn a_value_that_was_seen_stays_seen() {
    // Both reads overlap the write, but not each other.
    let back = history(&[(0, Write(1), 0, 1, 10), (1, Read, 1, 2, 3), (2, Read, 0, 4, 5)]);
    assert_eq!(verdict(&back, false), Verdict::No);
}

#[test]
fn late_answers_heed_their_own_thread_alone() {
    let of_another = history(&[(0, Write(1), 0, 1, 2), (1, Read, 0, 3, 4)]);
    assert_eq!((verdict(&of_another, false), verdict(&of_another, true)), (Verdict::No, Verdict::Yes));
    let of_its_own = history(&[(0, Write(1), 0, 1, 2), (0, Read, 0, 3, 4)]);
    assert_eq!(verdict(&of_its_own, true), Verdict::No);
    // Nor does a thread see what it saw go away.
    let back = history(&[(0, Write(1), 0, 1, 2), (1, Read, 1, 3, 4), (1, Read, 0, 5, 6)]);
    assert_eq!(verdict(&back, true), Verdict::No);
}

#[test]
fn what_threads_see_late_they_need_not_see_in_one_order() {
    // Two writes at once; each reader sees the other one first.
    let calls = |last: u8| {
        history(&[
            (0, Write(1), 0, 1, 20),
            (1, Write(2), 0, 2, 21),
            (2, Read, 1, 3, 4),
            (2, Read, 2, 5, 6),
            (3, Read, 2, 7, 8),
            (3, Read, last, 9, 10),
        ])
    };
    assert_eq!((verdict(&calls(1), false), verdict(&calls(1), true)), (Verdict::No, Verdict::Yes));
    // What nobody wrote is wrong all the same.
    assert_eq!(verdict(&calls(3), true), Verdict::No);
}

#[test]
fn too_much_is_undecided() {
    let sequence = |calls: u64| -> History<Register> {
        history(&(0..calls).map(|n| (0, Write(1), 0, 2 * n, 2 * n + 1)).collect::<Vec<_>>())
    };
    assert_eq!(verdict(&sequence(64), false), Verdict::Yes);
    assert_eq!(verdict(&sequence(65), false), Verdict::Unknown);
    // All at once, and the read is of nothing that was written.
    let mut calls: Vec<_> = (0..12).map(|n| (n, Write(n as u8), 0, n as u64, 100)).collect();
    calls.push((12, Read, 100, 99, 101));
    assert_eq!(check_within(&Register, &history(&calls), false, 1_000), Verdict::Unknown);
    assert_eq!(verdict(&history(&calls), false), Verdict::No);
}

#[test]
fn histories_are_printed_in_the_order_in_which_operations_began() {
    let history = history(&[(0, Write(1), 0, 7, 9), (1, Read, 1, 6, 8)]);
    assert_eq!(history.to_string(), "thread 1: Read -> 1 [0, 2]\nthread 0: Write(1) -> 0 [1, 3]\n");
}
