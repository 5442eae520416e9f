//! Drawings of executions: everything inside the picture, nothing on top of something else, whatever the steps.

use heddle_report::chart::Frame;
use heddle_report::chart::canvas::text_width;
use heddle_report::chart::spacetime::{self, Ending, MOST, WIDTH, draw};
use heddle_report::check::SVG_LIMIT;
use heddle_report::records::Step;
use proptest::prelude::*;
use scraper::{ElementRef, Html, Selector};

use crate::synthetic::verification::{atomic, racing, step};

const FRAME: Frame<'static> = Frame { id: "f", title: "T", desc: "D", quick: false };

fn ending(words: &str, with: Option<usize>) -> Ending {
    Ending { words: words.into(), with }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let word = prop_oneof![
        Just("compare_exchange".to_owned()),
        Just("fence".to_owned()),
        Just("read".to_owned()),
        "[ -~äß→]{0,60}",
    ];
    let site = prop_oneof![Just("primitives/src/raw/mod.rs:159:14".to_owned()), "[!-~]{0,80}"];
    let one = (
        0..12_u32,
        site,
        word,
        prop::option::of("[A-Za-z<&]{1,9}"),
        0..99_u32,
        "[0-9<]{0,25}",
        prop::option::of(0..70_u32),
    );
    let step = one.prop_map(|(thread, site, operation, ordering, object, value, after)| Step {
        thread,
        site,
        operation,
        ordering,
        object,
        value,
        after,
    });
    prop::collection::vec(step, 0..60)
}

fn parsed(svg: &str) -> Html {
    let page = Html::parse_document(&format!("<!DOCTYPE html><title>t</title>{svg}"));
    assert_eq!(page.errors, Vec::<std::borrow::Cow<'static, str>>::new());
    page
}

fn every<'a>(page: &'a Html, selector: &str) -> Vec<ElementRef<'a>> {
    page.select(&Selector::parse(selector).unwrap()).collect()
}

fn number(element: ElementRef<'_>, name: &str) -> f64 {
    element.attr(name).unwrap_or_else(|| panic!("no {name}")).parse().unwrap()
}

/// A text with its left and right end and its baseline.
fn texts(page: &Html) -> Vec<(String, f64, f64, f64)> {
    let anchor = |text: ElementRef<'_>| {
        let own = text.attr("text-anchor").map(str::to_owned);
        let group = text.parent().and_then(ElementRef::wrap);
        own.or_else(|| group.and_then(|group| group.attr("text-anchor").map(str::to_owned)))
    };
    every(page, "svg text")
        .into_iter()
        .map(|text| {
            let words: String = text.text().collect();
            let (x, width) = (number(text, "x"), text_width(&words));
            let left = match anchor(text).as_deref() {
                Some("end") => x - width,
                Some("middle") => x - width / 2.0,
                _ => x,
            };
            (words, left, left + width, number(text, "y"))
        })
        .collect()
}

/// Arrows are the only closed paths.
fn arrows(svg: &str) -> usize {
    svg.matches("Z\"/>").count()
}

