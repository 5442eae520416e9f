//! A length and how it is cut into leaves: the parameters of the kernels over arrays.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// So many elements, in 64 leaves or more as long as these have `LEAST` elements, none of more than `MOST`. A function of the length
/// alone, so that no model changes what is combined with what.
///
/// ```
/// use heddle_kernels::kernel::cut::Cut;
///
/// assert_eq!(Cut::<512, 16384>::new(100).leaf(), 512);
/// assert_eq!(Cut::<512, 16384>::new(640_000).leaf(), 10_000);
/// assert_eq!(Cut::<512, 16384>::new(100_000_000).leaf(), 16_384);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(transparent)]
pub struct Cut<const LEAST: usize, const MOST: usize> {
    /// The length, and the elements of a leaf: an array, since zerocopy knows no padding in generic types of one field.
    words: [u64; 2],
}

impl<const LEAST: usize, const MOST: usize> Cut<LEAST, MOST> {
    /// `len` elements.
    pub fn new(len: usize) -> Self {
        Cut { words: [len as u64, (len / 64).clamp(LEAST, MOST) as u64] }
    }

    /// Elements.
    pub fn len(&self) -> usize {
        self.words[0] as usize
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.words[0] == 0
    }

    /// Elements of a leaf; the last one may have fewer.
    pub fn leaf(&self) -> usize {
        self.words[1] as usize
    }
}
