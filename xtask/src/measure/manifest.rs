//! The committed list of the cells expected, `manifest.toml`, expanded for a machine.

use std::collections::BTreeSet;
use std::fmt;

use anyhow::{Context, Result, bail};
use heddle_report::records::Better;
use serde::Deserialize;

/// The manifest of this workspace.
pub const COMMITTED: &str = include_str!("../../manifest.toml");

/// A cell: one variant of one group at one number of workers.
#[derive(Clone, Debug)]
pub struct Cell {
    /// As in a record.
    pub suite: String,
    /// As in a record.
    pub group: String,
    /// As in a record.
    pub variant: String,
    /// As in a record.
    pub workers: u32,
    /// Whether the variant is somebody else's program.
    pub peer: bool,
    /// Whether every round has a second turn (A/A).
    pub repeat: bool,
    /// Whether a calibrating call decides how the cell is timed.
    pub sized: bool,
    /// Whether the group gives way first.
    pub detail: bool,
    /// What is measured; never empty.
    pub metrics: Vec<Metric>,
    /// What measures it.
    pub source: Source,
}

impl Cell {
    /// The name that bench programs and `--filter` know: `mandelbrot/medium/thread_pool/2`.
    pub fn id(&self) -> String {
        format!("{}/{}/{}", self.group, self.variant, self.workers)
    }

    /// The size that the group's name ends with.
    pub fn size(&self) -> Size {
        if self.detail {
            return Size::Detail;
        }
        match self.group.rsplit('/').next() {
            Some("small") => Size::Small,
            Some("medium") => Size::Medium,
            Some("large") => Size::Large,
            Some("python") => Size::Python,
            _ => Size::Only,
        }
    }
}

/// How large a group's problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Size {
    /// The smallest of several.
    Small,
    /// The one that findings are about.
    Medium,
    /// Larger than every cache.
    Large,
    /// The one that pure Python does in good time.
    Python,
    /// The group comes in one size.
    Only,
    /// The group is for those who look closely; others do without where time is short.
    Detail,
}

/// What measures a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A bench program.
    Program {
        /// Which.
        program: Program,
        /// Whether it is criterion's; otherwise all its figures come as extra lines.
        criterion: bool,
    },
    /// An interpreter, by the prefix of its variants; the model is what follows it.
    Python {
        /// `cpython-3.11`.
        name: String,
        /// `threads`.
        model: String,
    },
}

/// A bench program: package and target, written `heddle-kernels/kernels`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Program {
    /// The package.
    pub package: String,
    /// The bench target; no other package has one of that name.
    pub bench: String,
}

impl TryFrom<String> for Program {
    type Error = String;

    fn try_from(text: String) -> Result<Program, String> {
        match text.split_once('/') {
            Some((package, bench)) if !package.is_empty() && !bench.is_empty() => {
                Ok(Program { package: package.into(), bench: bench.into() })
            }
            _ => Err(format!("program '{text}' is not of the form package/bench")),
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.package, self.bench)
    }
}

/// A quantity that a cell yields.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metric {
    /// As in a record.
    pub name: String,
    /// As in a record.
    pub unit: String,
    /// As in a record.
    pub better: Better,
}

