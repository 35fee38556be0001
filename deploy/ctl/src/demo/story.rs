//! What happens to each report of the demo, decided beforehand by the dice: who files it, who is late, who disputes.
//!
//! A story is a list of steps with the time between them. It knows nothing of the platform; `acts` plays it.

use std::collections::VecDeque;

use time::{Duration, OffsetDateTime};
use tuntas_proto::{
    case::v1::{Outcome, Privacy, RejectReason, ReportKind},
    event::v1::Category,
    intake::v1::{FileReportRequest, Place},
};

use super::{
    dice::Dice,
    plots,
    words::{self, AnswerKind, Subject},
};
use crate::{directory::Directory, wib};

/// How a story goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Plot {
    Resolved,
    Late,
    Ignored,
    Returned,
    Bound,
    DisputedOnce,
    DisputedTwice,
    DisputedThrice,
    Clarified,
    Informed,
    Noted,
    Rejected,
    RejectedContested,
    Referred,
    ReferredContested,
    Merged,
    MergedDissenting,
    Unmerged,
    Withdrawn,
    Completed,
    Lapsed,
    TwoAgencies,
    Supervisory,
    OwnUnit,
    Recalled,
    Transferred,
    Reopened,
    Unverified,
}

/// How often each plot is played, per thousand.
const PLOTS: [(Plot, i64); 28] = [
    (Plot::Resolved, 268),
    (Plot::Late, 90),
    (Plot::Ignored, 40),
    (Plot::Returned, 45),
    (Plot::Bound, 20),
    (Plot::DisputedOnce, 45),
    (Plot::DisputedTwice, 18),
    (Plot::DisputedThrice, 8),
    (Plot::Clarified, 60),
    (Plot::Informed, 80),
    (Plot::Noted, 60),
    (Plot::Rejected, 30),
    (Plot::RejectedContested, 10),
    (Plot::Referred, 45),
    (Plot::ReferredContested, 6),
    (Plot::Merged, 35),
    (Plot::MergedDissenting, 8),
    (Plot::Unmerged, 5),
    (Plot::Withdrawn, 25),
    (Plot::Completed, 25),
    (Plot::Lapsed, 15),
    (Plot::TwoAgencies, 22),
    (Plot::Supervisory, 14),
    (Plot::OwnUnit, 6),
    (Plot::Recalled, 5),
    (Plot::Transferred, 5),
    (Plot::Reopened, 7),
    (Plot::Unverified, 3),
];

/// One thing that somebody does.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the protocol's commands")]
pub enum Act {
    Verify {
        supervisory: bool,
        complained: String,
    },
    RequestCompletion,
    Complete,
    Reject(RejectReason),
    Refer {
        authority: String,
    },
    Merge,
    Unmerge,
    Dispose {
        lead: String,
        with: Vec<String>,
    },
    Bind {
        lead: String,
    },
    Transfer {
        to: String,
    },
    Recall,
    Accept,
    Return {
        suggest: String,
    },
    RequestTransfer {
        suggest: String,
    },
    Assign,
    Note,
    FirstResponse,
    ContributionDone {
        opd: String,
    },
    LeadDone,
    Answer {
        claim: Outcome,
        words: AnswerKind,
        by_head: bool,
    },
    Dispute,
    DecideDispute {
        upheld: bool,
    },
    Contest,
    DecideContest {
        upheld: bool,
    },
    Rate(u32),
    Withdraw,
    Message,
    Explain,
    Recommend,
    Reopen,
}

impl Act {
    /// Whether the story goes on although this was refused.
    #[must_use]
    pub fn is_optional(&self) -> bool {
        matches!(
            self,
            Self::Note
                | Self::FirstResponse
                | Self::Assign
                | Self::Rate(_)
                | Self::Message
                | Self::Explain
                | Self::Recommend
                | Self::LeadDone
                | Self::Unmerge
        )
    }
}

/// An act, so long after the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Working hours (24 to a working day, rule K1) after the step before.
    pub after_working_hours: i64,
    /// The act.
    pub act: Act,
}

/// One report of the demo.
#[derive(Debug, Clone)]
pub struct Story {
    /// Number of the report.
    pub index: usize,
    /// Its plot.
    pub plot: Plot,
    /// When it is to be filed.
    pub filed_at: OffsetDateTime,
    /// What is filed; key, date and attachments are filled in when it is.
    pub report: FileReportRequest,
    /// With a photo.
    pub with_photo: bool,
    /// Story of which it is a duplicate.
    pub duplicate_of: Option<usize>,
    /// What happens.
    pub steps: VecDeque<Step>,
}

/// What the stories are made of.
pub struct Setting<'a> {
    /// Agencies, categories, regions.
    pub directory: &'a Directory,
    /// When the demo starts.
    pub start: OffsetDateTime,
    /// When it ends.
    pub end: OffsetDateTime,
    /// Seed.
    pub seed: u64,
    /// Number of reports.
    pub reports: usize,
}

