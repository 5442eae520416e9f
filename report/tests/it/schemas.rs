//! The schemas accept what is written and refuse what is spoiled.

use crate::synthetic;
use heddle_report::{schema, summarise, summary};
use serde_json::{Value, json};

fn accepts(name: &str, value: &Value) -> bool {
    let schemas = schema::all();
    let (_, text) = schemas.iter().find(|(file, _)| file.starts_with(name)).unwrap();
    let schema: Value = serde_json::from_str(text).unwrap();
    jsonschema::validator_for(&schema).unwrap().is_valid(value)
}

/// The value with one of its fields replaced, or taken away if the replacement is null.
fn spoiled(value: &Value, field: &str, replacement: Value) -> Value {
    let mut value = value.clone();
    let fields = value.as_object_mut().unwrap();
    if replacement.is_null() {
        fields.remove(field).unwrap();
    } else {
        fields.insert(field.into(), replacement);
    }
    value
}

#[test]
fn measurements() {
    let records = synthetic::full(1, false);
    for line in records.raw.measurements.lines() {
        assert!(accepts("measurement", &serde_json::from_str(line).unwrap()), "{line}");
    }
    let good = serde_json::to_value(&records.measurements[0]).unwrap();
    for (field, bad) in [
        ("status", json!("perhaps")),
        ("better", json!("sideways")),
        ("workers", json!("two")),
        ("round", json!(-1)),
        ("value", json!("12")),
        ("group", Value::Null),
        ("colour", json!("red")),
    ] {
        assert!(!accepts("measurement", &spoiled(&good, field, bad)), "{field}");
    }
}

#[test]
fn verifications() {
    let records = synthetic::full(1, false);
    for record in &records.verifications {
        assert!(accepts("verification", &serde_json::to_value(record).unwrap()), "{record:?}");
    }
    let good = serde_json::to_value(&records.verifications[0]).unwrap();
    for (field, bad) in [
        ("result", json!("fine")),
        ("coverage", json!("")),
        ("executions", json!(1.5)),
        ("subject", Value::Null),
    ] {
        assert!(!accepts("verification", &spoiled(&good, field, bad)), "{field}");
    }
}

#[test]
fn runs() {
    let good = serde_json::to_value(synthetic::run(15, false)).unwrap();
    assert!(accepts("run", &good));
    for (field, bad) in [
        ("quick", json!("no")),
        ("host", json!({})),
        ("cells", Value::Null),
        ("seed", json!("x")),
        ("extra", json!(1)),
    ] {
        assert!(!accepts("run", &spoiled(&good, field, bad)), "{field}");
    }
}

#[test]
fn summaries() {
    let records = synthetic::full(6, false);
    let text = summary::to_json(&summarise(&records.run, &records.measurements).unwrap());
    let good: Value = serde_json::from_str(&text).unwrap();
    assert!(accepts("summary", &good));
    assert!(!accepts("summary", &spoiled(&good, "margin", json!("3 %"))));
    let mut row = good.clone();
    row["rows"][0]["verdict"] = json!("splendid");
    assert!(!accepts("summary", &row));
    let mut ends = good;
    ends["rows"][0]["ci"] = json!([1.0, 2.0, 3.0]);
    assert!(!accepts("summary", &ends));
}
