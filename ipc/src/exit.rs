//! How a process ended.

use core::fmt;

/// How a worker, or another child process, ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exit {
    /// It exited, by itself, with this code.
    Code(i32),
    /// This signal killed it.
    Signal(i32),
    /// Somebody else reaped it, or the program ignores SIGCHLD.
    Unknown,
}

impl Exit {
    /// The signal that killed it, if one did.
    pub fn signal(self) -> Option<i32> {
        if let Exit::Signal(signal) = self { Some(signal) } else { None }
    }

    /// The exit code, if it exited by itself.
    pub fn code(self) -> Option<i32> {
        if let Exit::Code(code) = self { Some(code) } else { None }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Exit::Code(code) => write!(f, "exit code {code}"),
            Exit::Signal(signal) => match signal_name(signal) {
                Some(name) => write!(f, "signal {signal} ({name})"),
                None => write!(f, "signal {signal}"),
            },
            Exit::Unknown => f.write_str("an unknown end"),
        }
    }
}

fn signal_name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        libc::SIGHUP => "SIGHUP",
        libc::SIGINT => "SIGINT",
        libc::SIGQUIT => "SIGQUIT",
        libc::SIGILL => "SIGILL",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGKILL => "SIGKILL",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGPIPE => "SIGPIPE",
        libc::SIGALRM => "SIGALRM",
        libc::SIGTERM => "SIGTERM",
        libc::SIGXCPU => "SIGXCPU",
        libc::SIGXFSZ => "SIGXFSZ",
        libc::SIGSYS => "SIGSYS",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_signal() {
        assert_eq!(Exit::Signal(9).to_string(), "signal 9 (SIGKILL)");
        assert_eq!(Exit::Signal(63).to_string(), "signal 63");
        assert_eq!(Exit::Code(3).to_string(), "exit code 3");
    }
}
