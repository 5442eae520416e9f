//! The server that `echo` waits for: a process of its own, so that its work is nobody's in the team.

use std::collections::{HashMap, VecDeque};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use heddle_ipc::Workers;
use heddle_primitives::sync::thread;
use rustix::event::epoll;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};

/// A TCP server on the loopback interface that sends every byte back after a set delay. It ends when it is dropped.
#[derive(Debug)]
pub struct Server {
    port: u16,
    _process: Workers,
}

impl Server {
    /// Starts the server in a process of its own.
    ///
    /// # Errors
    /// If the process or the listening socket cannot be had.
    pub fn start(delay: Duration) -> io::Result<Server> {
        let process = Workers::start(1).map_err(io::Error::other)?;
        let nanos = u64::try_from(delay.as_nanos()).map_err(io::Error::other)?;
        let port = process.call(0, open, nanos).map_err(io::Error::other)?;
        let port =
            u16::try_from(port).map_err(|_| io::Error::other("the server could not listen on 127.0.0.1"))?;
        Ok(Server { port, _process: process })
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// Starts to serve on a thread of the worker process; returns the port, or `u32::MAX` if there is none.
fn open(delay_nanos: u64) -> u32 {
    let opened = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| {
        let port = listener.local_addr()?.port();
        thread::Builder::new().name("echo-server".into()).spawn(move || {
            if let Err(error) = serve(&listener, Duration::from_nanos(delay_nanos)) {
                eprintln!("the echo server stopped: {error}");
            }
        })?;
        Ok(port)
    });
    opened.map_or(u32::MAX, u32::from)
}

/// What has arrived and is to be sent back.
struct Pending {
    due: Instant,
    connection: u64,
    bytes: Vec<u8>,
}

/// The token of the listening socket; connections count from 0.
const LISTENER: u64 = u64::MAX;
/// The token of the timer. The time-out of a poll counts in milliseconds, half the delay.
const TIMER: u64 = u64::MAX - 1;

/// How long before a reply is due the server stays awake: waking up takes a virtual CPU that has halted 20 us and more, which
/// would be a part of every reply's delay.
const LOOK_OUT: Duration = Duration::from_micros(100);

/// One thread serves all connections: the delay is the same for all, so what arrived first is due first.
fn serve(listener: &TcpListener, delay: Duration) -> io::Result<()> {
    // The default slack of 50 us would be 2.5 % of the delay.
    let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
    listener.set_nonblocking(true)?;
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    epoll::add(&poll, listener.as_fd(), epoll::EventData::new_u64(LISTENER), epoll::EventFlags::IN)?;
    let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC)?;
    epoll::add(
        &poll,
        timer.as_fd(),
        epoll::EventData::new_u64(TIMER),
        epoll::EventFlags::IN | epoll::EventFlags::ET,
    )?;
    let mut armed = None;
    let mut connections: HashMap<u64, TcpStream> = HashMap::new();
    let mut next = 0u64;
    let mut queue: VecDeque<Pending> = VecDeque::new();
    let mut events = Vec::with_capacity(256);
    loop {
        let wake = queue.front().map(|pending| pending.due - LOOK_OUT);
        let look_out = wake.is_some_and(|wake| wake <= Instant::now());
        if let Some(wake) = wake.filter(|wake| !look_out && armed != Some(*wake)) {
            arm(timer.as_fd(), wake)?;
            armed = Some(wake);
        }
        events.clear();
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        let timeout = look_out.then_some(&at_once);
        match epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), timeout) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &events {
            let token = event.data.u64();
            if token == TIMER {
                continue;
            }
            if token == LISTENER {
                while let Some(stream) = accept(listener)? {
                    stream.set_nonblocking(true)?;
                    stream.set_nodelay(true)?;
                    epoll::add(
                        &poll,
                        stream.as_fd(),
                        epoll::EventData::new_u64(next),
                        epoll::EventFlags::IN,
                    )?;
                    connections.insert(next, stream);
                    next += 1;
                }
                continue;
            }
            let Some(stream) = connections.get_mut(&token) else { continue };
            let mut bytes = [0u8; 4096];
            match stream.read(&mut bytes) {
                Ok(n) if n > 0 => {
                    let due = Instant::now() + delay;
                    queue.push_back(Pending { due, connection: token, bytes: bytes[..n].to_vec() });
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // The peer has closed, or is gone: closing the descriptor removes it from the poll.
                Ok(_) | Err(_) => drop(connections.remove(&token)),
            }
        }
        // One at a time: while many are sent back, requests wait to be read, and their delays start late; then these are due
        // together too, and so on for ever.
        if let Some(pending) = queue.pop_front_if(|pending| pending.due <= Instant::now()) {
            // A peer that sends more than its socket holds without reading is cut off.
            let sent =
                connections.get_mut(&pending.connection).map(|stream| stream.write_all(&pending.bytes));
            if let Some(Err(_)) = sent {
                connections.remove(&pending.connection);
            }
        }
    }
}

/// Has the timer go off at `wake`, or at once if that is past. Edge-triggered, so it need not be read.
fn arm(timer: BorrowedFd<'_>, wake: Instant) -> io::Result<()> {
    // Zero would disarm it.
    let left = wake.saturating_duration_since(Instant::now()).max(Duration::from_nanos(1));
    let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
    let value = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
    timerfd_settime(timer, TimerfdTimerFlags::empty(), &Itimerspec { it_interval: zero, it_value: value })?;
    Ok(())
}

fn accept(listener: &TcpListener) -> io::Result<Option<TcpStream>> {
    match listener.accept() {
        Ok((stream, _)) => Ok(Some(stream)),
        // ConnectionAborted: the peer gave up before it was accepted.
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::ConnectionAborted) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
