//! Where things are: the workspace, its target folder, and the folder that runs and logs live in.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// The folders that tasks read and write.
#[derive(Clone, Debug)]
pub struct Places {
    /// The workspace's root.
    pub root: PathBuf,
    /// Cargo's target folder.
    pub target: PathBuf,
    /// Runs, logs and the site.
    pub home: PathBuf,
}

impl Places {
    /// Finds the workspace that this program was started for.
    pub fn find(home: Option<&Path>) -> Result<Places> {
        let package = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = package.parent().context("the xtask package lies in no workspace")?.to_path_buf();
        let target = match std::env::var_os("CARGO_TARGET_DIR") {
            Some(dir) => std::path::absolute(PathBuf::from(dir))?,
            None => root.join("target"),
        };
        let home = match home {
            Some(dir) => std::path::absolute(dir)?,
            None => target.join("heddle"),
        };
        Ok(Places { root, target, home })
    }

    /// Where runs are kept.
    pub fn runs(&self) -> PathBuf {
        self.home.join("runs")
    }

    /// Where the site is kept.
    pub fn site(&self) -> PathBuf {
        self.home.join("site")
    }

    /// A cargo command in the workspace's root.
    pub fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(arguments).current_dir(&self.root);
        command
    }
}
