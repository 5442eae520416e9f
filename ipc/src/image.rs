//! The running executable: where its code lies, and which build it is.
//!
//! The executable is loaded at another address in every process, but its layout is the same in all processes of one build.
//! So a function is named by its distance from the image's base, which needs no registry, provided that both sides have
//! compared their [`Identity`] first.

use core::ffi::{c_int, c_void};
use core::fmt;
use core::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::sync::OnceLock;

use crate::header::LAYOUT_VERSION;

/// The type of the note that holds a linker's build id.
const NT_GNU_BUILD_ID: u32 = 3;

/// What is known about the executable of this process.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    base: usize,
    code: Range<usize>,
    identity: Identity,
}

impl Image {
    /// The executable of this process.
    pub(crate) fn current() -> &'static Image {
        static IMAGE: OnceLock<Image> = OnceLock::new();
        IMAGE.get_or_init(Image::read)
    }

    pub(crate) fn identity(&self) -> Identity {
        self.identity
    }

    /// The distance of a function from the base, or `None` if it belongs to a shared library, whose distance differs from
    /// process to process.
    pub(crate) fn offset_of(&self, address: usize) -> Option<u64> {
        self.code.contains(&address).then(|| (address - self.base) as u64)
    }

    /// The address of the function at this distance, or `None` if that is not code of the executable.
    pub(crate) fn address_of(&self, offset: u64) -> Option<usize> {
        let address = self.base.checked_add(usize::try_from(offset).ok()?)?;
        self.code.contains(&address).then_some(address)
    }

    fn read() -> Image {
        let mut found = Found { base: 0, code: 0..0, build_id: None };
        // SAFETY: `first_object` matches the callback's type, and gets the pointer to `found` that it expects.
        unsafe { libc::dl_iterate_phdr(Some(first_object), (&raw mut found).cast()) };
        let identity = Identity::new(found.build_id);
        Image { base: found.base, code: found.code, identity }
    }
}

struct Found {
    base: usize,
    code: Range<usize>,
    build_id: Option<[u8; 20]>,
}

/// Reads the first object, which is the executable, and stops.
extern "C" fn first_object(info: *mut libc::dl_phdr_info, _size: usize, found: *mut c_void) -> c_int {
    // SAFETY: `dl_iterate_phdr` passes a valid info that lives during the call.
    let info = unsafe { &*info };
    // SAFETY: `Image::read` passes a `Found` that lives during the call and that nothing else uses.
    let found = unsafe { &mut *found.cast::<Found>() };
    // SAFETY: the loader keeps the program headers mapped; their number stands beside them.
    let headers = unsafe { core::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum as usize) };
    found.base = info.dlpi_addr as usize;
    for header in headers {
        let start = found.base.wrapping_add(header.p_vaddr as usize);
        match header.p_type {
            libc::PT_LOAD if header.p_flags & libc::PF_X != 0 && found.code.is_empty() => {
                found.code = start..start + header.p_memsz as usize;
            }
            libc::PT_NOTE => {
                // SAFETY: notes are part of the loaded image, which stays mapped and is never written.
                let notes =
                    unsafe { core::slice::from_raw_parts(start as *const u8, header.p_memsz as usize) };
                found.build_id = found.build_id.or_else(|| build_id(notes));
            }
            _ => {}
        }
    }
    1
}

/// The build id among these notes, cut or zero-padded to 20 bytes.
fn build_id(mut notes: &[u8]) -> Option<[u8; 20]> {
    let word = |bytes: &[u8], at: usize| Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    loop {
        let name_len = word(notes, 0)? as usize;
        let value_len = word(notes, 4)? as usize;
        let kind = word(notes, 8)?;
        let name = notes.get(12..12 + name_len)?;
        let value_at = 12 + name_len.next_multiple_of(4);
        let value = notes.get(value_at..value_at.checked_add(value_len)?)?;
        if kind == NT_GNU_BUILD_ID && name == b"GNU\0" && !value.is_empty() {
            let mut id = [0; 20];
            let len = value.len().min(20);
            id[..len].copy_from_slice(&value[..len]);
            return Some(id);
        }
        notes = notes.get(value_at + value_len.next_multiple_of(4)..)?;
    }
}

/// Which build an executable is: the linker's build id if it wrote one, else the file's device, inode, size and time of
/// change; and this crate's layout version.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    words: [u64; Identity::WORDS],
}

impl Identity {
    pub(crate) const WORDS: usize = 6;

    fn new(build_id: Option<[u8; 20]>) -> Identity {
        let version = u64::from(LAYOUT_VERSION);
        if let Some(id) = build_id {
            let mut padded = [0_u8; 24];
            padded[..20].copy_from_slice(&id);
            let word = |i: usize| u64::from_le_bytes(padded[8 * i..8 * i + 8].try_into().expect("8 bytes"));
            return Identity { words: [version, 1, word(0), word(1), word(2), 0] };
        }
        match std::fs::metadata("/proc/self/exe") {
            Ok(exe) => {
                let changed =
                    (exe.mtime() as u64).wrapping_mul(1_000_000_000).wrapping_add(exe.mtime_nsec() as u64);
                Identity { words: [version, 2, exe.dev(), exe.ino(), exe.size(), changed] }
            }
            // Without /proc no worker can be started anyway; the two sides are then equally ignorant.
            Err(_) => Identity { words: [version, 0, 0, 0, 0, 0] },
        }
    }

    pub(crate) fn words(&self) -> [u64; Identity::WORDS] {
        self.words
    }

    pub(crate) fn from_words(words: [u64; Identity::WORDS]) -> Identity {
        Identity { words }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [version, kind, a, b, c, d] = self.words;
        match kind {
            1 => {
                write!(f, "build id ")?;
                let bytes = [a.to_le_bytes(), b.to_le_bytes(), c.to_le_bytes()].concat();
                bytes[..20].iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
            }
            2 => write!(f, "file {a}:{b} of {c} bytes changed at {d} ns")?,
            _ => write!(f, "unknown build")?,
        }
        write!(f, ", layout {version}")
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_functions_of_the_executable_only() {
        let image = Image::current();
        let own = names_functions_of_the_executable_only as fn() as usize;
        let offset = image.offset_of(own).expect("a function of this program");
        assert_eq!(image.address_of(offset), Some(own));
        assert_eq!(image.offset_of(libc::getpid as *const () as usize).and(dynamic()), None);
        assert_eq!(image.address_of(u64::MAX), None);
        assert_eq!(image.address_of(0), None, "the ELF header is not code");
    }

    /// `Some` if the C library is a shared one: linked in statically, its functions are the executable's.
    fn dynamic() -> Option<()> {
        cfg!(not(target_feature = "crt-static")).then_some(())
    }

    #[test]
    fn a_build_id_is_found_among_other_notes() {
        let mut notes = Vec::new();
        for (kind, name, value) in [(1_u32, &b"ABC\0"[..], &[9_u8; 5][..]), (3, b"GNU\0", &[7; 20])] {
            notes.extend((name.len() as u32).to_ne_bytes());
            notes.extend((value.len() as u32).to_ne_bytes());
            notes.extend(kind.to_ne_bytes());
            notes.extend(name);
            notes.extend(value);
            notes.resize(notes.len().next_multiple_of(4), 0);
        }
        assert_eq!(build_id(&notes), Some([7; 20]));
        for cut in 0..notes.len() {
            assert_eq!(build_id(&notes[..cut]), None);
        }
    }

    proptest! {
        #[test]
        fn any_notes_are_read_without_a_panic(notes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = build_id(&notes);
        }
    }
}