/// Plots that every demo shows at least once when it is big enough, in this order; the rest is up to the dice.
const ALWAYS_SHOWN: [Plot; 28] = {
    let mut shown = [Plot::Resolved; 28];
    let mut i = 0;
    while i < 28 {
        shown[i] = PLOTS[i].0;
        i += 1;
    }
    shown
};

/// All stories, by the time at which they are filed.
#[must_use]
pub fn tell(setting: &Setting<'_>) -> Vec<Story> {
    let mut stories: Vec<Story> = Vec::with_capacity(setting.reports);
    for index in 0..setting.reports {
        let mut dice = Dice::new(setting.seed, index as u64 + 1);
        let sure = if setting.reports >= 2 * ALWAYS_SHOWN.len() {
            ALWAYS_SHOWN.get(index).copied()
        } else {
            None
        };
        let plot = sure.or_else(|| dice.weighted(&PLOTS)).unwrap_or(Plot::Resolved);
        let story = tell_one(setting, index, plot, &mut dice, &stories);
        stories.push(story);
    }
    stories
}

fn tell_one(setting: &Setting<'_>, index: usize, plot: Plot, dice: &mut Dice, before: &[Story]) -> Story {
    let twin = match plot {
        Plot::Merged | Plot::MergedDissenting | Plot::Unmerged => twin_of(dice, before),
        _ => None,
    };
    // A duplicate without anything to be a duplicate of is just a report.
    let plot = if twin.is_none() && matches!(plot, Plot::Merged | Plot::MergedDissenting | Plot::Unmerged) {
        Plot::Resolved
    } else {
        plot
    };
    let directory = setting.directory;
    let categories: Vec<&Category> = directory
        .categories
        .values()
        .filter(|category| fits(category, plot))
        .collect();
    let (category, region) = match twin.and_then(|twin| before.get(twin)) {
        Some(twin) => (
            directory.categories.get(&twin.report.category_code),
            directory.regions.get(&twin.report.region_code),
        ),
        None => (
            dice.pick(&categories).copied(),
            dice.pick(&directory.regions.values().collect::<Vec<_>>()).copied(),
        ),
    };
    let (category, region) = (
        category.cloned().unwrap_or_default(),
        region.cloned().unwrap_or_default(),
    );
    let filed_at = match twin.and_then(|twin| before.get(twin)) {
        Some(twin) => twin.filed_at + Duration::hours(dice.between(5, 40)),
        None => filing_time(setting, plot, dice),
    };
    let kind = kind_of(plot, dice);
    let subject = Subject::of(dice, &category, &region);
    let (title, body) = match kind {
        ReportKind::Aspiration => subject.aspiration(dice, &category),
        ReportKind::InformationRequest => subject.question(dice, &category),
        _ => subject.complaint(dice),
    };
    let privacy = dice
        .weighted(&[
            (Privacy::Open, 62),
            (Privacy::Anonymous, 25),
            (Privacy::Confidential, 13),
        ])
        .unwrap_or(Privacy::Open);
    let with_coordinates = dice.percent(40);
    let coordinate = |dice: &mut Dice, low: i64, high: i64| {
        Some(f64::from(i32::try_from(dice.between(low, high)).unwrap_or(0)) / 10_000.0)
    };
    let report = FileReportRequest {
        kind: kind.into(),
        privacy: privacy.into(),
        title: title.chars().take(200).collect(),
        body,
        category_code: category.code.clone(),
        region_code: region.code.clone(),
        named_opd: if dice.percent(20) && category.competence == "provinsi" && plot != Plot::Supervisory {
            category.default_opd.clone()
        } else {
            String::new()
        },
        place: Some(Place {
            description: subject.place.clone(),
            latitude: if with_coordinates {
                coordinate(dice, -5_000, 20_000)
            } else {
                None
            },
            longitude: if with_coordinates {
                coordinate(dice, 1_003_000, 1_030_000)
            } else {
                None
            },
        }),
        event_date: wib::iso_date(filed_at - Duration::days(dice.between(1, 20))),
        // Anonymity hides the identity, it does not do without: news of the report goes there.
        identity: Some(words::identity(dice, index)).filter(|_| dice.percent(90)),
        channel: dice
            .word(&["web", "web", "web", "sms", "email", "open311", "assisted"])
            .to_owned(),
        language: if dice.percent(95) { "id" } else { "en" }.to_owned(),
        ..FileReportRequest::default()
    };
    let with_photo = dice.percent(12);
    let steps = plots::steps_of(plot, dice, &category, directory);
    Story {
        index,
        plot,
        filed_at,
        report,
        with_photo,
        duplicate_of: twin,
        steps,
    }
}

/// An earlier story whose case will be open for a while, so that a duplicate can join it.
fn twin_of(dice: &mut Dice, before: &[Story]) -> Option<usize> {
    let fit = before.iter().filter(|story| {
        matches!(story.plot, Plot::Resolved | Plot::Late | Plot::Clarified) && story.duplicate_of.is_none()
    });
    let fit: Vec<usize> = fit.map(|story| story.index).collect();
    dice.pick(&fit).copied()
}

