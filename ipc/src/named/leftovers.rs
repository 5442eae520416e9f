//! Segments that nobody uses any more.

use std::io;
use std::os::fd::AsFd;

use super::directory::{Directory, File, Name, NoDirectory, path};
use super::hold;
use crate::header::MAGIC;

/// A named segment, as [`list`] found it. It may have changed since.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// The file's length in bytes, the header and all.
    pub len: u64,
    /// Whether a process has it open. If none has, it was left over, or is to be opened later: that nobody can tell.
    pub in_use: bool,
}

/// The user's named segments, by name. What is not of this module's making is not among them.
///
/// # Errors
///
/// The user's directory is another's, or cannot be read. That there is none is no error.
pub fn list() -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for_each(|_, name, file| {
        entries.push(entry(name, file)?);
        Ok(())
    })?;
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

/// Removes the user's named segments that no process has open, and returns their names: what was left by processes that died, or ended
/// without [unlinking](super::SharedMemory::unlink).
///
/// A segment that is being opened meanwhile is either kept or was not there for whoever opens it. Of one whose users closed it and that
/// is to outlive them nobody can tell; whoever has such segments selects by [`clean_if`].
///
/// # Errors
///
/// As [`list`]. What was removed until then stays removed.
pub fn clean() -> io::Result<Vec<String>> {
    clean_if(|_| true)
}

/// As [`clean`], of those segments only that `select` says.
///
/// # Errors
///
/// As [`clean`].
pub fn clean_if(mut select: impl FnMut(&Entry) -> bool) -> io::Result<Vec<String>> {
    let mut cleaned = Vec::new();
    for_each(|directory, name, file| {
        let entry = entry(name, file)?;
        if !entry.in_use && select(&entry) && clean_one(directory, name, file)? {
            cleaned.push(entry.name);
        }
        Ok(())
    })?;
    Directory::remove_if_empty();
    Ok(cleaned)
}

fn for_each(mut visit: impl FnMut(&Directory, Name<'_>, &File) -> io::Result<()>) -> io::Result<()> {
    let directory = match Directory::open() {
        Ok(directory) => directory,
        Err(NoDirectory::Absent) => return Ok(()),
        Err(NoDirectory::Another) => {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("{} is another's", path())));
        }
        Err(NoDirectory::Os(error)) => return Err(error),
    };
    for name in directory.names()? {
        let Some(name) = Name::new(&name) else { continue };
        // What is gone by now, or of another kind, or has another beginning, is none of ours.
        let Ok(file) = directory.file(name) else { continue };
        if file.first_word() == Some(MAGIC) {
            visit(&directory, name, &file)?;
        }
    }
    Ok(())
}

fn entry(name: Name<'_>, file: &File) -> io::Result<Entry> {
    let in_use = hold::is_in_use(file.fd.as_fd())?;
    Ok(Entry { name: name.as_str().to_owned(), len: file.len(), in_use })
}

/// Removes a file's name if nobody uses the file.
fn clean_one(directory: &Directory, name: Name<'_>, file: &File) -> io::Result<bool> {
    // Until the file is closed, which is after the name is gone.
    if !hold::take_alone(&file.fd)? {
        return Ok(false);
    }
    let Some(_removal) = hold::removal(file.fd.as_fd())? else { return Ok(false) };
    remove(directory, name, file.id())
}

/// Removes a name if it is this file's. The caller has the lock of the file's removal.
pub(super) fn remove(directory: &Directory, name: Name<'_>, id: super::directory::Id) -> io::Result<bool> {
    match directory.stat(name) {
        Ok(stat) if super::directory::Id::from(&stat) == id => {
            directory.unlink(name)?;
            Ok(true)
        }
        Ok(_) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
