//! What something costs against how long the partner takes: groups whose cases are durations.

use super::curve::{Caption, Curve};
use super::figure::{Figure, slug};
use super::{Press, titles};
use crate::compare::Table as Cells;
use crate::names;

/// One quantity against the delay. `delays` are tables of the same subject and metric, from short to long; None with fewer than
/// two of them.
pub(super) fn figure(press: &mut Press<'_>, delays: &[Cells<'_>]) -> Option<Figure> {
    let report = press.report;
    let curve = Curve::new(report, delays, |_| true)?;
    let key = &delays[0].first()?.key;
    let group = key.group.split('/').next().unwrap_or_default();
    let caption = Caption {
        id: slug(&[group, &key.metric, "delays"]),
        title: format!("After {}: {}", curve.cases[0], titles::suite_title(report, delays[0])),
        cases: "Delay",
        table: format!("{group}: {} by delay", names::metric(&key.metric)),
        meaning: "Median and its 95 % interval, by how long the partner takes to answer; less is better. Delays are \
                  steps, not a scale."
            .into(),
        crossings: Vec::new(),
    };
    curve.figure(press, caption)
}
