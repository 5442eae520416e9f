//! Where unrelated processes meet.

use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, Stat};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use super::address::{Address, Folder, Kind};
use super::error::{AcceptError, BindError, ConnectError, HandshakeError};
use super::{CAPACITY, Connection, handshake};
use crate::os;

/// How long a peer may take to say who it is.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// How long another listener may take to look at a file that is in the way.
const LOCK: Duration = Duration::from_secs(1);
/// Clients that may wait to be accepted.
const BACKLOG: i32 = 128;

/// Waits for processes that want to connect; Python's `multiprocessing.connection.Listener`.
///
/// They need be neither related nor of the same program; a version of the memory's layout is compared. Only processes of the same user are
/// accepted, as the kernel names it (`SO_PEERCRED`), unless others are [allowed](Listener::allow_user). Python's `authkey` is not needed for
/// that: on one host the kernel knows better than a shared secret.
///
/// The socket's file has mode 0600 and appears when the listener is ready, not before. A file of a listener that has died, of the same user
/// and where nobody answers, is replaced; any other file in the way is an error. The file is removed with the listener, if it is still
/// that file.
///
/// ```
/// use heddle_ipc::connection::{Address, Client, Listener};
/// use heddle_primitives::sync::thread;
///
/// let address = Address::abstract_name(format!("example-{}", std::process::id()));
/// let listener = Listener::bind(address.clone())?;
/// let client = thread::spawn(move || {
///     let mut connection = Client::new().connect(address).unwrap();
///     connection.send("hello").unwrap();
/// });
/// assert_eq!(listener.accept()?.recv::<String>()?, "hello");
/// client.join().unwrap();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Listener {
    socket: OwnedFd,
    /// Removed with the listener.
    _file: Option<File>,
    users: Vec<u32>,
    capacity: usize,
    patience: Duration,
}

/// The file that a listener has made.
#[derive(Debug)]
struct File {
    folder: Folder,
    name: std::ffi::OsString,
    id: (u64, u64),
    /// Who has made it: a forked child does not remove it.
    maker: u32,
}

/// How to connect to a [`Listener`]; Python's `multiprocessing.connection.Client`.
#[derive(Clone, Debug)]
pub struct Client {
    user: u32,
    timeout: Duration,
}

impl Listener {
    /// Listens at a path or a name.
    ///
    /// # Errors
    ///
    /// See [`BindError`]. Nothing is left behind.
    pub fn bind(address: impl Into<Address>) -> Result<Listener, BindError> {
        let address = address.into();
        if !address.is_possible() {
            return Err(BindError::Address { address });
        }
        let socket = socket()?;
        let file = match &address.0 {
            Kind::Abstract(name) => {
                let name = SocketAddrUnix::new_abstract_name(name.as_bytes())?;
                rustix::net::bind(&socket, &name)?;
                rustix::net::listen(&socket, BACKLOG)?;
                None
            }
            Kind::Path { folder, name } => {
                let folder = Folder::open(folder).map_err(|source| BindError::Os { source })?;
                Some(File::make(&socket, folder, name)?)
            }
        };
        let users = vec![own_user()];
        Ok(Listener { socket, _file: file, users, capacity: CAPACITY, patience: HANDSHAKE })
    }

    /// Accepts processes of this user, too. It must be able to reach the address: a file's mode is for whoever makes it to change.
    pub fn allow_user(mut self, uid: u32) -> Listener {
        self.users.push(uid);
        self
    }

    /// Gives connections so many bytes of room in each direction; 256 KiB unless set.
    pub fn capacity(mut self, capacity: usize) -> Listener {
        self.capacity = capacity;
        self
    }

    /// Gives a process that connects so long to say who it is; 5 s unless set. Others wait meanwhile.
    pub fn patience(mut self, patience: Duration) -> Listener {
        self.patience = patience;
        self
    }

