//! A manager and its clients, some of which are killed.

#![cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::time::{Duration, Instant};

use heddle_ipc::Workers;
use heddle_ipc::manager::{ConnectError, Dict, List, Lock, Manager, ManagerError, Queue, Value};
use heddle_primitives::sync::thread;
use proptest::prelude::*;
use zerocopy::{FromBytes, Immutable, IntoBytes};

const SOON: Duration = Duration::from_secs(20);

/// A manager's name, for a task.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Name([u8; 48]);

impl Name {
    fn of(manager: &Manager) -> Name {
        let mut name = [b' '; 48];
        name[..manager.name().len()].copy_from_slice(manager.name().as_bytes());
        Name(name)
    }

    fn connect(self) -> Manager {
        Manager::connect(core::str::from_utf8(&self.0).expect("ASCII").trim_end()).expect("it listens")
    }
}

fn kill(workers: &Workers, rank: usize) {
    workers.kill(rank).expect("a child may be killed");
    let start = Instant::now();
    while workers.exit(rank).is_none() {
        assert!(start.elapsed() < SOON, "killed, and still there");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn each_kind_of_object() {
    let manager = Manager::start().unwrap();
    let dict: Dict<String, Vec<u32>> = manager.dict().unwrap();
    assert!(dict.is_empty().unwrap());
    assert_eq!(dict.insert(&"a".to_owned(), &vec![1]).unwrap(), None);
    assert_eq!(dict.get_or_insert(&"a".to_owned(), &vec![2]).unwrap(), [1]);
    assert_eq!(dict.get_or_insert(&"b".to_owned(), &vec![2]).unwrap(), [2]);
    assert_eq!(dict.items().unwrap().into_iter().collect::<BTreeMap<_, _>>().len(), 2);
    assert_eq!(dict.values().unwrap().concat().iter().sum::<u32>(), 3);
    assert!(dict.contains_key(&"b".to_owned()).unwrap() && !dict.contains_key(&"c".to_owned()).unwrap());
    assert_eq!(dict.remove(&"a".to_owned()).unwrap(), Some(vec![1]));
    assert_eq!((dict.len().unwrap(), dict.keys().unwrap()), (1, vec!["b".to_owned()]));
    dict.clear().unwrap();
    assert_eq!(dict.get(&"b".to_owned()).unwrap(), None);

    let list: List<i64> = manager.list().unwrap();
    list.extend(&[1, 2, 3]).unwrap();
    list.insert(0, &-1).unwrap();
    assert_eq!((list.set(1, &10).unwrap(), list.remove(2).unwrap(), list.pop().unwrap()), (1, 2, Some(3)));
    assert_eq!(list.to_vec().unwrap(), [-1, 10]);
    assert!(matches!(list.set(2, &0), Err(ManagerError::OutOfBounds)));
    assert!(matches!(list.insert(3, &0), Err(ManagerError::OutOfBounds)));
    assert!(matches!(list.remove(usize::MAX), Err(ManagerError::OutOfBounds)));
    assert_eq!((list.get(1).unwrap(), list.get(2).unwrap(), list.len().unwrap()), (Some(10), None, 2));

    let value: Value<Option<bool>> = manager.value(&None).unwrap();
    assert!(value.compare_exchange(&None, &Some(true)).unwrap());
    assert!(!value.compare_exchange(&None, &Some(false)).unwrap());
    assert_eq!(value.swap(&Some(false)).unwrap(), Some(true));
    assert_eq!(value.get().unwrap(), Some(false));

    let namespace = manager.namespace::<f64>().unwrap();
    namespace.insert(&"pi".to_owned(), &3.25).unwrap();
    assert_eq!(namespace.get(&"pi".to_owned()).unwrap(), Some(3.25));
}

#[test]
fn names_kinds_and_types_are_checked() {
    let manager = Manager::start().unwrap();
    let list: List<u8> = manager.list().unwrap();
    manager.publish("it", &list).unwrap();
    assert!(matches!(manager.lookup::<Lock>("it"), Err(ManagerError::OtherKind)));
    assert!(matches!(manager.lookup::<List<u8>>("other"), Err(ManagerError::NoSuchName { .. })));
    let as_text: List<String> = manager.lookup("it").unwrap();
    list.push(&9).unwrap();
    assert!(matches!(as_text.get(0), Err(ManagerError::Deserialize { .. })));
    assert!(manager.delete(&list).unwrap());
    assert!(!manager.delete(&list).unwrap());
    assert!(matches!(list.len(), Err(ManagerError::NoSuchObject)));
    assert!(matches!(manager.lookup::<List<u8>>("it"), Err(ManagerError::NoSuchName { .. })));
    assert!(matches!(manager.publish("it", &list), Err(ManagerError::NoSuchObject)));
    assert!(matches!(Manager::connect("heddle-nobody"), Err(ConnectError::NotThere { .. })));
}

#[test]
fn proxies_travel() {
    let manager = Manager::start().unwrap();
    let list: List<u64> = manager.list().unwrap();
    let bytes = postcard::to_stdvec(&list).unwrap();
    let same: List<u64> = postcard::from_bytes(&bytes).unwrap();
    same.push(&5).unwrap();
    assert_eq!(list.to_vec().unwrap(), [5]);
}

#[test]
fn large_things() {
    let manager = Manager::start().unwrap();
    let dict: Dict<u8, Vec<u8>> = manager.dict().unwrap();
    let large: Vec<u8> = (0..10_000_000_u32).map(|n| (n % 251) as u8).collect();
    dict.insert(&1, &large).unwrap();
    assert!(dict.get(&1).unwrap() == Some(large));
}

fn add_under_lock(name: Name) -> u64 {
    let manager = name.connect();
    let (lock, count): (Lock, Value<u64>) =
        (manager.lookup("lock").expect("published"), manager.lookup("count").expect("published"));
    for _ in 0..200 {
        let guard = lock.lock().expect("it lives");
        count.set(&(count.get().expect("it lives") + 1)).expect("it lives");
        guard.unlock().expect("it lives");
    }
    200
}

#[test]
fn a_lock_excludes() {
    let manager = Manager::start().unwrap();
    let (lock, count) = (manager.lock().unwrap(), manager.value(&0_u64).unwrap());
    manager.publish("lock", &lock).unwrap();
    manager.publish("count", &count).unwrap();
    let workers = Workers::start(2).unwrap();
    let name = Name::of(&manager);
    let tickets = [0, 1].map(|rank| workers.submit(rank, add_under_lock, name).unwrap());
    for ticket in tickets {
        assert_eq!(ticket.wait(None), Ok(200));
    }
    assert_eq!(count.get().unwrap(), 400);
    let guard = lock.try_lock().unwrap();
    assert!(matches!(lock.try_lock(), Err(ManagerError::TimedOut)));
    assert!(matches!(lock.try_lock_for(Duration::from_millis(30)), Err(ManagerError::TimedOut)));
    drop(guard);
    assert!(!lock.try_lock().unwrap().owner_died());
}

fn hold_the_lock(name: Name) -> u64 {
    let guard = name.connect().lookup::<Lock>("lock").expect("published").lock().expect("it lives");
    core::mem::forget(guard);
    1
}

#[test]
fn a_client_that_dies_loses_its_lock() {
    let manager = Manager::start().unwrap();
    let lock = manager.lock().unwrap();
    manager.publish("lock", &lock).unwrap();
    let workers = Workers::start(1).unwrap();
    workers.call(0, hold_the_lock, Name::of(&manager)).unwrap();
    assert!(lock.is_locked().unwrap());
    let waits = thread::spawn({
        let lock = lock.clone();
        move || lock.lock().unwrap().owner_died()
    });
    std::thread::sleep(Duration::from_millis(10));
    kill(&workers, 0);
    assert!(waits.join().unwrap(), "it is told");
    assert!(!lock.lock().unwrap().owner_died(), "once");
}

fn wait_for_an_item(name: Name) -> u64 {
    name.connect().lookup::<Queue<u64>>("items").expect("published").get().expect("it lives")
}

/// Clients that wait for an item and are killed take none with them.
#[test]
fn a_waiting_client_that_dies_takes_nothing() {
    let manager = Manager::start().unwrap();
    let items: Queue<u64> = manager.queue(0).unwrap();
    manager.publish("items", &items).unwrap();
    let mut workers = Workers::start(1).unwrap();
    for n in 0..20 {
        let _ticket = workers.submit(0, wait_for_an_item, Name::of(&manager)).unwrap();
        std::thread::sleep(Duration::from_millis(n % 5));
        kill(&workers, 0);
        // The server sees the end of the connection before it could hand out what comes from now on, or after: then it comes back.
        items.put(&n).unwrap();
        let got = items.get_timeout(SOON);
        assert!(matches!(got, Ok(item) if item == n), "{n}: {got:?}");
        workers.restart(0).unwrap();
    }
    assert!(items.is_empty().unwrap());
}

#[test]
fn a_queue_waits_for_room() {
    let manager = Manager::start().unwrap();
    let items: Queue<String> = manager.queue(1).unwrap();
    items.put(&"one".to_owned()).unwrap();
    assert!(matches!(
        items.put_timeout(&"two".to_owned(), Duration::from_millis(20)),
        Err(ManagerError::TimedOut)
    ));
    let puts = thread::spawn({
        let items = items.clone();
        move || items.put(&"two".to_owned()).unwrap()
    });
    std::thread::sleep(Duration::from_millis(5));
    assert_eq!((items.get().unwrap(), items.get().unwrap()), ("one".to_owned(), "two".to_owned()));
    puts.join().unwrap();
    assert!(matches!(items.get_timeout(Duration::from_millis(20)), Err(ManagerError::TimedOut)));
}

#[test]
fn a_manager_that_is_killed_is_an_error() {
    let manager = Manager::start().unwrap();
    let list: List<u8> = manager.list().unwrap();
    list.push(&1).unwrap();
    let pid = manager.pid().unwrap();
    // SAFETY: a child of this process, which has not been waited for.
    assert_eq!(unsafe { libc::kill(pid as i32, libc::SIGKILL) }, 0);
    let start = Instant::now();
    // The first ones may find a connection that breaks, later ones that nobody listens.
    while !matches!(list.len(), Err(ManagerError::Connect(_))) {
        assert!(start.elapsed() < SOON);
    }
}

#[test]
fn the_server_ends_with_its_manager() {
    let manager = Manager::start().unwrap();
    let (name, list) = (manager.name().to_owned(), manager.list::<u8>().unwrap());
    drop(manager);
    assert!(matches!(Manager::connect(&name), Err(ConnectError::NotThere { .. })));
    assert!(list.len().is_err());
}

/// What a stranger may say to the server: it goes on, for others.
fn say(name: &str, bytes: &[u8]) {
    let mut stream = UnixStream::connect_addr(&SocketAddr::from_abstract_name(name).unwrap()).unwrap();
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut answer = Vec::new();
    stream.set_read_timeout(Some(SOON)).unwrap();
    let _ = stream.read_to_end(&mut answer);
}

#[test]
fn nonsense_ends_its_own_connection_only() {
    let manager = Manager::start().unwrap();
    let list: List<u8> = manager.list().unwrap();
    let greeting = b"heddleM\x01";
    for nonsense in [&b""[..], b"GET / HTTP/1.1\r\n\r\n", greeting] {
        say(manager.name(), nonsense);
    }
    for message in [&[0xff; 4][..], &[4, 0, 0, 0, 0xff, 0xff, 0xff, 0xff], &[200, 0, 0, 0, 1]] {
        say(manager.name(), &[greeting, message].concat());
    }
    assert_eq!(list.len().unwrap(), 0);
}

#[test]
fn what_listens_and_is_no_manager() {
    let name = format!("heddle-test-{}", std::process::id());
    let listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    let answers = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.write_all(b"SSH-2.0-OpenSSH");
    });
    assert!(matches!(Manager::connect(&name), Err(ConnectError::NoManager { .. })));
    answers.join().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_bytes_leave_the_server_alive(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let manager = Manager::start().unwrap();
        say(manager.name(), &[&b"heddleM\x01"[..], &(bytes.len() as u32).to_le_bytes(), &bytes].concat());
        prop_assert_eq!(manager.list::<u8>().unwrap().len().unwrap(), 0);
    }
}
