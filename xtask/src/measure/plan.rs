//! Which cells get how many rounds, so that the whole fits the budget. A pure function.
//!
//! What gives way, in this order, is: groups of detail, the dearest first; large sizes, likewise; rounds of small sizes and of CPython,
//! down to [`FEWEST`]; rounds of everything, down to one; whole groups, the dearest first. What is left out is
//! listed.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::manifest::Size;
use super::turn::Mode;

/// The fewest rounds that small sizes and CPython are cut to before the others lose rounds too: under six no comparison
/// is decided.
const FEWEST: u32 = 6;

/// What is left out before any other cell loses a round.
const GIVES_WAY: [Size; 2] = [Size::Detail, Size::Large];

/// A cell as the planner sees it.
#[derive(Clone, Debug)]
pub struct Priced {
    /// The cell's id.
    pub id: String,
    /// Its group; the cells of a group stay or go together.
    pub group: String,
    /// The group's size.
    pub size: Size,
    /// Seconds that its turns of one round take.
    pub seconds: f64,
}

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Rounds at most.
    pub rounds: u32,
    /// Per cell: its rounds, and how it is timed.
    pub cells: BTreeMap<String, Share>,
    /// What was left out, in words.
    pub left_out: Vec<String>,
}

/// A cell's share of the plan.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// The first round that it takes part in.
    pub from: u32,
    /// It takes part in the rounds below this one.
    pub rounds: u32,
    /// How it is timed.
    pub mode: Mode,
    /// Seconds that its turns of one round are expected to take.
    pub seconds: f64,
}

impl Plan {
    /// Seconds that the plan is expected to take from round `from` on.
    pub fn seconds_from(&self, from: u32) -> f64 {
        let of = |share: &Share| share.seconds * f64::from(share.rounds.saturating_sub(from.max(share.from)));
        self.cells.values().map(of).sum()
    }

    /// The plan of what is left after the first round, when the costs are known: what took part stays in
    /// the records, and what had been left out may take part after all.
    pub fn after_first_round(&self, rest: Plan) -> Plan {
        let mut cells = rest.cells;
        for (id, share) in &mut cells {
            share.from = u32::from(!self.cells.contains_key(id));
            share.rounds += 1;
        }
        for (id, share) in &self.cells {
            cells.entry(id.clone()).or_insert(Share { rounds: 1, ..*share });
        }
        Plan { rounds: rest.rounds + 1, cells, left_out: rest.left_out }
    }
}

/// Plans `wanted` rounds of `cells` within `budget` seconds, after `done` rounds that have been made.
pub fn plan(cells: &[Priced], modes: &BTreeMap<String, Mode>, budget: f64, wanted: u32, done: u32) -> Plan {
    let mut left_out = Vec::new();
    let mut gone: BTreeSet<&str> = BTreeSet::new();
    let (mut small, mut other) = (wanted, wanted);
    let total = |gone: &BTreeSet<&str>, small: u32, other: u32| -> f64 {
        let stays = cells.iter().filter(|cell| !gone.contains(cell.group.as_str()));
        stays.map(|cell| cell.seconds * f64::from(if is_minor(cell) { small } else { other })).sum()
    };
    for size in GIVES_WAY {
        for group in dearest_first(cells, |cell| cell.size == size) {
            if total(&gone, small, other) <= budget {
                break;
            }
            gone.insert(group);
            left_out.push(format!("{group}: no room in the budget"));
        }
    }
    while total(&gone, small, other) > budget && small > FEWEST {
        small -= 1;
    }
    while total(&gone, small, other) > budget && other > 1 {
        other -= 1;
        small = small.min(other);
    }
    for group in dearest_first(cells, |cell| !GIVES_WAY.contains(&cell.size)) {
        if total(&gone, small, other) <= budget {
            break;
        }
        gone.insert(group);
        left_out.push(format!("{group}: no room in the budget from round {} on", done + 1));
    }
    if small < wanted && cells.iter().any(is_minor) {
        left_out.push(format!("rounds {} to {} of small sizes and CPython", done + small + 1, done + wanted));
    }
    if other < wanted {
        left_out.push(format!("rounds {} to {} of all other sizes", done + other + 1, done + wanted));
    }
    let shares = cells.iter().filter(|cell| !gone.contains(cell.group.as_str())).map(|cell| {
        let rounds = if is_minor(cell) { small } else { other };
        let mode = modes.get(&cell.group).copied().unwrap_or(Mode::Sampled);
        (cell.id.clone(), Share { from: 0, rounds, mode, seconds: cell.seconds })
    });
    Plan { rounds: wanted, cells: shares.collect(), left_out }
}

/// Whether a cell loses rounds before others do.
fn is_minor(cell: &Priced) -> bool {
    matches!(cell.size, Size::Small | Size::Python)
}

