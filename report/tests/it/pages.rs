//! The rendered site: what it holds, that it is the same every time, and what it says when things are missing.

use heddle_report::check::check;
use heddle_report::records::{Measurement, Status};
use heddle_report::{Input, RenderError, RunRecords, Site, render};

use crate::synthetic::{self, measured, records, run, without_value};

fn site_of(records: RunRecords) -> Site {
    render(Input { runs: &[records] }).unwrap()
}

fn text<'a>(site: &'a Site, path: &str) -> &'a str {
    std::str::from_utf8(site.files.get(path).unwrap_or_else(|| panic!("no {path}"))).unwrap()
}

#[track_caller]
fn assert_sound(site: &Site) {
    let problems: Vec<String> = check(site).iter().map(ToString::to_string).collect();
    assert_eq!(problems, Vec::<String>::new());
}

#[test]
fn a_full_run_has_every_page_and_passes_its_own_check() {
    let site = site_of(synthetic::full(15, false));
    assert_sound(&site);
    for path in [
        "index.html",
        "kernel/mandelbrot.html",
        "kernel/histogram.html",
        "kernel/echo.html",
        "primitives.html",
        "ipc.html",
        "costs.html",
        "verification.html",
        "method.html",
        "data.html",
        "data/run.json",
        "data/measurements.jsonl",
        "data/verification.jsonl",
        "data/summary.json",
        "data/measurement.schema.json",
    ] {
        assert!(site.files.contains_key(path), "{path}");
    }
    assert!(!site.files.contains_key("kernel/histogram-shared.html"), "ways of sharing share a page");
    let histogram = text(&site, "kernel/histogram.html");
    for way in ["shared", "atomic", "private"] {
        assert!(histogram.contains(&format!("{way}: medium</h2>")), "{way}");
    }
}

#[test]
fn pages_are_what_they_were() {
    let site = site_of(synthetic::small());
    assert_sound(&site);
    for path in [
        "index.html",
        "kernel/mandelbrot.html",
        "method.html",
        "data/kernels__mandelbrot_medium__speed-up.csv",
    ] {
        insta::assert_snapshot!(path.replace(['/', '.'], "_"), text(&site, path));
    }
}

#[test]
fn the_same_records_give_the_same_bytes_in_any_order() {
    let records = synthetic::full(6, false);
    let mut permuted = records.clone();
    permuted.measurements.reverse();
    permuted.measurements.rotate_left(1234);
    permuted.verifications.reverse();
    let first = site_of(records.clone());
    assert!(first == site_of(records), "rendered twice");
    let other = site_of(permuted);
    for (path, contents) in &first.files {
        assert!(Some(contents) == other.files.get(path), "{path} depends on the order of records");
    }
    assert_eq!(first.files.len(), other.files.len());
}

#[test]
fn the_first_page_tells_the_three_findings_that_are_most_certain() {
    let site = site_of(synthetic::full(15, false));
    let home = text(&site, "index.html");
    let titles: Vec<&str> =
        home.split("<h3>").skip(1).map(|rest| rest.split(" <a class").next().unwrap()).collect();
    assert_eq!(titles.len(), 3, "{titles:?}");
    // A hundred workers wait at once; a process takes as long to start as thirty threads, and as much memory as
    // a dozen. No other effect in these records is as large.
    assert!(titles[0].starts_with("thread_pool with 100 workers: 95."), "{titles:?}");
    assert!(titles[1].starts_with("processes: 29."), "{titles:?}");
    assert!(titles[2].contains("the PSS of threads"), "{titles:?}");
}

#[test]
fn commas_in_parameters_stay_in_their_field() {
    let mut records = synthetic::small();
    for record in &mut records.measurements {
        record.params.insert("elements".into(), 1024.into());
        record.params.insert("shape".into(), "a \"b\", c".into());
    }
    let site = site_of(records);
    let csv = text(&site, "data/kernels__mandelbrot_small__time.csv");
    assert!(csv.contains("\"elements=1024, shape=a \"\"b\"\", c\""), "{csv}");
}

#[test]
fn raw_files_are_copied_as_they_are_and_hashed() {
    let records = synthetic::small();
    let site = site_of(records.clone());
    assert_eq!(text(&site, "data/measurements.jsonl"), records.raw.measurements);
    assert_eq!(text(&site, "data/run.json"), records.raw.run);
    use sha2::{Digest, Sha256};
    let hash: String =
        Sha256::digest(&records.raw.measurements).iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(text(&site, "data.html").contains(&hash));
    let page = text(&site, "data.html");
    for path in site.files.keys().filter(|path| path.starts_with("data/")) {
        assert!(page.contains(&format!("href=\"{path}\"")), "{path} is not listed");
    }
}

