//! The plots: what each kind of story does, step by step. The hours are working hours, 24 to a working day (rule K1).

use std::collections::VecDeque;

use tuntas_proto::{
    case::v1::{Outcome, RejectReason},
    event::v1::Category,
};

use super::{
    dice::Dice,
    story::{Act, Plot, Step},
    words::AnswerKind,
};
use crate::directory::Directory;

/// Collects steps.
struct Telling<'d> {
    dice: &'d mut Dice,
    steps: VecDeque<Step>,
}

impl Telling<'_> {
    fn then(&mut self, low: i64, high: i64, act: Act) -> &mut Self {
        let after_working_hours = self.dice.between(low, high);
        self.steps.push_back(Step {
            after_working_hours,
            act,
        });
        self
    }

    fn verify(&mut self) -> &mut Self {
        self.then(
            3,
            50,
            Act::Verify {
                supervisory: false,
                complained: String::new(),
            },
        )
    }

    fn dispose(&mut self, lead: &str) -> &mut Self {
        self.then(
            1,
            16,
            Act::Dispose {
                lead: lead.to_owned(),
                with: Vec::new(),
            },
        )
    }

    /// Accepts, assigns, notes, responds: what an agency does before it answers.
    fn work(&mut self, slowness: i64) -> &mut Self {
        self.then(4 * slowness, 40 * slowness, Act::Accept)
            .then(1, 10, Act::Assign);
        if self.dice.percent(70) {
            self.then(4, 50 * slowness, Act::FirstResponse);
        }
        if self.dice.percent(40) {
            self.then(10, 60, Act::Note);
        }
        if self.dice.percent(8) {
            self.then(1, 30, Act::Message);
        }
        self
    }

    fn answer(&mut self, low: i64, high: i64, claim: Outcome, words: AnswerKind) -> &mut Self {
        self.then(
            low,
            high,
            Act::Answer {
                claim,
                words,
                by_head: false,
            },
        )
    }

    fn head_answers(&mut self, low: i64, high: i64) -> &mut Self {
        self.then(
            low,
            high,
            Act::Answer {
                claim: Outcome::Resolved,
                words: AnswerKind::Done,
                by_head: true,
            },
        )
    }

    fn maybe_rate(&mut self, stars: &[(u32, i64)]) -> &mut Self {
        if self.dice.percent(45) {
            let stars = self.dice.weighted(stars).unwrap_or(3);
            self.then(5, 100, Act::Rate(stars));
        }
        self
    }
}

const CONTENT: [(u32, i64); 5] = [(1, 4), (2, 8), (3, 20), (4, 38), (5, 30)];
const ANGRY: [(u32, i64); 5] = [(1, 45), (2, 30), (3, 15), (4, 7), (5, 3)];

/// Who plays in a story.
struct Cast {
    /// Agency whose task it is.
    lead: String,
    /// Another one.
    other: String,
    /// An authority that is not the province's.
    authority: String,
    /// Whether the agency answers with stock words.
    answer: AnswerKind,
}

/// The steps of a plot.
pub(super) fn steps_of(plot: Plot, dice: &mut Dice, category: &Category, directory: &Directory) -> VecDeque<Step> {
    let cast = Cast {
        lead: category.default_opd.clone(),
        other: other_agency(dice, directory, &category.default_opd),
        authority: authority_for(dice, directory),
        answer: if dice.percent(12) {
            AnswerKind::Stock
        } else {
            AnswerKind::Done
        },
    };
    let mut telling = Telling {
        dice,
        steps: VecDeque::new(),
    };
    let t = &mut telling;
    match plot {
        Plot::Resolved | Plot::Late | Plot::Ignored | Plot::Clarified | Plot::Informed | Plot::Noted => {
            handled(t, plot, &cast)
        }
        Plot::Returned | Plot::Bound | Plot::Recalled | Plot::Transferred | Plot::TwoAgencies => astray(t, plot, &cast),
        Plot::DisputedOnce | Plot::DisputedTwice | Plot::DisputedThrice | Plot::Reopened => disputed(t, plot, &cast),
        Plot::Rejected | Plot::RejectedContested | Plot::Referred | Plot::ReferredContested => {
            turned_away(t, plot, &cast)
        }
        Plot::Merged | Plot::MergedDissenting | Plot::Unmerged => merged(t, plot),
        Plot::Withdrawn | Plot::Completed | Plot::Lapsed => up_to_the_reporter(t, plot, &cast),
        Plot::Supervisory => {
            let complained = cast.other.clone();
            t.then(
                3,
                40,
                Act::Verify {
                    supervisory: true,
                    complained,
                },
            );
            t.dispose("inspektorat").work(2).head_answers(200, 500);
        }
        Plot::OwnUnit => {
            let verify = || Act::Verify {
                supervisory: false,
                complained: "diskominfotik".to_owned(),
            };
            t.then(3, 40, verify()).then(3, 40, verify());
            t.dispose("diskominfotik")
                .work(1)
                .answer(20, 120, Outcome::Resolved, AnswerKind::Done);
        }
        Plot::Unverified => {}
    }
    telling.steps
}

