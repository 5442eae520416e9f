//! A process that is run instruction by instruction, and killed between any two.
//!
//! It is a fork of this one, so that code and shared memory lie at the same addresses in both. It stops itself where its operation begins, at
//! [`mark`]; from there on ptrace lets it run one instruction at a time, or up to a place by itself. A system call is one instruction:
//! it has happened or not.

use core::arch::naked_asm;
use std::io;
use std::time::{Duration, Instant};

use libc::{c_int, c_long, c_void, pid_t};

use crate::suite::process;

/// The register that says which instruction is next.
const RIP: usize = core::mem::offset_of!(libc::user_regs_struct, rip);

/// How long a system call may take before it is looked at whether it sleeps.
const NAP: Duration = Duration::from_micros(200);

/// Where an operation begins and where it ends: a trap that stops whoever is traced, and kills all others.
#[unsafe(naked)]
extern "C" fn mark() {
    naked_asm!("int3", "ret")
}

/// Runs `operation` between two marks; called once by a process that a [`Victim`] stands for.
pub fn traced<R>(operation: impl FnOnce() -> R) -> R {
    mark();
    let result = core::hint::black_box(operation());
    mark();
    result
}

/// Where the operation of a process begins that a [`Victim`] was made of while it ran.
#[inline(never)]
pub fn begin() {
    mark();
}

/// A process under our hand. Dropping it kills it.
#[derive(Debug)]
pub struct Victim {
    pid: pid_t,
    reaped: bool,
    /// Where it stops when it runs by itself, and what stood there.
    trap: Option<(usize, c_long)>,
    /// Where its mark lies.
    mark: usize,
    /// Whether it is a fork, whose code lies where ours does.
    forked: bool,
    /// Whether it has passed the first mark.
    begun: bool,
    /// How it was last told to go on.
    going: libc::c_uint,
}

/// Where a victim is, or what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// About to run the instruction at this address.
    Before(usize),
    /// The operation is over; what follows it was not begun.
    Complete,
    /// In a system call that sleeps.
    Asleep,
    /// It ended by itself, with this exit code.
    Exited(c_int),
    /// A signal ended it, or would next.
    Signalled(c_int),
}

