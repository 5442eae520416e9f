//! Arguments, results, names, and who is whose child.

use std::collections::BTreeMap;
use std::time::Instant;

use heddle_ipc::Exit;
use heddle_ipc::process::{
    Builder, JoinError, Process, SpawnError, StartMethod, active_children, current_process, parent_process,
};
use serde::{Deserialize, Serialize};

use crate::{LONG, double, each_way, forever};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Order {
    Sum(Vec<u64>),
    Count { text: String, of: char },
    Nothing,
}

fn work(orders: BTreeMap<String, Order>) -> BTreeMap<String, Option<u64>> {
    let done = |order: Order| match order {
        Order::Sum(numbers) => Some(numbers.iter().sum()),
        Order::Count { text, of } => Some(text.chars().filter(|&c| c == of).count() as u64),
        Order::Nothing => None,
    };
    orders.into_iter().map(|(name, order)| (name, done(order))).collect()
}

#[test]
fn process() {
    each_way(|builder| {
        let orders = BTreeMap::from([
            ("sum".to_owned(), Order::Sum(vec![1, 2, 3])),
            ("count".to_owned(), Order::Count { text: "ärger".to_owned(), of: 'r' }),
            ("nothing".to_owned(), Order::Nothing),
        ]);
        let process = builder.spawn(work, orders.clone()).unwrap();
        assert_eq!(process.join().unwrap(), work(orders));
    });
    assert_eq!(Process::spawn(double, 21).unwrap().join(), Ok(42));
}

#[test]
fn function_pointers_and_closures_without_captures_run_too() {
    each_way(|builder| {
        for (f, expected) in [(double as fn(u64) -> u64, 18), (u64::isqrt, 3)] {
            assert_eq!(builder.spawn(f, 9).unwrap().join(), Ok(expected));
        }
        assert_eq!(
            builder.spawn(|(a, b): (u8, String)| format!("{b}{a}"), (1, "x".to_owned())).unwrap().join(),
            Ok("x1".to_owned())
        );
    });
    let captured: &'static str = Box::leak(Box::from("x"));
    let capturing: &'static &'static str = Box::leak(Box::new(captured));
    let error = Process::spawn(move |x: usize| x + capturing.len(), 1).unwrap_err();
    assert!(matches!(error, SpawnError::NotPlain { .. }), "{error:?}");
}

#[test]
fn arguments_and_results_of_every_size_arrive() {
    fn reverse(mut bytes: Vec<u8>) -> Vec<u8> {
        bytes.reverse();
        bytes
    }
    each_way(|builder| {
        // Around a page, what a pipe holds, and where memory is given back.
        for len in [0, 1, 127, 128, 4000, 4096, 65_535, 65_536, 70_000, 1 << 20, 20_000_000] {
            let bytes: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
            assert_eq!(builder.spawn(reverse, bytes.clone()).unwrap().join(), Ok(reverse(bytes)), "{len}");
        }
    });
}

/// So many bytes on their way, all zero but the ends; at either side only what they are.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bulk {
    len: usize,
    first: u8,
    last: u8,
}

impl Serialize for Bulk {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = vec![0; self.len];
        (bytes[0], bytes[self.len - 1]) = (self.first, self.last);
        serializer.serialize_bytes(&bytes)
    }
}

impl<'de> Deserialize<'de> for Bulk {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Bulk;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bulk, E> {
                Ok(Bulk { len: bytes.len(), first: bytes[0], last: bytes[bytes.len() - 1] })
            }
        }
        deserializer.deserialize_bytes(Visitor)
    }
}

/// What pipes between processes have refused for years. It takes tens of seconds, so it is only tried where it is asked for.
#[test]
fn payloads_beyond_two_gib_arrive() {
    const LEN: usize = (2 << 30) + 12_345;
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap();
    let free = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:")).unwrap();
    let free: usize = free.trim().trim_end_matches(" kB").parse().unwrap();
    if free << 10 < 4 * LEN || std::env::var_os("HEDDLE_LARGE").is_none() {
        return println!(
            "not run: {free} KiB are free and {} needed, or HEDDLE_LARGE is unset",
            (4 * LEN) >> 10
        );
    }
    let turn = |bulk: Bulk| Bulk { len: bulk.len + 1, first: bulk.last, last: bulk.first };
    let bulk = Bulk { len: LEN, first: 1, last: 2 };
    assert_eq!(Process::spawn(turn, bulk).unwrap().join(), Ok(turn(bulk)));
}

#[test]
fn a_result_can_be_had_again() {
    let process = Process::spawn(double, 4).unwrap();
    assert_eq!(process.join_until(None), Ok(8));
    assert_eq!(process.join_timeout(LONG), Ok(8));
    assert_eq!(process.exit(), Some(Exit::Code(0)));
    assert_eq!(process.join(), Ok(8));
}

