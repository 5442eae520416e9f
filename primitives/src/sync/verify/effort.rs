//! How much time a process may spend on each scenario.

use std::sync::OnceLock;
use std::time::Duration;

/// What `HEDDLE_EFFORT` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effort {
    /// Nothing: each scenario as far as it says itself.
    Everyday,
    /// `deep:SECONDS`: on from there, as far as the time goes.
    Deep(Duration),
    /// `mutant`: briefly, with no expectation of how many executions there are.
    Mutant,
}

impl Effort {
    /// # Panics
    /// If the variable holds something else.
    pub fn of_process() -> Self {
        static EFFORT: OnceLock<Effort> = OnceLock::new();
        *EFFORT.get_or_init(|| match std::env::var("HEDDLE_EFFORT") {
            Err(_) => Self::Everyday,
            Ok(text) => Self::parse(&text).unwrap_or_else(|| panic!("HEDDLE_EFFORT: {text}")),
        })
    }

    fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            None if text.is_empty() => Some(Self::Everyday),
            None if text == "mutant" => Some(Self::Mutant),
            Some(("deep", seconds)) => Some(Self::Deep(Duration::from_secs(seconds.parse().ok()?))),
            _ => None,
        }
    }

    /// Whether fewer executions than recorded are a failure. A mutant may have fewer.
    pub fn keeps_minimum(self) -> bool {
        cfg!(any(heddle_loom, heddle_shuttle)) && self != Self::Mutant
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn efforts_are_understood_or_refused() {
        assert_eq!(Effort::parse("deep:60"), Some(Effort::Deep(Duration::from_secs(60))));
        assert_eq!(Effort::parse("mutant"), Some(Effort::Mutant));
        assert_eq!(Effort::parse(""), Some(Effort::Everyday));
        assert_eq!(
            (Effort::parse("deep"), Effort::parse("deep:soon"), Effort::parse("more")),
            (None, None, None)
        );
    }
}
