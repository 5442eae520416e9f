//! A helper process that copies itself, which is much cheaper than executing a program.
//!
//! It is this executable, started once, in which nothing has run yet: one thread, a few hundred KiB. On request it makes a copy of itself
//! that takes on a [`Role`]. Three things make the copy the child of whoever asked, in every respect:
//!
//! - `CLONE_PARENT` makes it a child of the zygote's parent, which can wait for it and gets its exit status from the kernel, and whose id it finds as its
//!   parent's. The zygote has no children.
//! - Its standard streams come with the request, its CPUs too; the zygote is replaced when environment or directory have changed.
//! - `CLONE_PARENT_SETTID` has the kernel write the child's id to a page that both processes map, in the same system call that makes the child. So if the
//!   zygote is killed at any moment the parent knows whether there is a child, and which: it reaps the zygote, and looks.
//!
//! - `helper`: the zygote's own life;
//! - `anchor`: the thread that starts it.

mod anchor;
pub(crate) mod helper;

use std::ffi::OsString;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use heddle_primitives::Mutex;
use heddle_primitives::sync::atomic::{AtomicU32, Ordering};

use crate::entry::Role;
use crate::header::HEADER_LEN;
use crate::os::{self, Pidfd};
use crate::process::launch::{self, Given, OWN, Started};
use crate::process::sys;
use crate::process::zygote::anchor::Anchor;
use crate::segment::Segment;

/// How long a zygote may take to come up and to make a child. One that is replaced too early does no harm.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many zygotes in a row may be lost before a start fails.
const ATTEMPTS: usize = 3;

static PLACE: Mutex<Place> = Mutex::new(Place { anchor: None, zygote: None });

/// What this process has, from its first use on.
#[derive(Debug)]
struct Place {
    anchor: Option<Anchor>,
    zygote: Option<Zygote>,
}

impl Place {
    /// A zygote that does as this process would do.
    fn zygote(&mut self) -> io::Result<&Zygote> {
        if self.anchor.as_ref().is_none_or(|anchor| !anchor.is_ours()) {
            self.anchor = Some(Anchor::new()?);
        }
        if self.zygote.as_ref().is_none_or(|zygote| !zygote.fits()) {
            // The old one first, if there is one: it may hold the last descriptors.
            self.zygote = None;
            self.zygote = Some(Zygote::new(self.anchor.as_ref().expect("just made"))?);
        }
        Ok(self.zygote.as_ref().expect("just made"))
    }
}

