//! What is checked: the tests of a crate, built once for each checker.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::outcome::usage;
use crate::run_command::{output_of, run_logged, tail};
use crate::workspace::Places;

/// No build takes this long unless it hangs.
const BUILD_LIMIT: Duration = Duration::from_secs(30 * 60);
/// Asking a tool for its version, or a program for its tests.
const ASK_LIMIT: Duration = Duration::from_secs(60);

/// The target that ThreadSanitizer's build names, because std is built anew.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Who looks for violations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Checker {
    /// Every execution of small scenarios, in its model of the memory.
    Loom,
    /// Schedules of larger scenarios, chosen at random.
    Shuttle,
    /// Real threads, watched for races.
    Tsan,
    /// An interpreter that watches for undefined behaviour, with many seeds.
    Miri,
    /// Real threads by themselves, again and again.
    Threads,
    /// What `cargo test` runs: behaviour, property tests against obviously right versions, stress.
    Tests,
    /// Processes that are killed between any two instructions.
    Crash,
}

impl Checker {
    /// All of them.
    pub const ALL: [Checker; 7] = [
        Checker::Loom,
        Checker::Shuttle,
        Checker::Tsan,
        Checker::Miri,
        Checker::Threads,
        Checker::Tests,
        Checker::Crash,
    ];

    /// As in records and flags.
    pub fn name(self) -> &'static str {
        match self {
            Checker::Loom => "loom",
            Checker::Shuttle => "shuttle",
            Checker::Miri => "miri",
            Checker::Tsan => "tsan",
            Checker::Threads => "threads",
            Checker::Tests => "tests",
            Checker::Crash => "crash",
        }
    }

    /// How to get what is missing, if something is.
    pub fn missing(self) -> Option<String> {
        let component = match self {
            Checker::Loom | Checker::Shuttle | Checker::Threads | Checker::Tests => return None,
            // Whether ptrace is permitted only a process that tries can tell: see `Built::refused`.
            Checker::Crash if cfg!(target_arch = "x86_64") => return None,
            Checker::Crash => return Some("crash needs a processor that it can step through: x86-64".into()),
            Checker::Miri => "miri",
            Checker::Tsan => "rust-src",
        };
        let mut rustup = Command::new("rustup");
        rustup.args(["component", "list", "--installed", "--toolchain", "nightly"]);
        let installed = output_of(&mut rustup, ASK_LIMIT).unwrap_or_default();
        let there = |name: &str| installed.lines().any(|line| line.starts_with(name));
        // Miri builds std for itself, from its source.
        (!there(component) || !there("rust-src")).then(|| {
            format!(
                "{} needs nightly with {component}: rustup toolchain install nightly --component miri,rust-src",
                self.name()
            )
        })
    }
}

impl fmt::Display for Checker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A crate whose tests are scenarios.
#[derive(Clone, Debug)]
pub struct Suite {
    /// The folder that source locations are relative to: the workspace's root.
    pub root: PathBuf,
    /// The crate's folder, relative to `root`.
    pub folder: String,
    manifest: PathBuf,
    package: String,
    target: PathBuf,
    /// What the names of its subjects begin with, where the crates of one workspace are told apart.
    prefix: &'static str,
    /// Whether loom, shuttle and tests have programs of their own, or all checkers share one called `models`.
    apart: bool,
    /// Whether there is a program `crash`.
    crash: bool,
}

impl Suite {
    /// The primitives of this workspace.
    pub fn primitives(places: &Places) -> Suite {
        Suite {
            root: places.root.clone(),
            folder: "primitives".into(),
            manifest: places.root.join("primitives/Cargo.toml"),
            package: "heddle-primitives".into(),
            target: places.target.clone(),
            prefix: "",
            apart: true,
            crash: false,
        }
    }

    /// The crates of this workspace, whose protocols are checked.
    pub fn of_workspace(places: &Places) -> Vec<Suite> {
        let ipc = Suite {
            root: places.root.clone(),
            folder: "ipc".into(),
            manifest: places.root.join("ipc/Cargo.toml"),
            package: "heddle-ipc".into(),
            target: places.target.clone(),
            prefix: "ipc ",
            apart: false,
            crash: true,
        };
        vec![Suite::primitives(places), ipc]
    }

