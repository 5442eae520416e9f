//! Where listeners are found.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::net::SocketAddrUnix;

/// The name by which unrelated processes meet: a file, or a name that is no file.
///
/// A path is what a `&str` or `&Path` becomes. Whoever may search the folder and write to the file can connect.
///
/// ```
/// use heddle_ipc::connection::Address;
/// assert_eq!(Address::from("/run/service"), Address::path("/run/service"));
/// assert_ne!(Address::from("service"), Address::abstract_name("service"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address(pub(super) Kind);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Path { folder: OsString, name: OsString },
    Abstract(String),
}

/// The longest name that is no file.
const LONGEST: usize = 100;

impl Address {
    /// A socket file.
    pub fn path(path: impl AsRef<Path>) -> Address {
        let path = path.as_ref();
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.map_or_else(|| ".".into(), |folder| folder.as_os_str().to_owned());
        // A path that ends in `..` or is the root has no name: refused when it is used.
        Address(Kind::Path { folder, name: path.file_name().unwrap_or_default().to_owned() })
    }

    /// A name in the network namespace ("abstract"), which nothing is left of when its listener ends. Anybody may connect to it, or take it
    /// first; both sides check who the other is.
    pub fn abstract_name(name: impl Into<String>) -> Address {
        Address(Kind::Abstract(name.into()))
    }

    /// Whether it can be one at all.
    pub(super) fn is_possible(&self) -> bool {
        match &self.0 {
            Kind::Path { name, .. } => !name.is_empty() && name.len() <= 255,
            Kind::Abstract(name) => (1..=LONGEST).contains(&name.len()),
        }
    }
}

impl From<&str> for Address {
    fn from(path: &str) -> Self {
        Address::path(path)
    }
}

impl From<&Path> for Address {
    fn from(path: &Path) -> Self {
        Address::path(path)
    }
}

/// A folder that is held open, so that what is done there concerns one folder, and its path may be of any length.
#[derive(Debug)]
pub(super) struct Folder(pub(super) OwnedFd);

impl Folder {
    pub(super) fn open(path: &OsString) -> io::Result<Folder> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Folder(rustix::fs::open(Path::new(path), flags, Mode::empty())?))
    }

    /// The address of a socket in it.
    pub(super) fn socket(&self, name: &OsString) -> Result<SocketAddrUnix, Errno> {
        let mut path = OsString::from(format!("/proc/self/fd/{}/", self.0.as_raw_fd()));
        path.push(name);
        SocketAddrUnix::new(Path::new(&path))
    }
}
