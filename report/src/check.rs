//! What a rendered site must pass before anybody sees it.
//!
//! The checks are structural: they read the files and nothing else. They say nothing about looks, contrast or
//! whether a browser lays a page out without overflow.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use scraper::{ElementRef, Html, Selector};

use crate::site::Site;

/// A page takes at most this much of a reader's line: bytes after compression.
///
/// Measured as raw deflate at level 6, which is what gzip sends less its 18 bytes of wrapping.
pub const PAGE_LIMIT: usize = 150_000;

/// An inline SVG has at most this many bytes.
pub const SVG_LIMIT: usize = 40_000;

/// Something that is wrong with a file of a site.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file's path in the site.
    pub file: String,
    /// What is wrong, and where in it.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.what)
    }
}

/// Checks every page of a site; an empty answer means that nothing was found. Every page
///
/// - parses as HTML without an error, has a language, a viewport, a title, one `h1` and no skipped heading;
/// - has unique ids, and links only to files of the site and to ids that these have;
/// - asks nobody else for anything, runs no script and has no handler;
/// - names every picture, and gives every figure a chart, a table with caption and scopes, and a CSV file;
/// - stays under [`PAGE_LIMIT`], every chart under [`SVG_LIMIT`].
///
/// ```
/// use heddle_report::{Site, check::check};
/// let mut site = Site::default();
/// site.files.insert("index.html".into(), b"<p>no doctype".to_vec());
/// assert!(!check(&site).is_empty());
/// ```
#[must_use]
pub fn check(site: &Site) -> Vec<Problem> {
    let mut problems = Vec::new();
    let pages: BTreeMap<&str, Page> = site
        .files
        .iter()
        .filter(|(path, _)| path.ends_with(".html"))
        .map(|(path, contents)| (path.as_str(), Page::parse(contents)))
        .collect();
    if !pages.contains_key("index.html") {
        problems.push(Problem { file: "index.html".into(), what: "the site has no first page".into() });
    }
    for (path, page) in &pages {
        let mut found = Vec::new();
        page.structure(&mut found);
        page.figures(&mut found);
        page.requests(&mut found);
        for link in page.links() {
            found.extend(resolve(path, &link, site, &pages));
        }
        let size = miniz_oxide::deflate::compress_to_vec(&site.files[*path], 6).len();
        if size > PAGE_LIMIT {
            found.push(format!("{size} bytes compressed, {PAGE_LIMIT} allowed"));
        }
        problems.extend(found.into_iter().map(|what| Problem { file: (*path).to_owned(), what }));
    }
    for (path, contents) in site.files.iter().filter(|(path, _)| path.ends_with(".css")) {
        let text = String::from_utf8_lossy(contents);
        if text.contains("url(") || text.contains("@import") {
            problems
                .push(Problem { file: path.clone(), what: "the style sheet asks for another file".into() });
        }
    }
    problems
}

struct Page {
    text: Result<String, std::string::FromUtf8Error>,
    html: Html,
    ids: Vec<String>,
}

impl Page {
    fn parse(contents: &[u8]) -> Self {
        let text = String::from_utf8(contents.to_vec());
        let html = Html::parse_document(text.as_deref().unwrap_or_default());
        let ids =
            every(&html, "[id]").iter().filter_map(|element| element.attr("id")).map(str::to_owned).collect();
        Self { text, html, ids }
    }

    fn structure(&self, found: &mut Vec<String>) {
        if self.text.is_err() {
            found.push("not UTF-8".into());
        }
        found.extend(self.html.errors.iter().map(|error| format!("HTML: {error}")));
        let mut needs = |selector: &str, what: &str| {
            if every(&self.html, selector).is_empty() {
                found.push(what.to_owned());
            }
        };
        needs("html[lang]", "no language on html");
        needs("head > meta[name=viewport]", "no viewport");
        needs("head > meta[charset]", "no charset");
        needs("head > title:not(:empty)", "no title");
        needs("main", "no main");
        let tops = every(&self.html, "h1").len();
        if tops != 1 {
            found.push(format!("{tops} h1, one wanted"));
        }
        let mut level = 0;
        for heading in every(&self.html, "h1, h2, h3, h4, h5, h6") {
            let here = heading.value().name().as_bytes()[1] - b'0';
            // The footer starts anew at h2.
            if here > level + 1 {
                found.push(format!("heading h{here} after h{level}: {}", words(heading)));
            }
            level = here;
        }
        let mut seen = BTreeSet::new();
        found.extend(self.ids.iter().filter(|id| !seen.insert(*id)).map(|id| format!("id {id} twice")));
        for table in every(&self.html, "table") {
            if first(table, "caption").is_none() {
                found.push("a table without a caption".into());
            }
            if all_of(table, "th").iter().any(|cell| cell.attr("scope").is_none()) {
                found.push("a table heading without a scope".into());
            }
            if all_of(table, "tbody tr").is_empty() {
                found.push("a table without rows".into());
            }
        }
    }

