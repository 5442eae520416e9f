//! `--filter`: which cells are kept, and what to say when none is.

use std::collections::BTreeSet;

use anyhow::Result;
use regex::Regex;

use super::manifest::Cell;
use crate::outcome::usage;

/// Keeps the cells whose id matches, with their suite before it or without.
///
/// # Errors
/// If the expression is none, or keeps nothing; near and known names are listed.
pub fn select(cells: Vec<Cell>, filter: Option<&str>) -> Result<Vec<Cell>> {
    let Some(filter) = filter else { return Ok(cells) };
    let pattern = Regex::new(filter).map_err(|error| usage(format!("--filter: {error}")))?;
    let matches = |cell: &Cell| {
        pattern.is_match(&cell.id()) || pattern.is_match(&format!("{}/{}", cell.suite, cell.id()))
    };
    let (kept, dropped): (Vec<_>, Vec<_>) = cells.into_iter().partition(matches);
    if kept.is_empty() { Err(usage(nothing_matches(filter, &dropped))) } else { Ok(kept) }
}

fn nothing_matches(filter: &str, cells: &[Cell]) -> String {
    let groups: BTreeSet<&str> = cells.iter().filter_map(|cell| cell.group.split('/').next()).collect();
    let variants: BTreeSet<&str> = cells.iter().map(|cell| cell.variant.as_str()).collect();
    let words: Vec<&str> = filter
        .split(|c: char| !c.is_ascii_alphanumeric() && !"_-".contains(c))
        .filter(|it| it.len() > 2)
        .collect();
    let closeness = |name: &str| {
        let of = |word: &&str| strsim::normalized_damerau_levenshtein(word, name);
        words.iter().map(of).fold(0.0, f64::max)
    };
    let parts: BTreeSet<&str> = cells.iter().flat_map(|cell| cell.group.split('/')).collect();
    let mut near: Vec<(&str, f64)> = parts
        .union(&variants)
        .map(|&name| (name, closeness(name)))
        .filter(|(_, closeness)| *closeness >= 0.6)
        .collect();
    near.sort_by(|a, b| b.1.total_cmp(&a.1));
    let list = |names: BTreeSet<&str>| names.into_iter().collect::<Vec<_>>().join(", ");
    let mut message = format!("no cell matches --filter '{filter}'");
    if !near.is_empty() {
        let names: Vec<_> = near.iter().take(3).map(|(name, _)| *name).collect();
        message += &format!("\n  near: {}", names.join(", "));
    }
    message
        + &format!(
            "\n  groups: {}\n  variants: {}\n  ids look like mandelbrot/medium/thread_pool/2",
            list(groups),
            list(variants)
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::manifest::{COMMITTED, expand};
    use crate::outcome::Usage;

    fn filtered(filter: &str) -> Result<Vec<Cell>> {
        select(expand(COMMITTED, 2, &[]).unwrap(), Some(filter))
    }

    #[test]
    fn a_filter_is_an_expression_over_ids() {
        assert!(filtered("^mandelbrot/").unwrap().iter().all(|cell| cell.group.starts_with("mandelbrot")));
        assert_eq!(filtered("^sum/small/rayon/2$").unwrap().len(), 1);
        assert!(filtered("^primitives").unwrap().iter().all(|cell| cell.suite == "primitives"));
    }

    #[test]
    fn a_misspelt_name_is_answered_with_near_and_known_ones() {
        let error = filtered("mandelbort/.*/tread_pool").unwrap_err();
        assert!(error.is::<Usage>());
        let text = error.to_string();
        assert!(
            text.contains("near: thread_pool, mandelbrot") || text.contains("near: mandelbrot, thread_pool"),
            "{text}"
        );
        assert!(text.contains("echo") && text.contains("parking_lot"), "{text}");
        assert!(filtered("(").unwrap_err().is::<Usage>());
    }
}
