//! A site on disk: written whole or not at all, and never over anything that is not a site of ours.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use heddle_report::Site;

use crate::outcome::usage;

/// The file that marks a folder as a site, so that it may be replaced.
const MARKER: &str = ".heddle-site";

/// Fails unless a site can be written to `out`: nothing is there, or an empty folder, or a site.
pub fn check(out: &Path) -> Result<()> {
    let parent = parent(out)?;
    crate::measure::writable(&parent)?;
    match fs::read_dir(out) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(usage(format!("cannot write the site to {}: {error}", out.display()))),
        Ok(mut entries) => {
            if entries.next().is_none() || out.join(MARKER).exists() {
                crate::measure::writable(out)
            } else {
                Err(usage(format!(
                    "{} holds something that is no site of ours, and is left alone; name another --out",
                    out.display()
                )))
            }
        }
    }
}

/// Writes `site` beside `out` and puts it in its place.
pub fn write(out: &Path, site: &Site) -> Result<()> {
    check(out)?;
    let parent = parent(out)?;
    let new = tempfile::Builder::new().prefix(".heddle-new-").tempdir_in(&parent)?;
    let folder = new.path().join("site");
    fs::create_dir(&folder)?;
    fs::write(
        folder.join(MARKER),
        "A site rendered by `cargo xtask render`, which may replace this folder.\n",
    )?;
    for (name, bytes) in &site.files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().context("a file lies in a folder")?)?;
        fs::write(&path, bytes).with_context(|| path.display().to_string())?;
    }
    if out.exists() {
        fs::rename(out, new.path().join("old"))?;
    }
    fs::rename(&folder, out).with_context(|| out.display().to_string())
}

/// Reads a site back.
pub fn read(folder: &Path) -> Result<Site> {
    let mut site = Site::default();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(&inner).with_context(|| inner.display().to_string())? {
            let path = entry?.path();
            let name = path.strip_prefix(folder)?.to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if name != MARKER {
                site.files.insert(name, fs::read(&path)?);
            }
        }
    }
    Ok(site)
}

fn parent(out: &Path) -> Result<PathBuf> {
    let out = std::path::absolute(out)?;
    match out.parent() {
        Some(parent) => Ok(parent.to_path_buf()),
        None => Err(usage(format!("{} cannot be a site's folder", out.display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Usage;

    fn site(text: &str) -> Site {
        let files = [("index.html", text), ("data/run.json", "{}")];
        Site { files: files.map(|(name, text)| (name.to_string(), text.into())).into() }
    }

    #[test]
    fn a_site_replaces_a_site_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("deep/site");
        write(&out, &site("one")).unwrap();
        write(&out, &site("two")).unwrap();
        assert_eq!(read(&out).unwrap(), site("two"));
        assert_eq!(fs::read_dir(folder.path().join("deep")).unwrap().count(), 1, "nothing is left beside it");
        fs::remove_file(out.join(MARKER)).unwrap();
        assert!(write(&out, &site("three")).unwrap_err().is::<Usage>());
        assert_eq!(read(&out).unwrap(), site("two"));
        let file = folder.path().join("file");
        fs::write(&file, "mine").unwrap();
        assert!(check(&file).unwrap_err().is::<Usage>());
        assert!(check(&file.join("below")).unwrap_err().is::<Usage>());
    }
}