    fn figures(&self, found: &mut Vec<String>) {
        for svg in every(&self.html, "svg") {
            let size = svg.html().len();
            if size > SVG_LIMIT {
                found.push(format!("an SVG of {size} bytes, {SVG_LIMIT} allowed"));
            }
            if svg.attr("aria-hidden") == Some("true") {
                continue;
            }
            let named = svg.attr("role") == Some("img")
                && ["title", "desc"]
                    .iter()
                    .all(|part| first(svg, part).is_some_and(|part| !words(part).is_empty()));
            let label = svg.attr("aria-labelledby").unwrap_or_default();
            let labelled =
                !label.is_empty() && label.split_whitespace().all(|id| self.ids.iter().any(|own| own == id));
            if !named || !labelled {
                found.push("an SVG without role, title or description".into());
            }
            if svg.attr("viewBox").is_none() {
                found.push("an SVG without a viewBox".into());
            }
        }
        for figure in every(&self.html, "figure") {
            let name = figure.attr("id").unwrap_or("without an id").to_owned();
            let mut needs = |selector: &str, what: &str| {
                if first(figure, selector).is_none() {
                    found.push(format!("figure {name}: no {what}"));
                }
            };
            needs("svg[role=img]", "chart");
            needs("details table", "table");
            needs("a[href$=\".csv\"]", "CSV link");
            needs("figcaption", "caption");
            needs("code", "command that reproduces it");
            if first(figure, "a[href^=\"#\"]").and_then(|link| link.attr("href"))
                != Some(&*format!("#{name}"))
            {
                found.push(format!("figure {name}: no permalink"));
            }
        }
    }

    fn requests(&self, found: &mut Vec<String>) {
        for element in every(&self.html, "script, iframe, object, embed, base, form") {
            found.push(format!("a {} element", element.value().name()));
        }
        for element in every(&self.html, "*") {
            for (name, value) in element.value().attrs() {
                let asks =
                    matches!(name, "src" | "href" | "srcset" | "action" | "poster" | "data" | "xlink:href");
                if asks && is_external(value) {
                    found.push(format!("{} asks for {value}", element.value().name()));
                }
                if name.starts_with("on") || (name == "style" && value.contains("url(")) {
                    found.push(format!("{} has {name}", element.value().name()));
                }
            }
        }
        for style in every(&self.html, "style") {
            if words(style).contains("url(") || words(style).contains("@import") {
                found.push("a style element asks for another file".into());
            }
        }
    }

    fn links(&self) -> Vec<String> {
        let linked = every(&self.html, "[href], [src]");
        linked
            .iter()
            .filter_map(|element| element.attr("href").or_else(|| element.attr("src")))
            .filter(|link| !is_external(link))
            .map(str::to_owned)
            .collect()
    }
}

/// Where a link from `from` leads, if that is nowhere.
fn resolve(from: &str, link: &str, site: &Site, pages: &BTreeMap<&str, Page>) -> Option<String> {
    let dangling = || Some(format!("dangling link {link}"));
    let (path, fragment) =
        link.split_once('#').map_or((link, None), |(path, fragment)| (path, Some(fragment)));
    let target = if path.is_empty() {
        from.to_owned()
    } else if path.starts_with('/') {
        return Some(format!("link {link} is not relative"));
    } else {
        let mut folders: Vec<&str> = from.split('/').collect();
        folders.pop();
        for part in path.split('/') {
            match part {
                ".." if folders.pop().is_none() => return Some(format!("link {link} leaves the site")),
                ".." | "." => {}
                part => folders.push(part),
            }
        }
        folders.join("/")
    };
    if !site.files.contains_key(&target) {
        return dangling();
    }
    let fragment = fragment.filter(|fragment| !fragment.is_empty())?;
    let known = pages.get(&*target).is_some_and(|page| page.ids.iter().any(|id| id == fragment));
    if known { None } else { dangling() }
}

/// Whether a browser would ask another host, or something that is not a file of the site.
fn is_external(link: &str) -> bool {
    let scheme = link.split(['/', '#', '?']).next().is_some_and(|first| first.contains(':'));
    scheme || link.starts_with("//")
}

fn every<'a>(html: &'a Html, selector: &str) -> Vec<ElementRef<'a>> {
    html.select(&parsed(selector)).collect()
}

fn all_of<'a>(element: ElementRef<'a>, selector: &str) -> Vec<ElementRef<'a>> {
    element.select(&parsed(selector)).collect()
}

fn first<'a>(element: ElementRef<'a>, selector: &str) -> Option<ElementRef<'a>> {
    element.select(&parsed(selector)).next()
}

fn parsed(selector: &str) -> Selector {
    Selector::parse(selector).unwrap_or_else(|error| unreachable!("{selector}: {error}"))
}

fn words(element: ElementRef<'_>) -> String {
    element.text().collect::<String>().trim().to_owned()
}