#[test]
fn quick_runs_are_marked_on_every_page_and_chart_and_conclude_nothing() {
    let site = site_of(synthetic::full(2, true));
    assert_sound(&site);
    for (path, contents) in site.files.iter().filter(|(path, _)| path.ends_with(".html")) {
        let page = std::str::from_utf8(contents).unwrap();
        assert!(page.contains("class=\"stamp\" aria-label=\"Quick run\">quick run: not evidence<"), "{path}");
        let charts = page.matches("<svg class=\"chart\"").count();
        assert_eq!(page.matches("<text class=\"watermark\"").count(), charts, "{path}");
        for word in ["better", "worse", "equivalent"] {
            assert!(!page.contains(&format!("<span class=\"word {word}\"")), "{path} says {word}");
        }
    }
    let full = site_of(synthetic::full(15, false));
    assert!(!text(&full, "index.html").contains("not evidence"));
}

#[test]
fn what_failed_and_what_was_not_run_stands_with_its_reason() {
    let site = site_of(synthetic::small());
    for path in ["kernel/mandelbrot.html", "method.html"] {
        let page = text(&site, path);
        assert!(page.contains("worker 1 was killed by SIGKILL"), "{path}");
        assert!(page.contains("no mpirun on the PATH"), "{path}");
    }
    let page = text(&site, "kernel/mandelbrot.html");
    assert!(page.contains("<tr class=\"failed\">") && page.contains("<tr class=\"not-run\">"));
    assert!(text(&site, "index.html").contains("1 of 14 cells failed"));
}

#[test]
fn verification_that_was_not_run_says_so_and_how() {
    let site = site_of(synthetic::small());
    let page = text(&site, "verification.html");
    assert!(page.contains("Not run") && page.contains("cargo xtask verify"));
    assert!(!page.contains("passed"));
    assert!(text(&site, "index.html").contains("Verification</a> was not run."));
    let full = site_of(synthetic::full(1, false));
    let home = text(&full, "index.html");
    assert!(home.contains("Verification</a>: 5 of 8 scenarios passed; "), "{home}");
}

#[test]
fn markup_in_records_stays_text() {
    let nasty = "<script>alert('&\"')</script>";
    let mut records = synthetic::small();
    records.run.host.name = nasty.into();
    records.run.revision = nasty.into();
    records.run.flags = vec![nasty.into()];
    records.run.left_out = vec![nasty.into()];
    for record in &mut records.measurements {
        if record.status != Status::Ok {
            record.reason = Some(nasty.into());
        }
        if record.variant == "rayon" {
            record.variant = format!("ra{nasty}");
        }
        record.group = record.group.replace("mandelbrot", "man\"del<b>rot");
    }
    let site = site_of(records);
    for (path, contents) in site.files.iter().filter(|(path, _)| path.ends_with(".html")) {
        let page = std::str::from_utf8(contents).unwrap();
        assert!(!page.contains("<script") && !page.contains("<b>rot"), "{path}");
    }
    assert_sound(&site);
}

#[test]
fn an_empty_run_gives_a_site_that_says_what_is_missing() {
    let mut run = run(0, false);
    run.complete = false;
    run.pythons.clear();
    let site = site_of(records(run, Vec::new(), Vec::new()));
    assert_sound(&site);
    let home = text(&site, "index.html");
    assert!(home.contains("Nothing was measured") && home.contains("Incomplete run"));
    assert!(text(&site, "primitives.html").contains("Not run"));
    assert!(text(&site, "method.html").contains("CPython: not run"));
}

#[test]
fn all_cells_failed_gives_a_readable_site() {
    let mut records = synthetic::small();
    for record in &mut records.measurements {
        *record = without_value(record.clone(), Status::Failed, "out of memory");
    }
    let site = site_of(records);
    assert_sound(&site);
    assert!(text(&site, "kernel/mandelbrot.html").contains("failed: out of memory"));
}

#[test]
fn one_round_on_one_core_gives_a_readable_site() {
    let mut records = synthetic::full(1, false);
    records.run.host.cores = 1;
    let site = site_of(records);
    assert_sound(&site);
    assert!(text(&site, "index.html").contains("Too few rounds"));
    assert!(!text(&site, "index.html").contains("class=\"word better\""));
}

#[test]
fn a_kernel_that_nobody_knows_has_a_page() {
    let mut all: Vec<Measurement> = Vec::new();
    for round in 0..6 {
        all.push(measured("kernels", "weave", "sequential", 1, round, 10.0));
        all.push(measured("kernels", "weave", "looms", 3, round, 4.0));
    }
    let site = site_of(records(run(6, false), all, Vec::new()));
    assert_sound(&site);
    let page = text(&site, "kernel/weave.html");
    assert!(page.contains("looms") && page.contains("2.50×"), "{page}");
}

