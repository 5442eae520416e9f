//! A house of its own for each test: a manifest of four cells, a bench program, and a folder for runs.

#![allow(dead_code, reason = "every test program uses a part of it")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

const MANIFEST: &str = "
[[cells]]
suite = 'kernels'
program = 'p/b'
groups = ['g/plain']
variants = ['a']
workers = ['1']
repeat = true
[[cells]]
suite = 'kernels'
program = 'p/b'
groups = ['g/plain']
variants = ['b']
workers = ['1']
[[cells]]
suite = 'kernels'
program = 'p/b'
groups = ['h/small']
variants = ['slow']
workers = ['1']
sized = true
[[cells]]
suite = 'claims'
program = 'p/extras'
groups = ['memory-cost/idle']
variants = ['threads']
workers = ['1']
metrics = [{ name = 'pss', unit = 'bytes', better = 'lower' }]
extra = true
";

/// Behaves as a bench program does: lists its cells, leaves criterion's files, honours the variables.
const PROGRAM: &str = r#"#!/bin/sh
here=$(dirname "$0")
if [ "$1" = --list ]; then cat "$here/list"; exit; fi
for last; do :; done
ID=$(echo "$last" | tr -d '^$\\')
extra() {
    path=${1%/*}
    printf '{"group":"%s","variant":"%s","workers":%s,"metric":"%s","unit":"%s","better":"lower","value":%s}\n' \
        "${path%/*}" "${path##*/}" "${1##*/}" "${3:-time}" "${4:-ns}" "$2" >> "$HEDDLE_EXTRA"
}
spoiled="$here/spoiled-$(echo "$ID" | tr / _)"
if [ -e "$spoiled" ]; then echo last words >&2; . "$spoiled"; exit; fi
case $ID in
    h/small/slow/1) [ -n "$HEDDLE_ONCE" ] && extra "$ID" 250000000 && exit ;;
    memory-cost/*) extra "$ID" 4096 pss bytes; extra "$ID" 0.5 share 1; exit ;;
esac
[ "$(ls -A "$CRITERION_HOME" 2>/dev/null)" ] && { echo the home is not fresh >&2; exit 1; }
new="$CRITERION_HOME/x/new"; mkdir -p "$new"
echo "{\"full_id\":\"$ID\"}" > "$new/benchmark.json"
echo '{"iters":[1.0,2.0],"times":[100.0,210.0]}' > "$new/sample.json"
"#;

/// A run of xtask.
pub struct Ran {
    /// Its exit code.
    pub code: i32,
    /// What it wrote, to both streams.
    pub text: String,
}

/// The house.
pub struct House {
    folder: tempfile::TempDir,
}

impl House {
    pub fn new() -> House {
        let house = House { folder: tempfile::tempdir().unwrap() };
        let write = |name: &str, text: &str| fs::write(house.path(name), text).unwrap();
        // A workspace without a history: edits made while the tests run must not look like another revision.
        fs::create_dir_all(house.path("workspace/xtask")).unwrap();
        write("manifest.toml", MANIFEST);
        write("program", PROGRAM);
        let program = house.path("program");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        write("programs.toml", &format!("'p/b' = '{0}'\n'p/extras' = '{0}'\n", program.display()));
        let ids = ["g/plain/a/1", "g/plain/b/1", "h/small/slow/1", "memory-cost/idle/threads/1"];
        write("list", &ids.map(|id| format!("{id}: benchmark\n")).concat());
        house
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Has a cell run `script` instead.
    pub fn spoil(&self, id: &str, script: &str) {
        fs::write(self.path(&format!("spoiled-{}", id.replace('/', "_"))), script).unwrap();
    }

    pub fn unlist(&self, id: &str) {
        let list = fs::read_to_string(self.path("list")).unwrap();
        fs::write(self.path("list"), list.replace(&format!("{id}: benchmark\n"), "")).unwrap();
    }

    pub fn append_to_manifest(&self, text: &str) {
        let manifest = fs::read_to_string(self.path("manifest.toml")).unwrap();
        fs::write(self.path("manifest.toml"), manifest + text).unwrap();
    }

    /// `measure` without the interpreters of this machine, unless the manifest has cells for them.
    pub fn measure(&self, args: &[&str]) -> Ran {
        self.xtask("measure", args)
    }

    pub fn xtask(&self, task: &str, args: &[&str]) -> Ran {
        ran(self.command(task, args).output().unwrap())
    }

    /// As [`House::xtask`], without waiting for its end.
    pub fn start(&self, task: &str, args: &[&str]) -> Child {
        self.command(task, args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// As [`House::xtask`], on a machine without interpreters.
    pub fn without_path(&self, task: &str, args: &[&str]) -> Ran {
        let tools = self.path("tools");
        fs::create_dir_all(&tools).unwrap();
        for tool in ["sh", "cat", "dirname", "tr", "mkdir", "ls", "git", "sleep"] {
            for folder in ["/bin", "/usr/bin"] {
                let original = Path::new(folder).join(tool);
                if original.exists() && !tools.join(tool).exists() {
                    std::os::unix::fs::symlink(original, tools.join(tool)).unwrap();
                }
            }
        }
        ran(self.command(task, args).env("PATH", &tools).output().unwrap())
    }

    fn command(&self, task: &str, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.arg(task).args(args).stdin(Stdio::null());
        command.env("CARGO_MANIFEST_DIR", self.path("workspace/xtask"));
        command.arg("--home").arg(self.path("home"));
        if task != "render" {
            command.arg("--manifest").arg(self.path("manifest.toml"));
            command.arg("--programs").arg(self.path("programs.toml"));
        }
        command
    }

    /// The folders of all runs, oldest first.
    pub fn runs(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path("home/runs")).into_iter().flatten();
        let mut folders: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        folders.sort();
        folders
    }

    pub fn newest_run(&self) -> PathBuf {
        self.runs().pop().expect("there is a run")
    }

    /// Undoes a run's completion.
    pub fn mark_interrupted(&self, folder: &Path) {
        let path = folder.join("run.json");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("\"complete\": true", "\"complete\": false")).unwrap();
    }

    pub fn records(folder: &Path) -> Vec<Value> {
        let text = fs::read_to_string(folder.join("measurements.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).expect("a whole line")).collect()
    }
}

/// Runs a program; none if it is not there or fails.
pub fn run(program: &str, args: &[&str]) -> Option<Output> {
    Command::new(program).args(args).output().ok().filter(|output| output.status.success())
}

fn ran(output: Output) -> Ran {
    let text =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    Ran { code: output.status.code().unwrap_or(-1), text }
}
