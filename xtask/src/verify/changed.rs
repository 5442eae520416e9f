//! Which subjects an uncommitted change is about.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::run_command::output_of;

/// Subjects whose files differ from the last commit; `None` if it may be any of them.
///
/// # Errors
/// If git cannot tell.
pub fn subjects(root: &Path, folder: &str, known: &BTreeSet<String>) -> Result<Option<BTreeSet<String>>> {
    let mut files = String::new();
    for arguments in [&["diff", "HEAD", "--name-only"][..], &["ls-files", "--others", "--exclude-standard"]] {
        files += &output_of(Command::new("git").args(arguments).current_dir(root), Duration::from_secs(60))?;
    }
    Ok(attribute(files.lines(), folder, known))
}

fn attribute<'a>(
    files: impl Iterator<Item = &'a str>,
    folder: &str,
    known: &BTreeSet<String>,
) -> Option<BTreeSet<String>> {
    let mut subjects = BTreeSet::new();
    for file in files.filter_map(|file| file.strip_prefix(folder)?.strip_prefix('/')) {
        // A file `mutex.rs`, or one in a folder `mutex`, is the mutex's; what is not so plain may be anybody's.
        let parts = file.split('/').skip(1).map(|part| part.trim_end_matches(".rs"));
        let mut named = parts.filter(|part| known.contains(*part));
        match named.next() {
            Some(subject) => drop(subjects.insert(subject.to_string())),
            None if file.starts_with("src/") || file.starts_with("tests/") || file == "Cargo.toml" => {
                return None;
            }
            None => {}
        }
    }
    Some(subjects)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(files: &[&str]) -> Option<Vec<String>> {
        let known = ["mutex", "deque"].map(String::from).into();
        attribute(files.iter().copied(), "primitives", &known).map(|set| set.into_iter().collect())
    }

    #[test]
    fn files_name_their_subjects() {
        let files = ["primitives/src/mutex/guard.rs", "primitives/tests/loom/deque.rs", "ipc/src/x.rs"];
        assert_eq!(of(&files), Some(vec!["deque".to_string(), "mutex".to_string()]));
        assert_eq!(of(&["README.md", "primitives/benches/mutex.rs"]), Some(vec!["mutex".to_string()]));
        assert_eq!(of(&["primitives/src/raw/mod.rs"]), None);
        assert_eq!(of(&[]), Some(Vec::new()));
    }
}