/// Has the zygote make a child with these standard streams, of which any may be nothing, and takes up a zygote first if there is none.
pub(crate) fn start(role: &Role, streams: [Option<BorrowedFd<'_>>; 3]) -> io::Result<Started> {
    let mut request = sys::cpus().to_vec();
    // Which streams come along.
    request.extend(streams.map(|stream| u8::from(stream.is_some())));
    request.extend_from_slice(role.to_string().as_bytes());
    let streams: Vec<_> = streams.into_iter().flatten().collect();
    let mut place = PLACE.lock();
    let mut lost = io::Error::from(io::ErrorKind::BrokenPipe);
    for _ in 0..ATTEMPTS {
        match place.zygote()?.ask(&request, &streams) {
            Ok(pid) => return adopt(pid),
            Err(Refusal::No(error)) => return Err(error),
            Err(Refusal::Lost(error)) => {
                let zygote = place.zygote.take().expect("just asked");
                zygote.end();
                // Now that it is reaped it makes no child any more. One that it has made has all that it needs.
                match zygote.child() {
                    Some(pid) => return adopt(pid),
                    None => lost = error,
                }
            }
        }
    }
    Err(lost)
}

/// Watches a child that the zygote has made. It is ours, and not reaped, so the id is its own.
fn adopt(pid: u32) -> io::Result<Started> {
    match os::pidfd(pid) {
        Ok(pidfd) => Ok(Started { pid, pidfd }),
        Err(error) => {
            // Nobody would watch it.
            sys::kill_and_reap(pid);
            Err(error)
        }
    }
}

/// Why there is no child.
enum Refusal {
    /// The zygote cannot make one.
    No(io::Error),
    /// The zygote has ended, or does not answer.
    Lost(io::Error),
}

/// A running zygote.
#[derive(Debug)]
struct Zygote {
    /// The process that started it: in a copy that the program has forked it is none of ours.
    owner: u32,
    pidfd: Pidfd,
    socket: OwnedFd,
    /// Where the kernel writes the id of each child.
    page: Segment,
    environment: Vec<(OsString, OsString)>,
    directory: Option<PathBuf>,
}

impl Zygote {
    fn new(anchor: &Anchor) -> io::Result<Zygote> {
        let page =
            Segment::create("zygote", HEADER_LEN + size_of::<AtomicU32>()).map_err(io::Error::other)?;
        page.prefault()?;
        let (socket, theirs) = sys::socket_pair()?;
        let role = Role::Zygote(page.share());
        // A socket cannot be opened by way of /proc, so it has to be inherited, and a standard stream is what can be without being
        // inherited by other children too.
        let streams = [Given::Fd(theirs), Given::Null, Given::Null];
        let spawn = move || launch::spawn(Path::new(OWN), &role, "heddle-zygote", streams);
        let Started { pidfd, .. } = anchor.run(spawn)?;
        let environment = std::env::vars_os().collect();
        let directory = std::env::current_dir().ok();
        Ok(Zygote { owner: std::process::id(), pidfd, socket, page, environment, directory })
    }

    /// Whether its children start as this process would start them now.
    fn fits(&self) -> bool {
        self.owner == std::process::id()
            && std::env::current_dir().ok() == self.directory
            && std::env::vars_os().eq(self.environment.iter().cloned())
    }

    /// Has it make a child, and returns that one's id.
    fn ask(&self, request: &[u8], streams: &[BorrowedFd<'_>]) -> Result<u32, Refusal> {
        // ORDERING: Relaxed: the kernel writes it while it serves the request, and is read after the reply or the zygote's end, which
        // system calls order.
        self.word().store(0, Ordering::Relaxed);
        sys::send(&self.socket, request, streams).map_err(|error| match error.raw_os_error() {
            Some(libc::EPIPE | libc::ECONNRESET | libc::ECONNREFUSED) => Refusal::Lost(error),
            _ => Refusal::No(error),
        })?;
        let deadline = Instant::now() + PATIENCE;
        let (reply, _) = sys::wait_for_either(&self.socket, &self.pidfd, Some(deadline));
        if !reply {
            // Ended without a reply, or stopped.
            return Err(Refusal::Lost(io::ErrorKind::TimedOut.into()));
        }
        let (bytes, _) = sys::receive(&self.socket).map_err(Refusal::Lost)?;
        match (<[u8; 4]>::try_from(bytes).map(i32::from_ne_bytes), self.child()) {
            (Ok(0), Some(pid)) => Ok(pid),
            (Ok(errno), None) if errno != 0 => Err(Refusal::No(io::Error::from_raw_os_error(errno))),
            _ => Err(Refusal::Lost(io::ErrorKind::BrokenPipe.into())),
        }
    }

    /// The child that was made last, unless it was asked for another since.
    fn child(&self) -> Option<u32> {
        // ORDERING: Relaxed: see `ask`.
        Some(self.word().load(Ordering::Relaxed)).filter(|&pid| pid != 0)
    }

    fn word(&self) -> &AtomicU32 {
        helper::word(&self.page)
    }

    /// Kills it, which loses nothing, and waits until it has ended.
    fn end(&self) {
        let _ = os::kill(&self.pidfd);
        os::wait_for_end(&self.pidfd, None);
        os::reap(&self.pidfd);
    }
}

impl Drop for Zygote {
    fn drop(&mut self) {
        if self.owner == std::process::id() {
            self.end();
        }
    }
}
