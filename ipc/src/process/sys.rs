//! The calls to the operating system that only the start of processes needs, each behind one small function.

use core::ffi::{c_int, c_ulong};
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd};
use std::time::Instant;

use heddle_primitives::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};
use rustix::process::{Pid, Signal, WaitOptions};

use crate::os::{self, Pidfd};

/// Which CPUs a thread may use, as the kernel writes it.
pub(super) type Cpus = [u8; size_of::<libc::cpu_set_t>()];

/// `prctl` operation that says where the kernel clears the thread's id when it ends.
const PR_GET_TID_ADDRESS: c_int = 40;

/// The most bytes of a packet.
pub(super) const PACKET: usize = 1024;

/// Two connected ends that carry packets and descriptors.
pub(super) fn socket_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?)
}

/// Sends a packet with descriptors; nothing of it or all.
pub(super) fn send(socket: &OwnedFd, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    loop {
        let mut control = SendAncillaryBuffer::new(&mut room);
        if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(fds)) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        match rustix::net::sendmsg(socket, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL) {
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
            Ok(_) => return Ok(()),
        }
    }
}

/// Takes a packet and its descriptors, which are closed on exec; no bytes if the other end is closed.
pub(super) fn receive(socket: &OwnedFd) -> io::Result<(Vec<u8>, Vec<OwnedFd>)> {
    let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut bytes = [0; PACKET];
    loop {
        let mut control = RecvAncillaryBuffer::new(&mut room);
        let mut into = [IoSliceMut::new(&mut bytes)];
        match rustix::net::recvmsg(socket, &mut into, &mut control, RecvFlags::CMSG_CLOEXEC) {
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
            Ok(received) => {
                let mut fds = Vec::new();
                for message in control.drain() {
                    if let RecvAncillaryMessage::ScmRights(rights) = message {
                        fds.extend(rights);
                    }
                }
                return Ok((bytes[..received.bytes].to_vec(), fds));
            }
        }
    }
}

/// Waits until one of two descriptors is readable or closed, or the time is up: which of them are.
pub(super) fn wait_for_either(a: &OwnedFd, b: &OwnedFd, deadline: Option<Instant>) -> (bool, bool) {
    loop {
        let left = deadline.map(|deadline| {
            let left = deadline.saturating_duration_since(Instant::now());
            Timespec {
                tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            }
        });
        let mut fds = [PollFd::new(a, PollFlags::IN), PollFd::new(b, PollFlags::IN)];
        // An error is an interruption, or no memory for the moment.
        if rustix::event::poll(&mut fds, left.as_ref()).is_ok() {
            let [a, b] = fds.map(|fd| !fd.revents().is_empty());
            return (a, b);
        }
    }
}

/// A file that swallows everything and holds nothing.
pub(super) fn null() -> io::Result<OwnedFd> {
    Ok(rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?)
}

/// The standard stream of this number, if it is open.
pub(super) fn standard(number: usize) -> Option<BorrowedFd<'static>> {
    // SAFETY: not -1; whether it is open is asked next, and whoever closes a standard stream later gets an error instead of it.
    let stream = unsafe { BorrowedFd::borrow_raw(number as c_int) };
    rustix::io::fcntl_getfd(stream).is_ok().then_some(stream)
}

