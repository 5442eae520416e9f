//! `cargo xtask measure` against bench programs made for the purpose: what they yield, how they fail, and
//! what becomes of the records.

mod support;

use std::fs;
use std::time::{Duration, Instant};

use support::House;

#[test]
fn rounds_replicas_and_extra_metrics_are_recorded() {
    let house = House::new();
    let run = house.measure(&["--rounds", "3"]);
    assert_eq!(run.code, 0, "{}", run.text);
    assert!(run.text.contains("4 cells expected: 4 ok, 0 failed, 0 not run"), "{}", run.text);
    let folder = house.newest_run();
    let records = House::records(&folder);
    // Four cells, one of them twice a round, one with a share beside its time.
    assert_eq!(records.len(), 3 * (4 + 1 + 1), "{records:#?}");
    assert_eq!(records.iter().filter(|it| it["params"]["replica"] == 1).count(), 3);
    assert_eq!(records.iter().filter(|it| it["metric"] == "share").count(), 3);
    let slow = records.iter().find(|it| it["variant"] == "slow").unwrap();
    assert!(slow["value"].as_f64().unwrap() > 200e6, "timed by one call: {slow}");
    let run: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(folder.join("run.json")).unwrap()).unwrap();
    assert_eq!((&run["complete"], &run["cells"]["ok"]), (&true.into(), &4.into()));
    assert!(folder.join("summary.json").exists());
}

