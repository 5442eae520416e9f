//! The page of verification: what it says of each kind of record, and what must never look like a pass.

use heddle_report::check::check;
use heddle_report::records::{CheckResult, Coverage, Status, Verification};
use heddle_report::{Input, Site, render};
use proptest::prelude::*;

use crate::synthetic::verification::{atomic, bounded, every_kind, failed, killed, mutant, passed, racing};
use crate::synthetic::{records, run};

fn site_of(verifications: Vec<Verification>) -> Site {
    let site = render(Input { runs: &[records(run(6, false), Vec::new(), verifications)] }).unwrap();
    let problems: Vec<String> = check(&site).iter().map(ToString::to_string).collect();
    assert_eq!(problems, Vec::<String>::new());
    site
}

fn text<'a>(site: &'a Site, path: &str) -> &'a str {
    std::str::from_utf8(site.files.get(path).unwrap_or_else(|| panic!("no {path}"))).unwrap()
}

fn page(verifications: Vec<Verification>) -> String {
    text(&site_of(verifications), "verification.html").to_owned()
}

/// The text of the first element that starts with `opening`, without tags.
fn inside(page: &str, opening: &str, closing: &str) -> String {
    let rest = page.split(opening).nth(1).unwrap_or_else(|| panic!("no {opening} in {page}"));
    let inner = rest.split(closing).next().unwrap();
    let mut words = String::new();
    let mut tag = opening.starts_with('<') && !opening.ends_with('>');
    for letter in inner.chars() {
        match letter {
            '<' => tag = true,
            '>' if tag => {
                tag = false;
                words.push(' ');
            }
            letter if !tag => words.push(letter),
            _ => {}
        }
    }
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The row of the first table whose heading is `name`.
fn row(page: &str, name: &str) -> String {
    inside(page, &format!("<th scope=\"row\">{name}<"), "</tr>")
}

#[test]
fn pages_are_what_they_were() {
    let site = site_of(every_kind());
    for path in ["verification.html", "broken/planted.html", "data/interleavings.csv"] {
        insta::assert_snapshot!(path.replace(['/', '.'], "_"), text(&site, path));
    }
}

#[test]
fn cells_say_how_far_their_scenarios_reach_and_what_is_no_pass() {
    let page = page(every_kind());
    assert!(
        page.contains(
            "<p class=\"lead\">5 of 8 scenarios passed; 3 of 6 mutants killed, 2 undecided; 3 of 4 searches"
        ),
        "{page}"
    );
    let mutex = row(&page, "mutex");
    assert!(mutex.contains("3 of 3 complete, at least bound 2 1 of 1 sampled"), "{mutex}");
    assert!(mutex.contains("– not run"), "miri: {mutex}");
    let barrier = row(&page, "barrier");
    assert!(barrier.contains("1 of 1 truncated 0 of 1 1 wrong wrong"), "{barrier}");
    let seqlock = row(&page, "seqlock");
    assert!(
        seqlock.contains("0 of 1 1 gave up gave up")
            && seqlock.contains("0 of 1 1 not decidable not decidable"),
        "{seqlock}"
    );
    assert!(page.contains("href=\"verification.html#scenarios__mutex__loom\""), "a cell links to its rows");
    assert!(page.contains("rustup toolchain install nightly --component miri,rust-src"));
    assert!(page.contains("killed after 900 s") && page.contains("does not understand fences"));
}

#[test]
fn what_went_wrong_comes_first_with_its_execution() {
    let page = page(every_kind());
    let (wrong, matrix) =
        (page.find("One scenario went wrong").unwrap(), page.find("5 of 8 scenarios passed: ").unwrap());
    assert!(wrong < matrix);
    assert!(page.contains("id=\"wrong-1\"") && page.contains("shuttle finds a race in execution 42"));
    assert!(page.contains("&lt;b&gt;bold&lt;/b&gt; &amp; red &quot;quoted&quot;"), "{page}");
    assert!(!page.contains("<b>bold") && !page.contains('\u{1b}') && !page.contains("[31m"));
    let fine: Vec<Verification> =
        every_kind().into_iter().filter(|record| record.subject != "barrier").collect();
    assert!(!self::page(fine).contains("went wrong"));
}

#[test]
fn a_canary_that_was_not_seen_makes_everything_of_its_checker_worth_nothing() {
    let banner = "No result of loom counts: it did not see “store buffering”.";
    assert!(!page(every_kind()).contains("No result of loom counts"));
    for spoil in [
        |record: &mut Verification| record.result = CheckResult::Fail,
        |record: &mut Verification| record.result = CheckResult::Unknown,
        // A broken program in which nothing was found.
        |record: &mut Verification| record.planted = true,
    ] {
        let mut all = every_kind();
        spoil(all.iter_mut().find(|record| record.scenario == "store buffering").unwrap());
        let site = site_of(all);
        let page = text(&site, "verification.html");
        assert!(
            page.find(banner).unwrap()
                < page.find("<p class=\"lead\">No result of loom counts; 5 of 8").unwrap()
        );
        assert!(page.contains("1 of 2 canaries were not seen"));
        let mutex = row(page, "mutex");
        assert!(
            mutex.contains("3 of 3 complete, at least bound 2 does not count 1 of 1 sampled –"),
            "{mutex}"
        );
        assert!(text(&site, "index.html").contains("No result of loom counts"));
    }
}

#[test]
fn loom_without_canaries_is_no_evidence_and_other_checkers_have_none() {
    assert!(page(vec![passed("mutex", "loom", "two lock")]).contains("No canary of loom was run"));
    let shuttle = page(vec![passed("mutex", "shuttle", "two lock")]);
    assert!(!shuttle.contains("No canary of loom was run") && shuttle.contains("No canary was run"));
}

/// `killed` of a hundred mutants, `undecided` of the others, and arguments for the rest.
fn hundred(killed: usize, undecided: usize) -> Vec<Verification> {
    let one = |at: usize| {
        let result = if at < killed { CheckResult::Fail } else { CheckResult::Pass };
        let argued = at >= killed + undecided;
        Verification {
            equivalent: argued.then(|| format!("argument {at}")),
            ..mutant(&format!("Mutex::lock#swap.{at} no-acquire"), "mutex", "loom", result)
        }
    };
    (0..100).map(one).collect()
}

#[test]
fn the_score_of_the_mutants_is_counted_and_judged() {
    for (killed, undecided, enough) in
        [(95, 5, true), (90, 5, true), (89, 0, false), (94, 6, false), (100, 0, true)]
    {
        let page = page(hundred(killed, undecided));
        assert!(
            page.contains(&format!("{killed}.0 % of 100 mutants were killed; {undecided}.0 % undecided")),
            "{page}"
        );
        let verdict = if enough { ": reached." } else { ": not reached." };
        assert!(page.contains(verdict), "{killed} {undecided}");
        assert_eq!(page.contains("None is undecided"), undecided == 0);
        let score = row(&page, "mutex");
        assert_eq!(score, format!("100 {killed} {} {undecided} 0 {killed}.0 %", 100 - killed - undecided));
        if killed + undecided < 100 {
            assert!(page.contains("argument 99"), "a survivor has its argument");
        }
    }
}

#[test]
fn mutants_that_tell_nothing_or_contradict_an_argument_are_told_of() {
    let page = page(every_kind());
    assert!(
        page.contains("1 mutant was never reached")
            && page.contains("1 mutant was argued to be equivalent and killed")
    );
    assert_eq!(row(&page, "race"), "2 0 2", "by loom, by shuttle, together");
    assert_eq!(row(&page, "deadlock"), "0 1 1");
    assert!(row(&page, "Barrier::wait#load.1 no-acquire").contains("never reached none"));
    assert!(
        row(&page, "Mutex::lock#load.0 no-acquire").contains("The exchange that follows &lt;acquires&gt;.")
    );
    assert!(row(&page, "Barrier::wait#fetch_add.0 no-release").contains("undecided none"));
}

#[test]
fn calls_that_no_scenario_reaches_are_listed_and_are_no_mutants() {
    let killed = mutant("Mutex::lock#swap.0 no-acquire", "mutex", "loom", CheckResult::Fail);
    let untried = Verification {
        status: Status::NotRun,
        reason: Some("no scenario reaches this call".into()),
        ..mutant("Latch::count#load.0 (latch.rs:1:2)", "calls", "loom", CheckResult::NotRun)
    };
    let page = page(vec![killed, untried]);
    assert!(page.contains("100.0 % of 1 mutant was killed"), "{page}");
    assert!(page.contains("mutants of Latch::count#load.0 (latch.rs:1:2)"), "{page}");
    assert!(page.contains("no scenario reaches this call"), "{page}");
}

#[test]
fn several_records_of_a_mutant_are_one_mutant() {
    let by = |checker, result| mutant("Mutex::lock#swap.0 no-acquire", "mutex", checker, result);
    let page = page(vec![by("loom", CheckResult::Pass), by("shuttle", CheckResult::Fail)]);
    assert!(page.contains("100.0 % of 1 mutant was killed"), "{page}");
    assert!(page.contains("<td>nothing</td><td>race<small>two lock</small></td>"), "{page}");
}

#[test]
fn broken_programs_lead_to_the_execution_that_found_them_and_missed_ones_are_red() {
    let site = site_of(every_kind());
    let page = text(&site, "verification.html");
    assert!(page.contains("3 of 4 searches for planted bugs found it"));
    let missed = page.find("<tr class=\"failed\"><th scope=\"row\">swallows wakes<").unwrap();
    assert!(missed < page.find(">wakes before the store</a>").unwrap(), "what was missed comes first");
    assert!(row(page, "unlocks twice").contains("undefined behaviour"), "no link without steps");
    assert!(page.contains("For example: relaxed publish"), "it has an arrow");
    let broken = text(&site, "broken/planted.html");
    assert_eq!(broken.matches("<svg class=\"chart\"").count(), 2);
    assert!(broken.contains("↑ races with step 4") && broken.contains("↑ after this nobody can go on"));
    assert!(broken.contains("replay: shuttle, execution 42"));
    assert!(broken.contains("cargo xtask verify --only loom --filter &#39;^loom planted::&#39;"), "{broken}");
    let csv = text(&site, "data/interleavings.csv");
    assert_eq!(csv.lines().count(), 1 + 5 + 5 + 3);
    assert!(
        csv.contains(
            "planted,loom,relaxed publish,3,1,load,Acquire,1,1,2,primitives/tests/broken/mod.rs:61:9"
        ),
        "{csv}"
    );
}

#[test]
fn kills_are_told_by_operation_and_those_that_went_wrong_come_first() {
    assert!(page(every_kind()).contains("Nobody was killed"));
    let survived = killed("ipc mutex", "lock, fast", 0);
    let wrong = Verification {
        bound: Some(3),
        coverage: Coverage::Bounded,
        result: CheckResult::Fail,
        cause: Some("deadlock".into()),
        message: Some("killed after 12 instructions, at 0x4f2: the survivor is stranded".into()),
        ..killed("ipc queue", "push, contended", 2)
    };
    let planted = Verification {
        planted: true,
        result: CheckResult::Fail,
        message: Some("killed after 7 instructions, at 0x5a1: the survivor is stranded".into()),
        ..killed("ipc planted", "vyukov push, fast", 3)
    };
    let page = page(vec![survived, wrong, planted]).replace('\u{202f}', " ");
    assert!(page.contains("2 failures after 2 092 kills between any two instructions"), "{page}");
    let killed = page.split("id=\"killed\"").nth(1).unwrap();
    let killed = killed.split("</section>").next().unwrap();
    assert!(killed.find("push, contended").unwrap() < killed.find("lock, fast").unwrap());
    assert!(!killed.contains("vyukov"), "what is broken on purpose stands elsewhere");
    let row = row(killed, "lock, fast");
    assert!(row.contains("1 044 1 046 1 asleep 512 12.3 complete 0"), "{row}");
    assert!(killed.contains("bound 3") && killed.contains("the survivor is stranded"), "{killed}");
    assert!(inside(&page, "id=\"broken\"", "</section>").contains("vyukov push, fast"));
}

#[test]
fn a_race_names_its_partner_only_if_there_is_no_doubt() {
    let mut steps = racing();
    steps[0].thread = 2;
    let record = Verification { trace: Some(steps), ..failed("mutex", "loom", "two lock", "race", "race") };
    let page = page(vec![record]);
    assert!(page.contains("↑ races with an access of another thread") && !page.contains("↑ races with step"));
}

#[test]
fn nothing_but_missing_checkers_is_no_pass() {
    let all: Vec<Verification> =
        every_kind().into_iter().filter(|record| record.checker == "miri" && !record.planted).collect();
    assert_eq!(all.len(), 1);
    let page = page(all);
    assert!(
        page.contains("No scenario was run")
            && page.contains("No mutant was tried")
            && page.contains("No broken program was tried")
    );
    assert!(page.contains("0 of 0 scenarios passed"), "{page}");
}

#[test]
fn a_project_ten_times_as_large_stays_within_the_limits() {
    let mut all = Vec::new();
    for at in 0..3_000 {
        all.push(bounded(
            &format!("subject{}", at % 40),
            &format!("scenario {at}, wait {} spurious", at * 7919 % 1000),
            2 + at % 3,
        ));
    }
    for at in 0..2_000 {
        let result = if at % 20 == 0 { CheckResult::Pass } else { CheckResult::Fail };
        let name = format!("Type{}::method{}#compare_exchange.{} no-acquire", at % 37, at % 11, at);
        all.push(mutant(&name, &format!("subject{}", at % 40), "loom", result));
    }
    for at in 0..100_u32 {
        let values = |n: u32| (u64::from(n * 31 + at) * 2_654_435_761 % 100_000).to_string();
        let steps =
            (0..400).map(|n| atomic(n % 4, "compare_exchange", "AcqRel", &values(n), n.checked_sub(1)));
        all.push(Verification {
            planted: true,
            trace: Some(steps.collect()),
            ..failed("subject1", "loom", &format!("program {at}"), "deadlock", "deadlock; threads = [...]")
        });
    }
    let site = site_of(all);
    assert!(
        site.files.contains_key("broken/subject1_7.html")
            && !site.files.contains_key("broken/subject1_8.html")
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_text_records_hold_the_pages_are_sound(text in "\\PC{0,40}", controls in "[\\x00-\\x1f\\u{7f}-\\u{9f}\\u{fffe}<>&\"']{0,12}", at in 0..21_usize) {
        let mut all = every_kind();
        let nasty = format!("{text}{controls}");
        let record = &mut all[at];
        record.scenario.clone_from(&nasty);
        if record.reason.is_some() {
            record.reason = Some(format!("x{nasty}"));
        }
        for field in [&mut record.mutant, &mut record.cause, &mut record.message, &mut record.replay, &mut record.equivalent] {
            if field.is_some() {
                *field = Some(nasty.clone());
            }
        }
        for step in record.trace.iter_mut().flatten() {
            step.site.clone_from(&nasty);
            step.operation.clone_from(&nasty);
            step.value.clone_from(&nasty);
        }
        site_of(all);
    }
}

#[test]
fn coverage_is_part_of_the_title_and_green_means_all() {
    let green = "<div class=\"ok\"><dt>scenarios passed";
    let sampled = Verification { coverage: Coverage::Sampled, ..passed("mutex", "shuttle", "a") };
    let page = page(vec![passed("mutex", "shuttle", "b"), sampled, bounded("mutex", "c", 2)]);
    assert!(page.contains("3 of 3 scenarios passed: 1 complete, 1 up to a bound, 1 sampled"), "{page}");
    assert!(page.contains(green) && !self::page(every_kind()).contains(green), "green only if all passed");
}
