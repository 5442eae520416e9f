//! Each call to the operating system behind one small safe function.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use heddle_primitives::{Futex, Shared};
use memmap2::MmapRaw;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec};
use rustix::fs::{FallocateFlags, MemfdFlags, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions};

use crate::exit::Exit;

/// A descriptor of a process, readable once it has ended.
pub(crate) type Pidfd = OwnedFd;

/// A memfd of `len` bytes, all of them reserved.
pub(crate) fn memfd(name: &str, len: u64) -> io::Result<OwnedFd> {
    let fd = rustix::fs::memfd_create(name, MemfdFlags::ALLOW_SEALING | MemfdFlags::CLOEXEC)?;
    // Sizes the file too. `ftruncate` alone reserves nothing: the first touch of a page could then be a SIGBUS.
    loop {
        match rustix::fs::fallocate(&fd, FallocateFlags::empty(), 0, len) {
            Ok(()) => return Ok(fd),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Opens the file behind another process's descriptor, as a file description of our own.
pub(crate) fn open_fd_of(pid: u32, fd: u32) -> io::Result<OwnedFd> {
    // NOCTTY and NONBLOCK: should the number by now belong to a terminal or a pipe, opening it has no effect.
    let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    Ok(rustix::fs::open(format!("/proc/{pid}/fd/{fd}"), flags, Mode::empty())?)
}

/// Opens the file behind a descriptor once more, as a file description of its own.
pub(crate) fn reopen(fd: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    Ok(rustix::fs::open(path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?)
}

/// Where the bytes that peers lock begin: behind the end of any segment, since locking needs no file there.
const FIRST_LOCKED: libc::off_t = 1 << 62;

fn byte_lock(kind: libc::c_int, byte: u32) -> libc::flock {
    // SAFETY: all zero is a valid `flock`; `l_pid` must be 0 for locks of descriptions.
    let mut lock = unsafe { core::mem::zeroed::<libc::flock>() };
    lock.l_type = kind as libc::c_short;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    lock.l_start = FIRST_LOCKED + libc::off_t::from(byte);
    lock.l_len = 1;
    lock
}

fn lock_call(fd: BorrowedFd<'_>, command: libc::c_int, lock: &mut libc::flock) -> io::Result<()> {
    // SAFETY: a valid descriptor and a valid `flock`, which these commands read and write.
    match unsafe { libc::fcntl(fd.as_raw_fd(), command, core::ptr::from_mut(lock)) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Locks a byte for the file description behind `fd`, until the last descriptor and mapping of it is gone; `false` if another
/// description has it.
pub(crate) fn lock_byte(fd: &OwnedFd, byte: u32) -> io::Result<bool> {
    match lock_call(fd.as_fd(), libc::F_OFD_SETLK, &mut byte_lock(libc::F_WRLCK, byte)) {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Locks a byte as [`lock_byte`] does, but beside others who lock it so.
pub(crate) fn share_byte(fd: &OwnedFd, byte: u32) -> io::Result<bool> {
    match lock_call(fd.as_fd(), libc::F_OFD_SETLK, &mut byte_lock(libc::F_RDLCK, byte)) {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Gives up the lock of [`lock_byte`].
pub(crate) fn unlock_byte(fd: &OwnedFd, byte: u32) -> io::Result<()> {
    lock_call(fd.as_fd(), libc::F_OFD_SETLK, &mut byte_lock(libc::F_UNLCK, byte))
}

/// Whether another description than that behind `fd` has a byte locked.
pub(crate) fn is_byte_locked(fd: BorrowedFd<'_>, byte: u32) -> io::Result<bool> {
    let mut lock = byte_lock(libc::F_WRLCK, byte);
    lock_call(fd, libc::F_OFD_GETLK, &mut lock)?;
    Ok(libc::c_int::from(lock.l_type) != libc::F_UNLCK)
}

/// Has a forked child find zeros in its copy of an anonymous mapping.
pub(crate) fn wipe_on_fork(page: &MmapRaw) -> io::Result<()> {
    // SAFETY: the whole of a mapping that lives during the call; what it changes is a child's copy.
    unsafe {
        rustix::mm::madvise(page.as_mut_ptr().cast(), page.len(), rustix::mm::Advice::LinuxWipeOnFork)
    }?;
    Ok(())
}

/// A random number from the kernel.
pub(crate) fn random_u64() -> io::Result<u64> {
    let mut bytes = [0_u8; 8];
    // SAFETY: the buffer is valid for its length.
    match unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) } {
        8 => Ok(u64::from_ne_bytes(bytes)),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Reaps a process that has ended, and says how it did.
pub(crate) fn reap(pidfd: &Pidfd) -> Exit {
    loop {
        match rustix::process::waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED) {
            Ok(Some(status)) => {
                return match (status.exit_status(), status.terminating_signal()) {
                    (Some(code), _) => Exit::Code(code),
                    (None, Some(signal)) => Exit::Signal(signal),
                    (None, None) => Exit::Unknown,
                };
            }
            Err(Errno::INTR) => {}
            // ECHILD: the program ignores SIGCHLD, or reaps every child it has.
            Ok(None) | Err(_) => return Exit::Unknown,
        }
    }
}

/// Waits until a process has ended or the time is up; returns whether it has ended.
pub(crate) fn wait_for_end(pidfd: &Pidfd, deadline: Option<Instant>) -> bool {
    loop {
        let left = deadline.map(|deadline| {
            let left = deadline.saturating_duration_since(Instant::now());
            Timespec {
                tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            }
        });
        match rustix::event::poll(&mut [PollFd::new(pidfd, PollFlags::IN)], left.as_ref()) {
            Ok(0) => return false,
            Ok(_) => return true,
            // Interrupted, or no memory for the moment.
            Err(_) => {}
        }
    }
}

/// Something that one thread rings and another waits for beside processes.
#[derive(Debug)]
pub(crate) struct Bell(OwnedFd);

impl Bell {
    pub(crate) fn new() -> io::Result<Bell> {
        Ok(Bell(rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?))
    }

    /// Ends the next or present [`wait_for_any`].
    pub(crate) fn ring(&self) {
        // Fails only if the counter is at its limit: then it is readable already.
        let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }
}

/// Waits until one of these processes has ended or the bell is rung, and says which processes have; the bell is silent
/// again. `None` if it was interrupted, or there was no memory for the moment.
pub(crate) fn wait_for_any<'a>(pidfds: impl Iterator<Item = &'a Pidfd>, bell: &'a Bell) -> Option<Vec<bool>> {
    let mut fds: Vec<PollFd<'_>> = pidfds.chain([&bell.0]).map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
    rustix::event::poll(&mut fds, None).ok()?;
    let mut ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
    if ready.pop() == Some(true) {
        let _ = rustix::io::read(&bell.0, &mut [0_u8; 8]);
    }
    Some(ready)
}

/// Sends SIGKILL; a process that has ended already is no error.
pub(crate) fn kill(pidfd: &Pidfd) -> io::Result<()> {
    match rustix::process::pidfd_send_signal(pidfd, Signal::KILL) {
        Ok(()) | Err(Errno::SRCH) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// A descriptor of a process by which it can be watched without its id being mistaken for a later process's.
pub(crate) fn pidfd(pid: u32) -> io::Result<Pidfd> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidInput)?;
    Ok(rustix::process::pidfd_open(pid, PidfdFlags::empty())?)
}

/// Bytes of memory and swap that the system has, used or not.
pub(crate) fn total_memory() -> u64 {
    // SAFETY: all zero is a valid `sysinfo`.
    let mut info = unsafe { core::mem::zeroed::<libc::sysinfo>() };
    // SAFETY: a valid pointer to the struct that the call fills.
    if unsafe { libc::sysinfo(&mut info) } != 0 {
        return u64::MAX;
    }
    (info.totalram as u64).saturating_add(info.totalswap as u64).saturating_mul(u64::from(info.mem_unit))
}

/// Makes writing to a closed pipe an error instead of a signal, as std does before `main`.
pub(crate) fn ignore_broken_pipes() {
    // SAFETY: no handler is installed, the signal is merely ignored.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
}

/// The parent's process id; 1, or a sub-reaper's, once it has ended.
pub(crate) fn parent() -> u32 {
    std::os::unix::process::parent_id()
}

/// Ends the process without running anything else in it.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: always allowed.
    unsafe { libc::_exit(code) }
}

/// One of the words that [`wait_for_any_word`] sleeps on, as the kernel has it.
#[repr(C)]
struct FutexWait {
    expected: u64,
    word: u64,
    flags: u32,
    reserved: u32,
}

/// Of 32 bits, and shared between processes.
const FUTEX2_SIZE_U32: u32 = 2;

/// As many words as the kernel takes at a time.
const FUTEX_WAITV_MAX: usize = 128;

/// Sleeps until one of these words changes and is woken, or until the deadline; may return early. Where there are more words than the kernel
/// takes, or it is older than 5.16, it sleeps for a millisecond.
pub(crate) fn wait_for_any_word(words: &[(&Futex<Shared>, u32)], deadline: Instant) {
    let waits: Vec<FutexWait> = words
        .iter()
        .map(|(futex, expected)| FutexWait {
            expected: (*expected).into(),
            word: core::ptr::from_ref(futex.word()).addr() as u64,
            flags: FUTEX2_SIZE_U32,
            reserved: 0,
        })
        .collect();
    let left = deadline.saturating_duration_since(Instant::now());
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let nanos = now.tv_nsec + i64::from(left.subsec_nanos());
    let until = libc::timespec {
        tv_sec: now.tv_sec + left.as_secs() as i64 + nanos / 1_000_000_000,
        tv_nsec: nanos % 1_000_000_000,
    };
    let failed = (1..=FUTEX_WAITV_MAX).contains(&waits.len()) && {
        // SAFETY: valid for the call: as many entries as it says, each with the address of a word that is borrowed, and a time.
        let result = unsafe {
            libc::syscall(
                libc::SYS_futex_waitv,
                waits.as_ptr(),
                waits.len(),
                0,
                core::ptr::from_ref(&until),
                libc::CLOCK_MONOTONIC,
            )
        };
        result == -1 && io::Error::last_os_error().raw_os_error() == Some(libc::ENOSYS)
    };
    if failed || !(1..=FUTEX_WAITV_MAX).contains(&waits.len()) {
        std::thread::sleep(left.min(std::time::Duration::from_millis(1)));
    }
}
