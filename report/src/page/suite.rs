//! Plain pages for the suites that are not kernels: every table with its chart.

use serde::Serialize;

use super::kernel::Section;
use super::{Press, figure, table, titles};
use crate::compare::Table as Cells;
use crate::names;
use crate::site::RenderError;
use std::collections::BTreeSet;

#[derive(Serialize)]
struct Page {
    title: &'static str,
    lead: &'static str,
    command: String,
    sections: Vec<Section>,
}

struct Suite {
    name: &'static str,
    path: &'static str,
    title: &'static str,
    lead: &'static str,
}

const SUITES: [Suite; 3] = [
    Suite {
        name: "primitives",
        path: "primitives.html",
        title: "Primitives",
        lead: "Locks, queues and channels of this project beside the crates that people use, with the same loop around each.",
    },
    Suite {
        name: "ipc",
        path: "ipc.html",
        title: "Between processes",
        lead: "What it costs to hand something to another process, and to get an answer.",
    },
    Suite {
        name: "claims",
        path: "costs.html",
        title: "Costs of a model",
        lead: "What a model costs before it does any work: memory for each worker, and the time to create one.",
    },
];

pub(super) fn render(press: &mut Press<'_>) -> Result<(), RenderError> {
    let report = press.report;
    for suite in SUITES {
        let tables = report.tables(suite.name);
        let mut sections = delays(press, &tables);
        for of_group in tables.chunk_by(|a, b| a[0].key.group == b[0].key.group) {
            let name = &of_group[0][0].key.group;
            let mut section = Section {
                id: figure::slug(&[name]),
                title: name.clone(),
                figures: Vec::new(),
                tables: Vec::new(),
            };
            for table in of_group {
                let title = titles::suite_title(report, table);
                section.figures.extend(figure::dots(press, table, "", title, |_| true));
                section.tables.push(table::judged(report, table));
                section.tables.extend(table::interpreted(report, table));
            }
            section.tables.retain(|table| !table.rows.is_empty());
            sections.push(section);
        }
        let page =
            Page { title: suite.title, lead: suite.lead, command: "cargo xtask report".into(), sections };
        press.page(suite.path, "suite.html", suite.title, &page)?;
    }
    Ok(())
}

/// A section for each subject whose cases are durations.
fn delays(press: &mut Press<'_>, tables: &[Cells<'_>]) -> Vec<Section> {
    let timed: Vec<Cells<'_>> = tables
        .iter()
        .copied()
        .filter(|table| names::nanoseconds(&names::group(&table[0].key.group).case).is_some())
        .collect();
    let subject = |table: &Cells<'_>| table[0].key.group.split('/').next().unwrap_or_default().to_owned();
    let mut sections = Vec::new();
    for of_subject in timed.chunk_by(|a, b| subject(a) == subject(b)) {
        let metrics: BTreeSet<&str> = of_subject.iter().map(|table| table[0].key.metric.as_str()).collect();
        let figures: Vec<_> = metrics
            .into_iter()
            .rev()
            .filter_map(|metric| {
                let of_metric: Vec<Cells<'_>> =
                    of_subject.iter().copied().filter(|table| table[0].key.metric == metric).collect();
                super::delays::figure(press, &of_metric)
            })
            .collect();
        if !figures.is_empty() {
            let subject = subject(&of_subject[0]);
            sections.push(Section {
                id: figure::slug(&["delays", &subject]),
                title: format!("{subject}: against the partner's delay"),
                figures,
                tables: Vec::new(),
            });
        }
    }
    sections
}
