//! Listeners and clients: who may meet, what is left of whom, and what strangers can do.
#![cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use heddle_ipc::connection::{
    AcceptError, Address, BindError, Client, ConnectError, HandshakeError, Listener, RecvError,
};
use heddle_ipc::{Segment, Workers};
use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
use heddle_primitives::sync::thread;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Longer than anything takes here that works.
const LIMIT: Duration = Duration::from_secs(20);
const SOON: Duration = Duration::from_millis(30);

/// A folder of a test's own, which is removed with all in it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        // ORDERING: Relaxed: numbers that differ.
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("heddle-listener-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Folder(path)
    }

    fn socket(&self) -> PathBuf {
        self.0.join("socket")
    }

    fn files(&self) -> usize {
        fs::read_dir(&self.0).unwrap().count()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn at(path: &Path) -> Address {
    Address::path(path)
}

fn own_name(name: &str) -> Address {
    Address::abstract_name(format!("heddle-test-{name}-{}", std::process::id()))
}

/// Connects, and sends and receives something.
fn meet(listener: &Listener, address: Address) {
    let client = thread::spawn(move || {
        let mut connection = Client::new().connect(address).unwrap();
        connection.send_bytes(b"from the client").unwrap();
        assert_eq!(connection.recv_bytes().unwrap(), b"from the listener");
    });
    let mut connection = listener.accept_until(Instant::now() + LIMIT).unwrap();
    assert_eq!(connection.recv_bytes().unwrap(), b"from the client");
    connection.send_bytes(b"from the listener").unwrap();
    client.join().unwrap();
}

#[test]
fn a_file_of_its_own() {
    let folder = Folder::new();
    let listener = Listener::bind(at(&folder.socket())).unwrap();
    let file = fs::symlink_metadata(folder.socket()).unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
    assert_eq!((folder.files(), file.nlink()), (1, 1), "the name that it had first is gone");
    meet(&listener, at(&folder.socket()));
    meet(&listener, at(&folder.socket()));
    assert!(matches!(Listener::bind(at(&folder.socket())), Err(BindError::InUse)));
    // The other one knocked, and went.
    assert!(matches!(
        listener.accept_until(Instant::now() + LIMIT),
        Err(AcceptError::Handshake { source: HandshakeError::HungUp })
    ));
    assert!(matches!(listener.accept_until(Instant::now() + SOON), Err(AcceptError::TimedOut)));
    drop(listener);
    assert_eq!(folder.files(), 0);
    assert!(matches!(Client::new().connect(at(&folder.socket())), Err(ConnectError::NobodyThere)));
    let nowhere = folder.0.join("none/socket");
    assert!(matches!(Client::new().connect(at(&nowhere)), Err(ConnectError::NobodyThere)));
    assert!(matches!(Listener::bind(at(&nowhere)), Err(BindError::Os { .. })));
}

#[test]
fn a_path_of_any_length() {
    let folder = Folder::new();
    let deep = folder.0.join("a".repeat(100)).join("b".repeat(100));
    fs::create_dir_all(&deep).unwrap();
    let address = at(&deep.join("socket"));
    meet(&Listener::bind(address.clone()).unwrap(), address);
}

#[test]
fn a_name_that_is_no_file() {
    let listener = Listener::bind(own_name("name")).unwrap().capacity(4096);
    meet(&listener, own_name("name"));
    assert!(matches!(Listener::bind(own_name("name")), Err(BindError::InUse)));
    drop(listener);
    assert!(matches!(Client::new().connect(own_name("name")), Err(ConnectError::NobodyThere)));
}

#[test]
fn what_is_no_address() {
    let long = "n".repeat(300);
    let impossible = [
        Address::path("/"),
        Address::path(".."),
        Address::path(&long),
        Address::abstract_name(""),
        Address::abstract_name(long),
    ];
    for address in impossible {
        assert!(matches!(Listener::bind(address.clone()), Err(BindError::Address { .. })));
        assert!(matches!(Client::new().connect(address), Err(ConnectError::Address { .. })));
    }
}

/// A socket file whose owner is dead.
fn stale(path: &Path) {
    drop(std::os::unix::net::UnixListener::bind(path).unwrap());
    assert!(path.exists());
}

#[test]
fn only_what_is_dead_is_replaced() {
    let folder = Folder::new();
    stale(&folder.socket());
    let listener = Listener::bind(at(&folder.socket())).unwrap();
    meet(&listener, at(&folder.socket()));
    // Another kind of socket, alive.
    let other = folder.0.join("other");
    let living = std::os::unix::net::UnixListener::bind(&other).unwrap();
    assert!(matches!(Listener::bind(at(&other)), Err(BindError::InUse)));
    drop(living);
    // No socket at all, or a link to one.
    let file = folder.0.join("file");
    fs::write(&file, "precious").unwrap();
    assert!(matches!(Listener::bind(at(&file)), Err(BindError::NotASocket)));
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
    let link = folder.0.join("link");
    std::os::unix::fs::symlink(&other, &link).unwrap();
    assert!(matches!(Listener::bind(at(&link)), Err(BindError::NotASocket)));
    assert!(fs::symlink_metadata(&link).is_ok() && fs::symlink_metadata(&other).is_ok());
    assert_eq!(folder.files(), 4);
    // A file that has taken the place of ours is not ours to remove.
    fs::remove_file(folder.socket()).unwrap();
    fs::write(folder.socket(), "precious").unwrap();
    drop(listener);
    assert_eq!(fs::read_to_string(folder.socket()).unwrap(), "precious");
}

#[test]
fn of_many_that_find_a_dead_one_one_gets_its_place() {
    for _ in 0..20 {
        let folder = Folder::new();
        stale(&folder.socket());
        let bound: Vec<_> = (0..4)
            .map(|_| {
                let path = folder.socket();
                thread::spawn(move || Listener::bind(at(&path)))
            })
            .collect();
        let bound: Vec<_> = bound.into_iter().map(|bound| bound.join().unwrap()).collect();
        assert_eq!(bound.iter().filter(|bound| bound.is_ok()).count(), 1);
        assert!(bound.iter().all(|bound| matches!(bound, Ok(_) | Err(BindError::InUse))));
        assert_eq!(folder.files(), 1);
        drop(bound);
        assert_eq!(folder.files(), 0);
    }
}

/// A socket that is connected to an abstract name.
fn stranger(name: &str) -> OwnedFd {
    let socket =
        rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
            .unwrap();
    let name = format!("heddle-test-{name}-{}", std::process::id());
    rustix::net::connect(&socket, &SocketAddrUnix::new_abstract_name(name.as_bytes()).unwrap()).unwrap();
    socket
}

fn say(socket: &OwnedFd, bytes: &[u8]) {
    rustix::net::send(socket, bytes, rustix::net::SendFlags::NOSIGNAL).unwrap();
}

#[test]
fn strangers_do_no_harm() {
    let listener = Listener::bind(own_name("strangers")).unwrap().patience(SOON);
    let accept = || match listener.accept_until(Instant::now() + LIMIT) {
        Err(AcceptError::Handshake { source }) => source,
        other => panic!("{other:?}"),
    };
    let silent = stranger("strangers");
    assert!(matches!(accept(), HandshakeError::TimedOut));
    drop(silent);
    drop(stranger("strangers"));
    assert!(matches!(accept(), HandshakeError::HungUp));
    for nonsense in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"heddle-c", &[0; 16], &[0xFF; 3000]] {
        let talker = stranger("strangers");
        say(&talker, nonsense);
        assert!(matches!(accept(), HandshakeError::NotOurs));
    }
    let other_version = stranger("strangers");
    say(&other_version, b"heddle-c\x01\x00\x00\x00\xFF\x00\x00\x00");
    match accept() {
        HandshakeError::Version { found, expected } => {
            assert_eq!(found, (1, 255));
            // It is told what would be right.
            let mut told = [0; 16];
            let (_, len) =
                rustix::net::recv(&other_version, &mut told, rustix::net::RecvFlags::empty()).unwrap();
            assert_eq!((len, &told[..8]), (16, &b"heddle-c"[..]));
            let right = stranger("strangers");
            say(&right, &told);
            // It knows how to begin, and never says that it has its end.
            assert!(matches!(accept(), HandshakeError::TimedOut));
            assert_eq!(told[12..], expected.1.to_le_bytes());
        }
        other => panic!("{other:?}"),
    }
    meet(&listener, own_name("strangers"));
}

