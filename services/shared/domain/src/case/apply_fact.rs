//! What each fact does to a case.

use super::Case;
use super::command::Classification;
use super::event::CaseFact;
use super::parts::{
    Answer, CompletionRequest, ContestRecord, Contribution, Disposition, DisputeRecord, Member, Rating, ReturnRecord,
};
use super::states::{Outcome, ReturnReason, State};
use crate::ids::{OpdCode, ReportId};
use crate::party::Party;

impl Case {
    pub(super) fn apply_citizens(&mut self, fact: &CaseFact) {
        match fact {
            CaseFact::Completed { received_at, .. } => {
                let by_agency = match self.completion_requests.last_mut() {
                    Some(request) => {
                        request.completed_at = Some(*received_at);
                        matches!(request.by, Party::Agency(_))
                    }
                    None => false,
                };
                self.closed_at = None;
                if by_agency {
                    self.state = State::InProgress;
                } else {
                    self.state = State::AwaitingVerification;
                    self.counted_from = *received_at;
                }
            }
            CaseFact::Withdrawn { report, closes, .. } => {
                let at = self.updated_at;
                if let Some(member) = self.member_mut(*report) {
                    member.withdrawn_at = Some(at);
                }
                if *closes {
                    self.close(Outcome::Withdrawn);
                }
            }
            CaseFact::Disputed {
                report,
                received_at,
                to_director,
            } => {
                let answer = self.answer_number();
                self.mark_disputed(*report);
                self.disputes.push(DisputeRecord {
                    report: *report,
                    answer,
                    received_at: *received_at,
                    upheld: None,
                });
                self.awaiting_director = *to_director;
                self.closed_at = None;
                self.state = State::Disputed;
            }
            CaseFact::DisputeJoined { report, .. } => self.mark_disputed(*report),
            CaseFact::AppealReferredToOmbudsman { report, outcome, .. } => {
                self.mark_disputed(*report);
                self.close(outcome.clone());
            }
            CaseFact::Rated {
                report,
                score,
                received_at,
            } => {
                if let Some(member) = self.member_mut(*report) {
                    member.rating = Some(Rating {
                        score: *score,
                        at: *received_at,
                    });
                }
            }
            CaseFact::Contested { report, received_at } => {
                self.contest = Some(ContestRecord {
                    report: *report,
                    received_at: *received_at,
                    granted: None,
                    decided_by: None,
                });
            }
            _ => {}
        }
    }

    pub(super) fn apply_verification(&mut self, fact: &CaseFact) {
        match fact {
            CaseFact::Verified { classification } => {
                self.classify(classification);
                self.state = State::AwaitingDisposition;
            }
            CaseFact::HandedUp {
                classification,
                authority,
            }
            | CaseFact::Reclassified {
                classification,
                authority,
            } => {
                self.classify(classification);
                self.authority = authority.clone();
            }
            CaseFact::CompletionRequested { by, .. } => {
                self.completion_requests.push(CompletionRequest {
                    by: by.clone(),
                    at: self.updated_at,
                    completed_at: None,
                });
                if matches!(by, Party::Agency(_)) {
                    self.first_response_at = self.first_response_at.or(Some(self.updated_at));
                }
                self.state = State::AwaitingCompletion;
            }
            CaseFact::Rejected { reason, by } => {
                self.decided_by = Some(by.clone());
                self.close(Outcome::Rejected { reason: *reason });
            }
            CaseFact::Referred { to, by } => {
                self.decided_by = Some(by.clone());
                self.close(Outcome::Referred { to: to.clone() });
            }
            CaseFact::MergedInto { into, by } => {
                self.decided_by = Some(by.clone());
                for member in self.members.iter_mut().filter(|member| member.is_live()) {
                    member.moved_to = Some(*into);
                }
                self.close(Outcome::Merged { into: *into });
            }
            CaseFact::Absorbed { members, .. } => self.members.extend(members.iter().cloned()),
            CaseFact::Unmerged { reports, .. } => {
                self.take_back(reports);
                self.reopen();
            }
            CaseFact::SplitOff { case_id, closes } => {
                for member in &mut self.members {
                    if member.came_from == Some(*case_id) && member.moved_to.is_none() {
                        member.moved_to = Some(*case_id);
                    }
                }
                if *closes {
                    self.close(Outcome::Withdrawn);
                }
            }
            _ => {}
        }
    }

    pub(super) fn apply_disposition(&mut self, fact: &CaseFact) {
        match fact {
            CaseFact::Disposed { lead, contributors } => {
                self.lead_by(lead, false);
                for opd in contributors {
                    self.add_contribution(opd);
                }
                self.state = State::AwaitingAcceptance;
            }
            CaseFact::Bound { lead } => {
                self.lead_by(lead, true);
                self.binding = true;
                self.state = State::InProgress;
            }
            CaseFact::Transferred { to, .. } => {
                self.lead_by(to, false);
                self.state = State::AwaitingAcceptance;
            }
            CaseFact::TransferDeclined => self.transfer_requested = false,
            CaseFact::Recalled { .. } => self.without_lead(),
            CaseFact::ContributorAdded { opd } => self.add_contribution(opd),
            CaseFact::Returned {
                opd, reason, suggested, ..
            } => {
                self.push_return(opd, *reason, suggested.as_ref(), false);
                self.without_lead();
            }
            CaseFact::TransferRequested {
                opd, reason, suggested, ..
            } => {
                self.push_return(opd, *reason, suggested.as_ref(), true);
                self.transfer_requested = true;
            }
            _ => {}
        }
    }

