//! The bench programs: built once, found through cargo's messages, asked for their list.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use super::manifest::Program;
use crate::outcome::{unmeasured, usage};
use crate::run_command::{in_words, output_of, tail};
use crate::workspace::Places;

/// Where each bench program is.
pub type Programs = BTreeMap<Program, PathBuf>;

/// Builds the bench programs `wanted`, or takes them from the file `given`.
///
/// # Errors
/// If the build fails, with the command, the log and the next step.
pub fn build(places: &Places, wanted: &BTreeSet<Program>, given: Option<&Path>) -> Result<Programs> {
    if let Some(file) = given {
        return read_given(file);
    }
    if wanted.is_empty() {
        return Ok(Programs::new());
    }
    let mut command = places.cargo(&["bench", "--no-run", "--message-format=json-render-diagnostics"]);
    for package in wanted.iter().map(|it| &it.package).collect::<BTreeSet<_>>() {
        command.args(["-p", package]);
    }
    for program in wanted {
        command.args(["--bench", &program.bench]);
    }
    eprintln!("building the bench programs: {}", in_words(&command));
    fs::create_dir_all(&places.home)?;
    let log = places.home.join("build.log");
    let output = command
        .stdin(Stdio::null())
        .stderr(fs::File::create(&log)?)
        .output()
        .with_context(|| format!("cannot start {}", in_words(&command)))?;
    if !output.status.success() {
        return Err(unmeasured(format!(
            "the bench programs do not build\n{}\n  command: {}\n  log: {}\n  next: mend what the log names, then run this again",
            tail(&log, 20),
            in_words(&command),
            log.display()
        )));
    }
    let programs = executables(&String::from_utf8_lossy(&output.stdout), wanted);
    match wanted.iter().find(|program| !programs.contains_key(program)) {
        None => Ok(programs),
        Some(program) => Err(unmeasured(format!(
            "cargo built no bench program {program}\n  command: {}\n  next: see whether {}'s manifest has [[bench]] name = \"{}\"",
            in_words(&command),
            program.package,
            program.bench
        ))),
    }
}

/// The executables that cargo's messages name.
fn executables(messages: &str, wanted: &BTreeSet<Program>) -> Programs {
    let mut programs = Programs::new();
    for line in messages.lines() {
        let Ok(message) = serde_json::from_str::<serde_json::Value>(line) else { continue };
        let is_bench =
            message["target"]["kind"].as_array().is_some_and(|it| it.iter().any(|kind| kind == "bench"));
        if let (true, Some(path)) = (is_bench, message["executable"].as_str())
            && let Some(program) = wanted.iter().find(|it| message["target"]["name"] == it.bench.as_str())
        {
            programs.insert(program.clone(), path.into());
        }
    }
    programs
}

fn read_given(file: &Path) -> Result<Programs> {
    let text = fs::read_to_string(file).map_err(|error| usage(format!("{}: {error}", file.display())))?;
    let table: BTreeMap<String, PathBuf> =
        toml::from_str(&text).map_err(|error| usage(format!("{}: {error}", file.display())))?;
    table.into_iter().map(|(name, path)| Ok((Program::try_from(name).map_err(usage)?, path))).collect()
}

/// The ids that a bench program lists.
///
/// # Errors
/// If it does not run, fails, or takes its time.
pub fn list(path: &Path) -> Result<BTreeSet<String>> {
    let text = output_of(Command::new(path).args(["--list", "--bench"]), Duration::from_secs(20))?;
    Ok(text.lines().filter_map(|line| line.strip_suffix(": benchmark")).map(String::from).collect())
}

/// Runs every benchmark of a program once, without timing it.
///
/// # Errors
/// If it does not run, fails, or takes its time.
pub fn try_all(path: &Path) -> Result<()> {
    output_of(Command::new(path).arg("--test"), Duration::from_secs(120)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executables_are_found_in_cargos_messages() {
        let wanted = BTreeSet::from([Program::try_from("p/b".to_string()).unwrap()]);
        let messages = r#"
            {"reason":"compiler-artifact","target":{"name":"b","kind":["lib"]},"executable":null}
            {"reason":"compiler-artifact","target":{"name":"other","kind":["bench"]},"executable":"/x/other"}
            {"reason":"compiler-artifact","target":{"name":"b","kind":["bench"]},"executable":"/x/b"}
            {"reason":"build-finished","success":true}
            not json"#;
        let found = executables(messages, &wanted);
        assert_eq!(found.into_values().collect::<Vec<_>>(), [Path::new("/x/b")]);
    }
}
