//! Plain pages for the suites that are not kernels: every table with its chart.

use serde::Serialize;

use super::kernel::Section;
use super::{Press, figure, table, titles};
use crate::site::RenderError;

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
        let mut sections = Vec::new();
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
