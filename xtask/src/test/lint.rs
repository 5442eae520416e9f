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
    /// Whether it is about code: then only about Rust sources, and not about comments.
    code: bool,
    /// Path prefixes that the rule is for; all of the workspace if empty.
    within: &'static [&'static str],
    /// Path prefixes, or parts of a path, that are exempt.
    except: &'static [&'static str],
}

const RULES: &[Rule] = &[
    Rule {
        pattern: r"\b(std|core)::sync::atomic\b",
        says: "raw atomics; use heddle_primitives::sync::atomic",
        code: true,
        within: &[],
        except: &["primitives/src/sync/", "/tests/", "/benches/", "/examples/"],
    },
    Rule {
        pattern: r"\b(loom|shuttle)::",
        says: "loom and shuttle are named by the facade and by tests only",
        code: true,
        within: &[],
        except: &["primitives/src/sync/", "/tests/"],
    },
    Rule {
        pattern: r"\bunsafe\s*(\{|fn\b|impl\b|extern\b)",
        says: "no unsafe code in report and xtask",
        code: true,
        within: &["report/", "xtask/"],
        except: &[],
    },
    Rule {
        pattern: r#"["'`(\s](/home/|/root/|/Users/|/work/)\w"#,
        says: "a path of one machine",
        code: false,
        within: &[],
        except: &[],
    },
];

/// Lists every line that breaks a rule, as `file:line: what`.
pub fn check(places: &Places) -> Result<Vec<String>> {
    let rules = compiled()?;
    let mut problems = Vec::new();
    for file in sources(&places.root)? {
        let name = file.strip_prefix(&places.root)?.to_string_lossy().into_owned();
        problems.extend(broken(&rules, &name, &fs::read_to_string(&file)?));
    }
    Ok(problems)
}

fn compiled() -> Result<Vec<(&'static Rule, Regex)>> {
    RULES.iter().map(|rule| Ok((rule, Regex::new(rule.pattern)?))).collect()
}

/// The rules that one file breaks.
fn broken(rules: &[(&Rule, Regex)], name: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    for (rule, pattern) in rules {
        let applies = rule.within.is_empty() || rule.within.iter().any(|prefix| name.starts_with(prefix));
        let exempt = rule.except.iter().any(|part| name.contains(part)) || name == "xtask/src/test/lint.rs";
        if !applies || exempt || (rule.code && !name.ends_with(".rs")) {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let comment = rule.code && line.trim_start().starts_with("//");
            if !comment && pattern.is_match(line) {
                problems.push(format!("{name}:{}: {}", number + 1, rule.says));
            }
        }
    }
    problems
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
    use super::compiled;

    fn broken(name: &str, text: &str) -> Vec<String> {
        super::broken(&compiled().unwrap(), name, text)
    }

    #[test]
    fn each_rule_bites_and_knows_its_exceptions() {
        let atomic = "use std::sync::atomic::AtomicU32;";
        assert_eq!(broken("ipc/src/a.rs", atomic).len(), 1);
        assert!(broken("primitives/src/sync/mod.rs", atomic).is_empty());
        assert!(broken("ipc/src/a.rs", "// std::sync::atomic would do").is_empty());
        assert_eq!(broken("ipc/src/a.rs", "loom::model(|| ());").len(), 1);
        assert!(broken("primitives/tests/loom.rs", "loom::model(|| ());").is_empty());
        let raw = format!("let x = {} {{ *p }};", "unsafe");
        assert_eq!(broken("report/src/a.rs", &raw).len(), 1);
        assert!(broken("ipc/src/a.rs", &raw).is_empty());
        let path = format!("see {}/someone/file", "/home");
        assert_eq!(broken("README.md", &path), ["README.md:1: a path of one machine"]);
        assert!(broken("README.md", "see https://example.org/home/x").is_empty());
    }
}
