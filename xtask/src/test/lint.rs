//! Rules on the source that clippy cannot express.

use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::Result;
use regex::Regex;

use crate::workspace::Places;

/// A rule: what must not occur, and where it may.
struct Rule {
    pattern: &'static str,
    says: &'static str,
    /// Path prefixes that the rule is for; all of the workspace if empty.
    within: &'static [&'static str],
    /// Path prefixes, or parts of a path, that are exempt.
    except: &'static [&'static str],
}

const RULES: &[Rule] = &[
    Rule {
        pattern: r"\b(std|core)::sync::atomic\b",
        says: "raw atomics; use heddle_primitives::sync::atomic",
        within: &[],
        except: &["primitives/src/sync/", "/tests/", "/benches/", "/examples/"],
    },
    Rule {
        pattern: r"\b(loom|shuttle)::",
        says: "loom and shuttle are named by the facade and by tests only",
        within: &[],
        except: &["primitives/src/sync/", "/tests/"],
    },
    Rule {
        pattern: r"\bunsafe\s*(\{|fn\b|impl\b|extern\b)",
        says: "no unsafe code in report and xtask",
        within: &["report/", "xtask/"],
        except: &[],
    },
    Rule {
        pattern: r#"["'`(\s](/home/|/root/|/Users/|/work/)\w"#,
        says: "a path of one machine",
        within: &[],
        except: &[],
    },
];

/// Lists every line that breaks a rule, as `file:line: what`.
pub fn check(places: &Places) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for file in sources(&places.root)? {
        let name = file.strip_prefix(&places.root)?.to_string_lossy().into_owned();
        problems.extend(broken(&name, &fs::read_to_string(&file)?)?);
    }
    Ok(problems)
}

/// The rules that one file breaks. Comments are exempt from rules on code: a machine's path is wrong anywhere.
fn broken(name: &str, text: &str) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for rule in RULES {
        let applies = rule.within.is_empty() || rule.within.iter().any(|prefix| name.starts_with(prefix));
        let code_only = !rule.says.contains("machine");
        if !applies
            || (code_only && !name.ends_with(".rs"))
            || rule.except.iter().any(|part| name.contains(part))
            || name == "xtask/src/test/lint.rs"
        {
            continue;
        }
        let pattern = Regex::new(rule.pattern)?;
        for (number, line) in text.lines().enumerate() {
            let comment = code_only && line.trim_start().starts_with("//");
            if !comment && pattern.is_match(line) {
                problems.push(format!("{name}:{}: {}", number + 1, rule.says));
            }
        }
    }
    Ok(problems)
}

/// Rust sources, manifests, scripts and documents, outside of `target` and hidden folders other than `.github`.
fn sources(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_symlink() || name == "target" || (name.starts_with('.') && name != ".github") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if ["rs", "toml", "py", "md", "yml", "html"]
                .iter()
                .any(|it| path.extension() == Some(it.as_ref()))
            {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::broken;

    #[test]
    fn each_rule_bites_and_knows_its_exceptions() {
        let atomic = "use std::sync::atomic::AtomicU32;";
        assert_eq!(broken("ipc/src/a.rs", atomic).unwrap().len(), 1);
        assert!(broken("primitives/src/sync/mod.rs", atomic).unwrap().is_empty());
        assert!(broken("ipc/src/a.rs", "// std::sync::atomic would do").unwrap().is_empty());
        assert_eq!(broken("ipc/src/a.rs", "loom::model(|| ());").unwrap().len(), 1);
        assert!(broken("primitives/tests/loom.rs", "loom::model(|| ());").unwrap().is_empty());
        let raw = format!("let x = {} {{ *p }};", "unsafe");
        assert_eq!(broken("report/src/a.rs", &raw).unwrap().len(), 1);
        assert!(broken("ipc/src/a.rs", &raw).unwrap().is_empty());
        let path = format!("see {}/someone/file", "/home");
        assert_eq!(broken("README.md", &path).unwrap(), ["README.md:1: a path of one machine"]);
        assert!(broken("README.md", "see https://example.org/home/x").unwrap().is_empty());
    }
}
