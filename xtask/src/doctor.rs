//! `doctor`: what this machine offers, what will be "not run", and how to get it.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::Result;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
use rustix::process::{PidfdFlags, getpid, pidfd_open};

use crate::flags::DoctorFlags;
use crate::measure::{host, pythons};
use crate::outcome::Outcome;

/// Something that a task can use.
struct Finding {
    name: &'static str,
    /// What was found; what is missing, if it was not.
    state: Result<String, Missing>,
}

/// What the lack of something means.
struct Missing {
    /// What will not be run.
    then: &'static str,
    /// How to change that.
    how: &'static str,
    /// Whether the main tasks do without.
    optional: bool,
}

const fn optional(then: &'static str, how: &'static str) -> Missing {
    Missing { then, how, optional: true }
}

const fn needed(then: &'static str, how: &'static str) -> Missing {
    Missing { then, how, optional: false }
}

/// Looks and tells. Fails only if something is missing that the main tasks need.
pub fn run(flags: &DoctorFlags) -> Result<Outcome> {
    let mut outcome = Outcome::Fine;
    for Finding { name, state } in machine().into_iter().chain(tools(&flags.python)?) {
        match state {
            Ok(what) => println!("{name:<18} {what}"),
            Err(missing) => {
                println!("{name:<18} missing: {}", missing.then);
                println!("{:<18}   to get it: {}", "", missing.how);
                if !missing.optional {
                    outcome = Outcome::CheckFailed;
                }
            }
        }
    }
    Ok(outcome)
}

/// What the kernel and the hardware offer.
fn machine() -> Vec<Finding> {
    let host = host::describe();
    let gibibytes = host.memory_bytes as f64 / f64::from(1 << 30);
    let virtualised = host.virtualised.map_or("bare metal".to_string(), |how| format!("virtualised ({how})"));
    let cores = match host.cores {
        1 => Err(optional(
            "speed-up is not seen on one core, and figures that need two parties share it",
            "a machine, or a CPU set, with two cores",
        )),
        n => Ok(n.to_string()),
    };
    vec![
        Finding { name: "cpu", state: Ok(format!("{}, {virtualised}", host.cpu)) },
        Finding { name: "cores allowed", state: cores },
        Finding {
            name: "memory",
            state: Ok(format!("{gibibytes:.1} GiB, pages of {} bytes", host.page_bytes)),
        },
        Finding { name: "huge pages", state: Ok(host.huge_pages) },
        Finding { name: "kernel", state: Ok(host.kernel) },
        Finding {
            name: "pinning",
            state: pinning().ok_or(optional(
                "pairs that are pinned to two cores float",
                "run outside of a sandbox that forbids sched_setaffinity",
            )),
        },
        Finding {
            name: "memfd sealing",
            state: memfd_sealing()
                .ok_or(needed("every model with processes", "Linux 3.17 or later, and memfd_create allowed")),
        },
        Finding {
            name: "pidfd",
            state: pidfd_open(getpid(), PidfdFlags::empty()).map(|_| "allowed".to_string()).map_err(|_| {
                needed(
                    "worker processes, and time limits of turns",
                    "Linux 5.3 or later, and pidfd_open allowed",
                )
            }),
        },
    ]
}

fn pinning() -> Option<String> {
    let own = rustix::thread::sched_getaffinity(None).ok()?;
    rustix::thread::sched_setaffinity(None, &own).ok()?;
    Some("allowed".into())
}

fn memfd_sealing() -> Option<String> {
    let file = memfd_create("heddle-doctor", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).ok()?;
    ftruncate(&file, 4096).ok()?;
    fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL).ok()?;
    Some("allowed".into())
}

/// What is installed.
fn tools(named: &[PathBuf]) -> Result<Vec<Finding>> {
    let nightly = |component: &str| {
        let arguments = ["component", "list", "--installed", "--toolchain", "nightly"];
        first_line("rustup", &arguments, |line| line.starts_with(component))
    };
    let program =
        |name: &str, then, how| first_line(name, &["--version"], |_| true).ok_or(optional(then, how));
    let mut findings = vec![
        Finding {
            name: "rustc",
            state: first_line("rustc", &["--version"], |_| true)
                .ok_or(needed("everything", "https://rustup.rs, stable 1.95 or later")),
        },
        Finding {
            name: "clippy, rustfmt",
            state: first_line("cargo", &["clippy", "--version"], |_| true)
                .and(first_line("cargo", &["fmt", "--version"], |_| true))
                .ok_or(needed("`cargo xtask test`", "rustup component add clippy rustfmt")),
        },
        Finding {
            name: "git",
            state: program("git", "records say `unknown` for the revision", "the package git"),
        },
        Finding {
            name: "nightly, miri",
            state: nightly("miri").ok_or(optional(
                "Miri's rows of the verification",
                "rustup toolchain install nightly --component miri,rust-src",
            )),
        },
        Finding {
            name: "nightly, rust-src",
            state: nightly("rust-src").ok_or(optional(
                "ThreadSanitizer's rows of the verification",
                "rustup toolchain install nightly --component miri,rust-src",
            )),
        },
        Finding {
            name: "mpi",
            state: program(
                "mpirun",
                "rows of the model `mpi`",
                "the packages openmpi-bin and libopenmpi-dev",
            ),
        },
        Finding {
            name: "chromium",
            state: program("chromium", "checks of the pages in a browser", "the package chromium"),
        },
        Finding {
            name: "valgrind",
            state: program("valgrind", "instruction counts", "the package valgrind"),
        },
    ];
    let interpreters = pythons::find(named)?;
    if interpreters.is_empty() {
        findings
            .push(Finding { name: "python", state: Err(optional("CPython's rows", pythons::HOW_TO_GET)) });
    }
    for it in interpreters {
        let gil = if it.python.gil { "with" } else { "without" };
        let what = format!(
            "{} ({}), {gil} GIL, starts by {}",
            it.python.name, it.python.version, it.python.start_method
        );
        findings.push(Finding { name: "python", state: Ok(what) });
    }
    Ok(findings)
}

/// The first line that a program prints and that passes; none if the program is not there or fails.
fn first_line(program: &str, arguments: &[&str], passes: impl Fn(&str) -> bool) -> Option<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find(|line| passes(line)).map(String::from);
    line.filter(|_| output.status.success())
}
