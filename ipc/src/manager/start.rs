//! How a manager starts, and what it creates.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::sync::Arc;

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::client::Client;
use super::dict::{Dict, Namespace};
use super::error::{ConnectError, ManagerError, StartError};
use super::list::List;
use super::lock::Lock;
use super::protocol::{Kind, Refusal, Reply, Request};
use super::proxy::{Proxy, Remote, to_blob, told, truth};
use super::queue::Queue;
use super::server;
use super::value::Value;
use crate::os;
use crate::ticket::Ticket;
use crate::workers::Workers;

/// A connection to a process that holds objects for others.
///
/// The server ends with the manager that [started](Manager::start) it, or with that one's process; its objects with it. The name is in the abstract
/// namespace of Unix sockets: no file is left behind, and processes in another network namespace cannot see it.
#[derive(Debug)]
pub struct Manager {
    client: Arc<Client>,
    /// The server, if it is this manager's.
    server: Option<Server>,
}

#[derive(Debug)]
struct Server {
    workers: Workers,
    _never_answered: Ticket<u64>,
}

/// What the server's process is told.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Orders {
    name: [u8; NAME_LEN],
}

/// "heddle-manager-", and 32 hexadecimal digits, and a space.
const NAME_LEN: usize = 48;

impl Manager {
    /// Starts a server process and connects to it.
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    pub fn start() -> Result<Manager, StartError> {
        let random = || os::random_u64().map_err(|source| StartError::Socket { source });
        let name = format!("heddle-manager-{:016x}{:016x}", random()?, random()?);
        let workers = Workers::builder().grace(std::time::Duration::ZERO).start()?;
        let mut orders = Orders { name: [b' '; NAME_LEN] };
        orders.name[..name.len()].copy_from_slice(name.as_bytes());
        // Bound before anybody is told the name; the socket is ready when this returns.
        match workers.call(0, bind, orders) {
            Ok(0) => {}
            Ok(error) => {
                return Err(StartError::Socket { source: std::io::Error::from_raw_os_error(error as i32) });
            }
            Err(error) => return Err(StartError::Socket { source: std::io::Error::other(error) }),
        }
        let serves = workers.submit(0, serve, 0_u64)?;
        let manager =
            Manager { client: Client::of(&name), server: Some(Server { workers, _never_answered: serves }) };
        manager.client.greet()?;
        Ok(manager)
    }

    /// Connects to a manager that another process started.
    ///
    /// # Errors
    ///
    /// See [`ConnectError`].
    pub fn connect(name: &str) -> Result<Manager, ConnectError> {
        let client = Client::of(name);
        client.greet()?;
        Ok(Manager { client, server: None })
    }

    /// What other processes connect by.
    pub fn name(&self) -> &str {
        self.client.name()
    }

    /// The server's process id, if this manager started it.
    pub fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(|server| server.workers.pids()[0])
    }

    /// Creates a dictionary.
    ///
    /// # Errors
    ///
    /// See [`ManagerError`].
    pub fn dict<K, V>(&self) -> Result<Dict<K, V>, ManagerError> {
        self.create(&Request::CreateDict)
    }

    /// Creates a namespace.
    ///
    /// # Errors
    ///
    /// See [`ManagerError`].
    pub fn namespace<V>(&self) -> Result<Namespace<V>, ManagerError> {
        self.dict()
    }

    /// Creates a list.
    ///
    /// # Errors
    ///
    /// See [`ManagerError`].
    pub fn list<T>(&self) -> Result<List<T>, ManagerError> {
        self.create(&Request::CreateList)
    }

    /// Creates a value.
    ///
    /// # Errors
    ///
    /// See [`ManagerError`].
    pub fn value<T: Serialize>(&self, value: &T) -> Result<Value<T>, ManagerError> {
        self.create(&Request::CreateValue(to_blob(value)?))
    }

    /// Creates a queue of at most `max` items; 0 for any number.
    ///
    /// # Errors
    ///
    /// See [`ManagerError`].
    pub fn queue<T>(&self, max: usize) -> Result<Queue<T>, ManagerError> {
        self.create(&Request::CreateQueue(max as u64))
    }

    /// Creates a lock.
    ///
    /// # Errors
    ///
    /// See [`ManagerError`].
    pub fn lock(&self) -> Result<Lock, ManagerError> {
        self.create(&Request::CreateLock)
    }

    /// Gives an object a name by which others find it; another object that had it loses it.
    ///
    /// # Errors
    ///
    /// See [`ManagerError`]; [`ManagerError::NoSuchObject`] for an object of another manager, too, unless that has one of the same number.
    pub fn publish(&self, name: &str, object: &impl Proxy) -> Result<(), ManagerError> {
        let request = Request::Publish(name.to_owned(), object.remote().id);
        told(self.client.ask(&request)?).map(drop)
    }

    /// The object that was published by this name.
    ///
    /// # Errors
    ///
    /// [`ManagerError::NoSuchName`], [`ManagerError::OtherKind`], and the others of [`ManagerError`]. That keys and values have other types shows
    /// only when they are used.
    pub fn lookup<P: Proxy>(&self, name: &str) -> Result<P, ManagerError> {
        let reply = self.client.ask(&Request::Lookup(name.to_owned()))?;
        if let Reply::Refused(Refusal::NoSuchName) = reply {
            return Err(ManagerError::NoSuchName { name: name.to_owned() });
        }
        self.object(told(reply)?)
    }

    /// Forgets an object: whoever still has a proxy gets [`ManagerError::NoSuchObject`]. Returns whether it was there.
    ///
    /// # Errors
    ///
    /// See [`ManagerError`].
    pub fn delete(&self, object: &impl Proxy) -> Result<bool, ManagerError> {
        truth(told(self.client.ask(&Request::Delete(object.remote().id))?)?)
    }

    fn create<P: Proxy>(&self, request: &Request) -> Result<P, ManagerError> {
        self.object(told(self.client.ask(request)?)?)
    }

    fn object<P: Proxy>(&self, reply: Reply) -> Result<P, ManagerError> {
        let Reply::Object(id, kind) = reply else { return Err(ManagerError::Protocol) };
        let expected: Kind = P::KIND;
        if kind != expected {
            return Err(ManagerError::OtherKind);
        }
        Ok(P::over(Remote { client: Arc::clone(&self.client), id }))
    }
}

/// Where [`bind`] leaves the socket for [`serve`].
static LISTENER: heddle_primitives::OnceLock<UnixListener> = heddle_primitives::OnceLock::new();

/// In the server's process: takes the name. Returns 0, or the system's error.
fn bind(orders: Orders) -> u64 {
    let name = orders.name.trim_ascii();
    match SocketAddr::from_abstract_name(name).and_then(|address| UnixListener::bind_addr(&address)) {
        Ok(listener) => {
            let _ = LISTENER.set(listener);
            0
        }
        Err(error) => error.raw_os_error().unwrap_or(libc::EIO) as u64,
    }
}

/// In the server's process: serves until it is ended.
fn serve(_: u64) -> u64 {
    server::serve(LISTENER.get().expect("bound before"))
}
