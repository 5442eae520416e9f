//! The arrows between crates: which package of the workspace may depend on which.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result};
use toml::Table;

use crate::workspace::Places;

/// Package, and the packages of the workspace that it may name, in any kind of dependency.
const ARROWS: &[(&str, &[&str])] = &[
    ("primitives", &[]),
    ("report", &[]),
    ("ipc", &["heddle-primitives"]),
    ("kernels", &["heddle-ipc", "heddle-primitives"]),
    ("xtask", &["heddle-ipc", "heddle-kernels", "heddle-primitives", "heddle-report"]),
];

/// Lists every dependency that is no arrow, and every member that no arrow is known for.
pub fn check(places: &Places) -> Result<Vec<String>> {
    let root: Table = fs::read_to_string(places.root.join("Cargo.toml"))?.parse()?;
    let members: BTreeSet<&str> = root["workspace"]["members"]
        .as_array()
        .context("workspace.members is no list")?
        .iter()
        .filter_map(|member| member.as_str())
        .collect();
    let mut problems = Vec::new();
    for member in &members {
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| name == member) else {
            problems.push(format!("{member}: a member without arrows; add it to xtask/src/test/arrows.rs"));
            continue;
        };
        let manifest: Table = fs::read_to_string(places.root.join(member).join("Cargo.toml"))?.parse()?;
        problems.extend(forbidden(member, allowed, &manifest));
    }
    Ok(problems)
}

/// Dependencies of `manifest` on packages of the workspace that are not `allowed`.
fn forbidden(member: &str, allowed: &[&str], manifest: &Table) -> Vec<String> {
    let targets = manifest.get("target").and_then(|it| it.as_table());
    let tables = std::iter::once(manifest)
        .chain(targets.into_iter().flat_map(|it| it.values()).filter_map(|it| it.as_table()));
    let mut names = BTreeSet::new();
    for table in tables {
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            names.extend(table.get(kind).and_then(|it| it.as_table()).into_iter().flat_map(|it| it.keys()));
        }
    }
    names
        .into_iter()
        .filter(|name| name.starts_with("heddle-") || *name == "xtask")
        .filter(|name| !allowed.contains(&name.as_str()))
        .map(|name| format!("{member}/Cargo.toml: {member} -> {name} is no arrow of the plan"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::forbidden;

    #[test]
    fn dependencies_of_every_kind_are_seen() {
        let manifest = "[dependencies]\nheddle-primitives.workspace = true\nserde = \"1\"\n\
                        [target.'cfg(unix)'.dev-dependencies]\nheddle-kernels.workspace = true\n";
        let found = forbidden("ipc", &["heddle-primitives"], &manifest.parse().unwrap());
        assert_eq!(found, ["ipc/Cargo.toml: ipc -> heddle-kernels is no arrow of the plan"]);
    }
}
