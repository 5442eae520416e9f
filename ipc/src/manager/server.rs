//! Who answers: a thread for each connection.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use heddle_primitives::sync::atomic::{AtomicU64, Ordering};
use heddle_primitives::sync::thread;
use heddle_primitives::{Condvar, Mutex, MutexGuard};
use rustix::event::{PollFd, PollFlags, Timespec};

use super::objects::{self, Lock, Object, Objects, Queue};
use super::protocol::{CONFIRMED, GREETING, LockOp, QueueOp, Refusal, Reply, Request};
use super::wire;

/// How often a thread that waits on behalf of a client looks whether the client is still there.
const LOOK_AROUND: Duration = Duration::from_millis(20);

/// How long a client may take to greet.
const GREETING_TIME: Duration = Duration::from_secs(5);

struct Server {
    objects: Mutex<Objects>,
    connections: AtomicU64,
}

/// Serves clients until the process ends.
pub(super) fn serve(listener: &UnixListener) -> ! {
    let server = Arc::new(Server { objects: Mutex::new(Objects::default()), connections: AtomicU64::new(0) });
    loop {
        let Ok((stream, _)) = listener.accept() else {
            // No descriptors left: clients that go free some.
            std::thread::sleep(LOOK_AROUND);
            continue;
        };
        let server = Arc::clone(&server);
        let thread = thread::Builder::new().name("heddle-manager".to_owned()).stack_size(128 << 10);
        // A client that gets no thread finds its connection closed.
        let _ = thread.spawn(move || Connection::new(&server, stream).run());
    }
}

/// What is known of a client.
struct Connection<'a> {
    server: &'a Server,
    stream: UnixStream,
    id: u64,
    /// The locks it has.
    holds: Vec<Arc<Object>>,
}

/// The connection is to end.
struct Gone;

