//! Raw data: every file that a figure was made of, with its size and hash.

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::Press;
use super::table::{Table, Td};
use crate::number;
use crate::site::RenderError;
use crate::{schema, summary};

#[derive(Serialize)]
struct Page {
    records: Table,
    schemas: Table,
    figures: Table,
}

pub(super) fn render(press: &mut Press<'_>) -> Result<(), RenderError> {
    let report = press.report;
    let raw = report.raw;
    let mut put = |name: &str, text: String| press.files.insert(format!("data/{name}"), text.into_bytes());
    put("run.json", raw.run.clone());
    put("measurements.jsonl", raw.measurements.clone());
    if let Some(text) = &raw.verification {
        put("verification.jsonl", text.clone());
    }
    put("summary.json", summary::to_json(&report.summary));
    for (name, text) in schema::all() {
        put(name, text);
    }
    let ends = |end: &'static str| move |path: &str| path.ends_with(end);
    let page = Page {
        records: table(press, "Records", |path| !path.ends_with(".csv") && !path.ends_with(".schema.json")),
        schemas: table(press, "JSON Schemas of the records", ends(".schema.json")),
        figures: table(press, "Figures as CSV", ends(".csv")),
    };
    press.page("data.html", "data.html", "Raw data", &page)
}

fn table(press: &Press<'_>, caption: &str, listed: impl Fn(&str) -> bool) -> Table {
    let mut table = Table::new(caption, &["File", "#Size", "SHA-256"]);
    for (path, contents) in press.files.iter().filter(|(path, _)| path.starts_with("data/") && listed(path)) {
        let hash: String = Sha256::digest(contents).iter().map(|byte| format!("{byte:02x}")).collect();
        table.push(vec![
            Td::text(path.trim_start_matches("data/")).link(path),
            Td::number(number::with_unit(contents.len() as f64, "bytes")),
            Td::text(hash),
        ]);
    }
    table
}
