//! One macro: constructors are `const` only where the facade's types allow it.

/// Declares a function that is `const` in normal builds; the checkers' types cannot be made in constants.
macro_rules! const_in_normal_builds {
    ($(#[$meta:meta])* $vis:vis const fn $($rest:tt)*) => {
        #[cfg(not(any(heddle_loom, heddle_shuttle)))]
        $(#[$meta])* $vis const fn $($rest)*
        #[cfg(any(heddle_loom, heddle_shuttle))]
        $(#[$meta])* $vis fn $($rest)*
    };
}