#[test]
fn what_was_measured_at_several_delays_is_drawn_against_them() {
    let mut all = Vec::new();
    for round in 0..6 {
        for (delay, ns) in [("1ms", 30e3), ("0us", 200.0), ("10us", 900.0)] {
            for (variant, factor) in [("heddle-event", 1.0), ("std", 40.0)] {
                let mut record =
                    measured("primitives", &format!("handover/{delay}"), variant, 2, round, ns * factor);
                all.push(record.clone());
                record.metric = "cpu-time".into();
                all.push(record);
            }
        }
        all.push(measured("primitives", "handover/one-cpu", "std", 2, round, 2e3));
    }
    let site = site_of(records(run(6, false), all, Vec::new()));
    assert_sound(&site);
    let page = text(&site, "primitives.html");
    let (time, cpu) = (page.find("time by delay").unwrap(), page.find("CPU time by delay").unwrap());
    assert!(time < cpu, "time comes first");
    let table = &page[time..cpu];
    let places: Vec<_> = ["0us", "10us", "1ms"].iter().map(|delay| table.find(delay).unwrap()).collect();
    assert!(places.is_sorted(), "short delays come first: {places:?}");
    assert!(page.contains("After 0us: "), "{page}");
}

#[test]
fn awkward_values_are_drawn_without_a_panic() {
    let values = [0.0, 1e-9, 1.0, 1e300, f64::MIN_POSITIVE];
    let mut all = Vec::new();
    for (at, value) in values.into_iter().enumerate() {
        for round in 0..3 {
            let workers = 1 + at as u32 * 40;
            all.push(measured("kernels", "odd/small", "threads", workers, round, value));
            all.push(measured("kernels", "odd/medium", "threads", workers, round, value));
        }
    }
    for round in 0..3 {
        all.push(measured("kernels", "odd/small", "sequential", 1, round, 5.0));
        all.push(measured("kernels", "odd/medium", "sequential", 1, round, 0.0));
    }
    assert_sound(&site_of(records(run(3, false), all, Vec::new())));
}

#[test]
fn several_runs_keep_apart_and_link_to_each_other() {
    let latest = synthetic::small();
    let mut earlier = synthetic::small();
    earlier.run.id = "20250101T000000Z-fffffff".into();
    earlier.run.started = "2025-01-01T00:00:00Z".into();
    earlier.run.host.name = "Other CPU, 64 cores".into();
    let site = render(Input { runs: &[earlier.clone(), latest.clone()] }).unwrap();
    assert_sound(&site);
    assert_eq!(site, render(Input { runs: &[latest.clone(), earlier.clone()] }).unwrap());
    let home = text(&site, "index.html");
    assert!(
        home.contains("Example CPU, 2 cores") && home.contains("runs/20250101T000000Z-fffffff/index.html")
    );
    let other = text(&site, "runs/20250101T000000Z-fffffff/kernel/mandelbrot.html");
    assert!(other.contains("Other CPU, 64 cores · Linux"), "figures name their own host");
    let same = render(Input { runs: &[latest.clone(), latest.clone()] });
    assert!(matches!(same, Err(RenderError::SameRun { .. })));
    let mut outside = latest;
    outside.run.id = "../../etc".into();
    assert!(matches!(render(Input { runs: &[outside] }), Err(RenderError::BadRunId { .. })));
    assert!(matches!(render(Input { runs: &[] }), Err(RenderError::NoRuns)));
}

#[test]
fn records_that_contradict_each_other_are_named_with_their_run() {
    let mut records = synthetic::small();
    records.measurements.push(records.measurements[0].clone());
    let error = render(Input { runs: &[records] }).unwrap_err().to_string();
    assert!(error.starts_with("run 20260304T050607Z-0123abc: mandelbrot/small, sequential"), "{error}");
}

#[test]
fn the_style_sheet_keeps_its_contrast() {
    let site = site_of(synthetic::small());
    let css = text(&site, "style.css");
    let blocks: Vec<&str> =
        css.split(":root {").skip(1).map(|block| block.split('}').next().unwrap()).collect();
    let colour = |block: &str, name: &str| -> [f64; 3] {
        let at = block.find(&format!("--{name}: #")).unwrap_or_else(|| panic!("{name}")) + name.len() + 5;
        let hex = &block[at..at + 6];
        [0, 2, 4].map(|digit| {
            let channel = f64::from(u8::from_str_radix(&hex[digit..digit + 2], 16).unwrap()) / 255.0;
            if channel <= 0.040_45 { channel / 12.92 } else { ((channel + 0.055) / 1.055).powf(2.4) }
        })
    };
    let luminance = |[r, g, b]: [f64; 3]| 0.2126 * r + 0.7152 * g + 0.0722 * b;
    for block in &blocks[..2] {
        let paper = luminance(colour(block, "paper"));
        let ratio = |name: &str| {
            let ink = luminance(colour(block, name));
            (ink.max(paper) + 0.05) / (ink.min(paper) + 0.05)
        };
        for words in ["ink", "quiet", "link", "good", "bad", "even", "unsure", "alarm"] {
            assert!(ratio(words) >= 4.5, "{words}: {}", ratio(words));
        }
        for marks in ["neutral", "threads", "processes", "hybrid", "ours", "mark", "focus"] {
            assert!(ratio(marks) >= 3.0, "{marks}: {}", ratio(marks));
        }
    }
}