fn handled(t: &mut Telling<'_>, plot: Plot, cast: &Cast) {
    let lead = cast.lead.as_str();
    match plot {
        Plot::Late => {
            t.then(
                40,
                120,
                Act::Verify {
                    supervisory: false,
                    complained: String::new(),
                },
            );
            t.dispose(lead)
                .work(4)
                .answer(150, 400, Outcome::Resolved, cast.answer)
                .maybe_rate(&ANGRY);
        }
        Plot::Ignored => {
            t.verify().dispose(lead);
            if t.dice.percent(50) {
                t.then(20, 90, Act::Accept);
            }
            if t.dice.percent(40) {
                t.then(300, 480, Act::Explain);
            }
        }
        Plot::Clarified => {
            t.verify()
                .dispose(lead)
                .work(1)
                .answer(20, 120, Outcome::Clarified, AnswerKind::Untrue);
        }
        Plot::Informed => {
            t.verify().dispose(lead).then(3, 30, Act::Accept);
            t.answer(4, 70, Outcome::Informed, AnswerKind::Information)
                .maybe_rate(&CONTENT);
        }
        Plot::Noted => {
            t.verify().dispose(lead).then(3, 30, Act::Accept);
            if t.dice.percent(45) {
                t.answer(30, 200, Outcome::NotedTakenUp, AnswerKind::TakenUp);
            } else {
                t.answer(30, 200, Outcome::NotedNotTakenUp, AnswerKind::NotTakenUp);
            }
            t.maybe_rate(&CONTENT);
        }
        _ => {
            t.verify()
                .dispose(lead)
                .work(1)
                .answer(30, 170, Outcome::Resolved, cast.answer)
                .maybe_rate(&CONTENT);
        }
    }
}

fn astray(t: &mut Telling<'_>, plot: Plot, cast: &Cast) {
    let (lead, other) = (cast.lead.as_str(), cast.other.as_str());
    let give_back = |suggest: &str| Act::Return {
        suggest: suggest.to_owned(),
    };
    t.verify();
    match plot {
        Plot::Returned => {
            t.dispose(other).then(6, 40, give_back(lead)).dispose(lead).work(1);
        }
        Plot::Bound => {
            t.dispose(lead)
                .then(6, 40, give_back(other))
                .dispose(other)
                .then(6, 40, give_back(lead));
            t.then(8, 60, Act::Bind { lead: lead.to_owned() })
                .then(2, 20, Act::Assign);
        }
        Plot::Recalled => {
            t.dispose(other).then(1, 20, Act::Recall).dispose(lead).work(1);
        }
        Plot::Transferred => {
            t.dispose(other).work(1).then(
                5,
                40,
                Act::RequestTransfer {
                    suggest: lead.to_owned(),
                },
            );
            t.then(5, 50, Act::Transfer { to: lead.to_owned() }).work(1);
        }
        _ => {
            t.then(
                1,
                16,
                Act::Dispose {
                    lead: lead.to_owned(),
                    with: vec![other.to_owned()],
                },
            );
            t.work(1)
                .then(20, 90, Act::LeadDone)
                .then(5, 90, Act::ContributionDone { opd: other.to_owned() });
        }
    }
    t.answer(30, 150, Outcome::Resolved, AnswerKind::Done)
        .maybe_rate(&CONTENT);
}

