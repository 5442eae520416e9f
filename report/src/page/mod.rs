//! Pages: what a run says, arranged.
//!
//! - [`report`]: a run with everything derived from it, which every page reads;
//! - [`figure`]: charts with all that a figure must carry; [`curve`]: those over cases, which are [`sizes`] or [`delays`]; [`table`]: tables;
//! - [`titles`]: what a chart says; [`words`]: how it is put; [`findings`]: what matters most;
//! - [`home`], [`kernel`], [`suite`], [`verification`], [`method`], [`data`]: the pages.

mod csv;
mod curve;
mod data;
mod delays;
mod figure;
mod findings;
mod home;
mod kernel;
mod method;
mod report;
mod sizes;
mod suite;
mod table;
mod titles;
mod verification;
mod words;

use std::collections::BTreeMap;

use serde::Serialize;
use tera::{Context, Tera};

use crate::site::{RenderError, RunRecords};
use report::Report;

/// A run as a link in the list of runs.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct OtherRun {
    pub href: String,
    pub id: String,
    pub host: String,
    pub started: String,
    pub quick: bool,
}

/// Files by path.
type Files = BTreeMap<String, Vec<u8>>;

/// Renders one run's site; `runs` links to all of them, this one included.
pub(crate) fn render(records: &RunRecords, runs: &[OtherRun]) -> Result<Files, RenderError> {
    let report =
        Report::of(records).map_err(|source| RenderError::Records { run: records.run.id.clone(), source })?;
    let mut press = Press::new(&report, runs)?;
    press.files.insert("style.css".into(), include_bytes!("../../templates/style.css").to_vec());
    press.files.insert("favicon.svg".into(), include_bytes!("../../templates/favicon.svg").to_vec());
    kernel::render(&mut press)?;
    suite::render(&mut press)?;
    verification::render(&mut press)?;
    method::render(&mut press)?;
    home::render(&mut press)?;
    // Last, because it lists all the others have left behind.
    data::render(&mut press)?;
    Ok(press.files)
}

/// What pages are printed with: templates, the run, and the files so far.
struct Press<'a> {
    report: &'a Report<'a>,
    runs: &'a [OtherRun],
    tera: Tera,
    files: Files,
}

/// An entry of the navigation.
#[derive(Clone, Debug, Serialize)]
struct Link {
    label: String,
    href: String,
    current: bool,
}

impl<'a> Press<'a> {
    fn new(report: &'a Report<'a>, runs: &'a [OtherRun]) -> Result<Self, RenderError> {
        let mut tera = Tera::default();
        tera.add_raw_templates(vec![
            ("base.html", include_str!("../../templates/base.html")),
            ("figure.html", include_str!("../../templates/figure.html")),
            ("table.html", include_str!("../../templates/table.html")),
            ("sections.html", include_str!("../../templates/sections.html")),
            ("home.html", include_str!("../../templates/home.html")),
            ("kernel.html", include_str!("../../templates/kernel.html")),
            ("suite.html", include_str!("../../templates/suite.html")),
            ("verification.html", include_str!("../../templates/verification.html")),
            ("broken.html", include_str!("../../templates/broken.html")),
            ("method.html", include_str!("../../templates/method.html")),
            ("data.html", include_str!("../../templates/data.html")),
        ])?;
        Ok(Self { report, runs, tera, files: Files::new() })
    }

    /// Prints the page at `path` from a template and its own part of the context.
    fn page(
        &mut self,
        path: &str,
        template: &str,
        title: &str,
        body: &impl Serialize,
    ) -> Result<(), RenderError> {
        let root = "../".repeat(path.matches('/').count());
        let mut context = Context::new();
        context.insert("title", title);
        context.insert("root", &root);
        context.insert("nav", &self.navigation(path, &root));
        context.insert("kernels", &self.kernels(path, &root));
        context.insert("runs", &if self.runs.len() > 1 { self.runs.to_vec() } else { Vec::new() });
        context.insert("quick", &self.report.run.quick);
        context.insert("watermark", crate::chart::WATERMARK);
        context.insert("warnings", &self.report.warnings());
        context.insert("environment", &self.report.environment());
        context.insert("run_id", &self.report.run.id);
        context.insert("started", &self.report.started());
        context.insert("started_exact", &self.report.run.started);
        context.insert("body", body);
        let text = self.tera.render(template, &context)?;
        self.files.insert(path.to_owned(), text.into_bytes());
        Ok(())
    }

    fn navigation(&self, path: &str, root: &str) -> Vec<Link> {
        let entries = [
            ("Overview", "index.html"),
            ("Primitives", "primitives.html"),
            ("IPC", "ipc.html"),
            ("Costs", "costs.html"),
            ("Verification", "verification.html"),
            ("Method", "method.html"),
            ("Raw data", "data.html"),
        ];
        let link = |(label, to): (&str, &str)| Link {
            label: label.to_owned(),
            href: format!("{root}{to}"),
            current: to == path,
        };
        entries.into_iter().map(link).collect()
    }

    fn kernels(&self, path: &str, root: &str) -> Vec<Link> {
        let link = |kernel: String| Link {
            href: format!("{root}kernel/{kernel}.html"),
            current: path == format!("kernel/{kernel}.html"),
            label: kernel,
        };
        self.report.kernels().into_iter().map(link).collect()
    }
}
