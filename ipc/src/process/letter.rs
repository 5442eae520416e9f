//! What a process is told, and what it answers: one file that parent and child share.
//!
//! The file is a memfd that cannot shrink. The parent writes the letter, which is a [`Head`] and the argument, before it starts the child; the
//! child takes the argument out, gives its memory back, and appends a reply. The seal against writing is what commits the reply: a
//! child that is killed before it has sealed the file has not answered, and after it the answer is whole and stays as it is.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;

use memmap2::{Mmap, MmapOptions};
use rustix::fs::{FallocateFlags, MemfdFlags, SealFlags};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::image::Identity;

/// Letters that are shorter are not worth a system call that gives their memory back.
const WORTH_FREEING: u64 = 1 << 16;

/// The head's length stands before it.
const LEN: usize = size_of::<u32>();

/// What a reply begins with: its [`Verdict`] as a number, and the length of what follows.
const REPLY_HEAD: u64 = 16;

/// What a child is told, beside the argument.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Head {
    /// Of the build that the offsets belong to.
    pub(super) identity: [u64; Identity::WORDS],
    pub(super) trampoline: u64,
    pub(super) function: u64,
    pub(super) name: String,
    /// Which child of which child of the first process it is.
    pub(super) number: String,
    pub(super) parent_name: String,
    pub(super) daemon: bool,
    pub(super) ends_with_parent: bool,
    /// Whether the child gets no variables but these.
    pub(super) clear_environment: bool,
    /// Variables to set, or to remove.
    pub(super) environment: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    pub(super) directory: Option<Vec<u8>>,
}

/// The parent's side.
#[derive(Debug)]
pub(super) struct Letter {
    pub(super) file: File,
    pub(super) len: u64,
}

/// Why a letter could not be written.
#[derive(Debug)]
pub(super) enum WriteError {
    /// The value's own `Serialize` refuses.
    Value(postcard::Error),
    /// No memory, or no descriptor.
    Os(io::Error),
}

impl Letter {
    pub(super) fn write<A: Serialize>(head: &Head, argument: &A) -> Result<Letter, WriteError> {
        let fd = rustix::fs::memfd_create("heddle-process", MemfdFlags::ALLOW_SEALING | MemfdFlags::CLOEXEC)
            .map_err(|errno| WriteError::Os(errno.into()))?;
        let mut file = File::from(fd);
        let head = postcard::to_stdvec(head).map_err(WriteError::Value)?;
        file.write_all(&(head.len() as u32).to_ne_bytes()).map_err(WriteError::Os)?;
        file.write_all(&head).map_err(WriteError::Os)?;
        let written = write_value(&file, argument)?;
        rustix::fs::fcntl_add_seals(&file, SealFlags::SHRINK)
            .map_err(|errno| WriteError::Os(errno.into()))?;
        Ok(Letter { file, len: (LEN + head.len()) as u64 + written })
    }

    /// What the child has answered. Only after its end is it the last word.
    pub(super) fn reply(&self) -> io::Result<Reply> {
        let at = reply_at(self.len);
        let mut head = [0; REPLY_HEAD as usize];
        match self.file.read_exact_at(&mut head, at) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Reply::NotBegun),
            Err(error) => return Err(error),
        }
        if !rustix::fs::fcntl_get_seals(&self.file)?.contains(SealFlags::WRITE) {
            return Ok(Reply::Begun);
        }
        let word = |i: usize| u64::from_ne_bytes(head[8 * i..8 * i + 8].try_into().expect("8 bytes"));
        let (verdict, len) = (Verdict::from_number(word(0)), word(1));
        let room = self.file.metadata()?.len().saturating_sub(at + REPLY_HEAD);
        match (verdict, usize::try_from(len)) {
            (Some(verdict), Ok(len)) if len as u64 <= room => {
                let bytes = map(&self.file, at + REPLY_HEAD, len)?;
                Ok(Reply::Committed { verdict, bytes })
            }
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

/// What is known of a child's answer.
#[derive(Debug)]
pub(super) enum Reply {
    /// The child has not taken its argument out.
    NotBegun,
    /// The function was called, and has not returned.
    Begun,
    /// The child's last word.
    Committed { verdict: Verdict, bytes: Mapped },
}

/// What a committed reply is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(super) enum Verdict {
    /// The result.
    Returned = 2,
    /// A panic's message.
    Panicked = 3,
    /// Why the argument could not be read.
    NoArgument = 4,
    /// Why the result could not be written.
    NoResult = 5,
}

