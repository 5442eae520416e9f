//! Which changes can be made to a program, one at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};
use heddle_report::records::{CheckResult, Status, Verification};
use serde::Deserialize;

use super::calls;
use super::harvest::{blank, plain_path};
use super::names::{self, Site};
use super::suite::{Checker, Suite};

/// A call that a test reached: a line that the program under test wrote (`primitives/src/sync/probe/sites.rs`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Reached {
    site: String,
    operation: String,
    orders: Vec<String>,
    #[serde(default)]
    many: bool,
    after: Option<String>,
}

impl Reached {
    /// Whether the call is at `site`.
    pub fn is_at(&self, site: &str) -> bool {
        self.site == site
    }

    /// Whether the call is a fence.
    pub fn is_fence(&self) -> bool {
        self.operation == "fence"
    }

    #[cfg(test)]
    pub fn for_tests(operation: &str) -> Self {
        Self {
            site: "a.rs:1:2".into(),
            operation: operation.into(),
            orders: Vec::new(),
            many: false,
            after: None,
        }
    }
}

/// Reads the lines of one test, without calls that are not the crate's own.
///
/// # Errors
/// If the file is there and a line of it is none.
pub fn reached(suite: &Suite, path: &Path) -> Result<BTreeSet<Reached>> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines = text.lines().map(|line| {
        serde_json::from_str::<Reached>(line).with_context(|| format!("{}: {line}", path.display()))
    });
    let own = |reached: &Result<Reached>| {
        reached.as_ref().map_or(true, |it| suite.owns(&it.site) && !is_spared(&it.site))
    };
    lines.filter(own).collect()
}

/// Calls that are not the algorithms': the facade's own (other crates may have a folder of that name), and those of what stands for the
/// system in the models of a crate.
fn is_spared(site: &str) -> bool {
    let site = plain_path(site);
    site.contains("primitives/src/sync/") || site.contains("/src/model/")
}

/// One change to one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutant {
    /// The call's stable name, and the change: `RawMutex::lock#compare_exchange.0 no-acquire`.
    pub name: String,
    /// What the program under test is told.
    pub setting: String,
    /// The file that the call is in.
    pub file: String,
    /// The tests that reach the call.
    pub tests: BTreeSet<String>,
    /// Whether it is about waking, which shuttle can judge too.
    pub wakes: bool,
}

/// All changes to what the tests reached; the number of call sites is returned beside them.
///
/// # Errors
/// If a source file cannot be read.
pub fn all(suite: &Suite, tests: &BTreeMap<String, BTreeSet<Reached>>) -> Result<(Vec<Mutant>, usize)> {
    let sites: BTreeSet<Site> = tests.values().flatten().filter_map(site).collect();
    let sites: Vec<Site> = sites.into_iter().collect();
    let names = names::name_all(&suite.root, &sites)?;
    let mut mutants: BTreeMap<String, Mutant> = BTreeMap::new();
    for (test, reached) in tests {
        for call in reached {
            let Some(site) = site(call) else { continue };
            for change in changes(call) {
                // Which write a wake comes before is part of the name only as far as it must be.
                let write = change.strip_prefix("early-wake@").and_then(|at| {
                    let writes = names.iter().filter(|(site, _)| at == location(site));
                    writes.map(|(_, name)| name).next()
                });
                let change_name = match write {
                    Some(write) => format!("early-wake before {write}"),
                    None if change.starts_with("early-wake") => continue,
                    None => change.clone(),
                };
                let name = format!("{} {change_name}", names[&site]);
                let mutant = mutants.entry(name.clone()).or_insert_with(|| Mutant {
                    name,
                    setting: format!("{}={change}", call.site),
                    file: site.file.clone(),
                    tests: BTreeSet::new(),
                    wakes: call.operation == "wake",
                });
                mutant.tests.insert(test.clone());
            }
        }
    }
    Ok((mutants.into_values().collect(), sites.len()))
}

/// Names of calls in the source that no test reaches.
///
/// # Errors
/// If a source file cannot be read.
pub fn unreached(suite: &Suite, tests: &BTreeMap<String, BTreeSet<Reached>>) -> Result<Vec<String>> {
    let reached: BTreeSet<&str> = tests.values().flatten().map(|call| call.site.as_str()).collect();
    let written = calls::written(suite)?;
    let left: Vec<Site> = written
        .into_iter()
        .filter(|site| !is_spared(&site.file) && !reached.contains(location(site).as_str()))
        .collect();
    let names = names::name_all(&suite.root, &left)?;
    Ok(left.iter().map(|site| format!("{} ({})", names[site], location(site))).collect())
}

/// The record of a call that no test reaches.
pub fn not_tried(call: &str) -> Verification {
    Verification {
        status: Status::NotRun,
        reason: Some(
            "no scenario reaches this call, so nothing tells what its order or its wake is for".into(),
        ),
        result: CheckResult::NotRun,
        mutant: Some(call.into()),
        ..blank(Checker::Loom, "calls", "none")
    }
}