impl<'a> Connection<'a> {
    fn new(server: &'a Server, stream: UnixStream) -> Connection<'a> {
        // ORDERING: Relaxed: only to be different.
        let id = server.connections.fetch_add(1, Ordering::Relaxed);
        Connection { server, stream, id, holds: Vec::new() }
    }

    fn run(mut self) {
        if self.greet().is_err() {
            return;
        }
        while let Ok(Some(request)) = wire::receive(&self.stream) {
            if self.answer(request).is_err() {
                break;
            }
        }
        // Ended in order with a lock, or dead: the next owner cannot know what state it was left in.
        for object in core::mem::take(&mut self.holds) {
            if let Object::Lock(lock) = &*object {
                unlock(lock, true);
            }
        }
    }

    /// Only processes of the same user are answered.
    fn greet(&mut self) -> std::io::Result<()> {
        let peer = rustix::net::sockopt::socket_peercred(&self.stream)?;
        if peer.uid != rustix::process::geteuid() {
            return Err(std::io::ErrorKind::PermissionDenied.into());
        }
        self.stream.set_read_timeout(Some(GREETING_TIME))?;
        let mut greeting = [0; GREETING.len()];
        self.stream.read_exact(&mut greeting)?;
        self.stream.write_all(&GREETING)?;
        if greeting != GREETING {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
        self.stream.set_read_timeout(None)
    }

    fn answer(&mut self, request: Request) -> Result<(), Gone> {
        let reply = match request {
            Request::CreateDict => self.add(Object::Dict(Mutex::default())),
            Request::CreateList => self.add(Object::List(Mutex::default())),
            Request::CreateValue(value) => self.add(Object::Value(Mutex::new(value))),
            Request::CreateQueue(max) => self.add(Object::queue(max)),
            Request::CreateLock => self.add(Object::lock()),
            Request::Delete(id) => self.server.objects.lock().delete(id),
            Request::Publish(name, id) => self.server.objects.lock().publish(name, id),
            Request::Lookup(name) => self.server.objects.lock().lookup(&name),
            Request::Dict(id, op) => self.of(id, |object| match object {
                Object::Dict(dict) => Some(objects::ask_dict(dict, op)),
                _ => None,
            }),
            Request::List(id, op) => self.of(id, |object| match object {
                Object::List(list) => Some(objects::ask_list(list, op)),
                _ => None,
            }),
            Request::Value(id, op) => self.of(id, |object| match object {
                Object::Value(value) => Some(objects::ask_value(value, op)),
                _ => None,
            }),
            Request::Queue(id, op) => return self.queue(id, op),
            Request::Lock(id, op) => self.lock(id, op)?,
        };
        self.reply(&reply)
    }

    fn reply(&self, reply: &Reply) -> Result<(), Gone> {
        wire::send(&self.stream, reply).map_err(|_| Gone)
    }

    fn add(&self, object: Object) -> Reply {
        self.server.objects.lock().add(object)
    }

    /// What `ask` says of an object, `None` being that it is of another kind.
    fn of(&self, id: u64, ask: impl FnOnce(&Object) -> Option<Reply>) -> Reply {
        let object = self.server.objects.lock().get(id);
        match object {
            None => Reply::Refused(Refusal::NoSuchObject),
            Some(object) => ask(&object).unwrap_or(Reply::Refused(Refusal::OtherKind)),
        }
    }

    fn queue(&self, id: u64, op: QueueOp) -> Result<(), Gone> {
        let object = self.server.objects.lock().get(id);
        let queue = match object.as_deref() {
            Some(Object::Queue(queue)) => queue,
            Some(_) => return self.reply(&Reply::Refused(Refusal::OtherKind)),
            None => return self.reply(&Reply::Refused(Refusal::NoSuchObject)),
        };
        match op {
            QueueOp::Len => self.reply(&Reply::Count(queue.items.lock().len() as u64)),
            QueueOp::Put(item, limit) => {
                let has_room =
                    |items: &std::collections::VecDeque<_>| queue.max == 0 || items.len() < queue.max;
                match self.wait(&queue.items, &queue.changed, limit, has_room)? {
                    None => self.reply(&Reply::TimedOut),
                    Some(mut items) => {
                        items.push_back(item);
                        drop(items);
                        queue.changed.notify_all();
                        self.reply(&Reply::Done)
                    }
                }
            }
            QueueOp::Get(limit) => self.get(queue, limit),
        }
    }

    /// Hands an item out. Until the client says that it has it, the item goes back to its place if the client is gone.
    fn get(&self, queue: &Queue, limit: Option<u64>) -> Result<(), Gone> {
        let Some(mut items) = self.wait(&queue.items, &queue.changed, limit, |items| !items.is_empty())?
        else {
            return self.reply(&Reply::TimedOut);
        };
        let item = items.pop_front().expect("waited for it");
        drop(items);
        queue.changed.notify_all();
        let reply = Reply::Blob(item);
        let mut confirmed = [0];
        let has_it = self.reply(&reply).is_ok()
            && (&self.stream).read_exact(&mut confirmed).is_ok()
            && confirmed[0] == CONFIRMED;
        if has_it {
            return Ok(());
        }
        let Reply::Blob(item) = reply else { unreachable!("made above") };
        queue.items.lock().push_front(item);
        queue.changed.notify_all();
        Err(Gone)
    }

    fn lock(&mut self, id: u64, op: LockOp) -> Result<Reply, Gone> {
        let Some(object) = self.server.objects.lock().get(id) else {
            return Ok(Reply::Refused(Refusal::NoSuchObject));
        };
        let Object::Lock(lock) = &*object else { return Ok(Reply::Refused(Refusal::OtherKind)) };
        match op {
            LockOp::IsLocked => Ok(Reply::Truth(lock.state.lock().owner.is_some())),
            LockOp::Unlock => match self.holds.iter().position(|held| Arc::ptr_eq(held, &object)) {
                None => Ok(Reply::Refused(Refusal::NotHeld)),
                Some(at) => {
                    self.holds.swap_remove(at);
                    unlock(lock, false);
                    Ok(Reply::Done)
                }
            },
            LockOp::Lock(limit) => {
                let Some(mut state) =
                    self.wait(&lock.state, &lock.freed, limit, |state| state.owner.is_none())?
                else {
                    return Ok(Reply::TimedOut);
                };
                let died = core::mem::take(&mut state.owner_died);
                state.owner = Some(self.id);
                drop(state);
                self.holds.push(Arc::clone(&object));
                Ok(Reply::Truth(died))
            }
        }
    }

    /// Waits until `holds` does, for so many milliseconds at most, then `None`; or until the client is gone.
    fn wait<'m, T>(
        &self,
        mutex: &'m Mutex<T>,
        changed: &Condvar,
        limit: Option<u64>,
        holds: impl Fn(&T) -> bool,
    ) -> Result<Option<MutexGuard<'m, T>>, Gone> {
        let deadline = limit.and_then(|limit| Instant::now().checked_add(Duration::from_millis(limit)));
        let mut guard = mutex.lock();
        while !holds(&guard) {
            let now = Instant::now();
            if deadline.is_some_and(|deadline| deadline <= now) {
                return Ok(None);
            }
            let look = now + LOOK_AROUND;
            changed.wait_until(&mut guard, deadline.map_or(look, |deadline| deadline.min(look)));
            if self.is_gone() {
                return Err(Gone);
            }
        }
        Ok(Some(guard))
    }

    /// Whether the client has closed its end, or said something while it is to wait, which it may not.
    fn is_gone(&self) -> bool {
        let mut fd = [PollFd::new(&self.stream, PollFlags::IN | PollFlags::RDHUP)];
        matches!(rustix::event::poll(&mut fd, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })), Ok(n) if n > 0)
    }
}

fn unlock(lock: &Lock, died: bool) {
    let mut state = lock.state.lock();
    state.owner = None;
    state.owner_died |= died;
    drop(state);
    lock.freed.notify_all();
}