/// Of a reply that is not committed.
const BEGUN: u64 = 1;

impl Verdict {
    fn from_number(number: u64) -> Option<Verdict> {
        [Verdict::Returned, Verdict::Panicked, Verdict::NoArgument, Verdict::NoResult]
            .into_iter()
            .find(|&verdict| verdict as u64 == number)
    }
}

/// The child's side.
#[derive(Debug)]
pub(super) struct Desk {
    file: File,
    /// Of the letter.
    len: u64,
    /// Where the argument begins.
    argument_at: u64,
}

impl Desk {
    /// Reads the head of a letter of `len` bytes.
    pub(super) fn open(file: File, len: u64) -> io::Result<(Desk, Head)> {
        let seals = rustix::fs::fcntl_get_seals(&file)?;
        if !seals.contains(SealFlags::SHRINK) || file.metadata()?.len() < len {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut head_len = [0; LEN];
        file.read_exact_at(&mut head_len, 0)?;
        let argument_at = LEN as u64 + u64::from(u32::from_ne_bytes(head_len));
        if argument_at > len {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut head = vec![0; argument_at as usize - LEN];
        file.read_exact_at(&mut head, LEN as u64)?;
        let head = postcard::from_bytes(&head).map_err(io::Error::other)?;
        Ok((Desk { file, len, argument_at }, head))
    }

    /// Takes the argument out, and says that the function is about to run.
    pub(super) fn take_argument<A: DeserializeOwned>(&self) -> Result<A, String> {
        let text = |error: io::Error| error.to_string();
        let bytes =
            map(&self.file, self.argument_at, (self.len - self.argument_at) as usize).map_err(text)?;
        let argument = postcard::from_bytes(bytes.as_slice()).map_err(|error| error.to_string())?;
        drop(bytes);
        if self.len > WORTH_FREEING {
            let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            // Were it to fail, the memory would be free with the process.
            let _ = rustix::fs::fallocate(&self.file, flags, 0, self.len);
        }
        self.write_head(BEGUN, 0).map_err(text)?;
        Ok(argument)
    }

    /// Answers with a value, or with why that is impossible.
    pub(super) fn commit_value<R: Serialize>(&self, value: &R) -> io::Result<Verdict> {
        (&self.file).seek(SeekFrom::Start(reply_at(self.len) + REPLY_HEAD))?;
        match write_value(&self.file, value) {
            Ok(len) => self.commit(Verdict::Returned, len),
            Err(WriteError::Value(error)) => self.commit_text(Verdict::NoResult, &error.to_string()),
            Err(WriteError::Os(error)) => self.commit_text(Verdict::NoResult, &error.to_string()),
        }
    }

    /// Answers with a message.
    pub(super) fn commit_text(&self, verdict: Verdict, text: &str) -> io::Result<Verdict> {
        self.file.write_all_at(text.as_bytes(), reply_at(self.len) + REPLY_HEAD)?;
        self.commit(verdict, text.len() as u64)
    }

    fn commit(&self, verdict: Verdict, len: u64) -> io::Result<Verdict> {
        self.write_head(verdict as u64, len)?;
        rustix::fs::fcntl_add_seals(
            &self.file,
            SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL,
        )?;
        Ok(verdict)
    }

    fn write_head(&self, word: u64, len: u64) -> io::Result<()> {
        let mut head = [0; REPLY_HEAD as usize];
        head[..8].copy_from_slice(&word.to_ne_bytes());
        head[8..].copy_from_slice(&len.to_ne_bytes());
        self.file.write_all_at(&head, reply_at(self.len))
    }
}

/// Where the reply to a letter of `len` bytes begins.
fn reply_at(len: u64) -> u64 {
    len.next_multiple_of(8)
}

/// Writes a value at the file's cursor; how many bytes it took.
fn write_value<T: Serialize>(file: &File, value: &T) -> Result<u64, WriteError> {
    let mut counted = Counted { inner: BufWriter::with_capacity(1 << 16, file), len: 0, error: None };
    match postcard::to_io(value, &mut counted) {
        Ok(_) => Ok(counted.len),
        Err(error) => Err(counted.error.map_or(WriteError::Value(error), WriteError::Os)),
    }
}

/// A writer that knows what went wrong, which postcard does not tell.
struct Counted<'a> {
    inner: BufWriter<&'a File>,
    len: u64,
    error: Option<io::Error>,
}

impl Counted<'_> {
    fn note(&mut self, error: io::Error) -> io::Error {
        let kind = error.kind();
        self.error = Some(error);
        kind.into()
    }
}

