//! Who asks: the connections of this process to a manager.

use std::io::{Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::sync::{Arc, Weak};

use heddle_primitives::Mutex;

use super::error::{ConnectError, ManagerError};
use super::protocol::{GREETING, Refusal, Reply, Request};
use super::wire;

/// The clients of this process that somebody holds, so that proxies of one manager share their connections.
static CLIENTS: Mutex<Vec<Weak<Client>>> = Mutex::new(Vec::new());

/// A manager, seen from this process: its name, and connections that nobody uses at the moment. A question that waits keeps its
/// connection to itself, so threads do not wait for each other's answers.
#[derive(Debug)]
pub(super) struct Client {
    name: String,
    /// Of this process; after a fork they are the parent's.
    process: u32,
    idle: Mutex<Vec<UnixStream>>,
}

/// Idle connections beyond these are closed.
const IDLE: usize = 8;

impl Client {
    /// The client of this process for the manager of this name.
    pub(super) fn of(name: &str) -> Arc<Client> {
        let process = std::process::id();
        let mut clients = CLIENTS.lock();
        clients.retain(|client| client.strong_count() > 0);
        let known = clients.iter().filter_map(Weak::upgrade);
        if let Some(known) = { known }.find(|client| client.name == name && client.process == process) {
            return known;
        }
        let client = Arc::new(Client { name: name.to_owned(), process, idle: Mutex::default() });
        clients.push(Arc::downgrade(&client));
        client
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Asks, and waits for the answer.
    pub(super) fn ask(self: &Arc<Self>, request: &Request) -> Result<Reply, ManagerError> {
        let connection = self.connect()?;
        let reply = connection.ask(request)?;
        connection.put_back();
        Ok(reply)
    }

    /// A connection for the caller alone.
    pub(super) fn connect(self: &Arc<Self>) -> Result<Connection, ConnectError> {
        let idle = if self.process == std::process::id() { self.idle.lock().pop() } else { None };
        let stream = match idle {
            Some(stream) => stream,
            None => self.open()?,
        };
        Ok(Connection { client: Arc::clone(self), stream })
    }

    /// Makes sure that somebody listens, by a fresh connection.
    pub(super) fn greet(self: &Arc<Self>) -> Result<(), ConnectError> {
        Connection { client: Arc::clone(self), stream: self.open()? }.put_back();
        Ok(())
    }

    fn open(&self) -> Result<UnixStream, ConnectError> {
        let name = || self.name.clone();
        let not_there = |source| ConnectError::NotThere { name: name(), source };
        let address = SocketAddr::from_abstract_name(&self.name).map_err(not_there)?;
        let mut stream = UnixStream::connect_addr(&address).map_err(not_there)?;
        // The kernel says who listens; a name alone anybody may have taken.
        let theirs = rustix::net::sockopt::socket_peercred(&stream).map_err(|e| not_there(e.into()))?.uid;
        let ours = rustix::process::geteuid();
        if theirs != ours {
            let (theirs, ours) = (theirs.as_raw(), ours.as_raw());
            return Err(ConnectError::OtherUser { name: name(), theirs, ours });
        }
        let mut greeting = [0; GREETING.len()];
        let greeted = stream.write_all(&GREETING).and_then(|()| stream.read_exact(&mut greeting));
        if greeted.is_err() || greeting != GREETING {
            return Err(ConnectError::NoManager { name: name() });
        }
        Ok(stream)
    }
}

/// A connection in use. Dropping it closes it; see [`put_back`](Connection::put_back).
#[derive(Debug)]
pub(super) struct Connection {
    client: Arc<Client>,
    stream: UnixStream,
}

impl Connection {
    pub(super) fn ask(&self, request: &Request) -> Result<Reply, ManagerError> {
        let broken = |source| ManagerError::Broken { source };
        wire::send(&self.stream, request).map_err(broken)?;
        match wire::receive(&self.stream).map_err(broken)? {
            Some(reply) => Ok(reply),
            None => Err(broken(std::io::ErrorKind::UnexpectedEof.into())),
        }
    }

    /// Says that the last answer has come.
    pub(super) fn confirm(&self, byte: u8) -> Result<(), ManagerError> {
        (&self.stream).write_all(&[byte]).map_err(|source| ManagerError::Broken { source })
    }

    /// Lets others use the connection, which is between two questions.
    pub(super) fn put_back(self) {
        let mut idle = self.client.idle.lock();
        if idle.len() < IDLE {
            idle.push(self.stream);
        }
    }
}

/// What a refusal means to the caller.
pub(super) fn refused(refusal: Refusal) -> ManagerError {
    match refusal {
        Refusal::NoSuchObject => ManagerError::NoSuchObject,
        Refusal::OtherKind => ManagerError::OtherKind,
        Refusal::OutOfBounds => ManagerError::OutOfBounds,
        Refusal::NoSuchName | Refusal::NotHeld | Refusal::NotUnderstood => ManagerError::Protocol,
    }
}
