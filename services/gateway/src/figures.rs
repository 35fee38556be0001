//! Public figures of the service, from evaluation, kept for a while.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use time::OffsetDateTime;
use tuntas_domain::calendar::wib_date;
use tuntas_kit::problem::Problem;
use tuntas_proto::evaluation::v1::{ListScoresRequest, Score};

use crate::platform::{Platform, answer};

/// Periods remembered at once; each is small.
const PERIODS_MAX: usize = 64;

/// Figures of a period.
#[derive(Debug, Default)]
pub struct Province {
    /// Period, such as `2026`.
    pub period: String,
    /// Of all agencies together.
    pub all: Score,
    /// By agency.
    pub agencies: Vec<Score>,
}

impl Province {
    /// Answered in time, of a hundred; none while nothing was due.
    #[must_use]
    pub fn on_time_percent(&self) -> Option<u64> {
        let ratio = self.all.resolution_on_time.as_ref()?;
        (ratio.kept * 100).checked_div(ratio.all)
    }

    /// Median of the days from filing to the end, as far as the province is charged with them.
    #[must_use]
    pub fn median_days(&self) -> u64 {
        const DAY_S: u64 = 86_400;
        self.all.charged_median_s.div_ceil(DAY_S)
    }
}

/// Asks for figures.
pub struct Figures {
    platform: Platform,
    fresh_for: Duration,
    kept: Mutex<HashMap<String, (Instant, Arc<Province>)>>,
}

impl Figures {
    /// Nothing is asked yet.
    #[must_use]
    pub fn new(platform: Platform, fresh_for: Duration) -> Self {
        Self {
            platform,
            fresh_for,
            kept: Mutex::default(),
        }
    }

    /// Of this year (WIB).
    ///
    /// # Errors
    /// Evaluation is away.
    pub async fn of_this_year(&self, now: OffsetDateTime) -> Result<Arc<Province>, Problem> {
        self.of(&wib_date(now).year().to_string()).await
    }

    /// Of a period.
    ///
    /// # Errors
    /// Evaluation is away, or this is no period.
    pub async fn of(&self, period: &str) -> Result<Arc<Province>, Problem> {
        if let Some((at, figures)) = self.lock().get(period)
            && at.elapsed() < self.fresh_for
        {
            return Ok(figures.clone());
        }
        let request = |per: &str| ListScoresRequest {
            period: period.to_owned(),
            per: per.to_owned(),
            subject_id: String::new(),
        };
        let (mut for_all, mut for_each) = (self.platform.evaluation(), self.platform.evaluation());
        let (all, agencies) = tokio::join!(
            answer(for_all.list_scores(request("province"))),
            answer(for_each.list_scores(request("opd")))
        );
        let figures = Arc::new(Province {
            period: period.to_owned(),
            all: all?.scores.into_iter().next().unwrap_or_default(),
            agencies: agencies?.scores,
        });
        let mut kept = self.lock();
        if kept.len() >= PERIODS_MAX {
            kept.clear();
        }
        kept.insert(period.to_owned(), (Instant::now(), figures.clone()));
        Ok(figures)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, (Instant, Arc<Province>)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Periods to choose from: this year and the last one, this year's quarters and months so far, latest first.
#[must_use]
pub fn periods(now: OffsetDateTime) -> Vec<String> {
    let today = wib_date(now);
    let (year, month) = (today.year(), u8::from(today.month()));
    let mut periods = vec![year.to_string(), (year - 1).to_string()];
    periods.extend(
        (1..=month.div_ceil(3))
            .rev()
            .map(|quarter| format!("{year}-Q{quarter}")),
    );
    periods.extend((1..=month).rev().map(|month| format!("{year}-{month:02}")));
    periods
}