fn location(site: &Site) -> String {
    format!("{}:{}:{}", site.file, site.line, site.column)
}

fn site(call: &Reached) -> Option<Site> {
    let mut parts = call.site.rsplitn(3, ':');
    let column = parts.next()?.parse().ok()?;
    let line = parts.next()?.parse().ok()?;
    Some(Site { file: parts.next()?.into(), line, column, operation: call.operation.clone() })
}

/// What can be changed about a call.
fn changes(call: &Reached) -> Vec<String> {
    let mut changes = Vec::new();
    let mut add = |change: &str| changes.push(change.to_string());
    let order = call.orders.first().map(String::as_str);
    match call.operation.as_str() {
        "wake" => {
            add("no-wake");
            if call.many {
                add("wake-one");
            }
            if let Some(write) = &call.after {
                changes.push(format!("early-wake@{write}"));
            }
            return changes;
        }
        "fence" => {
            add("no-fence");
            match order {
                Some("SeqCst") => add("weak-fence"),
                Some("AcqRel") => {
                    add("no-acquire");
                    add("no-release");
                }
                _ => {}
            }
            return changes;
        }
        _ => {}
    }
    if matches!(order, Some("Acquire" | "AcqRel")) {
        add("no-acquire");
    }
    if matches!(order, Some("Release" | "AcqRel")) {
        add("no-release");
    }
    if call.orders.get(1).is_some_and(|failure| failure == "Acquire") {
        add("no-failure-acquire");
    }
    changes
}

/// Why some mutants do the same as the program: `mutants.toml` beside the source, reviewed as the source is.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    #[serde(default)]
    equivalent: Vec<Equivalent>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Equivalent {
    /// As in [`Mutant::name`].
    mutants: Vec<String>,
    /// Which executions differ, and why none is wrong.
    argument: String,
}

impl Arguments {
    /// Reads the file, if the crate has one.
    ///
    /// # Errors
    /// If it cannot be understood.
    pub fn read(suite: &Suite) -> Result<Arguments> {
        let path = suite.root.join(&suite.folder).join("mutants.toml");
        match std::fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).with_context(|| path.display().to_string()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Arguments::default()),
            Err(error) => Err(error).with_context(|| path.display().to_string()),
        }
    }

    /// The argument about `mutant`.
    pub fn about(&self, mutant: &str) -> Option<&str> {
        let named = |it: &&Equivalent| it.mutants.iter().any(|name| name == mutant);
        self.equivalent.iter().find(named).map(|it| it.argument.as_str())
    }

    /// Those that argue about no mutant that there is.
    pub fn about_nothing(&self, mutants: &[Mutant]) -> Vec<String> {
        let names: BTreeSet<&str> = mutants.iter().map(|mutant| mutant.name.as_str()).collect();
        let named = self.equivalent.iter().flat_map(|it| &it.mutants);
        named.filter(|name| !names.contains(name.as_str())).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(operation: &str, orders: &[&str]) -> Reached {
        let orders = orders.iter().map(|order| order.to_string()).collect();
        Reached { site: "a.rs:1:1".into(), operation: operation.into(), orders, many: false, after: None }
    }

    #[test]
    fn only_the_facade_and_models_are_spared() {
        assert!(is_spared("ipc/src/model/peers.rs:1:1"));
        assert!(is_spared("ipc/../primitives/src/sync/mod.rs:1:1"));
        assert!(!is_spared("ipc/src/sync/mutex.rs:1:1"));
        assert!(!is_spared("primitives/src/mutex.rs:1:1"));
    }

    #[test]
    fn each_half_of_an_ordering_is_a_mutant() {
        assert_eq!(changes(&call("load", &["Acquire"])), ["no-acquire"]);
        assert_eq!(changes(&call("load", &["Relaxed"])), [""; 0]);
        assert_eq!(changes(&call("swap", &["AcqRel"])), ["no-acquire", "no-release"]);
        let both = call("compare_exchange", &["Release", "Acquire"]);
        assert_eq!(changes(&both), ["no-release", "no-failure-acquire"]);
        assert_eq!(changes(&call("fence", &["SeqCst"])), ["no-fence", "weak-fence"]);
        let wake = Reached { many: true, after: Some("a.rs:9:2".into()), ..call("wake", &[]) };
        assert_eq!(changes(&wake), ["no-wake", "wake-one", "early-wake@a.rs:9:2"]);
    }

    #[test]
    fn an_argument_about_nothing_is_told() {
        let text = "[[equivalent]]\nmutants = [\"a no-wake\", \"b no-wake\"]\nargument = \"because\"\n";
        let arguments: Arguments = toml::from_str(text).unwrap();
        assert_eq!((arguments.about("b no-wake"), arguments.about("c")), (Some("because"), None));
        let mutant = Mutant {
            name: "a no-wake".into(),
            setting: String::new(),
            file: String::new(),
            tests: BTreeSet::new(),
            wakes: true,
        };
        assert_eq!(arguments.about_nothing(&[mutant]), ["b no-wake"]);
    }
}