    /// Waits for the next process that connects.
    ///
    /// # Errors
    ///
    /// See [`AcceptError`]: most concern the process that tried, and the next call takes the next one.
    pub fn accept(&self) -> Result<Connection, AcceptError> {
        loop {
            match self.accept_until(Instant::now() + Duration::from_secs(3600)) {
                Err(AcceptError::TimedOut) => {}
                accepted => return accepted,
            }
        }
    }

    /// [`accept`](Listener::accept), no longer than until the deadline; a process that came before it is heard out.
    ///
    /// # Errors
    ///
    /// As `accept`, and [`AcceptError::TimedOut`].
    pub fn accept_until(&self, deadline: Instant) -> Result<Connection, AcceptError> {
        let socket = loop {
            match rustix::net::accept_with(&self.socket, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
                Ok(socket) => break socket,
                Err(Errno::AGAIN) => match handshake::wait(&self.socket, PollFlags::IN, deadline) {
                    Ok(()) => {}
                    Err(HandshakeError::TimedOut) => return Err(AcceptError::TimedOut),
                    Err(source) => return Err(AcceptError::Handshake { source }),
                },
                Err(Errno::INTR | Errno::CONNABORTED) => {}
                Err(errno) => return Err(AcceptError::Os { source: errno.into() }),
            }
        };
        let served = || {
            let uid = handshake::user_of(&socket)?;
            if !self.users.contains(&uid) {
                return Err(HandshakeError::WrongUser { uid });
            }
            let deadline = Instant::now() + self.patience;
            handshake::receive_client(&socket, self.capacity, deadline)
        };
        served().map_err(|source| AcceptError::Handshake { source })
    }
}

impl Default for Client {
    fn default() -> Self {
        Client::new()
    }
}

impl Client {
    /// Connects to listeners of the same user, within 5 s.
    pub fn new() -> Client {
        Client { user: own_user(), timeout: HANDSHAKE }
    }

    /// Connects to listeners of this user instead.
    pub fn user(mut self, uid: u32) -> Client {
        self.user = uid;
        self
    }

    /// Gives a listener so long to accept.
    pub fn timeout(mut self, timeout: Duration) -> Client {
        self.timeout = timeout;
        self
    }

    /// Connects to whoever listens at an address.
    ///
    /// # Errors
    ///
    /// See [`ConnectError`].
    pub fn connect(&self, address: impl Into<Address>) -> Result<Connection, ConnectError> {
        let address = address.into();
        if !address.is_possible() {
            return Err(ConnectError::Address { address });
        }
        let deadline = Instant::now() + self.timeout;
        let socket = socket()?;
        match &address.0 {
            Kind::Abstract(name) => {
                reach(&socket, &SocketAddrUnix::new_abstract_name(name.as_bytes())?, deadline)?
            }
            Kind::Path { folder, name } => {
                let folder = Folder::open(folder).map_err(|source| match source.kind() {
                    io::ErrorKind::NotFound => ConnectError::NobodyThere,
                    _ => ConnectError::Os { source },
                })?;
                reach(&socket, &folder.socket(name)?, deadline)?;
            }
        }
        let greeted = || {
            let uid = handshake::user_of(&socket)?;
            if uid != self.user {
                return Err(HandshakeError::WrongUser { uid });
            }
            handshake::greet_listener(&socket, deadline)
        };
        greeted().map_err(|source| ConnectError::Handshake { source })
    }
}

/// Connects, waiting for room among those who wait to be accepted.
fn reach(socket: &OwnedFd, address: &SocketAddrUnix, deadline: Instant) -> Result<(), ConnectError> {
    loop {
        match rustix::net::connect(socket, address) {
            Ok(()) => return Ok(()),
            Err(Errno::INTR) => {}
            // No event tells that there is room.
            Err(Errno::AGAIN) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(1)),
            Err(Errno::AGAIN) => return Err(ConnectError::Handshake { source: HandshakeError::TimedOut }),
            Err(errno) => return Err(errno.into()),
        }
    }
}

fn socket() -> rustix::io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)
}

fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