    /// The crate with this manifest: one of the workspace, or another one, whose test program `models` uses
    /// `heddle_primitives::verify`.
    ///
    /// # Errors
    /// If there is no such crate, or no such program.
    pub fn of_manifest(places: &Places, manifest: &Path) -> Result<Suite> {
        let manifest = std::path::absolute(manifest)?;
        if let Some(own) = Suite::of_workspace(places).into_iter().find(|suite| suite.manifest == manifest) {
            return Ok(own);
        }
        let mut command =
            places.cargo(&["metadata", "--format-version", "1", "--no-deps", "--manifest-path"]);
        command.arg(&manifest).stderr(std::process::Stdio::piped());
        let output = command.output().context("cargo metadata")?;
        if !output.status.success() {
            return Err(usage(String::from_utf8_lossy(&output.stderr).trim().to_string()));
        }
        let metadata: Value = serde_json::from_slice(&output.stdout)?;
        let packages = metadata["packages"].as_array().context("cargo metadata names no packages")?;
        let is_this = |package: &&Value| package["manifest_path"].as_str().map(Path::new) == Some(&manifest);
        let package = packages
            .iter()
            .find(is_this)
            .ok_or_else(|| usage(format!("{} is no package's manifest", manifest.display())))?;
        let targets = package["targets"].as_array().context("cargo metadata names no targets")?;
        if !targets.iter().any(|target| target["name"] == "models") {
            return Err(usage(format!(
                "{}: no test program called `models`; write its scenarios in tests/models.rs",
                manifest.display()
            )));
        }
        let text =
            |key: &str| metadata[key].as_str().map(PathBuf::from).context("cargo metadata names no root");
        let root = text("workspace_root")?;
        let folder = manifest.parent().unwrap_or(&root).strip_prefix(&root).unwrap_or(Path::new(""));
        Ok(Suite {
            folder: folder.to_string_lossy().into_owned(),
            package: package["name"].as_str().unwrap_or_default().into(),
            target: text("target_directory")?,
            root,
            manifest,
            prefix: "",
            apart: false,
            crash: false,
        })
    }

    /// The crate's name.
    pub fn name(&self) -> &str {
        &self.package
    }

    /// Whether `file` is source of the crate, and not of its tests.
    pub fn owns(&self, file: &str) -> bool {
        let inside = if self.folder.is_empty() { Some(file) } else { file.strip_prefix(&self.folder) };
        inside.is_some_and(|rest| rest.trim_start_matches('/').starts_with("src/"))
    }

    /// Whether the checker has something to look at.
    pub fn has(&self, checker: Checker) -> bool {
        checker != Checker::Crash || self.crash
    }

    fn program(&self, checker: Checker) -> &'static str {
        match checker {
            Checker::Loom if self.apart => "loom",
            Checker::Shuttle if self.apart => "shuttle",
            Checker::Tests if self.apart => "it",
            Checker::Crash => "crash",
            _ => "models",
        }
    }

    /// A cargo command on the crate's test program, in the checker's target folder.
    fn cargo(&self, checker: Checker, arguments: &[&str]) -> Command {
        let nightly = matches!(checker, Checker::Miri | Checker::Tsan);
        let mut command = if nightly {
            // The variable names the stable program, and the toolchain is chosen by rustup's.
            let mut command = Command::new("cargo");
            command.env_remove("CARGO").env_remove("RUSTC").env_remove("RUSTUP_TOOLCHAIN").arg("+nightly");
            command
        } else {
            Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        };
        let flags = match checker {
            Checker::Loom => "--cfg heddle_loom",
            Checker::Shuttle => "--cfg heddle_shuttle",
            Checker::Miri | Checker::Threads => "--cfg heddle_mutants",
            Checker::Tests | Checker::Crash => "",
            Checker::Tsan => "--cfg heddle_mutants -Zsanitizer=thread",
        };
        let target = match checker {
            // Beside what `cargo test` and `cargo build --release` build.
            Checker::Tests | Checker::Crash => self.target.clone(),
            _ => self.target.join(checker.name()),
        };
        command
            .args(arguments)
            .arg("--manifest-path")
            .arg(&self.manifest)
            .args(["-p", &self.package, "--test", self.program(checker)])
            .current_dir(&self.root)
            .env("CARGO_TERM_COLOR", "never")
            .env("RUSTFLAGS", flags)
            .env("CARGO_TARGET_DIR", target);
        if checker == Checker::Tsan {
            command.args(["-Zbuild-std", "--target", TARGET]);
        }
        command
    }

    /// Builds the test program, and asks it for its tests.
    ///
    /// # Errors
    /// If it does not build; the end of the compiler's output is in the message.
    pub fn build(&self, checker: Checker, logs: &Path) -> Result<Built> {
        let log = logs.join(format!("build-{checker}.log"));
        let executable = if checker == Checker::Miri {
            None
        } else {
            let arguments = ["test", "--no-run", "--message-format=json-render-diagnostics"];
            let mut build = self.cargo(checker, &arguments);
            if checker == Checker::Crash {
                // What is shown is about the instructions that users run.
                build.arg("--release");
            }
            let ended = run_logged(&mut build, &log, BUILD_LIMIT)?;
            if let Some(failure) = ended.failure(BUILD_LIMIT) {
                bail!("build for {checker}: {failure}\n{}", words_of(&log));
            }
            Some(executable(&std::fs::read_to_string(&log)?).context("cargo built no test program")?)
        };
        let built = Built { suite: self.clone(), checker, executable, tests: Vec::new() };
        let mut list = built.command(&["--list", "--format", "terse"]);
        let ended = run_logged(&mut list, &log, BUILD_LIMIT)?;
        if let Some(failure) = ended.failure(BUILD_LIMIT) {
            bail!("{checker}: {failure}\n{}", tail(&log, 20));
        }
        let listed = std::fs::read_to_string(&log)?;
        let tests = listed.lines().filter_map(|line| line.strip_suffix(": test")).map(String::from).collect();
        Ok(Built { tests, ..built })
    }
}

