//! Bytes to and from memory that the other end may write at any time, although it should not.
//!
//! A plain copy would be undefined behaviour then. Short pieces go by relaxed atomics, a word at a time. Longer ones go, on x86-64, by `rep
//! movsb`: to the compiler an opaque block that may do what such atomics do, to the CPU the fastest copy there is.

use core::ptr::NonNull;

use heddle_primitives::sync::atomic::{AtomicU64, Ordering};

/// Pieces up to so many bytes go word by word.
#[cfg(all(target_arch = "x86_64", not(any(heddle_loom, heddle_shuttle, heddle_mutants, miri))))]
const SHORT: usize = 192;

/// Copies `bytes` to the words that `word` returns for the offsets 0, 8, 16 ..., filling the last one up with zeros.
///
/// # Safety
///
/// If `whole` is there, as many bytes from it on are valid for writing, and are what `word` refers to.
#[inline(always)]
pub(super) unsafe fn copy_in<'w>(
    bytes: &[u8],
    whole: Option<NonNull<u8>>,
    word: impl Fn(u64) -> &'w AtomicU64,
) {
    #[cfg(all(target_arch = "x86_64", not(any(heddle_loom, heddle_shuttle, heddle_mutants, miri))))]
    if let Some(to) = whole
        && bytes.len() > SHORT
    {
        // SAFETY: as the caller says; the bytes to copy are borrowed.
        return unsafe { move_bytes(to.as_ptr(), bytes.as_ptr(), bytes.len()) };
    }
    let _ = whole;
    let (words, rest) = bytes.as_chunks::<8>();
    let mut at = 0;
    for bytes in words {
        // ORDERING: Relaxed here and below: the store of the head publishes the bytes.
        word(at).store(u64::from_ne_bytes(*bytes), Ordering::Relaxed);
        at += 8;
    }
    if !rest.is_empty() {
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        word(at).store(u64::from_ne_bytes(last), Ordering::Relaxed);
    }
}

/// Copies into `bytes` from the words that `word` returns for the offsets 0, 8, 16 ...
///
/// # Safety
///
/// If `whole` is there, as many bytes from it on are valid for reading, and are what `word` refers to.
#[inline(always)]
pub(super) unsafe fn copy_out<'w>(
    bytes: &mut [u8],
    whole: Option<NonNull<u8>>,
    word: impl Fn(u64) -> &'w AtomicU64,
) {
    #[cfg(all(target_arch = "x86_64", not(any(heddle_loom, heddle_shuttle, heddle_mutants, miri))))]
    if let Some(from) = whole
        && bytes.len() > SHORT
    {
        // SAFETY: as the caller says; the bytes to fill are borrowed.
        return unsafe { move_bytes(bytes.as_mut_ptr(), from.as_ptr(), bytes.len()) };
    }
    let _ = whole;
    let (words, rest) = bytes.as_chunks_mut::<8>();
    let mut at = 0;
    for bytes in words {
        // ORDERING: Relaxed here and below: the load of the head acquired the bytes.
        *bytes = word(at).load(Ordering::Relaxed).to_ne_bytes();
        at += 8;
    }
    if !rest.is_empty() {
        let last = word(at).load(Ordering::Relaxed).to_ne_bytes();
        rest.copy_from_slice(&last[..rest.len()]);
    }
}

/// # Safety
///
/// `len` bytes from `from` on may be read and from `to` on written, by an access as by atomics; they do not overlap.
#[cfg(all(target_arch = "x86_64", not(any(heddle_loom, heddle_shuttle, heddle_mutants, miri))))]
unsafe fn move_bytes(to: *mut u8, from: *const u8, len: usize) {
    // SAFETY: as the caller says; the direction flag is clear, as everywhere in Rust.
    unsafe {
        std::arch::asm!(
            "rep movsb",
            inout("rcx") len => _,
            inout("rdi") to => _,
            inout("rsi") from => _,
            options(nostack, preserves_flags)
        );
    }
}

/// Has the CPU fetch the cache line of `place`, which need not be anywhere, for writing.
#[inline(always)]
#[allow(clippy::pointers_in_nomem_asm_block, reason = "nothing is read or written through it")]
pub(super) fn expect_write(place: *const AtomicU64) {
    #[cfg(all(target_arch = "x86_64", not(any(heddle_loom, heddle_shuttle, miri))))]
    // SAFETY: a hint, which changes nothing and never faults; CPUs that do not know it take it for a no-op.
    unsafe {
        std::arch::asm!("prefetchw [{}]", in(reg) place, options(nomem, nostack, preserves_flags))
    };
    #[cfg(not(all(target_arch = "x86_64", not(any(heddle_loom, heddle_shuttle, miri)))))]
    let _ = place;
}