impl File {
    /// Binds the socket to a name of its own, and links it to the wanted one when it is ready.
    fn make(socket: &OwnedFd, folder: Folder, name: &std::ffi::OsStr) -> Result<File, BindError> {
        let number = os::random_u64().map_err(|source| BindError::Os { source })?;
        let temporary = std::ffi::OsString::from(format!(".heddle-{number:016x}"));
        rustix::net::bind(socket, &folder.socket(&temporary)?)?;
        let mut file = File { folder, name: temporary, id: (0, 0), maker: std::process::id() };
        let finished = file.finish(socket, name);
        let removed = rustix::fs::unlinkat(&file.folder.0, &file.name, AtFlags::empty());
        // From here on it is to be removed when something fails.
        file.id = finished?;
        file.name = name.to_owned();
        removed?;
        Ok(file)
    }

    /// Makes the bound socket ready and links it to `name`; returns which file it is.
    fn finish(&self, socket: &OwnedFd, name: &std::ffi::OsStr) -> Result<(u64, u64), BindError> {
        let folder = &self.folder.0;
        // Nobody can connect before it listens.
        rustix::fs::chmodat(folder, &self.name, Mode::RUSR | Mode::WUSR, AtFlags::empty())?;
        rustix::net::listen(socket, BACKLOG)?;
        let id = id_of(&rustix::fs::statat(folder, &self.name, AtFlags::SYMLINK_NOFOLLOW)?);
        let link = || rustix::fs::linkat(folder, &self.name, folder, name, AtFlags::empty());
        match link() {
            Err(Errno::EXIST) => {
                let _lock = self.lock()?;
                self.clear(name)?;
                link()?;
            }
            linked => linked?,
        }
        Ok(id)
    }

    /// Has other listeners that find a file in the way wait, so that of two one replaces it and the other finds a live one.
    fn lock(&self) -> Result<Folder, BindError> {
        let until = Instant::now() + LOCK;
        // A description of its own, so that threads of one process exclude each other too.
        let own = rustix::fs::openat(
            &self.folder.0,
            ".",
            rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        loop {
            match rustix::fs::flock(&own, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Folder(own)),
                Err(Errno::AGAIN | Errno::INTR) if Instant::now() < until => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err(Errno::AGAIN | Errno::INTR) => return Err(BindError::InUse),
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// Removes a file that a dead listener of the same user has left.
    fn clear(&self, name: &std::ffi::OsStr) -> Result<(), BindError> {
        let folder = &self.folder.0;
        let found = match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => return Ok(()),
            found => found?,
        };
        if FileType::from_raw_mode(found.st_mode) != FileType::Socket || found.st_uid != own_user() {
            return Err(BindError::NotASocket);
        }
        match rustix::net::connect(&socket()?, &self.folder.socket(&name.to_owned())?) {
            Err(Errno::CONNREFUSED) => Ok(rustix::fs::unlinkat(folder, name, AtFlags::empty())?),
            // It answers, has no room for more who ask, or is of another kind.
            _ => Err(BindError::InUse),
        }
    }
}

fn id_of(stat: &Stat) -> (u64, u64) {
    (stat.st_dev, stat.st_ino)
}

impl Drop for File {
    fn drop(&mut self) {
        if self.id == (0, 0) || self.maker != std::process::id() {
            return;
        }
        let found = rustix::fs::statat(&self.folder.0, &self.name, AtFlags::SYMLINK_NOFOLLOW);
        if found.is_ok_and(|found| id_of(&found) == self.id) {
            let _ = rustix::fs::unlinkat(&self.folder.0, &self.name, AtFlags::empty());
        }
    }
}

impl From<Errno> for BindError {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::ADDRINUSE | Errno::EXIST => BindError::InUse,
            errno => BindError::Os { source: errno.into() },
        }
    }
}

impl From<Errno> for ConnectError {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::CONNREFUSED | Errno::NOENT => ConnectError::NobodyThere,
            errno => ConnectError::Os { source: errno.into() },
        }
    }
}
