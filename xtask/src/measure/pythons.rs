//! The interpreters that CPython's rows are measured with.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use heddle_report::records::Python;
use serde::Deserialize;

use crate::outcome::usage;
use crate::run_command::output_of;

/// The prefix of CPython's rows where there is no interpreter.
pub const ABSENT: &str = "cpython";

/// Why those rows were not run, and how to get them.
pub const HOW_TO_GET: &str =
    "no python3 on the PATH: install Python 3.8 or later, or name one with --python PATH";

/// The script that does what the kernels do, in pure Python.
pub const SCRIPT: &str = include_str!("../../python/kernels.py");

/// What is asked of an interpreter.
const FACTS: &str = "
import json, multiprocessing, platform, sys, sysconfig
gil = getattr(sys, '_is_gil_enabled', lambda: True)()
print(json.dumps({
    'implementation': platform.python_implementation(),
    'name': 'cpython-%d.%d%s' % (*sys.version_info[:2], 't' if sysconfig.get_config_var('Py_GIL_DISABLED') else ''),
    'version': platform.python_version(),
    'gil': gil,
    'start_method': multiprocessing.get_start_method(),
    'executable': sys.executable,
}))";

#[derive(Deserialize)]
struct Facts {
    implementation: String,
    name: String,
    version: String,
    gil: bool,
    start_method: String,
    executable: PathBuf,
}

/// An interpreter: what the records say of it, and where it is.
#[derive(Clone, Debug)]
pub struct Interpreter {
    /// What the records say.
    pub python: Python,
    /// The executable itself, past any wrapper.
    pub path: PathBuf,
}

/// The `python3` on the PATH, if there is one, and those named.
///
/// # Errors
/// If one that was named does not answer as CPython 3 does.
pub fn find(named: &[PathBuf]) -> Result<Vec<Interpreter>> {
    let mut found: Vec<Interpreter> = ask(Path::new("python3")).ok().into_iter().collect();
    for path in named {
        let interpreter =
            ask(path).map_err(|reason| usage(format!("--python {}: {reason}", path.display())))?;
        match found.iter().find(|it| it.python.name == interpreter.python.name) {
            // Naming the one on the PATH is no mistake; two builds of one version could not be told apart.
            Some(other) if other.path == interpreter.path => {}
            Some(other) => {
                return Err(usage(format!(
                    "--python {}: {} is {} already; one build of a version at a time",
                    path.display(),
                    interpreter.python.name,
                    other.path.display()
                )));
            }
            None => found.push(interpreter),
        }
    }
    Ok(found)
}

fn ask(path: &Path) -> Result<Interpreter, String> {
    let mut command = Command::new(path);
    let text = output_of(command.args(["-I", "-c", FACTS]), Duration::from_secs(20))
        .map_err(|it| format!("{it:#}"))?;
    let facts: Facts =
        serde_json::from_str(text.trim()).map_err(|error| format!("no answer of CPython 3: {error}"))?;
    if facts.implementation != "CPython" {
        return Err(format!("{} is not CPython", facts.implementation));
    }
    let Facts { name, version, gil, start_method, executable, .. } = facts;
    Ok(Interpreter { python: Python { name, version, gil, start_method }, path: executable })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Usage;

    /// The definition in `python/kernels.py`, from scratch.
    fn mandelbrot(n: u32) -> u64 {
        let centre = |low: f64, at: u32| low + 2.5 * (f64::from(at) + 0.5) / f64::from(n);
        let count = |cx: f64, cy: f64| {
            let (mut x, mut y, mut count) = (0.0f64, 0.0f64, 0);
            while count < 200 && x * x + y * y <= 4.0 {
                (x, y) = (x * x - y * y + cx, 2.0 * x * y + cy);
                count += 1;
            }
            count
        };
        (0..n).flat_map(|i| (0..n).map(move |j| count(centre(-2.0, j), centre(-1.25, i)))).sum()
    }

    #[test]
    fn the_scripts_answers_are_those_of_the_definition() {
        let line = format!("MANDELBROT = {{128: {}, 256: {}}}", mandelbrot(128), mandelbrot(256));
        assert!(SCRIPT.lines().any(|it| it == line), "{line}");
    }

    #[test]
    fn what_is_no_interpreter_is_refused() {
        for path in ["/nonexistent/python3", "/bin/true", "/bin/false"] {
            assert!(find(&[path.into()]).unwrap_err().is::<Usage>(), "{path}");
        }
    }
}