/// Somebody who listens and answers with these bytes, and this descriptor.
fn impostor(name: &'static str, answer: Vec<u8>, fd: Option<OwnedFd>) -> HandshakeError {
    let socket =
        rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
            .unwrap();
    let own = format!("heddle-test-{name}-{}", std::process::id());
    rustix::net::bind(&socket, &SocketAddrUnix::new_abstract_name(own.as_bytes()).unwrap()).unwrap();
    rustix::net::listen(&socket, 1).unwrap();
    let impostor = thread::spawn(move || {
        let client = rustix::net::accept(&socket).unwrap();
        let mut greeted = [0; 64];
        let (_, len) = rustix::net::recv(&client, &mut greeted, rustix::net::RecvFlags::empty()).unwrap();
        let answer = [&greeted[..len], &answer].concat();
        let mut space = [core::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = rustix::net::SendAncillaryBuffer::new(&mut space);
        let fds: Vec<_> = fd.iter().map(AsFd::as_fd).collect();
        if !fds.is_empty() {
            control.push(rustix::net::SendAncillaryMessage::ScmRights(&fds));
        }
        let parts = [std::io::IoSlice::new(&answer)];
        rustix::net::sendmsg(&client, &parts, &mut control, rustix::net::SendFlags::NOSIGNAL).unwrap();
        client
    });
    let error = match Client::new().timeout(LIMIT).connect(own_name(name)) {
        Err(ConnectError::Handshake { source }) => source,
        other => panic!("{other:?}"),
    };
    drop(impostor.join().unwrap());
    error
}

#[test]
fn impostors_do_no_harm() {
    let handle = || {
        let (_here, there) = heddle_ipc::connection::pipe().unwrap();
        postcard::to_stdvec(&there.give()).unwrap()
    };
    let memfd = |len| {
        let fd = rustix::fs::memfd_create("impostor", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        rustix::fs::ftruncate(&fd, len).unwrap();
        fd
    };
    let segment = || Segment::create("impostor", 1 << 20).unwrap().fd().try_clone_to_owned().unwrap();
    assert!(matches!(impostor("i1", vec![], None), HandshakeError::NotOurs));
    assert!(matches!(impostor("i2", handle(), None), HandshakeError::NotOurs));
    assert!(matches!(impostor("i3", vec![0xFF; 100], Some(segment())), HandshakeError::NotOurs));
    assert!(matches!(impostor("i4", handle(), Some(memfd(1 << 20))), HandshakeError::Open { .. }));
    assert!(matches!(impostor("i5", handle(), Some(memfd(10))), HandshakeError::Open { .. }));
    let null = fs::File::open("/dev/null").unwrap();
    assert!(matches!(impostor("i6", handle(), Some(null.into())), HandshakeError::Open { .. }));
    // A segment without the connection that it is said to hold, and one that is too short for it.
    assert!(matches!(impostor("i7", handle(), Some(segment())), HandshakeError::Attach { .. }));
    let short = Segment::create("impostor", 1 << 14).unwrap().fd().try_clone_to_owned().unwrap();
    assert!(matches!(impostor("i8", handle(), Some(short)), HandshakeError::Attach { .. }));
}

#[test]
fn a_listener_that_never_accepts() {
    let _listener = Listener::bind(own_name("never")).unwrap();
    let began = Instant::now();
    assert!(matches!(
        Client::new().timeout(SOON).connect(own_name("never")),
        Err(ConnectError::Handshake { source: HandshakeError::TimedOut })
    ));
    assert!(began.elapsed() < LIMIT);
    // The listener of another user than the one that is meant.
    assert!(matches!(
        Client::new().user(12_345).connect(own_name("never")),
        Err(ConnectError::Handshake { source: HandshakeError::WrongUser { .. } })
    ));
}

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Visit {
    maker: u32,
    as_user: u32,
    of_user: u32,
}

/// Connects, maybe as another user, and echoes what comes.
fn visit(visit: Visit) -> u64 {
    // SAFETY: always allowed.
    let own = unsafe { libc::geteuid() };
    if visit.as_user != own {
        // SAFETY: the worker has one thread that cares.
        assert_eq!(unsafe { libc::setresuid(visit.as_user, visit.as_user, visit.as_user) }, 0);
        // A process that changes its user loses its own descriptors' names in /proc otherwise.
        // SAFETY: no pointers.
        assert_eq!(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 1, 0, 0, 0) }, 0);
    }
    let address = Address::abstract_name(format!("heddle-test-visit-{}", visit.maker));
    let Ok(mut connection) = Client::new().user(visit.of_user).connect(address) else { return u64::MAX };
    let mut count = 0;
    while let Ok(message) = connection.recv_bytes() {
        connection.send_bytes(&message).unwrap();
        count += 1;
    }
    count
}