/// Groups that pass `wanted`, by what a round of them costs, the dearest first.
fn dearest_first(cells: &[Priced], wanted: impl Fn(&Priced) -> bool) -> Vec<&str> {
    let mut prices: BTreeMap<&str, f64> = BTreeMap::new();
    for cell in cells.iter().filter(|cell| wanted(cell)) {
        *prices.entry(&cell.group).or_default() += cell.seconds;
    }
    let mut groups: Vec<_> = prices.into_iter().collect();
    groups.sort_by(|a, b| b.1.total_cmp(&a.1));
    groups.into_iter().map(|(group, _)| group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn priced(group: &str, variant: &str, size: Size, seconds: f64) -> Priced {
        Priced { id: format!("{group}/{variant}/1"), group: group.into(), size, seconds }
    }

    fn house() -> Vec<Priced> {
        vec![
            priced("a/small", "v", Size::Small, 0.3),
            priced("a/medium", "v", Size::Medium, 1.0),
            priced("a/large", "v", Size::Large, 4.0),
            priced("b/large", "v", Size::Large, 2.0),
            priced("c/only", "v", Size::Only, 0.3),
        ]
    }

    fn rounds(budget: f64) -> Vec<(String, u32)> {
        let plan = plan(&house(), &BTreeMap::new(), budget, 15, 0);
        plan.cells.into_iter().map(|(id, share)| (id.trim_end_matches("/v/1").into(), share.rounds)).collect()
    }

    #[test]
    fn after_the_first_round_the_plan_follows_the_real_costs() {
        // The first estimate left the large sizes out; then it proves too high by a factor of ten.
        let first = plan(&house(), &BTreeMap::new(), 23.0, 15, 0);
        let cheaper: Vec<_> =
            house().into_iter().map(|it| Priced { seconds: it.seconds / 10.0, ..it }).collect();
        let second = first.after_first_round(plan(&cheaper, &BTreeMap::new(), 21.0, 14, 1));
        let shares: Vec<_> = second.cells.values().map(|share| (share.from, share.rounds)).collect();
        assert_eq!(shares, [(1, 15), (0, 15), (0, 15), (1, 15), (0, 15)]);
        assert_eq!((second.rounds, second.left_out.len()), (15, 0));
        // Or too low: what has been measured once is not taken back.
        let dearer: Vec<_> =
            house().into_iter().map(|it| Priced { seconds: it.seconds * 20.0, ..it }).collect();
        let third = first.after_first_round(plan(&dearer, &BTreeMap::new(), 13.0, 14, 1));
        assert_eq!(third.cells["a/medium/v/1"].rounds, 1);
        assert_eq!(third.cells["a/small/v/1"].rounds, 2);
        assert!(third.left_out.iter().any(|it| it.starts_with("a/medium: no room")), "{:?}", third.left_out);
    }

    #[test]
    fn large_sizes_go_first_then_small_rounds_then_rounds_then_groups() {
        let pairs =
            |list: &[(&str, u32)]| list.iter().map(|(id, n)| (id.to_string(), *n)).collect::<Vec<_>>();
        assert_eq!(rounds(200.0).len(), 5);
        assert_eq!(
            rounds(60.0),
            pairs(&[("a/medium", 15), ("a/small", 15), ("b/large", 15), ("c/only", 15)])
        );
        assert_eq!(rounds(23.0), pairs(&[("a/medium", 15), ("a/small", 11), ("c/only", 15)]));
        assert_eq!(rounds(10.0), pairs(&[("a/medium", 6), ("a/small", 6), ("c/only", 6)]));
        assert_eq!(rounds(0.7), pairs(&[("a/small", 1), ("c/only", 1)]));
        assert_eq!(rounds(0.0), []);
    }

    #[test]
    fn details_give_way_before_anything_else() {
        let cells = [priced("a/large", "v", Size::Large, 4.0), priced("b/9us", "v", Size::Detail, 0.1)];
        let left = |budget| plan(&cells, &BTreeMap::new(), budget, 10, 0).left_out;
        assert_eq!(left(41.0), [""; 0]);
        assert_eq!(left(40.5), ["b/9us: no room in the budget"]);
        assert_eq!(left(39.0).len(), 2);
    }

    proptest! {
        #[test]
        fn a_plan_fits_and_names_what_it_leaves_out(
            costs in prop::collection::vec((0usize..8, 0usize..5, 0.01f64..5.0), 1..60),
            budget in 0.0f64..500.0,
            wanted in 1u32..20,
        ) {
            let sizes = [Size::Small, Size::Medium, Size::Large, Size::Only, Size::Detail];
            let cells: Vec<Priced> = costs.iter().enumerate().map(|(n, &(group, size, seconds))| {
                priced(&format!("{group}/{size}"), &n.to_string(), sizes[size], seconds)
            }).collect();
            let plan = plan(&cells, &BTreeMap::new(), budget, wanted, 0);
            prop_assert!(plan.seconds_from(0) <= budget + 1e-9);
            prop_assert!(plan.cells.values().all(|share| (1..=wanted).contains(&share.rounds)));
            for cell in &cells {
                let named = plan.left_out.iter().any(|it| it.starts_with(&format!("{}:", cell.group)));
                prop_assert_ne!(plan.cells.contains_key(&cell.id), named);
            }
            if plan.cells.values().any(|share| share.rounds < wanted) {
                prop_assert!(plan.left_out.iter().any(|it| it.starts_with("rounds ")));
            }
        }

        #[test]
        fn more_budget_never_means_fewer_rounds(budget in 0.0f64..150.0, more in 0.0f64..50.0) {
            let sum = |budget| rounds(budget).iter().map(|(_, rounds)| rounds).sum::<u32>();
            prop_assert!(sum(budget + more) >= sum(budget));
        }
    }
}