/// Makes `fd` the standard stream of this number.
pub(super) fn make_standard(number: usize, fd: impl AsFd) -> io::Result<()> {
    // SAFETY: replaces a standard stream, which nobody owns.
    match unsafe { libc::dup2(fd.as_fd().as_raw_fd(), number as c_int) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Closes all descriptors but the standard streams and these.
///
/// # Safety
///
/// Nobody else in this process uses a descriptor that is not among them.
pub(super) unsafe fn close_others(keep: &[BorrowedFd<'_>]) {
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else { return };
    let numbers: Vec<c_int> =
        entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    for number in numbers {
        if number > 2 && keep.iter().all(|kept| kept.as_raw_fd() != number) {
            // SAFETY: as the caller says; the directory's own is closed already, which is an error without effect.
            unsafe { libc::close(number) };
        }
    }
}

/// Names this thread, and so a process of one thread, for people who look at a list of processes.
pub(crate) fn set_name(name: &str) {
    let mut bytes = [0_u8; 16];
    let len = name.floor_char_boundary(15);
    bytes[..len].copy_from_slice(&name.as_bytes()[..len]);
    // SAFETY: 16 bytes, of which the last is zero.
    unsafe { libc::prctl(libc::PR_SET_NAME, bytes.as_ptr()) };
}

/// The CPUs that this thread may use; all zero if there are more than fit.
pub(super) fn cpus() -> Cpus {
    let mut cpus = [0_u8; size_of::<Cpus>()];
    // SAFETY: the buffer is as long as told.
    unsafe { libc::syscall(libc::SYS_sched_getaffinity, 0, cpus.len(), cpus.as_mut_ptr()) };
    cpus
}

/// Lets this thread use these CPUs only.
pub(super) fn set_cpus(cpus: &Cpus) {
    // SAFETY: the buffer is as long as told. Fails if none of the CPUs is left, and then nothing changes.
    unsafe { libc::syscall(libc::SYS_sched_setaffinity, 0, cpus.len(), cpus.as_ptr()) };
}

/// Ignores the interrupt that a terminal sends, or stops doing so; whether it was ignored before.
pub(super) fn ignore_interrupt(ignore: bool) -> bool {
    // SAFETY: no handler is installed.
    unsafe { libc::signal(libc::SIGINT, if ignore { libc::SIG_IGN } else { libc::SIG_DFL }) == libc::SIG_IGN }
}

/// What a copy of this thread, in a process of its own, has to know to be a thread that the C library made.
#[derive(Clone, Copy, Debug)]
pub(super) struct ThreadSelf {
    /// Where the C library keeps the thread's id.
    id: NonNull<u32>,
    /// The thread's list of robust mutexes.
    robust: *mut libc::c_void,
    robust_len: usize,
}

impl ThreadSelf {
    /// `None` if the C library, or the kernel, does not tell. The main thread asks.
    pub(super) fn find() -> Option<ThreadSelf> {
        let mut id: *mut u32 = core::ptr::null_mut();
        // SAFETY: the kernel writes an address to where this points.
        let told = unsafe { libc::prctl(PR_GET_TID_ADDRESS, &raw mut id) };
        let id = NonNull::new(id).filter(|_| told == 0)?;
        // The kernel clears the word when the thread ends; glibc made it the one in which it keeps the id. If another C library has it
        // elsewhere, it does not hold the id.
        // SAFETY: the C library handed this word of its own, aligned and living as long as the thread, to the kernel.
        if unsafe { id.read_volatile() } != rustix::thread::gettid().as_raw_pid().cast_unsigned() {
            return None;
        }
        let mut robust = core::ptr::null_mut();
        let mut robust_len = 0_usize;
        // SAFETY: the kernel writes an address and a length to where these point.
        let told =
            unsafe { libc::syscall(libc::SYS_get_robust_list, 0, &raw mut robust, &raw mut robust_len) };
        (told == 0).then_some(ThreadSelf { id, robust, robust_len })
    }

    /// Copies this process, as `fork` does, into a child of this process's *parent*. Returns whether this is the copy.
    ///
    /// The kernel writes the child's id to `id` before the child runs, and it writes it if and only if there is a child, whatever happens to
    /// this process meanwhile: once the call has begun to make a child, a kill takes effect after it.
    ///
    /// # Safety
    ///
    /// The process has this one thread.
    pub(super) unsafe fn copy_process(self, id: &AtomicU32) -> io::Result<bool> {
        let flags = libc::CLONE_PARENT
            | libc::CLONE_PARENT_SETTID
            | libc::CLONE_CHILD_SETTID
            | libc::CLONE_CHILD_CLEARTID
            | libc::SIGCHLD;
        let (none, copy) = (0_usize, self.id.as_ptr());
        // The two last arguments stand the other way round elsewhere.
        let last: (usize, usize) =
            if cfg!(target_arch = "x86_64") { (copy as usize, none) } else { (none, copy as usize) };
        // SAFETY: no memory is shared with the child, which has a copy of the only thread, with its stack; the words live on.
        let child = unsafe {
            libc::syscall(libc::SYS_clone, flags as c_ulong, none, core::ptr::from_ref(id), last.0, last.1)
        };
        match child {
            0 => {
                // SAFETY: the list's head is part of the thread, as in the original, where glibc had announced it. A copy has none
                // until it is announced.
                unsafe { libc::syscall(libc::SYS_set_robust_list, self.robust, self.robust_len) };
                Ok(true)
            }
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(false),
        }
    }
}

/// Whether the kernel takes this process for the child of a thread that ends with its process, and not before.
static ANCHORED: AtomicBool = AtomicBool::new(false);

/// Notes that it does.
pub(super) fn anchored() {
    // ORDERING: Relaxed: the process has one thread.
    ANCHORED.store(true, Ordering::Relaxed);
}

/// Ends this process, without running anything else in it, when its parent has ended: by SIGKILL, or with this code.
///
/// `parent` is the parent's, and was opened while that was the parent.
pub(crate) fn end_with(parent: Pidfd, code: i32) -> io::Result<()> {
    // ORDERING: Relaxed: set before there was another thread, if at all.
    if !ANCHORED.load(Ordering::Relaxed) {
        return exit_when_ended(parent, code);
    }
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // It may have ended just before.
    match rustix::event::poll(&mut [PollFd::new(&parent, PollFlags::IN)], Some(&Timespec::default())) {
        Ok(0) | Err(_) => Ok(()),
        Ok(_) => os::exit_now(code),
    }
}

/// Ends this process, without running anything else in it, with this code when that one has ended. A thread of its own waits for that.
///
/// It is one of the C library's, and not std's, since that of each child allocates, and thereby has the C library set up a second heap: 8 KiB and 15 us.
fn exit_when_ended(pidfd: Pidfd, code: i32) -> io::Result<()> {
    /// Enough for the C library's own data, which lies on the stack too, and a few frames.
    const STACK: usize = 64 << 10;

    extern "C" fn follow(terms: *mut libc::c_void) -> *mut libc::c_void {
        // A descriptor and an exit code, as put together below.
        let terms = terms.addr() as u64;
        // SAFETY: given up by the caller for this, and never closed.
        let pidfd = unsafe { BorrowedFd::borrow_raw(terms as u32 as c_int) };
        // An error is an interruption, or no memory for the moment.
        while rustix::event::poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], None).is_err() {}
        os::exit_now((terms >> 32) as i32)
    }

    let terms = (code as u64) << 32 | u64::from(pidfd.into_raw_fd() as u32);
    let mut attributes = MaybeUninit::uninit();
    // SAFETY: a place for the attributes, which this call initialises.
    unsafe { libc::pthread_attr_init(attributes.as_mut_ptr()) };
    // SAFETY: initialised above. Were the size refused, the default would hold.
    unsafe { libc::pthread_attr_setstacksize(attributes.as_mut_ptr(), STACK) };
    // SAFETY: as above.
    unsafe { libc::pthread_attr_setdetachstate(attributes.as_mut_ptr(), libc::PTHREAD_CREATE_DETACHED) };
    let mut thread = 0;
    let terms = core::ptr::without_provenance_mut(terms as usize);
    // SAFETY: all as the call wants it; the function never returns, and what it is given is no memory.
    match unsafe { libc::pthread_create(&mut thread, attributes.as_ptr(), follow, terms) } {
        0 => Ok(()),
        errno => Err(io::Error::from_raw_os_error(errno)),
    }
}

/// Sends SIGTERM; a process that has ended already is no error.
pub(super) fn terminate(pidfd: &Pidfd) -> io::Result<()> {
    match rustix::process::pidfd_send_signal(pidfd, Signal::TERM) {
        Ok(()) | Err(Errno::SRCH) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// Kills a child of this process that nobody has reaped, and waits for its end.
pub(super) fn kill_and_reap(pid: u32) {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return };
    let _ = rustix::process::kill_process(pid, Signal::KILL);
    while let Err(Errno::INTR) = rustix::process::waitpid(Some(pid), WaitOptions::empty()) {}
}