    pub(super) fn apply_agencys(&mut self, fact: &CaseFact) {
        let at = self.updated_at;
        match fact {
            CaseFact::Accepted { .. } => self.state = State::InProgress,
            CaseFact::Assigned { executor } => self.executor = Some(executor.clone()),
            CaseFact::ContributionDone { opd, .. } => {
                let open = self
                    .contributions
                    .iter_mut()
                    .find(|part| part.opd == *opd && part.is_open());
                if let Some(part) = open {
                    part.done_at = Some(at);
                }
            }
            CaseFact::LeadDeclaredDone => self.lead_done_at = Some(at),
            CaseFact::FirstResponseReleased { .. } => {
                self.first_response_at = self.first_response_at.or(Some(at));
            }
            CaseFact::Answered { text, outcome, opd, .. } => {
                self.first_response_at = self.first_response_at.or(Some(at));
                self.answers.push(Answer {
                    text: *text,
                    outcome: *outcome,
                    opd: opd.clone(),
                    released_at: at,
                });
                self.end_contributions();
                self.transfer_requested = false;
                self.state = State::Answered;
            }
            _ => {}
        }
    }

    pub(super) fn apply_above(&mut self, fact: &CaseFact) {
        match fact {
            CaseFact::DisputeDecided { upheld, outcome, .. } => {
                if let Some(dispute) = self.disputes.last_mut() {
                    dispute.upheld = Some(*upheld);
                }
                self.awaiting_director = false;
                if let Some(outcome) = outcome {
                    self.close(outcome.clone());
                }
            }
            CaseFact::ContestDecided {
                granted, by, reports, ..
            } => {
                if let Some(contest) = &mut self.contest {
                    contest.granted = Some(*granted);
                    contest.decided_by = Some(by.clone());
                }
                if *granted {
                    self.take_back(reports);
                    self.reopen();
                }
            }
            CaseFact::Reopened => self.reopen(),
            CaseFact::TakenOver => self.taken_over_at = Some(self.updated_at),
            CaseFact::HandedBack => self.taken_over_at = None,
            CaseFact::ClosedBySilence { outcome } => self.close(outcome.clone()),
            CaseFact::Lapsed => self.close(Outcome::Lapsed),
            _ => {}
        }
    }

    fn classify(&mut self, classification: &Classification) {
        self.kind = classification.kind;
        self.supervisory = classification.supervisory;
        self.category = classification.category.clone();
        self.region = classification.region.clone();
        self.complained_unit = classification.complained_unit.clone();
    }

    fn close(&mut self, outcome: Outcome) {
        self.end_contributions();
        self.closed_at = Some(self.updated_at);
        self.taken_over_at = None;
        self.awaiting_director = false;
        self.transfer_requested = false;
        self.state = State::Closed { outcome };
    }

    fn reopen(&mut self) {
        self.closed_at = None;
        self.reopened = self.reopened.saturating_add(1);
        self.lead_done_at = None;
        self.state = if self.lead.is_some() {
            State::InProgress
        } else {
            State::AwaitingDisposition
        };
    }

    /// Reports that were moved away with a merge belong to this case again.
    fn take_back(&mut self, reports: &[ReportId]) {
        for member in self
            .members
            .iter_mut()
            .filter(|member| reports.contains(&member.report))
        {
            member.moved_to = None;
        }
    }

    fn lead_by(&mut self, lead: &OpdCode, binding: bool) {
        let at = self.updated_at;
        if self.lead.as_ref() != Some(lead) {
            self.first_response_at = None;
            self.executor = None;
        }
        for part in self
            .contributions
            .iter_mut()
            .filter(|part| part.opd == *lead && part.is_open())
        {
            part.ended_at = Some(at);
        }
        self.lead = Some(lead.clone());
        self.lead_done_at = None;
        self.transfer_requested = false;
        self.dispositions.push(Disposition {
            lead: lead.clone(),
            at,
            binding,
        });
    }

    fn without_lead(&mut self) {
        self.lead = None;
        self.executor = None;
        self.first_response_at = None;
        self.end_contributions();
        self.state = State::AwaitingDisposition;
    }

    fn push_return(
        &mut self,
        opd: &OpdCode,
        reason: ReturnReason,
        suggested: Option<&OpdCode>,
        transfer_request: bool,
    ) {
        self.returns.push(ReturnRecord {
            opd: opd.clone(),
            at: self.updated_at,
            reason,
            suggested: suggested.cloned(),
            transfer_request,
        });
    }

    fn add_contribution(&mut self, opd: &OpdCode) {
        self.contributions.push(Contribution {
            opd: opd.clone(),
            disposed_at: self.updated_at,
            done_at: None,
            ended_at: None,
        });
    }

    fn end_contributions(&mut self) {
        let at = self.updated_at;
        for part in self.contributions.iter_mut().filter(|part| part.is_open()) {
            part.ended_at = Some(at);
        }
    }

    fn member_mut(&mut self, report: ReportId) -> Option<&mut Member> {
        self.members.iter_mut().rev().find(|member| member.report == report)
    }

    fn mark_disputed(&mut self, report: ReportId) {
        let answer = self.answer_number();
        if let Some(member) = self.member_mut(report) {
            member.disputed_answer = Some(answer);
        }
    }

    pub(super) fn answer_number(&self) -> u32 {
        u32::try_from(self.answers.len()).unwrap_or(u32::MAX)
    }
}