#[test]
fn current() {
    let me = current_process();
    assert_eq!((me.name(), me.pid(), me.is_child()), ("MainProcess", std::process::id(), false));
    assert!(!me.is_daemon());
    assert!(parent_process().is_none());
    each_way(|builder| {
        let tell = |()| {
            let (me, parent) = (current_process(), parent_process().unwrap());
            assert!(me.is_child() && parent.is_alive());
            assert_eq!(parent.pid(), std::os::unix::process::parent_id());
            assert!(!parent.wait_until(Some(Instant::now())));
            ((me.name().to_owned(), me.pid(), me.is_daemon()), (parent.name().to_owned(), parent.pid()))
        };
        let process = builder.clone().name("worker bee").daemon(true).spawn(tell, ()).unwrap();
        assert!(process.is_daemon());
        let told = process.join_until(None).unwrap();
        assert_eq!(told.0, ("worker bee".to_owned(), process.pid(), true));
        assert_eq!(told.1, ("MainProcess".to_owned(), std::process::id()));
        let [a, b] = [(); 2].map(|()| builder.spawn(tell, ()).unwrap());
        assert!(a.name().starts_with("Process-") && a.name() != b.name(), "{} {}", a.name(), b.name());
    });
}

#[test]
fn recursion() {
    fn descend(depth: u32) -> Vec<String> {
        let mut names = vec![current_process().name().to_owned()];
        if depth > 0 {
            let method = if depth.is_multiple_of(2) { StartMethod::Spawn } else { StartMethod::Zygote };
            let children =
                [(); 2].map(|()| Process::builder().start_method(method).spawn(descend, depth - 1).unwrap());
            assert!(children.iter().all(|child| child.pid() != std::process::id()));
            names.extend(children.into_iter().flat_map(|child| child.join().unwrap()));
        }
        names
    }
    each_way(|builder| {
        let process = builder.spawn(descend, 2).unwrap();
        let root = process.name().to_owned();
        let names = process.join().unwrap();
        let expected: Vec<_> =
            ["", ":1", ":1:1", ":1:2", ":2", ":2:1", ":2:2"].map(|end| format!("{root}{end}")).into();
        assert_eq!(names, expected);
    });
}

#[test]
fn active_children_are_those_that_live() {
    each_way(|builder| {
        let process = builder.spawn(forever, ()).unwrap();
        let found: Vec<_> = active_children();
        assert!(found.iter().any(|child| child.pid() == process.pid() && child.name() == process.name()));
        process.kill().unwrap();
        assert!(process.join_until(None).is_err());
        assert!(active_children().iter().all(|child| child.pid() != process.pid()));
    });
    assert_eq!(Process::spawn(|()| active_children().len(), ()).unwrap().join(), Ok(0), "not its parent's");
}

#[test]
fn bad_input_is_an_error() {
    let error = |builder: Builder| builder.spawn(double, 1).unwrap_err();
    for name in ["", "a\0b"] {
        assert!(matches!(error(Process::builder().name(name)), SpawnError::Name { .. }));
    }
    for (name, value) in [("", "x"), ("A=B", "x"), ("A\0", "x"), ("A", "x\0")] {
        assert!(matches!(error(Process::builder().environment(name, value)), SpawnError::Environment { .. }));
    }
    for path in ["/nonexistent", "/dev/null"] {
        assert!(matches!(error(Process::builder().current_dir(path)), SpawnError::CurrentDir { .. }));
    }
}

/// Writes and reads as told, which must be neither.
#[derive(Debug, PartialEq)]
struct Stubborn {
    writes: bool,
}

impl Serialize for Stubborn {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.writes {
            serializer.serialize_u8(7)
        } else {
            Err(serde::ser::Error::custom("I do not write"))
        }
    }
}

impl<'de> Deserialize<'de> for Stubborn {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(serde::de::Error::custom("I do not read"))
    }
}

#[test]
fn what_serde_refuses_is_an_error_on_either_side() {
    let error = Process::spawn(|_: Stubborn| 1, Stubborn { writes: false }).unwrap_err();
    assert!(matches!(error, SpawnError::Argument { .. }), "{error:?}");
    each_way(|builder| {
        let error = builder.spawn(|_: Stubborn| 1, Stubborn { writes: true }).unwrap().join().unwrap_err();
        assert!(matches!(error, JoinError::Argument { .. }), "{error:?}");
        let error = builder.spawn(|writes: bool| Stubborn { writes }, false).unwrap().join().unwrap_err();
        assert!(matches!(error, JoinError::Result { .. }), "{error:?}");
        let error = builder.spawn(|writes: bool| Stubborn { writes }, true).unwrap().join().unwrap_err();
        assert!(matches!(error, JoinError::Garbage { .. }), "{error:?}");
    });
}

#[test]
fn handles_may_move_between_threads() {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<Process<Vec<u8>>>();
    is_shared::<heddle_ipc::process::Child>();
}
