//! The word before a message's bytes.

/// Bytes of a head, and what every message is a multiple of.
pub(crate) const WORD: u64 = 8;

/// What a head says, once it is not 0.
///
/// | bits | meaning |
/// |---|---|
/// | 0 | always set, so that no head is 0 |
/// | 1-7 | a mark of the sender's choice |
/// | 8-63 | bytes that follow |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) len: u64,
    pub(crate) mark: u8,
}

impl Head {
    /// The largest mark.
    pub(crate) const MARKS: u8 = 0x7F;

    #[inline(always)]
    pub(crate) fn word(self) -> u64 {
        self.len << 8 | u64::from(self.mark & Head::MARKS) << 1 | 1
    }

    /// What a word that is not 0 says, if a ring whose longest message has `max_len` bytes can hold it.
    #[inline(always)]
    pub(crate) fn from_word(word: u64, max_len: u64) -> Option<Head> {
        let head = Head { len: word >> 8, mark: (word >> 1) as u8 & Head::MARKS };
        (word & 1 == 1 && head.len <= max_len).then_some(head)
    }

    /// Bytes from this head to the next one.
    #[inline(always)]
    pub(crate) fn stride(len: u64) -> u64 {
        WORD + len.next_multiple_of(WORD)
    }
}
