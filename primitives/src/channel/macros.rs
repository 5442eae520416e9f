//! The short form of a selection.

/// Waits for one of several operations and runs its arm; crossbeam's syntax.
///
/// - `recv(receiver) -> result => body`, with a `Result<T, RecvError>`;
/// - `send(sender, value) -> result => body`, with a `Result<(), SendError<T>>`; the value is computed only if this operation is
///   chosen;
/// - `default => body`, if no operation is ready; or
/// - `default(timeout) => body`, if none was in time.
///
/// All bodies have the same type, that of the whole. Of several operations that are ready a random one is chosen.
///
/// ```
/// use heddle_primitives::channel::{bounded, unbounded};
/// use heddle_primitives::select;
/// use std::time::Duration;
///
/// let (numbers, receive_numbers) = unbounded();
/// let (answers, receive_answers) = bounded::<u32>(1);
/// numbers.send(6).unwrap();
/// for _ in 0..2 {
///     select! {
///         recv(receive_numbers) -> number => assert_eq!(number, Ok(6)),
///         send(answers, 6 * 7) -> sent => sent.unwrap(),
///     }
/// }
/// select! {
///     recv(receive_numbers) -> number => panic!("{number:?}"),
///     recv(receive_answers) -> answer => assert_eq!(answer, Ok(42)),
///     default(Duration::from_secs(1)) => panic!("nothing came"),
/// }
/// let more = select! {
///     recv(receive_numbers) -> _ => true,
///     default => false,
/// };
/// assert!(!more);
/// ```
#[macro_export]
macro_rules! select {
    // What is left to read, the arms read so far, the default: each arm is brought into one form.
    (@read [$($arms:tt)*] [$($default:tt)*]) => {
        $crate::select!(@declare select [] [$($arms)*] [$($default)*])
    };
    (@read [$($arms:tt)*] $default:tt recv($end:expr $(,)?) -> $result:pat => $body:block, $($rest:tt)*) => {
        $crate::select!(@read [$($arms)* (recv ($end) () $result => $body)] $default $($rest)*)
    };
    (@read [$($arms:tt)*] $default:tt recv($end:expr $(,)?) -> $result:pat => $body:block $($rest:tt)*) => {
        $crate::select!(@read [$($arms)* (recv ($end) () $result => $body)] $default $($rest)*)
    };
    (@read [$($arms:tt)*] $default:tt recv($end:expr $(,)?) -> $result:pat => $body:expr, $($rest:tt)*) => {
        $crate::select!(@read [$($arms)* (recv ($end) () $result => $body)] $default $($rest)*)
    };
    (@read [$($arms:tt)*] $default:tt recv($end:expr $(,)?) -> $result:pat => $body:expr) => {
        $crate::select!(@read [$($arms)* (recv ($end) () $result => $body)] $default)
    };
    (@read [$($arms:tt)*] $default:tt send($end:expr, $value:expr $(,)?) -> $result:pat => $body:block, $($rest:tt)*) => {
        $crate::select!(@read [$($arms)* (send ($end) ($value) $result => $body)] $default $($rest)*)
    };
    (@read [$($arms:tt)*] $default:tt send($end:expr, $value:expr $(,)?) -> $result:pat => $body:block $($rest:tt)*) => {
        $crate::select!(@read [$($arms)* (send ($end) ($value) $result => $body)] $default $($rest)*)
    };
    (@read [$($arms:tt)*] $default:tt send($end:expr, $value:expr $(,)?) -> $result:pat => $body:expr, $($rest:tt)*) => {
        $crate::select!(@read [$($arms)* (send ($end) ($value) $result => $body)] $default $($rest)*)
    };
    (@read [$($arms:tt)*] $default:tt send($end:expr, $value:expr $(,)?) -> $result:pat => $body:expr) => {
        $crate::select!(@read [$($arms)* (send ($end) ($value) $result => $body)] $default)
    };
    (@read $arms:tt [] default $(($($timeout:expr)?))? => $body:block, $($rest:tt)*) => {
        $crate::select!(@read $arms [($($($timeout)?)?) $body] $($rest)*)
    };
    (@read $arms:tt [] default $(($($timeout:expr)?))? => $body:block $($rest:tt)*) => {
        $crate::select!(@read $arms [($($($timeout)?)?) $body] $($rest)*)
    };
    (@read $arms:tt [] default $(($($timeout:expr)?))? => $body:expr, $($rest:tt)*) => {
        $crate::select!(@read $arms [($($($timeout)?)?) $body] $($rest)*)
    };
    (@read $arms:tt [] default $(($($timeout:expr)?))? => $body:expr) => {
        $crate::select!(@read $arms [($($($timeout)?)?) $body])
    };
    // Each step has names of its own for an end and an index.
    (@declare $select:ident [$($done:tt)*] [($kind:ident ($end:expr) $value:tt $result:pat => $body:expr) $($more:tt)*] $default:tt) => {
        match &$end {
            end => $crate::select!(
                @declare $select [$($done)* ($kind end $value $result => $body)] [$($more)*] $default
            ),
        }
    };
    (@declare $select:ident $done:tt [] $default:tt) => {{
        let mut $select = $crate::channel::Select::new();
        $crate::select!(@add $select [] $done $default)
    }};
    (@add $select:ident [$($done:tt)*] [($kind:ident $end:ident $value:tt $result:pat => $body:expr) $($more:tt)*] $default:tt) => {{
        let index = $select.$kind($end);
        $crate::select!(
            @add $select [$($done)* (index $kind $end $value $result => $body)] [$($more)*] $default
        )
    }};
    (@add $select:ident $arms:tt [] []) => {{
        let operation = $select.select();
        $crate::select!(@run operation $arms)
    }};
    (@add $select:ident $arms:tt [] [() $default:expr]) => {
        match $select.try_select() {
            Ok(operation) => $crate::select!(@run operation $arms),
            Err(_) => $default,
        }
    };
    (@add $select:ident $arms:tt [] [($timeout:expr) $default:expr]) => {
        match $select.select_timeout($timeout) {
            Ok(operation) => $crate::select!(@run operation $arms),
            Err(_) => $default,
        }
    };
    (@run $operation:ident [$(($index:ident $kind:ident $end:ident ($($value:expr)?) $result:pat => $body:expr))*]) => {
        $(
            if $operation.index() == $index {
                let $result = $operation.$kind($end $(, $value)?);
                $body
            } else
        )* {
            unreachable!("an operation that was added is selected")
        }
    };
    ($($arms:tt)*) => {
        $crate::select!(@read [] [] $($arms)*)
    };
}