impl Victim {
    /// Forks a process that runs `body`, up to the mark where its operation begins.
    ///
    /// # Errors
    ///
    /// The system forbids tracing, or has no process left.
    pub fn start(body: impl FnOnce(), limit: Duration) -> io::Result<(Victim, Stop)> {
        let pid = process::fork(|| {
            // SAFETY: asks for being traced by the parent; takes no pointer.
            let allowed = unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) } == 0;
            if !allowed {
                process::exit(process::EXIT_UNTRACED);
            }
            body();
        })?;
        let mut victim = Victim::new(pid, true);
        let stop = match victim.resume(limit)? {
            Some(Stop::Before(at)) => {
                victim.request(libc::PTRACE_SETOPTIONS, 0, libc::PTRACE_O_EXITKILL as usize)?;
                victim.begun = true;
                Stop::Before(at)
            }
            Some(Stop::Exited(process::EXIT_UNTRACED)) => return Err(io::ErrorKind::PermissionDenied.into()),
            Some(stop) => stop,
            None => Stop::Asleep,
        };
        Ok((victim, stop))
    }

    /// Makes a victim of a process that runs, of this program too, and has `go` set it going up to where its operation
    /// [begins](begin).
    ///
    /// # Errors
    ///
    /// The system forbids tracing, or there is no such process.
    pub fn seize(pid: pid_t, go: impl FnOnce(), limit: Duration) -> io::Result<(Victim, Stop)> {
        let mut victim = Victim::new(pid, false);
        victim.request(libc::PTRACE_SEIZE, 0, libc::PTRACE_O_EXITKILL as usize)?;
        go();
        let stop = victim.resume(limit)?.unwrap_or(Stop::Asleep);
        if let Stop::Before(at) = stop {
            victim.begun = true;
            victim.mark = at - 1;
        }
        Ok((victim, stop))
    }

    fn new(pid: pid_t, forked: bool) -> Victim {
        let mark = mark as *const () as usize;
        Victim { pid, reaped: false, trap: None, mark, forked, begun: false, going: libc::PTRACE_CONT }
    }

    /// Runs one instruction. A system call that sleeps is left at it, and [`resume`](Victim::resume) waits for its end.
    pub fn step(&mut self, at: usize) -> io::Result<Stop> {
        let system_call = self.is_system_call(at);
        self.go(libc::PTRACE_SINGLESTEP)?;
        if system_call {
            return self.look();
        }
        Ok(self.wait(None)?.expect("without a limit it waits"))
    }

    /// Runs up to the instruction at `to`, which is not the one that it is at. If it sleeps before, it is left there as by
    /// [`step`](Victim::step).
    pub fn leap(&mut self, to: usize) -> io::Result<Stop> {
        const TRAP: c_long = 0xCC;
        // SAFETY: libc's wrapper returns the word instead of writing it anywhere.
        let word = unsafe { libc::ptrace(libc::PTRACE_PEEKTEXT, self.pid, to as *mut c_void, 0) };
        self.request(libc::PTRACE_POKETEXT, to, (word & !0xFF | TRAP) as usize)?;
        self.trap = Some((to, word));
        self.go(libc::PTRACE_CONT)?;
        self.look()
    }

    /// Waits until it stops or sleeps.
    fn look(&mut self) -> io::Result<Stop> {
        loop {
            if let Some(stop) = self.wait(Some(Instant::now() + NAP))? {
                return Ok(stop);
            }
            if process::is_asleep(self.pid) {
                return Ok(Stop::Asleep);
            }
        }
    }

    /// Waits for the end of the system call that it sleeps in, and for whatever it was told to run to; `None` if that has not come
    /// after `limit`.
    pub fn resume(&mut self, limit: Duration) -> io::Result<Option<Stop>> {
        process::patiently(limit, |look| self.wait(Some(look)).transpose()).transpose()
    }

    /// Kills it as it stands, and waits until the kernel has taken it down.
    pub fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if !core::mem::replace(&mut self.reaped, true) {
            process::kill(self.pid);
            process::reap(self.pid);
        }
    }

    fn go(&mut self, request: libc::c_uint) -> io::Result<()> {
        self.going = request;
        self.request(request, 0, 0)
    }

    fn request(&self, request: libc::c_uint, address: usize, data: usize) -> io::Result<()> {
        // SAFETY: these requests read no memory of ours: both are numbers, or places in the victim.
        let done = unsafe { libc::ptrace(request, self.pid, address, data) };
        if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// The address of its next instruction.
    fn at(&self) -> io::Result<usize> {
        // SAFETY: libc's wrapper returns the word instead of writing it anywhere.
        let word: c_long = unsafe { libc::ptrace(libc::PTRACE_PEEKUSER, self.pid, RIP as *mut c_void, 0) };
        // No code lies at -1, which is an error.
        if word == -1 { Err(io::Error::last_os_error()) } else { Ok(word as usize) }
    }

    fn wait(&mut self, deadline: Option<Instant>) -> io::Result<Option<Stop>> {
        let mut status = process::wait(self.pid, deadline)?;
        // Somebody stops and continues this program, as a shell does: that is no news for the victim.
        let job_control = |status| {
            libc::WIFSTOPPED(status)
                && matches!(libc::WSTOPSIG(status), libc::SIGSTOP | libc::SIGTSTP | libc::SIGCONT)
        };
        while status.is_some_and(job_control) {
            self.go(self.going)?;
            status = process::wait(self.pid, deadline)?;
        }
        let Some(status) = status else { return Ok(None) };
        if libc::WIFEXITED(status) {
            self.reaped = true;
            return Ok(Some(Stop::Exited(libc::WEXITSTATUS(status))));
        }
        if libc::WIFSIGNALED(status) {
            self.reaped = true;
            return Ok(Some(Stop::Signalled(libc::WTERMSIG(status))));
        }
        match libc::WSTOPSIG(status) {
            libc::SIGTRAP => {
                let at = self.at()?;
                if let Some((trap, word)) = self.trap.filter(|(trap, _)| at == trap + 1) {
                    self.request(libc::PTRACE_POKETEXT, trap, word as usize)?;
                    self.request(libc::PTRACE_POKEUSER, RIP, trap)?;
                    self.trap = None;
                    return Ok(Some(Stop::Before(trap)));
                }
                // Before the trap if it came there by steps, behind it if by itself.
                let over = self.begun && (self.mark..=self.mark + 1).contains(&at);
                Ok(Some(if over { Stop::Complete } else { Stop::Before(at) }))
            }
            signal => Ok(Some(Stop::Signalled(signal))),
        }
    }
}

impl Victim {
    /// Whether the instruction at `at` is a system call.
    fn is_system_call(&self, at: usize) -> bool {
        const SYSCALL: [u8; 2] = [0x0F, 0x05];
        if self.forked {
            let code = at as *const [u8; 2];
            // SAFETY: a process that was forked from this one runs at `at`, so code is mapped there, and no instruction of one
            // byte ends a mapping: code ends with padding.
            return unsafe { code.read_unaligned() == SYSCALL };
        }
        // SAFETY: libc's wrapper returns the word instead of writing it anywhere.
        let word = unsafe { libc::ptrace(libc::PTRACE_PEEKTEXT, self.pid, at as *mut c_void, 0) };
        word.to_ne_bytes()[..2] == SYSCALL
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        self.end();
    }
}