impl Write for Counted<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.inner.write(bytes) {
            Ok(written) => {
                self.len += written as u64;
                Ok(written)
            }
            Err(error) => Err(self.note(error)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush().map_err(|error| self.note(error))
    }
}

/// Bytes of a file, mapped; none need no mapping.
#[derive(Debug)]
pub(super) struct Mapped(Option<Mmap>);

impl Mapped {
    pub(super) fn as_slice(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }
}

fn map(file: &File, at: u64, len: usize) -> io::Result<Mapped> {
    if len == 0 {
        return Ok(Mapped(None));
    }
    // A private mapping: kernels before 6.7 allow no shared one of a file that is sealed against writing.
    // SAFETY: the file cannot shrink, and the bytes are there, as the callers have checked. Nobody writes to them: the parent is done with the
    // letter before it starts the child, and the child with the reply before it seals it.
    Ok(Mapped(Some(unsafe { MmapOptions::new().offset(at).len(len).map_copy_read_only(file) }?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn head() -> Head {
        Head {
            identity: [1, 2, 3, 4, 5, 6],
            trampoline: 7,
            function: 8,
            name: "name".to_owned(),
            number: "1:2".to_owned(),
            parent_name: "parent".to_owned(),
            daemon: true,
            ends_with_parent: false,
            clear_environment: true,
            environment: vec![(b"A".to_vec(), None), (b"B".to_vec(), Some(b"\xff".to_vec()))],
            directory: Some(b"/".to_vec()),
        }
    }

    fn desk(letter: &Letter) -> (Desk, Head) {
        Desk::open(letter.file.try_clone().unwrap(), letter.len).unwrap()
    }

    #[test]
    fn a_reply_is_none_until_it_is_sealed() {
        let letter = Letter::write(&head(), &vec![1_u32, 2, 3]).unwrap();
        assert!(matches!(letter.reply(), Ok(Reply::NotBegun)));
        let (desk, told) = desk(&letter);
        assert_eq!(format!("{told:?}"), format!("{:?}", head()));
        assert_eq!(desk.take_argument::<Vec<u32>>(), Ok(vec![1, 2, 3]));
        assert!(matches!(letter.reply(), Ok(Reply::Begun)));
        assert_eq!(desk.commit_value(&"done".to_owned()).unwrap(), Verdict::Returned);
        let Ok(Reply::Committed { verdict: Verdict::Returned, bytes }) = letter.reply() else { panic!() };
        assert_eq!(postcard::from_bytes::<String>(bytes.as_slice()).unwrap(), "done");
        assert!(desk.commit_text(Verdict::Panicked, "again").is_err(), "the first word is the last");
    }

    #[test]
    fn the_argument_s_memory_is_given_back() {
        let letter = Letter::write(&head(), &vec![7_u8; 1 << 20]).unwrap();
        let blocks = |file: &File| std::os::unix::fs::MetadataExt::blocks(&file.metadata().unwrap());
        assert!(blocks(&letter.file) >= 2048);
        let (desk, _) = desk(&letter);
        assert_eq!(desk.take_argument::<Vec<u8>>().unwrap().len(), 1 << 20);
        assert!(blocks(&letter.file) <= 16, "a page or two are left");
    }

    #[test]
    fn a_value_that_cannot_be_written_is_an_answer_too() {
        struct Refuses;
        impl Serialize for Refuses {
            fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                Err(serde::ser::Error::custom("never"))
            }
        }
        assert!(matches!(Letter::write(&head(), &Refuses), Err(WriteError::Value(_))));
        let letter = Letter::write(&head(), &()).unwrap();
        let (desk, _) = desk(&letter);
        assert_eq!(desk.commit_value(&Refuses).unwrap(), Verdict::NoResult);
        assert!(matches!(letter.reply(), Ok(Reply::Committed { verdict: Verdict::NoResult, .. })));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), len in 0_u64..300) {
            let letter = Letter::write(&head(), &()).unwrap();
            letter.file.write_all_at(&bytes, 0).unwrap();
            if let Ok((desk, _)) = Desk::open(letter.file.try_clone().unwrap(), len) {
                let _ = desk.take_argument::<Vec<String>>();
            }
            let _ = letter.reply();
            rustix::fs::fcntl_add_seals(&letter.file, SealFlags::WRITE).unwrap();
            let _ = letter.reply();
        }
    }
}
