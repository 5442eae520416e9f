//! Renders synthetic records, so that the site can be looked at without measuring:
//! `cargo run -p heddle-report --example sample -- DIR [--quick]`.

#[path = "../tests/synthetic/mod.rs"]
mod synthetic;

use std::error::Error;
use std::path::PathBuf;

use heddle_report::check::check;
use heddle_report::{Input, render};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder: PathBuf = arguments.next().ok_or("usage: sample DIR [--quick]")?.into();
    let quick = arguments.any(|argument| argument == "--quick");
    let rounds = if quick { 2 } else { 15 };
    let site = render(Input { runs: &[synthetic::full(rounds, quick)] })?;
    for problem in check(&site) {
        eprintln!("{problem}");
    }
    for (path, contents) in &site.files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().ok_or("a file without a folder")?)?;
        std::fs::write(path, contents)?;
    }
    println!("{} files in {}", site.files.len(), folder.display());
    Ok(())
}