/// Other processes, also another user's, also such as are killed.
#[test]
fn other_processes() {
    // SAFETY: always allowed.
    let own = unsafe { libc::geteuid() };
    let workers = Workers::start(4).unwrap();
    let listener = Listener::bind(own_name("visit")).unwrap();
    let start = |rank, as_user| {
        let visitor = Visit { maker: std::process::id(), as_user, of_user: own };
        workers.submit(rank, visit, visitor).unwrap()
    };
    let ticket = start(0, own);
    let mut connection = listener.accept_until(Instant::now() + LIMIT).unwrap();
    for n in 0..100_u32 {
        connection.send(&n).unwrap();
        assert_eq!(connection.recv::<u32>().unwrap(), n);
    }
    drop(connection);
    assert_eq!(ticket.wait(Some(Instant::now() + LIMIT)), Ok(100));

    let ticket = start(1, own);
    let mut connection = listener.accept_until(Instant::now() + LIMIT).unwrap();
    workers.kill(1).unwrap();
    assert!(matches!(connection.recv_bytes(), Err(RecvError::EndOfFile)));
    assert!(ticket.wait(Some(Instant::now() + LIMIT)).is_err());

    if own != 0 {
        println!("not run: another user, which takes root");
        return;
    }
    let ticket = start(2, 65_534);
    assert!(matches!(
        listener.accept_until(Instant::now() + LIMIT),
        Err(AcceptError::Handshake { source: HandshakeError::WrongUser { uid: 65_534 } })
    ));
    assert_eq!(ticket.wait(Some(Instant::now() + LIMIT)), Ok(u64::MAX));
    let listener = listener.allow_user(65_534);
    let ticket = start(3, 65_534);
    let mut connection = listener.accept_until(Instant::now() + LIMIT).unwrap();
    connection.send_bytes(b"stranger").unwrap();
    assert_eq!(connection.recv_bytes().unwrap(), b"stranger");
    drop(connection);
    assert_eq!(ticket.wait(Some(Instant::now() + LIMIT)), Ok(1));
}