impl Metric {
    /// What a cell measures unless it says otherwise.
    pub fn time() -> Metric {
        Metric { name: "time".into(), unit: "ns".into(), better: Better::Lower }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    cells: Vec<Entry>,
    #[serde(default)]
    python: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    suite: String,
    program: Option<Program>,
    groups: Vec<String>,
    #[serde(default)]
    sizes: Vec<String>,
    variants: Vec<String>,
    workers: Vec<String>,
    #[serde(default)]
    metrics: Vec<Metric>,
    #[serde(default)]
    peer: bool,
    #[serde(default)]
    repeat: bool,
    #[serde(default)]
    sized: bool,
    #[serde(default)]
    detail: bool,
    #[serde(default)]
    extra: bool,
}

/// Expands the manifest for `cores` cores and the interpreters named.
///
/// # Errors
/// If the text is no manifest, or has a cell twice.
pub fn expand(text: &str, cores: u32, pythons: &[String]) -> Result<Vec<Cell>> {
    let file: File = toml::from_str(text).context("the manifest")?;
    let mut cells = Vec::new();
    for entry in &file.cells {
        let program = entry.program.clone().context("the manifest: [[cells]] without `program`")?;
        let source = |_: &str| Source::Program { program: program.clone(), criterion: !entry.extra };
        add(&mut cells, entry, "", cores, source)?;
    }
    for name in pythons {
        for entry in &file.python {
            let source = |model: &str| Source::Python { name: name.clone(), model: model.into() };
            add(&mut cells, entry, &format!("{name}/"), cores, source)?;
        }
    }
    let mut seen = BTreeSet::new();
    if let Some(twice) = cells.iter().map(Cell::id).find(|id| !seen.insert(id.clone())) {
        bail!("the manifest has {twice} twice");
    }
    Ok(cells)
}

fn add(
    cells: &mut Vec<Cell>,
    entry: &Entry,
    prefix: &str,
    cores: u32,
    source: impl Fn(&str) -> Source,
) -> Result<()> {
    let mut workers: Vec<u32> = Vec::new();
    for token in &entry.workers {
        workers.extend(count(token, cores)?.filter(|n| !workers.contains(n)));
    }
    let groups: Vec<String> = if entry.sizes.is_empty() {
        entry.groups.clone()
    } else {
        let sized = |group| entry.sizes.iter().map(move |size| format!("{group}/{size}"));
        entry.groups.iter().flat_map(sized).collect()
    };
    let metrics = if entry.metrics.is_empty() { vec![Metric::time()] } else { entry.metrics.clone() };
    for group in &groups {
        for variant in &entry.variants {
            for &workers in &workers {
                let cell = Cell {
                    suite: entry.suite.clone(),
                    group: group.clone(),
                    variant: format!("{prefix}{variant}"),
                    workers,
                    peer: entry.peer,
                    repeat: entry.repeat,
                    sized: entry.sized,
                    detail: entry.detail,
                    metrics: metrics.clone(),
                    source: source(variant),
                };
                // Different tokens may come to the same number on this machine.
                if !cells.iter().any(|other| other.id() == cell.id() && entry.workers.len() > 1) {
                    cells.push(cell);
                }
            }
        }
    }
    Ok(())
}

/// The number that a workers token stands for; none where the machine has no such number.
fn count(token: &str, cores: u32) -> Result<Option<u32>> {
    Ok(match token {
        "cores" => Some(cores),
        "2*cores" => Some(2 * cores),
        "even-cores" => cores.is_multiple_of(2).then_some(cores),
        number => match number.parse() {
            Ok(n) if n > 0 => Some(n),
            _ => bail!("the manifest: '{number}' is no number of workers"),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_manifest_expands_on_any_machine() {
        for cores in [1, 2, 3, 8, 64] {
            let cells = expand(COMMITTED, cores, &["cpython-3.11".into(), "cpython-3.13t".into()]).unwrap();
            assert!(cells.len() > 200);
            for cell in &cells {
                let plain = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
                assert!(cell.id().chars().all(plain), "{} would need escaping as a filter", cell.id());
            }
        }
    }

    #[test]
    fn workers_follow_the_cores() {
        let hybrid = |cores| {
            let cells = expand(COMMITTED, cores, &[]).unwrap();
            let of = |cell: &&Cell| cell.variant == "hybrid" && cell.group == "sum/medium";
            cells.iter().filter(of).map(|cell| cell.workers).collect::<Vec<_>>()
        };
        assert_eq!(hybrid(2), [2, 4]);
        assert_eq!(hybrid(3), [6]);
    }

    #[test]
    fn a_cell_listed_twice_is_an_error() {
        let entry = "[[cells]]\nsuite='s'\nprogram='p/b'\ngroups=['g']\nvariants=['v']\nworkers=['1']\n";
        assert_eq!(expand(entry, 1, &[]).unwrap().len(), 1);
        assert!(expand(&entry.repeat(2), 1, &[]).unwrap_err().to_string().contains("g/v/1 twice"));
        assert!(expand(&entry.replace("'1'", "'0'"), 1, &[]).is_err());
        assert!(expand(&entry.replace("p/b", "pb"), 1, &[]).is_err());
    }
}
