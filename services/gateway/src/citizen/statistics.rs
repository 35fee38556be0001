//! How each agency does, as a chart, a table and a file: the same figures in all three.

use std::{fmt::Write as _, sync::Arc};

use askama::Template;
use axum::{
    extract::{Query, State},
    http::header,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use tuntas_proto::evaluation::v1::{Ratio, Score};

use crate::{
    directory::Directory,
    figures::{self, Province},
    web::{
        Web,
        fault::Fault,
        format,
        page::{Page, html},
    },
};

/// The period asked for, such as `2026-11`, `2026-Q4` or `2026`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    periode: String,
}

#[derive(Template)]
#[template(path = "citizen/statistics.html")]
struct StatisticsPage {
    page: Page,
    directory: Arc<Directory>,
    figures: Arc<Province>,
    periods: Vec<String>,
}

impl StatisticsPage {
    fn percent(&self, ratio: &Option<Ratio>) -> String {
        percent(ratio).map_or_else(|| "–".to_owned(), |percent| format!("{percent} %"))
    }

    /// Width of a bar, 0 to 100.
    fn width(&self, ratio: &Option<Ratio>) -> u64 {
        percent(ratio).unwrap_or(0)
    }

    fn all(&self, ratio: &Option<Ratio>) -> u64 {
        ratio.as_ref().map_or(0, |ratio| ratio.all)
    }

    fn days(&self, seconds: &u64) -> String {
        match *seconds {
            0 => "–".to_owned(),
            seconds => format::seconds(self.page.lang, seconds),
        }
    }

    /// Top of a row of the chart, in its units.
    fn top(&self, row: &usize) -> usize {
        row * 28
    }

    fn height(&self) -> usize {
        self.measured().len() * 28 + 4
    }

    /// Agencies that had something to answer.
    fn measured(&self) -> Vec<&Score> {
        self.figures
            .agencies
            .iter()
            .filter(|score| self.all(&score.resolution_on_time) > 0)
            .collect()
    }
}

fn percent(ratio: &Option<Ratio>) -> Option<u64> {
    let ratio = ratio.as_ref()?;
    (ratio.kept * 100).checked_div(ratio.all)
}

/// Shows them.
///
/// # Errors
/// Evaluation is away.
pub async fn show(State(web): State<Web>, page: Page, Query(asked): Query<Asked>) -> Result<Response, Fault> {
    let periods = figures::periods(page.now);
    let period = chosen(&periods, &asked);
    let figures = web.figures.of(&period).await?;
    let directory = web.directory.get().await?;
    html(&StatisticsPage {
        page,
        directory,
        figures,
        periods,
    })
}

fn chosen(periods: &[String], asked: &Asked) -> String {
    let known = periods.iter().find(|period| **period == asked.periode);
    known.or_else(|| periods.first()).cloned().unwrap_or_default()
}

/// The same as a file (RFC 4180).
///
/// # Errors
/// Evaluation is away.
pub async fn csv(State(web): State<Web>, page: Page, Query(asked): Query<Asked>) -> Result<Response, Fault> {
    let period = chosen(&figures::periods(page.now), &asked);
    let figures = web.figures.of(&period).await?;
    let directory = web.directory.get().await?;
    let mut text = String::from(
        "period,agency_code,agency,received,closed,open,overdue,resolved_on_time,resolutions,charged_median_s,charged_p90_s,\
         returns,disputes_upheld,rating_hundredths,ratings,points,predicate\r\n",
    );
    for score in &figures.agencies {
        let resolution = score.resolution_on_time.unwrap_or_default();
        let name = directory.agency(&score.subject_id).replace('"', "\"\"");
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "{},{},\"{name}\",{},{},{},{},{},{},{},{},{},{},{},{},{},{}\r\n",
            figures.period,
            score.subject_id,
            score.received,
            score.closed,
            score.open,
            score.overdue,
            resolution.kept,
            resolution.all,
            score.charged_median_s,
            score.charged_p90_s,
            score.returns,
            score.disputes_upheld,
            score.rating_hundredths,
            score.ratings,
            score.points,
            score.predicate
        );
    }
    let attachment = format!("attachment; filename=\"tuntas-{}.csv\"", figures.period);
    Ok((
        [
            (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
            (header::CONTENT_DISPOSITION, attachment),
        ],
        text,
    )
        .into_response())
}
