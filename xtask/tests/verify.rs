//! `cargo xtask verify` on a crate made for the purpose, whose test program behaves as each test says: what is recorded, how it
//! ends, and what is left after an interrupt.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Answers what `verify` asks of cargo: where the crate is, and which program its tests are.
const CARGO: &str = r#"#!/bin/sh
here=$(dirname "$0")
if [ "$1" = metadata ]; then cat "$here/metadata.json"; exit; fi
if [ -e "$here/no-build" ]; then echo "error: it does not build" >&2; exit 101; fi
echo "{\"executable\":\"$here/program\"}"
"#;

/// Behaves as a test program does: lists its tests, runs one.
const PROGRAM: &str = r#"#!/bin/sh
here=$(dirname "$0")
if [ "$1" = --list ]; then cd "$here/tests"; for test in *; do echo "$test: test"; done; exit; fi
record() { echo "$1" >> "${HEDDLE_RECORDS:-/dev/null}"; }
reached=false
sites() {
    [ -n "$HEDDLE_SITES" ] && printf '{"site":"%s","operation":"load","orders":["Acquire"]}\n' "$1" >> "$HEDDLE_SITES"
    [ "${HEDDLE_MUTANT%%=*}" = "$1" ] && reached=true
}
pass() {
    record '{"scenario":"'$1'","seconds":0.1,"threads":2,"result":"pass","executions":7,"coverage":"complete","mutant_reached":'$reached'}'
}
. "$here/tests/$2"
"#;

/// The crate's source: the load in `seen` is at 3:28, that in `unseen` at 4:30, that in `missed` at 5:30.
const SOURCE: &str = "\
use heddle_primitives::sync::atomic::{AtomicU32, Ordering};

fn seen(x: &AtomicU32) { x.load(Ordering::Acquire); }
fn unseen(x: &AtomicU32) { x.load(Ordering::Acquire); }
fn missed(x: &AtomicU32) { x.load(Ordering::Acquire); }
";

struct Crate {
    folder: tempfile::TempDir,
}

/// How a run ended, and what it recorded.
struct Ran {
    code: i32,
    text: String,
    records: Vec<Value>,
}

impl Crate {
    /// With these tests and what they do.
    fn new(tests: &[(&str, &str)]) -> Crate {
        let this = Crate { folder: tempfile::tempdir().unwrap() };
        for folder in ["workspace/xtask", "crate/src", "crate/tests"] {
            fs::create_dir_all(this.path(folder)).unwrap();
        }
        let root = this.path("crate");
        let manifest = root.join("Cargo.toml");
        let metadata = serde_json::json!({
            "packages": [{
                "name": "locks",
                "manifest_path": manifest,
                "targets": [{ "name": "models" }],
            }],
            "workspace_root": root,
            "target_directory": root.join("target"),
        });
        fs::write(&manifest, "").unwrap();
        fs::write(root.join("metadata.json"), metadata.to_string()).unwrap();
        fs::write(root.join("src/lib.rs"), SOURCE).unwrap();
        for (name, text) in [("cargo", CARGO), ("program", PROGRAM)] {
            fs::write(root.join(name), text).unwrap();
            fs::set_permissions(root.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        for (name, script) in tests {
            fs::write(root.join("tests").join(name), script).unwrap();
        }
        this
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.args(["verify", "--quick"]).args(arguments).stdin(Stdio::null());
        command.arg("--manifest-path").arg(self.path("crate/Cargo.toml"));
        command.arg("--home").arg(self.path("home"));
        command
            .env("CARGO", self.path("crate/cargo"))
            .env("CARGO_MANIFEST_DIR", self.path("workspace/xtask"));
        command
    }

    fn verify(&self, arguments: &[&str]) -> Ran {
        self.ran(&mut self.command(arguments))
    }

    fn ran(&self, command: &mut Command) -> Ran {
        let output = command.output().unwrap();
        let text =
            [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        let records = self.lines("verification.jsonl");
        Ran { code: output.status.code().unwrap_or(-1), text, records }
    }

    fn lines(&self, file: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.path("home/verification/locks").join(file)).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).expect("a whole line")).collect()
    }
}

