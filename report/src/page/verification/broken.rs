//! Programs that are broken on purpose: what found each, how soon, and the execution in which it did.

use serde::Serialize;

use super::super::Press;
use super::super::figure::{Figure, slug};
use super::super::table::{Row, Table, Td};
use super::interleaving;
use super::kind::{cause, is_seen, or_dash, plural, replay, result, said, shortened};
use crate::records::Verification;
use crate::site::RenderError;

/// Executions on a page: with their tables, so many stay well below what a page may weigh.
const A_PAGE: usize = 16;

/// Steps of the execution that is shown as an example, at most.
const EXAMPLE: usize = 24;

#[derive(Serialize)]
pub(super) struct Broken {
    title: String,
    table: Table,
    example: Option<Example>,
}

/// A short execution, to show how the drawings are read.
#[derive(Serialize)]
struct Example {
    name: String,
    figure: Figure,
}

/// A page of executions.
#[derive(Serialize)]
struct Page {
    heading: String,
    programs: Vec<Program>,
}

#[derive(Serialize)]
struct Program {
    id: String,
    name: String,
    figure: Figure,
}

/// How many were found; none if there are none.
pub(super) fn finding(planted: &[&Verification]) -> Option<String> {
    let found = planted.iter().filter(|record| is_seen(record)).count();
    (!planted.is_empty()).then(|| {
        let all = plural(planted.len(), "search for a planted bug", "searches for planted bugs");
        format!("{found} of {all} found it")
    })
}

/// Renders the pages of executions, and returns what stands on the page that links to them.
pub(super) fn render(
    press: &mut Press<'_>,
    planted: &[&Verification],
) -> Result<Option<Broken>, RenderError> {
    let Some(finding) = finding(planted) else { return Ok(None) };
    let head = ["Program", "Checker", "Found", "#In execution", "What replays it"];
    let mut rows: Vec<(bool, Row)> = Vec::new();
    for of_subject in planted.chunk_by(|a, b| a.subject == b.subject) {
        let subject = &of_subject[0].subject;
        let mut drawn: Vec<Program> = Vec::new();
        let mut pages = 0;
        for (at, record) in of_subject.iter().enumerate() {
            let id = format!("{}-{}", slug(&[&record.scenario, &record.checker]), at + 1);
            let figure = interleaving::figure(press, record, &id);
            if drawn.len() == A_PAGE {
                pages += 1;
                page(press, subject, pages, std::mem::take(&mut drawn))?;
            }
            let path = path(subject, pages + 1);
            rows.push((is_seen(record), row(record, figure.as_ref().map(|_| format!("{path}#{id}")))));
            drawn.extend(figure.map(|figure| Program {
                id: format!("program-{id}"),
                name: record.scenario.clone(),
                figure,
            }));
        }
        if !drawn.is_empty() {
            page(press, subject, pages + 1, drawn)?;
        }
    }
    // What was missed comes first.
    rows.sort_by_key(|(seen, _)| *seen);
    let mut table = Table::new("Programs that are broken on purpose, and what found them", &head);
    table.rows = rows.into_iter().map(|(_, row)| row).collect();
    let example = example(press, planted);
    Ok(Some(Broken { title: finding, table, example }))
}

fn path(subject: &str, page: usize) -> String {
    let number = if page > 1 { format!("_{page}") } else { String::new() };
    format!("broken/{}{number}.html", slug(&[subject]))
}

fn page(
    press: &mut Press<'_>,
    subject: &str,
    number: usize,
    programs: Vec<Program>,
) -> Result<(), RenderError> {
    let heading = format!("Broken on purpose: {subject}");
    press.page(&path(subject, number), "broken.html", &heading, &Page { heading: heading.clone(), programs })
}

fn row(record: &Verification, steps: Option<String>) -> Row {
    let mut name = Td::text(&record.scenario).note(&record.subject);
    if let Some(steps) = steps {
        name = name.link(steps);
    }
    let seen = is_seen(record);
    let found = if seen {
        Td::text(cause(record)).note(shortened(&said(record), 120))
    } else {
        Td::text(match result(record) {
            "pass" => "nothing, or something else",
            other => other,
        })
        .note(shortened(&said(record), 200))
        .word("missed")
    };
    Row {
        state: if seen { "" } else { "failed" },
        cells: vec![
            name,
            Td::text(&record.checker),
            found,
            Td::number(or_dash(record.executions)),
            Td::text(replay(record)),
        ],
    }
}

/// The shortest execution in which one thread's step is ordered after another's; else the shortest of several threads.
fn example(press: &Press<'_>, planted: &[&Verification]) -> Option<Example> {
    let length = |record: &&&Verification| record.trace.as_ref().map_or(0, Vec::len);
    let several = |record: &&&Verification| {
        let steps = record.trace.as_deref().unwrap_or_default();
        steps.iter().any(|step| step.thread != steps[0].thread)
    };
    let ordered = |record: &Verification| record.trace.iter().flatten().any(|step| step.after.is_some());
    let fit = planted.iter().filter(|record| is_seen(record)).filter(several);
    let fit = fit.filter(|record| (1..=EXAMPLE).contains(&length(record)));
    let record = fit.min_by_key(|record| (!ordered(record), length(record)))?;
    let figure = interleaving::figure(press, record, "example")?;
    Some(Example { name: record.scenario.clone(), figure })
}