#[test]
fn a_failing_cell_is_recorded_and_the_run_goes_on() {
    for (how, reason) in [
        ("exit 9", "exit code 9: last words"),
        ("kill -9 $$", "killed by signal 9"),
        ("sleep 60", "limit of 2.0 s"),
        ("true", "no result"),
        (r#"extra "$ID" NaN; exit 0"#, "is no value"),
        (r#"extra other/v/1 5"#, "not asked for"),
    ] {
        let house = House::new();
        house.spoil("g/plain/a/1", how);
        let start = Instant::now();
        let run = house.measure(&["--rounds", "2", "--turn-limit", "2s"]);
        assert_eq!(run.code, 3, "{how}: {}", run.text);
        assert!(run.text.contains("3 ok, 1 failed"), "{how}: {}", run.text);
        assert!(start.elapsed() < Duration::from_secs(40));
        let records = House::records(&house.newest_run());
        let failed: Vec<_> = records.iter().filter(|it| it["status"] == "failed").collect();
        assert!(!failed.is_empty() && failed.iter().all(|it| it["variant"] == "a"), "{how}: {failed:#?}");
        let words = failed[0]["reason"].as_str().unwrap();
        assert!(words.contains(reason), "{how}: {words}");
    }
}

#[test]
fn a_cell_that_no_program_lists_has_failed() {
    let house = House::new();
    house.unlist("g/plain/b/1");
    let run = house.measure(&["--rounds", "1"]);
    assert_eq!(run.code, 3);
    assert!(run.text.contains("failed: g/plain/b/1: p/b --list does not name it"), "{}", run.text);
}

#[test]
fn an_interrupted_run_is_resumed_and_a_finished_one_is_not() {
    let house = House::new();
    let args = ["--rounds", "3", "--seed", "7"];
    assert_eq!(house.measure(&args).code, 0);
    let folder = house.newest_run();
    let whole = fs::read(folder.join("measurements.jsonl")).unwrap();
    // As if the machine had lost power in the middle of the last line of the second round.
    let lines: Vec<&[u8]> = whole.split_inclusive(|&byte| byte == b'\n').collect();
    let cut = lines[..12].concat().len() - 10;
    fs::write(folder.join("measurements.jsonl"), &whole[..cut]).unwrap();
    house.mark_interrupted(&folder);
    let run = house.measure(&args);
    assert_eq!(run.code, 0, "{}", run.text);
    assert!(run.text.contains("resuming"), "{}", run.text);
    assert_eq!(house.runs().len(), 1);
    let text = fs::read_to_string(folder.join("measurements.jsonl")).unwrap();
    assert!(text.as_bytes().starts_with(&lines[..6].concat()), "the first round is as it was");
    assert_eq!(text.lines().count(), lines.len());
    // Complete, or of another seed: a new run.
    assert_eq!(house.measure(&args).code, 0);
    assert_eq!(house.runs().len(), 2);
    house.mark_interrupted(&folder);
    assert_eq!(house.measure(&["--rounds", "3", "--seed", "8"]).code, 0);
    assert_eq!(house.runs().len(), 3);
}

#[test]
fn an_interrupt_takes_the_workers_along_and_leaves_whole_rounds() {
    let house = House::new();
    let mark = house.path("mark");
    house.spoil("h/small/slow/1", r#"extra "$ID" 5"#);
    let slow = format!("[ -e {0} ] && sleep 30; extra \"$ID\" 5", mark.display());
    house.spoil("g/plain/b/1", &slow);
    let mut child = house.start("measure", &["--rounds", "500", "--budget", "1h"]);
    let lines = || {
        let text = house.runs().pop().and_then(|it| fs::read_to_string(it.join("measurements.jsonl")).ok());
        text.map_or(0, |text| text.lines().count())
    };
    while lines() < 12 {
        std::thread::sleep(Duration::from_millis(20));
    }
    fs::write(&mark, "").unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert!(support::run("kill", &["-INT", &child.id().to_string()]).is_some());
    assert_eq!(child.wait().unwrap().code(), Some(3));
    let folder = house.newest_run();
    assert!(!House::records(&folder).is_empty(), "every line is whole");
    let run = fs::read_to_string(folder.join("run.json")).unwrap();
    assert!(run.contains("\"complete\": false"), "{run}");
    let sleepers = support::run("pgrep", &["-f", &house.path("program").display().to_string()]);
    assert!(sleepers.is_none(), "{sleepers:?}");
}

#[test]
fn damaged_records_stop_a_resume_and_stay_as_they_are() {
    let house = House::new();
    assert_eq!(house.measure(&["--rounds", "2"]).code, 0);
    let folder = house.newest_run();
    house.mark_interrupted(&folder);
    let path = folder.join("measurements.jsonl");
    let damaged = fs::read_to_string(&path).unwrap().replacen("\"schema\":1", "\"schema\":2", 1);
    fs::write(&path, &damaged).unwrap();
    let run = house.measure(&["--rounds", "2"]);
    assert_eq!(run.code, 2, "{}", run.text);
    assert!(run.text.contains("measurements.jsonl:1: schema 2 is newer"), "{}", run.text);
    assert_eq!(fs::read_to_string(&path).unwrap(), damaged);
}

#[test]
fn the_budget_is_kept_and_what_gave_way_is_said() {
    let house = House::new();
    house.spoil("g/plain/b/1", "sleep 0.5; extra \"$ID\" 5");
    let start = Instant::now();
    let run = house.measure(&["--budget", "3s"]);
    assert!(start.elapsed() < Duration::from_secs(6), "{:?}", start.elapsed());
    assert_eq!(run.code, 0, "{}", run.text);
    assert!(run.text.contains("left out: "), "{}", run.text);
}

#[test]
fn wrong_usage_is_told_before_any_work() {
    let house = House::new();
    for (args, words) in [
        (&["--rounds", "0"][..], "0 is not in"),
        (&["--filter", "plian/a"], "near: "),
        (&["--filter", "("], "--filter"),
        (&["--budget", "soon"], "no time span"),
        (&["--python", "/nonexistent/python3"], "--python /nonexistent/python3"),
        (&["--out", "/proc/nowhere"], "cannot write into /proc/nowhere"),
    ] {
        let run = house.xtask("measure", args);
        assert_eq!(run.code, 2, "{args:?}: {}", run.text);
        assert!(run.text.contains(words), "{args:?}: {}", run.text);
        assert!(house.runs().is_empty());
    }
}

#[test]
fn cells_of_a_missing_interpreter_are_not_run() {
    let house = House::new();
    house.append_to_manifest(
        "[[python]]\nsuite='kernels'\ngroups=['sum/python']\nvariants=['threads']\nworkers=['1']\n",
    );
    let run = house.without_path("measure", &["--rounds", "1"]);
    assert_eq!(run.code, 0, "{}", run.text);
    assert!(run.text.contains("4 ok, 0 failed, 1 not run"), "{}", run.text);
    assert!(run.text.contains("not run: sum/python/cpython/threads/1: no python3"), "{}", run.text);
}

#[test]
fn an_interpreter_that_is_there_is_measured() {
    if support::run("python3", &["-c", "pass"]).is_none() {
        eprintln!("not run: no python3");
        return;
    }
    let house = House::new();
    house.append_to_manifest("[[python]]\nsuite='kernels'\ngroups=['histogram/python']\nvariants=['sequential','processes-spawn']\nworkers=['2']\n");
    let run = house.measure(&["--rounds", "1", "--filter", "cpython"]);
    assert_eq!(run.code, 0, "{}", run.text);
    let records = House::records(&house.newest_run());
    assert_eq!(records.len(), 2);
    assert!(
        records.iter().all(|it| it["params"]["n"].as_u64() > Some(1000) && it["value"].as_f64() > Some(1e5))
    );
}