#[test]
fn each_bad_end_is_recorded_and_the_run_goes_on() {
    for (script, result, words, code) in [
        ("exit 101", "fail", "exit code 101", 1),
        ("kill -9 $$", "fail", "killed by signal 9", 1),
        ("sleep 60", "unknown", "limit of 2.0 s", 3),
        ("record '{]'", "fail", "a record that is none", 1),
        ("pass half; record '{\"scenario\":'", "fail", "a record that is none", 1),
        ("pass then; exit 9", "fail", "exit code 9", 1),
    ] {
        let it = Crate::new(&[("lock::bad", script), ("lock::good", "pass good")]);
        let start = Instant::now();
        let run = it.verify(&["--only", "loom", "--test-limit", "2s"]);
        assert_eq!(run.code, code, "{script}: {}", run.text);
        assert!(start.elapsed() < Duration::from_secs(30));
        let of = |name: &str| run.records.iter().find(|record| record["scenario"] == name);
        let bad = of("lock::bad").unwrap_or_else(|| panic!("{script}: {:#?}", run.records));
        assert_eq!(bad["result"], result, "{script}: {bad}");
        assert!(bad["message"].as_str().unwrap().contains(words), "{script}: {bad}");
        assert!(run.text.contains("lock::bad"), "the summary names it: {}", run.text);
        assert_eq!(of("good").unwrap()["result"], "pass");
    }
}

#[test]
fn what_passes_is_labelled_by_its_reach() {
    let it = Crate::new(&[("lock::good", "pass good")]);
    let run = it.verify(&["--only", "loom,shuttle"]);
    assert_eq!(run.code, 0, "{}", run.text);
    let checkers: Vec<_> = run.records.iter().map(|record| record["checker"].as_str().unwrap()).collect();
    assert_eq!(checkers, ["loom", "shuttle"]);
    let record = &run.records[0];
    assert_eq!((&record["coverage"], &record["executions"]), (&"complete".into(), &7.into()));
    assert_eq!((&record["subject"], &record["threads"]), (&"lock".into(), &2.into()));
}

#[test]
fn a_checker_that_is_missing_is_not_run_and_says_how_to_get_it() {
    let it = Crate::new(&[("lock::good", "pass good")]);
    let tools = it.path("tools");
    fs::create_dir_all(&tools).unwrap();
    for tool in ["sh", "cat", "dirname"] {
        let original = Path::new("/bin").join(tool);
        symlink(
            if original.exists() { original } else { Path::new("/usr/bin").join(tool) },
            tools.join(tool),
        )
        .unwrap();
    }
    for (arguments, code) in
        [(&["--only", "loom,miri,tsan"][..], 3), (&["--only", "loom,miri,tsan", "--allow-missing"], 0)]
    {
        let run = it.ran(it.command(arguments).env("PATH", &tools));
        assert_eq!(run.code, code, "{}", run.text);
        for checker in ["miri", "tsan"] {
            let record = run.records.iter().find(|record| record["checker"] == checker).unwrap();
            assert_eq!((&record["result"], &record["status"]), (&"not-run".into(), &"not_run".into()));
            assert!(
                record["reason"].as_str().unwrap().contains("rustup toolchain install nightly"),
                "{record}"
            );
        }
        assert!(run.records.iter().any(|record| record["checker"] == "loom" && record["result"] == "pass"));
    }
}

#[test]
fn a_program_that_does_not_build_is_an_error_with_the_compilers_words() {
    let it = Crate::new(&[("lock::good", "pass good")]);
    fs::write(it.path("crate/no-build"), "").unwrap();
    let run = it.verify(&["--only", "loom"]);
    assert!(run.code != 0 && run.text.contains("it does not build"), "{}: {}", run.code, run.text);
}