/// Referred stories are about what is not the province's, all others about what is.
fn fits(category: &Category, plot: Plot) -> bool {
    match plot {
        Plot::Referred | Plot::ReferredContested => category.competence != "provinsi",
        Plot::Supervisory => matches!(category.code.as_str(), "disiplin-asn" | "korupsi-pungli"),
        Plot::OwnUnit => matches!(category.code.as_str(), "internet" | "sp4n"),
        _ => {
            category.competence == "provinsi"
                && !matches!(category.default_opd.as_str(), "diskominfotik" | "inspektorat")
        }
    }
}

fn kind_of(plot: Plot, dice: &mut Dice) -> ReportKind {
    match plot {
        Plot::Informed => ReportKind::InformationRequest,
        Plot::Noted => ReportKind::Aspiration,
        Plot::Rejected | Plot::Withdrawn | Plot::Lapsed | Plot::Unverified if dice.percent(25) => {
            ReportKind::Aspiration
        }
        _ => ReportKind::Complaint,
    }
}

/// Long stories are filed early enough to be told to their end; the rest until the last day.
fn filing_time(setting: &Setting<'_>, plot: Plot, dice: &mut Dice) -> OffsetDateTime {
    let span_hours = (setting.end - setting.start).whole_hours().max(1);
    let share = match plot {
        Plot::DisputedTwice | Plot::DisputedThrice | Plot::Reopened | Plot::Lapsed | Plot::Ignored => 35,
        Plot::DisputedOnce | Plot::Late | Plot::Bound | Plot::RejectedContested | Plot::Supervisory => 60,
        _ => 97,
    };
    setting.start + Duration::hours(dice.between(0, span_hours * share / 100)) + Duration::minutes(dice.between(0, 59))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use std::collections::BTreeSet;

    use time::macros::datetime;
    use tuntas_proto::{
        event::v1::{Agency, Position, Region},
        routing::v1::ListDirectoryResponse,
    };

    use super::*;

    fn directory() -> Directory {
        let category = |code: &str, opd: &str, competence: &str| Category {
            code: code.into(),
            name_id: "Jalan".into(),
            default_opd: opd.into(),
            competence: competence.into(),
            examples_id: vec!["jalan berlubang".into(), "jembatan rusak".into()],
            ..Category::default()
        };
        let liaison = |opd: &str| Position {
            id: format!("{opd}.sekretaris"),
            opd_code: opd.into(),
            roles: vec!["liaison".into()],
            active: true,
            ..Position::default()
        };
        Directory::from(ListDirectoryResponse {
            agencies: vec![Agency {
                code: "pemko-dumai".into(),
                kind: "external".into(),
                ..Agency::default()
            }],
            positions: vec![liaison("dishub"), liaison("pupr-pkpp"), liaison("disdik")],
            categories: vec![
                category("jalan-provinsi", "pupr-pkpp", "provinsi"),
                category("lampu-jalan", "dishub", "kabupaten_kota"),
                category("korupsi-pungli", "inspektorat", "provinsi"),
                category("internet", "diskominfotik", "provinsi"),
            ],
            regions: vec![Region {
                code: "14.71".into(),
                name: "Pekanbaru".into(),
                ..Region::default()
            }],
            ..ListDirectoryResponse::default()
        })
    }

    fn stories(seed: u64) -> Vec<Story> {
        let directory = directory();
        tell(&Setting {
            directory: &directory,
            start: datetime!(2026-09-29 00:00 UTC),
            end: datetime!(2026-11-24 00:00 UTC),
            seed,
            reports: 600,
        })
    }

    #[test]
    fn the_same_seed_tells_the_same_stories_and_all_plots_occur() {
        let (one, same, other) = (stories(7), stories(7), stories(8));
        let key = |stories: &[Story]| {
            stories
                .iter()
                .map(|s| (s.report.body.clone(), s.filed_at, s.steps.len()))
                .collect::<Vec<_>>()
        };
        assert_eq!(key(&one), key(&same));
        assert_ne!(key(&one), key(&other));
        let plots: BTreeSet<Plot> = one.iter().map(|story| story.plot).collect();
        // The first reports have no twin yet.
        assert!(plots.len() >= 26, "{plots:?}");
    }

    #[test]
    fn every_report_is_one_that_intake_takes() {
        for story in stories(1) {
            let report = &story.report;
            assert!((1..=200).contains(&report.title.chars().count()), "{}", report.title);
            assert!((20..=10_000).contains(&report.body.chars().count()), "{}", report.body);
            let identity = report.identity.clone().unwrap_or_default();
            assert!(identity.email.is_empty() || identity.email.ends_with(".invalid"));
            assert!(identity.nik.is_empty() || (identity.nik.len() == 16 && identity.nik.starts_with("99")));
            let twin = story.duplicate_of.map(|twin| twin < story.index);
            assert!(twin.unwrap_or(true));
        }
    }

    #[test]
    fn the_photo_is_a_png() {
        assert_eq!(words::PHOTO_PNG.get(1..4).unwrap(), b"PNG");
    }
}