fn disputed(t: &mut Telling<'_>, plot: Plot, cast: &Cast) {
    t.verify()
        .dispose(&cast.lead)
        .work(1)
        .answer(10, 60, Outcome::Resolved, AnswerKind::Stock);
    if plot == Plot::Reopened {
        t.then(300, 360, Act::Reopen).head_answers(20, 120);
        return;
    }
    t.then(10, 100, Act::Dispute).head_answers(20, 80);
    if plot == Plot::DisputedOnce {
        t.maybe_rate(&CONTENT);
        return;
    }
    let upheld = plot == Plot::DisputedThrice || t.dice.percent(50);
    t.then(10, 60, Act::Dispute)
        .then(10, 100, Act::DecideDispute { upheld });
    if upheld {
        t.head_answers(10, 60);
    }
    if plot == Plot::DisputedThrice {
        t.then(5, 40, Act::Dispute).then(10, 50, Act::Recommend);
    }
}

fn turned_away(t: &mut Telling<'_>, plot: Plot, cast: &Cast) {
    if matches!(plot, Plot::Referred | Plot::ReferredContested) {
        t.then(
            3,
            60,
            Act::Refer {
                authority: cast.authority.clone(),
            },
        );
    } else {
        let reasons = [
            (RejectReason::NotPublicService, 4),
            (RejectReason::BeforeCourt, 2),
            (RejectReason::Abusive, 2),
            (RejectReason::Repeated, 2),
        ];
        let reason = t.dice.weighted(&reasons).unwrap_or(RejectReason::NotPublicService);
        t.then(3, 60, Act::Reject(reason));
    }
    if matches!(plot, Plot::Rejected | Plot::Referred) {
        return;
    }
    let upheld = plot == Plot::RejectedContested && t.dice.percent(50);
    t.then(20, 150, Act::Contest)
        .then(20, 100, Act::DecideContest { upheld });
    if upheld {
        t.dispose(&cast.lead)
            .work(1)
            .answer(20, 120, Outcome::Resolved, AnswerKind::Done);
    }
}

fn merged(t: &mut Telling<'_>, plot: Plot) {
    t.then(2, 25, Act::Merge);
    match plot {
        // The agency answers the cluster some time; whoever joined it disputes then.
        Plot::MergedDissenting => t.then(150, 260, Act::Dispute),
        Plot::Unmerged => t.then(5, 40, Act::Unmerge),
        _ => t.maybe_rate(&CONTENT),
    };
}

fn up_to_the_reporter(t: &mut Telling<'_>, plot: Plot, cast: &Cast) {
    if plot == Plot::Withdrawn {
        if t.dice.percent(60) {
            t.verify();
        }
        t.then(2, 60, Act::Withdraw);
        return;
    }
    t.then(3, 60, Act::RequestCompletion);
    if plot == Plot::Completed {
        t.then(10, 300, Act::Complete).verify().dispose(&cast.lead).work(1);
        t.answer(30, 150, Outcome::Resolved, AnswerKind::Done)
            .maybe_rate(&CONTENT);
    }
}

/// Another agency of the province, one with a liaison, for what goes astray or is shared.
fn other_agency(dice: &mut Dice, directory: &Directory, than: &str) -> String {
    let excluded = [than, "inspektorat", "diskominfotik"];
    let others = directory
        .with_role("liaison", None)
        .map(|position| position.opd_code.as_str());
    let others: Vec<&str> = others
        .filter(|opd| !opd.is_empty() && !excluded.contains(opd))
        .collect();
    dice.word(&others).to_owned()
}

fn authority_for(dice: &mut Dice, directory: &Directory) -> String {
    let authorities = directory
        .agencies
        .values()
        .filter(|agency| agency.kind == "external")
        .map(|agency| agency.code.as_str());
    dice.word(&authorities.collect::<Vec<_>>()).to_owned()
}
