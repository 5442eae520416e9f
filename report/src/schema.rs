//! The JSON Schemas of the record files, generated from [`crate::records`].

use schemars::schema_for;

use crate::records::{Measurement, Run, Summary, Verification};

/// File name and text of each schema, in order of name.
///
/// ```
/// let names: Vec<_> = heddle_report::schema::all().into_iter().map(|(name, _)| name).collect();
/// assert_eq!(names[0], "measurement.schema.json");
/// ```
#[must_use]
pub fn all() -> Vec<(&'static str, String)> {
    vec![
        ("measurement.schema.json", text(schema_for!(Measurement))),
        ("run.schema.json", text(schema_for!(Run))),
        ("summary.schema.json", text(schema_for!(Summary))),
        ("verification.schema.json", text(schema_for!(Verification))),
    ]
}

fn text(schema: schemars::Schema) -> String {
    let mut text = serde_json::to_string_pretty(&schema).expect("a schema is plain JSON");
    text.push('\n');
    text
}
