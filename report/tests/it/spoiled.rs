//! Every kind of damage to a page is caught. A check that finds nothing in a spoiled page proves nothing.

use heddle_report::check::{PAGE_LIMIT, SVG_LIMIT, check};
use heddle_report::{Input, Site, render};

use crate::synthetic;

const PAGE: &str = "kernel/mandelbrot.html";

fn sound() -> Site {
    render(Input { runs: &[synthetic::small()] }).unwrap()
}

/// Problems of the sample site after one page has been changed.
fn spoil(change: impl Fn(&str) -> String) -> Vec<String> {
    let mut site = sound();
    let before = String::from_utf8(site.files[PAGE].clone()).unwrap();
    let after = change(&before);
    assert_ne!(before, after, "the change changes nothing");
    site.files.insert(PAGE.into(), after.into_bytes());
    check(&site).iter().map(ToString::to_string).collect()
}

#[track_caller]
fn caught(wanted: &str, change: impl Fn(&str) -> String) {
    let problems = spoil(change);
    let found = problems.iter().any(|problem| problem.starts_with(PAGE) && problem.contains(wanted));
    assert!(found, "wanted {wanted:?}, found {problems:#?}");
}

fn replace(from: &'static str, to: &'static str) -> impl Fn(&str) -> String {
    move |page| page.replacen(from, to, 1)
}

#[test]
fn nothing_is_found_in_a_sound_site() {
    assert_eq!(check(&sound()), []);
}

#[test]
fn broken_html() {
    caught("HTML:", replace("<!DOCTYPE html>", ""));
    caught("HTML:", replace("</section>", "</div></section>"));
    caught("HTML:", replace("<h1>", "<h1 class=a class=b>"));
    caught("HTML:", replace("</figure>", ""));
    caught("HTML:", replace("</main>", ""));
}

#[test]
fn missing_basics() {
    caught("no language", replace("<html lang=\"en\">", "<html>"));
    caught("no viewport", replace("name=\"viewport\"", "name=\"view\""));
    caught("no charset", replace("<meta charset=\"utf-8\">", ""));
    caught("0 h1", |page| page.replace("<h1>", "<h2>").replace("</h1>", "</h2>"));
    caught("2 h1", replace("<h1>", "<h1>Again</h1><h1>"));
    caught("h4 after h2", |page| page.replace("<h3>", "<h4>").replace("</h3>", "</h4>"));
}

#[test]
fn broken_links() {
    caught("dangling link nowhere.html", replace("../method.html#rules", "nowhere.html"));
    caught("dangling link ../method.html#nothing", replace("../method.html#rules", "../method.html#nothing"));
    caught("dangling link #gone", replace("href=\"#main\"", "href=\"#gone\""));
    caught("is not relative", replace("../style.css", "/style.css"));
    caught("leaves the site", replace("../style.css", "../../style.css"));
}

#[test]
fn ids_twice() {
    caught("id main twice", replace("<h1>", "<h1 id=\"main\">"));
}

#[test]
fn requests_to_others() {
    caught("asks for https://example.org/a.css", replace("../style.css", "https://example.org/a.css"));
    caught("asks for //example.org/", replace("<h1>", "<img alt=\"\" src=\"//example.org/\"><h1>"));
    caught("a script element", replace("<h1>", "<script></script><h1>"));
    caught("has onclick", replace("<h1>", "<h1 onclick=\"x()\">"));
    caught("asks for javascript:", replace("../style.css", "javascript:x()"));
}

#[test]
fn figures_that_lack_something() {
    caught("without role, title or description", replace("role=\"img\"", "role=\"none\""));
    caught("without role, title or description", replace("<desc id", "<metadata id"));
    caught("without role, title or description", |page| {
        page.replacen("aria-labelledby=\"mandelbrot", "aria-labelledby=\"gone", 1)
    });
    caught("without a viewBox", replace("viewBox=", "data-box="));
    caught("no CSV link", |page| page.replace(".csv\"", ".json\""));
    caught("no table", |page| page.replace("<details>", "<div>").replace("</details>", "</div>"));
    caught("no permalink", |page| {
        page.replace("class=\"permalink\" href=\"#", "class=\"permalink\" href=\"#main\" id=\"x")
    });
    caught("no command", |page| page.replace("<code>", "<b>").replace("</code>", "</b>"));
}

#[test]
fn tables_that_lack_something() {
    caught("a table without a caption", |page| {
        let from = page.find("<caption>").unwrap();
        let to = page.find("</caption>").unwrap() + "</caption>".len();
        format!("{}{}", &page[..from], &page[to..])
    });
    caught("a table heading without a scope", replace(" scope=\"row\"", ""));
}

#[test]
fn pages_and_charts_that_are_too_big() {
    // Digits of a generator do not compress.
    let mut noise = synthetic::Noise::new(9);
    let filler: String = (0..PAGE_LIMIT / 8 + 20_000).map(|_| format!("{:.15} ", noise.uniform())).collect();
    caught("bytes compressed", |page| page.replacen("</main>", &format!("<p>{filler}</p></main>"), 1));
    let desc = "a".repeat(SVG_LIMIT);
    caught("an SVG of", |page| page.replacen("</desc>", &format!("{desc}</desc>"), 1));
}

#[test]
fn a_site_without_a_first_page_and_a_style_sheet_that_asks() {
    let mut site = sound();
    site.files.remove("index.html");
    site.files.insert("style.css".into(), b"body { background: url(https://example.org/a.png) }".to_vec());
    let problems: Vec<String> = check(&site).iter().map(ToString::to_string).collect();
    assert!(problems.iter().any(|problem| problem == "index.html: the site has no first page"));
    assert!(problems.iter().any(|problem| problem.starts_with("style.css: ")));
}
