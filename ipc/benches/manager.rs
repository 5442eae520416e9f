//! What a manager adds to a round trip over a Unix socket: reading a value through its proxy, beside an echo of as many bytes through a
//! socket pair.
#![cfg_attr(
    any(heddle_loom, heddle_shuttle, heddle_mutants),
    allow(unused, reason = "no processes under a checker")
)]

#[path = "../../primitives/benches/support/mod.rs"]
mod support;

use std::io::{Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use heddle_ipc::Workers;
use heddle_ipc::manager::{Dict, Manager};

fn get(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("manager/get");
    let manager = Manager::start().expect("a server process");
    let squares: Dict<u64, u64> = manager.dict().expect("it serves");
    (0..64).for_each(|n| _ = squares.insert(&n, &(n * n)).expect("it serves"));
    group.bench_function(BenchmarkId::new("heddle", 1), |bencher| {
        let mut n = 0;
        bencher.iter(|| {
            n = (n + 1) % 64;
            assert_eq!(squares.get(&n).expect("it serves"), Some(n * n));
        });
    });
    drop(manager);

    let mut echo = Echo::start();
    group.bench_function(BenchmarkId::new("socket", 1), |bencher| {
        let mut n = 0_u64;
        bencher.iter(|| {
            n += 1;
            assert_eq!(echo.call(n), n + 1);
        });
    });
}

/// A process that answers over a Unix socket.
struct Echo {
    stream: UnixStream,
    workers: Workers,
}

impl Echo {
    fn start() -> Echo {
        let workers = Workers::start(1).expect("a worker");
        let name = u64::from(std::process::id());
        let listener = UnixListener::bind_addr(&address(name)).expect("a name");
        drop(workers.submit(0, answer, name).expect("room"));
        let (stream, _) = listener.accept().expect("it connects");
        Echo { stream, workers }
    }

    fn call(&mut self, n: u64) -> u64 {
        let mut bytes = n.to_ne_bytes();
        self.stream.write_all(&bytes).expect("it listens");
        self.stream.read_exact(&mut bytes).expect("it answers");
        u64::from_ne_bytes(bytes)
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.workers.kill(0).expect("a process may kill its child");
    }
}

fn address(name: u64) -> SocketAddr {
    SocketAddr::from_abstract_name(format!("heddle-bench-{name}")).expect("short")
}

fn answer(name: u64) -> u64 {
    let mut stream = UnixStream::connect_addr(&address(name)).expect("the parent listens");
    let mut bytes = [0; 8];
    while stream.read_exact(&mut bytes).is_ok() {
        let answer = u64::from_ne_bytes(bytes) + 1;
        if stream.write_all(&answer.to_ne_bytes()).is_err() {
            break;
        }
    }
    0
}

criterion_group!(benches, get);
criterion_main!(benches);
