//! Synthetic records of verification: one of each kind, with a known truth.

use heddle_report::records::{CheckResult, Coverage, Kills, SCHEMA, Status, Step, Verification};

/// A scenario that passed completely.
pub fn passed(subject: &str, checker: &str, scenario: &str) -> Verification {
    Verification {
        schema: SCHEMA,
        status: Status::Ok,
        reason: None,
        subject: subject.into(),
        checker: checker.into(),
        scenario: scenario.into(),
        result: CheckResult::Pass,
        coverage: Coverage::Complete,
        threads: 2,
        bound: None,
        executions: 4_811,
        seconds: 0.75,
        mutant: None,
        cause: None,
        message: None,
        trace: None,
        replay: None,
        planted: false,
        kills: None,
        equivalent: None,
    }
}

/// The same with a preemption bound.
pub fn bounded(subject: &str, scenario: &str, bound: u32) -> Verification {
    Verification {
        coverage: Coverage::Bounded,
        bound: Some(bound),
        threads: 3,
        ..passed(subject, "loom", scenario)
    }
}

/// A search that ended with a violation.
pub fn failed(subject: &str, checker: &str, scenario: &str, cause: &str, message: &str) -> Verification {
    Verification {
        result: CheckResult::Fail,
        coverage: Coverage::None,
        executions: 42,
        cause: Some(cause.into()),
        message: Some(message.into()),
        replay: Some(format!("{checker}, execution 42")),
        ..passed(subject, checker, scenario)
    }
}

/// Processes killed in an operation.
pub fn killed(subject: &str, scenario: &str, failures: u64) -> Verification {
    let kills = Kills {
        path: "fast".into(),
        instructions: 1_044,
        asleep: 1,
        recoveries: 512,
        failures,
        slowest: 0.0123,
    };
    Verification { executions: 1_046, kills: Some(kills), ..passed(subject, "crash", scenario) }
}

/// A mutant: `fail` is one that was noticed.
pub fn mutant(name: &str, subject: &str, checker: &str, result: CheckResult) -> Verification {
    let cause = (result == CheckResult::Fail).then(|| "race".to_owned());
    Verification {
        result,
        coverage: Coverage::None,
        mutant: Some(name.into()),
        cause,
        ..passed(subject, checker, "two lock")
    }
}

/// A step without ordering.
pub fn step(thread: u32, operation: &str, object: u32, value: &str) -> Step {
    Step {
        thread,
        site: format!("primitives/tests/broken/mod.rs:{}:9", 60 + object),
        operation: operation.into(),
        ordering: None,
        object,
        value: value.into(),
        after: None,
    }
}

/// A step of an atomic, which may be ordered after another.
pub fn atomic(thread: u32, operation: &str, ordering: &str, value: &str, after: Option<u32>) -> Step {
    Step { ordering: Some(ordering.into()), after, ..step(thread, operation, 1, value) }
}

/// A publication that the third step sees, and an access that nothing orders after the fourth.
pub fn racing() -> Vec<Step> {
    vec![
        step(0, "write", 0, "7"),
        atomic(0, "store", "Release", "1", None),
        atomic(1, "load", "Acquire", "1", Some(1)),
        step(0, "write", 0, "8"),
        step(1, "read", 0, "7"),
    ]
}

/// One record of each kind; what is wanted of canaries, mutants and broken programs happens, except where the name says otherwise.
pub fn every_kind() -> Vec<Verification> {
    let not_run = |checker: &str| Verification {
        status: Status::NotRun,
        reason: Some(format!(
            "{checker} needs nightly: rustup toolchain install nightly --component miri,rust-src"
        )),
        result: CheckResult::NotRun,
        coverage: Coverage::None,
        threads: 0,
        executions: 0,
        seconds: 0.0,
        ..passed("all", checker, "all")
    };
    let with = |coverage, record: Verification| Verification { coverage, ..record };
    let planted = |record: Verification| Verification { planted: true, ..record };
    let markup = "<b>bold</b> & \u{1b}[31mred\u{1b}[0m \"quoted\"";
    vec![
        passed("mutex", "loom", "two lock"),
        bounded("mutex", "three lock", 3),
        bounded("mutex", "two lock, one tries", 2),
        with(Coverage::Sampled, passed("mutex", "shuttle", "eight lock in turns")),
        with(Coverage::Truncated, passed("barrier", "loom", "three wait twice")),
        Verification {
            trace: Some(racing()),
            ..failed("barrier", "shuttle", "a late <leader>", "race", markup)
        },
        Verification {
            reason: Some("ThreadSanitizer does not understand fences, which order this subject".into()),
            result: CheckResult::NotDecidable,
            ..failed("seqlock", "tsan", "reads are whole", "race", "data race")
        },
        Verification {
            status: Status::Failed,
            reason: Some("killed after 900 s".into()),
            result: CheckResult::Unknown,
            coverage: Coverage::None,
            ..passed("seqlock", "loom", "two writers")
        },
        not_run("miri"),
        passed("canaries", "loom", "store buffering"),
        planted(failed("canaries", "loom", "message passing, weakened", "race", "Causality violation")),
        mutant("Mutex::lock#swap.0 no-acquire", "mutex", "loom", CheckResult::Fail),
        Verification {
            cause: Some("deadlock".into()),
            ..mutant("Mutex::unlock#wake.0 no-wake", "mutex", "shuttle", CheckResult::Fail)
        },
        Verification {
            equivalent: Some("The exchange that follows <acquires>.".into()),
            ..mutant("Mutex::lock#load.0 no-acquire", "mutex", "loom", CheckResult::Pass)
        },
        mutant("Barrier::wait#fetch_add.0 no-release", "barrier", "loom", CheckResult::Pass),
        mutant("Barrier::wait#load.1 no-acquire", "barrier", "loom", CheckResult::Unknown),
        Verification {
            equivalent: Some("Nobody looks.".into()),
            ..mutant("Barrier::reset#store.0 no-release", "barrier", "loom", CheckResult::Fail)
        },
        planted(Verification {
            trace: Some(racing()),
            ..failed(
                "planted",
                "loom",
                "relaxed publish",
                "race",
                "Causality violation: Concurrent accesses.",
            )
        }),
        planted(Verification {
            trace: Some(vec![
                step(0, "wake", 1, "0"),
                atomic(1, "swap", "AcqRel", "2", None),
                step(1, "wait", 1, "2"),
            ]),
            ..failed(
                "planted",
                "shuttle",
                "wakes before the store",
                "deadlock",
                "deadlock! blocked tasks: [1]",
            )
        }),
        planted(failed(
            "planted",
            "miri",
            "unlocks twice",
            "undefined behaviour",
            "error: Undefined Behavior",
        )),
        planted(Verification {
            message: Some("nothing was found in 20 000 schedules".into()),
            ..with(Coverage::Sampled, passed("condvar", "shuttle", "swallows wakes"))
        }),
    ]
}
