//! A page for every kernel: its times, how it scales, how it grows, what failed.

use serde::Serialize;

use super::figure::{self, Figure};
use super::table::{self, Table};
use super::{Press, sizes, titles};
use crate::compare::Table as Cells;
use crate::names;
use crate::site::RenderError;

#[derive(Serialize)]
struct Page {
    kernel: String,
    about: &'static str,
    sections: Vec<Section>,
}

#[derive(Serialize)]
pub(super) struct Section {
    pub id: String,
    pub title: String,
    pub figures: Vec<Figure>,
    pub tables: Vec<Table>,
}

pub(super) fn render(press: &mut Press<'_>) -> Result<(), RenderError> {
    let report = press.report;
    let tables = report.tables("kernels");
    for kernel in report.kernels() {
        let of_kernel: Vec<Cells<'_>> = tables
            .iter()
            .copied()
            .filter(|table| names::group(&table[0].key.group).subject == kernel)
            .collect();
        let sections = sections(press, &of_kernel);
        let page = Page { about: names::about(&kernel), kernel: kernel.clone(), sections };
        press.page(&format!("kernel/{kernel}.html"), "kernel.html", &kernel, &page)?;
    }
    Ok(())
}

/// A section across sizes for every way of sharing, then one a group.
fn sections(press: &mut Press<'_>, tables: &[Cells<'_>]) -> Vec<Section> {
    let mut sections = Vec::new();
    for of_way in tables.chunk_by(|a, b| way(a) == way(b)) {
        let times: Vec<Cells<'_>> =
            of_way.iter().copied().filter(|table| table[0].key.metric == "time").collect();
        let curve: Vec<Cells<'_>> = times
            .iter()
            .copied()
            .filter(|table| names::CURVE.contains(&names::group(&table[0].key.group).case.as_str()))
            .collect();
        if let Some(figure) = sizes::figure(press, &curve) {
            let way = way(&of_way[0]);
            let title =
                if way.is_empty() { "Across sizes".to_owned() } else { format!("{way}: across sizes") };
            let id = figure::slug(&["across", &way]);
            sections.push(Section { id, title, figures: vec![figure], tables: Vec::new() });
        }
        for of_group in of_way.chunk_by(|a, b| a[0].key.group == b[0].key.group) {
            sections.push(section(press, of_group));
        }
    }
    sections
}

fn section(press: &mut Press<'_>, tables: &[Cells<'_>]) -> Section {
    let report = press.report;
    let name = &tables[0][0].key.group;
    let group = names::group(name);
    let title = match (group.way.as_str(), group.case.as_str()) {
        ("", "") => name.clone(),
        ("", case) => case.to_owned(),
        (way, "") => way.to_owned(),
        (way, case) => format!("{way}: {case}"),
    };
    let mut section = Section { id: figure::slug(&[name]), title, figures: Vec::new(), tables: Vec::new() };
    for table in tables {
        let time = table[0].key.metric == "time";
        let native =
            if time { titles::kernel_title(report, table) } else { titles::suite_title(report, table) };
        section.figures.extend(figure::dots(press, table, "", native, |cell| cell.prefix().is_empty()));
        if time {
            section.figures.extend(figure::speedup(press, table));
        }
        let interpreted = interpreted_title(press, table);
        section.figures.extend(figure::dots(press, table, "interpreted_", interpreted, |cell| {
            !cell.prefix().is_empty()
        }));
        section.tables.push(table::judged(report, table));
        section.tables.extend(table::interpreted(report, table));
    }
    section.tables.retain(|table| !table.rows.is_empty());
    section
}

/// The strongest judgement among interpreters.
fn interpreted_title(press: &Press<'_>, table: Cells<'_>) -> String {
    let only: Vec<crate::cells::Cell> =
        table.iter().filter(|cell| !cell.prefix().is_empty()).cloned().collect();
    if only.is_empty() { String::new() } else { titles::suite_title(press.report, &only) }
}

fn way(table: &Cells<'_>) -> String {
    names::group(&table[0].key.group).way
}