/// The last lines that are for people, without cargo's messages.
fn words_of(log: &Path) -> String {
    let text = tail(log, 400);
    let words: Vec<&str> = text.lines().filter(|line| !line.starts_with('{')).collect();
    words[words.len().saturating_sub(20)..].join("\n")
}

/// The path in cargo's messages.
fn executable(messages: &str) -> Option<PathBuf> {
    let messages = messages.lines().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).next()
}

/// A test program that was built for a checker.
#[derive(Clone, Debug)]
pub struct Built {
    suite: Suite,
    /// Who looks.
    pub checker: Checker,
    /// None if cargo has to start it.
    executable: Option<PathBuf>,
    /// The names of its tests.
    pub tests: Vec<String>,
}

impl Built {
    /// The program with these arguments of the test harness.
    fn command(&self, arguments: &[&str]) -> Command {
        match &self.executable {
            Some(executable) => {
                let mut command = Command::new(executable);
                command.args(arguments).current_dir(&self.suite.root);
                command
            }
            None => {
                let mut command = self.suite.cargo(self.checker, &["miri", "test", "-q"]);
                command.arg("--").args(arguments);
                command
            }
        }
    }

    /// What records call that which a test is about.
    pub fn subject(&self, test: &str) -> String {
        format!("{}{}", self.suite.prefix, self.module(test))
    }

    /// What a test is about: the module that it is in. Tests that take one subject after another are about the module that their
    /// name starts with.
    pub fn module<'a>(&'a self, test: &'a str) -> &'a str {
        let module = |test: &'a str| test.split("::").next().unwrap_or(test);
        if !is_about_histories(test) {
            return module(test);
        }
        let name = test.rsplit("::").next().unwrap_or(test);
        let modules = self.tests.iter().map(|test| module(test)).filter(|module| name.starts_with(module));
        modules.max_by_key(|module| module.len()).unwrap_or_else(|| module(test))
    }

    /// A program that cannot be run.
    #[cfg(test)]
    pub fn for_tests(checker: Checker, tests: &[&str]) -> Built {
        let places = Places { root: "/r".into(), target: "/t".into(), home: "/h".into() };
        let tests = tests.iter().map(|test| test.to_string()).collect();
        Built { suite: Suite::primitives(&places), checker, executable: None, tests }
    }

    /// Why this system does not let the program do its work, if it does not.
    pub fn refused(&self) -> Option<String> {
        if self.checker != Checker::Crash {
            return None;
        }
        let error = output_of(&mut self.command(&["--permitted"]), ASK_LIMIT).err()?;
        Some(format!(
            "crash needs ptrace, which is refused here (a container without SYS_PTRACE, or kernel.yama.ptrace_scope \
             above 1): {error}"
        ))
    }

    /// One test in a process of its own.
    pub fn test(&self, name: &str) -> Command {
        let mut command = self.command(&["--exact", name, "--nocapture"]);
        command.env("RUST_BACKTRACE", "0");
        command
    }
}

/// Whether a test asks if the histories of concurrent calls are linearizable.
pub fn is_about_histories(test: &str) -> bool {
    test.starts_with("linearizability::")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_about_its_module_or_what_it_names() {
        let tests = ["queue::a", "array_queue::b", "linearizability::suite::array_queue_replacing"];
        let built = Built::for_tests(Checker::Loom, &tests);
        assert_eq!(tests.map(|test| built.subject(test)), ["queue", "array_queue", "array_queue"]);
        assert_eq!(built.subject("linearizability::planted::stack"), "linearizability");
    }

    #[test]
    fn the_last_executable_is_the_test_program() {
        let messages =
            "{\"reason\":\"compiler-artifact\",\"executable\":null}\nnoise\n{\"executable\":\"/a/b\"}\n";
        assert_eq!(executable(messages), Some(PathBuf::from("/a/b")));
        assert_eq!(executable("noise"), None);
    }

    #[test]
    fn source_is_told_from_tests() {
        let places = Places { root: "/r".into(), target: "/t".into(), home: "/h".into() };
        let suite = Suite::primitives(&places);
        assert!(suite.owns("primitives/src/raw/mod.rs"));
        assert!(!suite.owns("primitives/tests/loom/../broken/mod.rs") && !suite.owns("ipc/src/lib.rs"));
        let alone = Suite { folder: String::new(), ..suite };
        assert!(alone.owns("src/lib.rs") && !alone.owns("tests/models.rs"));
    }
}
