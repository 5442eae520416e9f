//! `cargo xtask report` and `render`: what is written, what is refused, and that it is always the same.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use support::House;

/// Every file below a folder.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(inner).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn a_report_renders_the_run_and_the_same_records_give_the_same_bytes() {
    let house = House::new();
    let out = house.path("out");
    let report = house.xtask("report", &["--quick", "--rounds", "2", "--out", out.to_str().unwrap()]);
    assert_eq!(report.code, 0, "{}", report.text);
    assert!(report.text.contains("never evidence") && report.text.contains("index.html"), "{}", report.text);
    let first = files(&out);
    let raw = fs::read(house.newest_run().join("measurements.jsonl")).unwrap();
    assert!(
        first.values().any(|bytes| *bytes == raw),
        "the records are part of the site: {:?}",
        first.keys()
    );
    assert!(first.keys().any(|name| name.ends_with("measurement.schema.json")), "{:?}", first.keys());
    let render = house.xtask("render", &["--out", out.to_str().unwrap()]);
    assert_eq!(render.code, 0, "{}", render.text);
    assert_eq!(files(&out), first);
    let id = house.newest_run().file_name().unwrap().to_str().unwrap().to_string();
    let other = house.path("other");
    let render = house.xtask("render", &["--run", &id, "--out", other.to_str().unwrap()]);
    assert_eq!(render.code, 0, "{}", render.text);
    assert_eq!(files(&other), first);
}

#[test]
fn a_report_with_a_failed_cell_is_rendered_and_says_so() {
    let house = House::new();
    house.spoil("g/plain/a/1", "exit 9");
    let report = house.xtask("report", &["--no-verify", "--rounds", "1"]);
    assert_eq!(report.code, 3, "{}", report.text);
    assert!(house.path("home/site/index.html").exists());
}

#[test]
fn damaged_records_are_named_and_the_site_stays() {
    let house = House::new();
    assert_eq!(house.xtask("report", &["--no-verify", "--rounds", "2"]).code, 0);
    let site = house.path("home/site");
    let before = files(&site);
    let path = house.newest_run().join("measurements.jsonl");
    let whole = fs::read_to_string(&path).unwrap();
    for (damaged, words) in [
        (whole[..whole.len() - 9].to_string(), "cut off"),
        (whole.replacen("\"schema\":1", "\"schema\":2", 1), "measurements.jsonl:1: schema 2 is newer"),
        (whole.replacen("\"value\":4096.0", "\"value\":NaN", 1), "not a finite number"),
    ] {
        fs::write(&path, &damaged).unwrap();
        let render = house.xtask("render", &[]);
        assert_eq!(render.code, 2, "{}", render.text);
        assert!(
            render.text.contains(words) && render.text.contains("measurements.jsonl:"),
            "{}",
            render.text
        );
        assert_eq!(files(&site), before);
    }
}

#[test]
fn other_peoples_folders_are_left_alone() {
    let house = House::new();
    let out = house.path("mine");
    fs::create_dir(&out).unwrap();
    fs::write(out.join("thesis.tex"), "years").unwrap();
    for task in ["report", "render"] {
        let run = house.xtask(task, &["--out", out.to_str().unwrap()]);
        assert_eq!(run.code, 2, "{}", run.text);
        assert!(run.text.contains("no site of ours"), "{}", run.text);
    }
    assert_eq!(files(&out).len(), 1);
    assert!(house.runs().is_empty(), "nothing was measured in vain");
    let run = house.xtask("render", &["--run", "nowhere"]);
    assert_eq!(run.code, 2, "{}", run.text);
    assert!(run.text.contains("there is no run 'nowhere'"), "{}", run.text);
    let run = house.xtask("report", &["--out", "/proc/nowhere/site"]);
    assert_eq!(run.code, 2, "{}", run.text);
}