#[test]
fn an_interrupt_leaves_whole_records() {
    let it = Crate::new(&[("lock::a", "pass a"), ("lock::b", "pass b"), ("lock::c", "sleep 60")]);
    let mut command = it.command(&["--only", "loom", "--jobs", "1"]);
    let mut running = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    while it.lines("quick-loom.jobs").len() < 2 {
        assert!(start.elapsed() < Duration::from_secs(30), "the first two tests end at once");
        std::thread::sleep(Duration::from_millis(20));
    }
    let interrupted = Command::new("kill").args(["-INT", &running.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    assert_eq!(running.wait().unwrap().code(), Some(3));
    assert!(start.elapsed() < Duration::from_secs(30), "the test that sleeps was not waited for");
    let jobs = it.lines("quick-loom.jobs");
    let names: Vec<_> = jobs.iter().map(|job| job["job"].as_str().unwrap()).collect();
    assert_eq!(names, ["locks loom lock::a", "locks loom lock::b"]);
}

#[test]
fn mutants_are_killed_survive_or_were_never_reached() {
    let seen = "sites src/lib.rs:3:28; [ $reached = true ] && exit 101; pass seen";
    let unseen = "sites src/lib.rs:4:30; pass unseen";
    let it = Crate::new(&[("lock::seen", seen), ("lock::unseen", unseen)]);
    let run = it.verify(&["--only", "mutants"]);
    assert_eq!(run.code, 0, "{}", run.text);
    assert!(
        run.text.contains("2 mutants, 2 tried: 1 killed (50.0 %), 0 equivalent, 1 undecided"),
        "{}",
        run.text
    );
    assert!(run.text.contains("undecided: unseen#load.0 no-acquire"), "{}", run.text);
    assert!(run.text.contains("no scenario reaches missed#load.0 (src/lib.rs:5:30)"), "{}", run.text);
    let of = |name: &str| run.records.iter().find(|record| record["mutant"] == name).unwrap();
    assert_eq!(of("missed#load.0 (src/lib.rs:5:30)")["result"], "not-run");
    let killed = of("seen#load.0 no-acquire");
    assert_eq!((&killed["result"], &killed["cause"]), (&"fail".into(), &"assertion".into()));
}

#[test]
fn arguments_are_held_to_what_is_found() {
    let seen = "sites src/lib.rs:3:28; [ $reached = true ] && exit 101; pass seen";
    let unseen = "sites src/lib.rs:4:30; pass unseen";
    for (argued, code, words) in [
        ("unseen#load.0 no-acquire", 0, "1 equivalent, 0 undecided"),
        ("seen#load.0 no-acquire", 1, "calls seen#load.0 no-acquire equivalent, and it was killed"),
        ("gone#load.0 no-acquire", 1, "argues about gone#load.0 no-acquire, which there is not"),
    ] {
        let it = Crate::new(&[("lock::seen", seen), ("lock::unseen", unseen)]);
        let arguments = format!("[[equivalent]]\nmutants = [\"{argued}\"]\nargument = \"because\"\n");
        fs::write(it.path("crate/mutants.toml"), arguments).unwrap();
        let run = it.verify(&["--only", "mutants"]);
        assert_eq!(run.code, code, "{}", run.text);
        assert!(run.text.contains(words), "{}", run.text);
    }
}

#[test]
fn mutants_of_a_program_that_fails_by_itself_say_nothing() {
    let it = Crate::new(&[("lock::bad", "sites src/lib.rs:3:28; exit 101")]);
    let run = it.verify(&["--only", "mutants"]);
    assert_eq!(run.code, 1, "{}", run.text);
    assert!(run.text.contains("loom lock::bad fails without a mutant: exit code 101"), "{}", run.text);
}

#[test]
fn a_mutation_that_is_never_reached_is_an_error() {
    // The list of calls names one that no later run comes to.
    let it = Crate::new(&[("lock::good", "[ -n \"$HEDDLE_SITES\" ] && sites src/lib.rs:3:28; pass good")]);
    let run = it.verify(&["--only", "mutants"]);
    assert_eq!(run.code, 1, "{}", run.text);
    assert!(run.text.contains("seen#load.0 no-acquire was never reached"), "{}", run.text);
}
