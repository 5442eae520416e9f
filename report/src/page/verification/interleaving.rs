//! A failing execution as a figure: its steps in the order in which they happened.

use std::collections::BTreeSet;

use super::super::figure::Figure;
use super::super::table::{Table, Td};
use super::super::{Press, csv};
use super::kind::{or_dash, plural, replay, said, shortened};
use crate::chart::spacetime::{self, Ending, label, place};
use crate::chart::{Frame, escape};
use crate::records::{Step, Verification};

/// Letters of a checker's message above a drawing.
const MESSAGE: usize = 300;

const HEAD: &str = "subject,checker,scenario,step,thread,operation,ordering,object,value,after,site";

/// Where the steps of all executions are, for whoever draws them otherwise.
const NAME: &str = "interleavings";

/// Puts the steps of all records into one file, if there are any.
pub(super) fn csv<'a>(press: &mut Press<'_>, records: impl Iterator<Item = &'a Verification>) {
    let mut lines = Vec::new();
    for record in records {
        for (at, step) in record.trace.iter().flatten().enumerate() {
            lines.push(csv::line(&[
                record.subject.clone(),
                record.checker.clone(),
                record.scenario.clone(),
                (at + 1).to_string(),
                step.thread.to_string(),
                step.operation.clone(),
                step.ordering.clone().unwrap_or_default(),
                step.object.to_string(),
                step.value.clone(),
                step.after.map_or(String::new(), |after| (u64::from(after) + 1).to_string()),
                step.site.clone(),
            ]));
        }
    }
    if !lines.is_empty() {
        press.csv(NAME, csv::text(HEAD, lines.into_iter()));
    }
}

/// The figure of a record's execution; none without steps.
pub(super) fn figure(press: &Press<'_>, record: &Verification, id: &str) -> Option<Figure> {
    let steps = record.trace.as_deref().filter(|steps| !steps.is_empty())?;
    let title = title(record);
    let threads: BTreeSet<u32> = steps.iter().map(|step| step.thread).collect();
    let of_threads =
        format!("{} of {}", plural(steps.len(), "step", "steps"), plural(threads.len(), "thread", "threads"));
    let last = steps.last().map_or(String::new(), |step| {
        format!("thread {}: {} at {}", step.thread, label(step), place(&step.site))
    });
    let desc = shortened(&format!("{of_threads}, from top to bottom; the last is {last}."), MESSAGE);
    let ending = ending(record, steps);
    let frame = Frame { id, title: &title, desc: &desc, quick: press.report.run.quick };
    let drawing = spacetime::draw(&frame, steps, &ending);
    // As wide as its words need: a narrow screen scrolls it.
    let svg = format!(
        r#"<div class="scroll trace" role="group" aria-label="{}" tabindex="0">{drawing}</div>"#,
        escape(&format!("Drawing: {title}"))
    );
    let cut = if steps.len() > spacetime::MOST {
        format!(", the last {} shown", spacetime::MOST)
    } else {
        String::new()
    };
    Some(Figure {
        id: id.to_owned(),
        meaning: shortened(&said(record), MESSAGE),
        svg,
        legend: Vec::new(),
        basis: format!("{of_threads}{cut} · replay: {}", replay(record)),
        table: table(&title, steps),
        csv: format!("data/{NAME}.csv"),
        command: format!(
            "cargo xtask verify --only {0} --filter '^{0} {1}::'",
            record.checker, record.subject
        ),
        title,
    })
}

/// What was found, by whom, and how soon.
fn title(record: &Verification) -> String {
    let what = match record.cause.as_deref() {
        Some("race") => "a race".to_owned(),
        Some("deadlock") => "a deadlock".to_owned(),
        Some("assertion") => "a failing assertion".to_owned(),
        Some("leak") => "a leak".to_owned(),
        Some("abort") => "an abort".to_owned(),
        Some("time-out") => "an execution without an end".to_owned(),
        Some(other) => other.to_owned(),
        None => "a violation".to_owned(),
    };
    let checker = &record.checker;
    match record.executions {
        0 => format!("{checker} finds {what}"),
        many => format!("{checker} finds {what} in execution {}", or_dash(many)),
    }
}

/// How the execution ended.
fn ending(record: &Verification, steps: &[Step]) -> Ending {
    let with = if record.cause.as_deref() == Some("race") { partner(steps) } else { None };
    let words = match (record.cause.as_deref(), with) {
        (Some("race"), Some(with)) => format!("races with step {}", with + 1),
        (Some("race"), None) => "races with an access of another thread".into(),
        (Some("deadlock"), _) => "after this nobody can go on".into(),
        (Some("assertion"), _) => "after this an assertion fails".into(),
        (Some(other), _) => other.to_owned(),
        (None, _) => "the violation".into(),
    };
    Ending { words, with }
}

/// The access that the last one, of plain data, races with. If a single other thread has touched the object in conflict, it is that
/// thread's latest: were that ordered, all its earlier ones would be. Of several threads nobody tells here which.
fn partner(steps: &[Step]) -> Option<usize> {
    let (last, before) = steps.split_last()?;
    let plain = |step: &Step| matches!(step.operation.as_str(), "read" | "write");
    let writes = |step: &Step| step.operation == "write";
    let conflicts: Vec<(usize, u32)> = before
        .iter()
        .enumerate()
        .filter(|(_, step)| step.object == last.object && step.thread != last.thread && plain(step))
        .filter(|(_, step)| writes(step) || writes(last))
        .map(|(at, step)| (at, step.thread))
        .collect();
    let (at, thread) = *conflicts.last()?;
    (plain(last) && conflicts.iter().all(|(_, other)| *other == thread)).then_some(at)
}

/// The steps that are drawn, and where they point.
fn table(title: &str, steps: &[Step]) -> Table {
    let head = ["Step", "#Thread", "Operation", "Ordering", "#Object", "Value", "Ordered after step", "Site"];
    let mut table = Table::new(format!("{title}: the steps"), &head);
    for (at, step) in steps.iter().enumerate().skip(steps.len().saturating_sub(spacetime::MOST)) {
        table.push(vec![
            Td::text((at + 1).to_string()),
            Td::number(step.thread.to_string()),
            Td::text(shortened(&step.operation, 80)),
            Td::text(step.ordering.as_deref().map_or("–".into(), |ordering| shortened(ordering, 80))),
            Td::number(step.object.to_string()),
            Td::text(shortened(&step.value, 80)),
            Td::text(step.after.map_or("–".into(), |after| (u64::from(after) + 1).to_string())),
            Td::text(shortened(&step.site, 160)),
        ]);
    }
    table
}
