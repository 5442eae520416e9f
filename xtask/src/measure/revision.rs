//! What was measured: the revision, the uncommitted change, the compiler.

use std::path::Path;
use std::process::Command;

use sha2::{Digest, Sha256};

/// The state of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// The commit, or `unknown`.
    pub commit: String,
    /// SHA-256 of what differs from it, if anything does.
    pub dirty: Option<String>,
}

impl Revision {
    /// Asks git about the folder `root`.
    pub fn of(root: &Path) -> Revision {
        let git = |arguments: &[&str]| {
            let output = Command::new("git").args(arguments).current_dir(root).output().ok()?;
            output.status.success().then_some(output.stdout)
        };
        let commit = git(&["rev-parse", "HEAD"]).map(|out| String::from_utf8_lossy(&out).trim().to_string());
        let Some(commit) = commit.filter(|it| !it.is_empty()) else {
            return Revision { commit: "unknown".into(), dirty: None };
        };
        let mut change = git(&["diff", "HEAD", "--binary"]).unwrap_or_default();
        let untracked = git(&["ls-files", "--others", "--exclude-standard", "-z"]).unwrap_or_default();
        for name in untracked.split(|&byte| byte == 0).filter(|name| !name.is_empty()) {
            change.extend_from_slice(name);
            change.push(0);
            change
                .extend(std::fs::read(root.join(String::from_utf8_lossy(name).as_ref())).unwrap_or_default());
        }
        let dirty = (!change.is_empty()).then(|| hex(&Sha256::digest(&change)));
        Revision { commit, dirty }
    }

    /// The first twelve digits.
    pub fn short(&self) -> &str {
        self.commit.get(..12).unwrap_or(&self.commit)
    }
}

/// `rustc --version`, or `unknown`.
pub fn rustc() -> String {
    let output =
        Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())).arg("--version").output();
    match output {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).trim().to_string(),
        _ => "unknown".into(),
    }
}

/// Hexadecimal digits of `bytes`.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_changes_the_hash() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        assert_eq!(Revision::of(root).commit, "unknown");
        let git = |arguments: &[&str]| {
            let identity = ["-c", "user.name=n", "-c", "user.email=e"];
            assert!(
                Command::new("git")
                    .args(identity)
                    .args(arguments)
                    .current_dir(root)
                    .output()
                    .unwrap()
                    .status
                    .success()
            );
        };
        git(&["init", "-q"]);
        std::fs::write(root.join("a"), "1").unwrap();
        git(&["add", "a"]);
        git(&["commit", "-q", "-m", "a"]);
        let clean = Revision::of(root);
        assert_eq!((clean.short().len(), &clean.dirty), (12, &None));
        std::fs::write(root.join("a"), "2").unwrap();
        let changed = Revision::of(root);
        std::fs::write(root.join("b"), "3").unwrap();
        let more = Revision::of(root);
        assert!(changed.dirty.is_some() && more.dirty.is_some() && changed.dirty != more.dirty);
    }
}
