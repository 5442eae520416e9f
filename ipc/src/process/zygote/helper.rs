//! What the zygote does: it waits, and copies itself.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use heddle_primitives::sync::atomic::AtomicU32;
use heddle_primitives::{Event, Shared};

use crate::entry::Role;
use crate::header::HEADER_LEN;
use crate::image::Image;
use crate::os::{self, Pidfd};
use crate::process::sys::{self, Cpus, ThreadSelf};
use crate::segment::{Segment, SegmentRef};

/// The whole life of a zygote, and of the process that a copy of it becomes. Called before `main`.
pub(crate) fn main(reference: SegmentRef) -> ! {
    let orphaned = crate::worker::EXIT_ORPHANED;
    let Ok(zygote) = Helper::new(reference) else { os::exit_now(orphaned) };
    match zygote.serve() {
        Ok(role) => role.run(),
        // The parent has closed its end, or ended.
        Err(_) => os::exit_now(orphaned),
    }
}

/// Where the kernel writes the id of a child: behind the page's header.
pub(super) fn word(page: &Segment) -> &AtomicU32 {
    assert!(page.len() >= HEADER_LEN + size_of::<AtomicU32>(), "made of this length");
    // SAFETY: within the mapping, as just checked.
    let word = unsafe { page.as_ptr().add(HEADER_LEN) }.cast::<AtomicU32>();
    // SAFETY: aligned, since pages and the header are; any bytes are an atomic, and the mapping lives as long as the segment.
    unsafe { &*word }
}

/// Does once what each child would do for itself: what stays as it is in all of them.
fn warm_up() {
    Image::current();
    // The first wait on memory that processes share asks for the number of CPUs.
    let event = Event::<Shared>::new_in();
    event.wait_for(Duration::from_micros(1));
}

/// What the zygote holds, and its copies give back.
struct Helper {
    socket: OwnedFd,
    parent: Pidfd,
    page: Segment,
    /// Whether interrupts were ignored when it was started.
    deaf: bool,
    /// The CPUs that its children may use unless told otherwise.
    cpus: Cpus,
}

impl Helper {
    fn new(reference: SegmentRef) -> io::Result<Helper> {
        let parent = os::pidfd(reference.pid)?;
        if os::parent() != reference.pid {
            // It ended before the pidfd was open, and the id may be another process's by now.
            return Err(io::ErrorKind::NotFound.into());
        }
        let socket = std::io::stdin().as_fd().try_clone_to_owned()?;
        sys::make_standard(0, sys::null()?)?;
        let page = Segment::attach(reference).map_err(io::Error::other)?;
        // SAFETY: before `main`, so nothing else in this process has opened anything.
        unsafe { sys::close_others(&[socket.as_fd(), parent.as_fd(), page.fd()]) };
        sys::set_name("heddle-zygote");
        // One that a terminal sends to all is for the program to decide about.
        let deaf = sys::ignore_interrupt(true);
        warm_up();
        Ok(Helper { socket, parent, page, deaf, cpus: sys::cpus() })
    }

    /// Makes copies; returns in each of them, with the role that it has. In the zygote itself it does not return before the end.
    fn serve(self) -> io::Result<Role> {
        let thread = ThreadSelf::find();
        loop {
            if let (_, true) = sys::wait_for_either(&self.socket, &self.parent, None) {
                return Err(io::ErrorKind::NotFound.into());
            }
            let (request, streams) = sys::receive(&self.socket)?;
            if request.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let made = match thread {
                // SAFETY: nothing in the zygote starts a thread.
                Some(thread) => unsafe { thread.copy_process(word(&self.page)) },
                None => Err(io::Error::from_raw_os_error(libc::ENOTSUP)),
            };
            let errno = match made {
                Ok(true) => return Ok(self.become_child(&request, streams)),
                Ok(false) => 0,
                Err(error) => error.raw_os_error().unwrap_or(libc::EIO),
            };
            sys::send(&self.socket, &errno.to_ne_bytes(), &[])?;
        }
    }

    /// In a copy: gives back what is the zygote's, and takes what is the child's.
    fn become_child(self, request: &[u8], streams: Vec<OwnedFd>) -> Role {
        let Helper { socket, parent, page, deaf, cpus: usual } = self;
        // First of all, so that the parent sees the zygote's end of the socket close with the zygote.
        drop((socket, parent, page));
        sys::ignore_interrupt(deaf);
        sys::anchored();
        let taken = (|| -> Option<Role> {
            let (cpus, request) = request.split_first_chunk::<{ size_of::<Cpus>() }>()?;
            let (given, role) = request.split_first_chunk::<3>()?;
            if *cpus != usual {
                sys::set_cpus(cpus);
            }
            let mut streams = streams.iter();
            for (number, _) in given.iter().enumerate().filter(|(_, given)| **given != 0) {
                sys::make_standard(number, streams.next()?).ok()?;
            }
            Role::parse(str::from_utf8(role).ok()?)
        })();
        drop(streams);
        match taken {
            Some(role) => role,
            None => crate::worker::give_up(crate::entry::EXIT_CONFUSED, format_args!("no role")),
        }
    }
}