proptest! {
    #[test]
    fn nothing_is_outside_or_on_top_of_something_else(steps in steps(), words in "[ -~]{0,90}", with in prop::option::of(0..70_usize)) {
        let svg = draw(&FRAME, &steps, &ending(&words, with));
        prop_assert!(svg.len() < SVG_LIMIT, "{} bytes", svg.len());
        let page = parsed(&svg);
        let height: f64 = every(&page, "svg")[0].attr("viewBox").unwrap().rsplit(' ').next().unwrap().parse().unwrap();
        let width = f64::from(WIDTH);
        let texts = texts(&page);
        for (words, left, right, y) in &texts {
            prop_assert!(*left >= 0.0 && *right <= width, "{words}: {left} to {right}");
            prop_assert!(*y >= 10.0 && *y <= height - 2.0, "{words}: at {y} of {height}");
        }
        for (at, (one, left, right, y)) in texts.iter().enumerate() {
            for (other, from, to, other_y) in &texts[at + 1..] {
                prop_assert!((y - other_y).abs() >= 10.0 || right <= from || to <= left, "{one} on {other}");
            }
        }
        for circle in every(&page, "svg circle") {
            let (x, y, r) = (number(circle, "cx"), number(circle, "cy"), number(circle, "r"));
            prop_assert!(x - r >= 0.0 && x + r <= width && y - r >= 0.0 && y + r <= height);
            for (words, left, right, baseline) in &texts {
                let beside = (baseline - 4.0 - y).abs() >= 10.0 || x + r <= *left || *right <= x - r;
                prop_assert!(beside, "a dot on {words}");
            }
        }
    }

    #[test]
    fn every_step_shown_has_a_dot_and_every_edge_between_two_an_arrow(steps in steps()) {
        let svg = draw(&FRAME, &steps, &ending("", None));
        let page = parsed(&svg);
        let shown = steps.len().min(MOST);
        let before = steps.len() - shown;
        prop_assert_eq!(every(&page, "g.f-ink > circle").len(), shown);
        let edges = steps.iter().enumerate().skip(before).filter(|(at, step)| {
            step.after.is_some_and(|after| (before..*at).contains(&(after as usize)))
        });
        prop_assert_eq!(arrows(&svg), edges.count());
        let mut heights: Vec<f64> = every(&page, "g.f-ink > circle").into_iter().map(|dot| number(dot, "cy")).collect();
        prop_assert!(heights.is_sorted(), "time runs downwards");
        heights.dedup();
        prop_assert_eq!(heights.len(), shown, "a row each");
    }
}

#[test]
fn a_race_is_marked_at_both_ends() {
    let svg = draw(&FRAME, &racing(), &ending("races with step 4", Some(3)));
    let page = parsed(&svg);
    let marks: Vec<(f64, f64)> = every(&page, "g.s-alarm > circle")
        .into_iter()
        .map(|mark| (number(mark, "cx"), number(mark, "cy")))
        .collect();
    let dots: Vec<(f64, f64)> = every(&page, "g.f-ink > circle")
        .into_iter()
        .map(|dot| (number(dot, "cx"), number(dot, "cy")))
        .collect();
    assert_eq!(marks, [dots[4], dots[3]]);
    assert_ne!(dots[4].0, dots[3].0, "a lane each");
    assert_eq!(arrows(&svg), 1);
    let words: Vec<String> = texts(&page).into_iter().map(|(words, ..)| words).collect();
    assert!(
        words.contains(&"↑ races with step 4".into()) && words.contains(&"load Acquire #1 = 1".into()),
        "{words:?}"
    );
}

#[test]
fn only_the_last_steps_of_a_long_execution_are_drawn() {
    let steps: Vec<Step> =
        (0..100).map(|at| atomic(at % 3, "load", "Acquire", "0", at.checked_sub(1))).collect();
    let svg = draw(&FRAME, &steps, &ending("end", Some(2)));
    let numbers: Vec<String> = texts(&parsed(&svg)).into_iter().map(|(words, ..)| words).collect();
    assert!(
        numbers.contains(&"61".into()) && numbers.contains(&"100".into()) && !numbers.contains(&"60".into())
    );
    // The first one's source is not there to lead from, nor is what the end collides with.
    assert_eq!(arrows(&svg), MOST - 1);
    assert_eq!(every(&parsed(&svg), "g.s-alarm > circle").len(), 1);
}

#[test]
fn places_are_file_and_line() {
    for (site, place) in [
        ("primitives/src/raw/mod.rs:159:14", "raw/mod.rs:159"),
        ("mod.rs:159:14", "mod.rs:159"),
        ("src/mod.rs:159", "src/mod.rs:159"),
        ("nonsense", "nonsense"),
        ("", ""),
    ] {
        assert_eq!(spacetime::place(site), place);
    }
}

#[test]
fn markup_in_steps_stays_text() {
    let nasty = "<script>&\"'";
    let svg = draw(&FRAME, &[step(0, nasty, 0, nasty)], &ending(nasty, None));
    assert!(svg.contains("&lt;script&gt;") && !svg.contains("<script"));
    assert!(svg.contains("↑ &lt;script&gt;&amp;&quot;&#39;</text>"), "{svg}");
}
