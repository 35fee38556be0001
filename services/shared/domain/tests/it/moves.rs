//! Moves of a case, by rule (M1–M13).

use time::Duration;
use tuntas_domain::case::{
    ClaimedOutcome, Classification, Command, FlagReason, Outcome, RejectReason, ReturnReason, State,
};
use tuntas_domain::{ClockKind, ClockResult, Party, Refusal, ReportKind};

use crate::world::{MONDAY, World, case_id, complaint, of_kind, opd, position, report, supervisory, text};

fn agency(code: &str) -> Option<Party> {
    Some(Party::Agency(opd(code)))
}

#[test]
fn m1_main_path_from_filing_to_closing_by_silence() {
    let mut world = World::filed(complaint());
    assert_eq!(world.case().state, State::AwaitingVerification);
    assert_eq!(world.case().holder(), Some(&Party::Manager));
    world.verifier(Command::AcceptVerification {
        classification: complaint(),
    });
    assert_eq!(world.case().state, State::AwaitingDisposition);
    world.dispose("dishub", &[]);
    assert_eq!(world.case().state, State::AwaitingAcceptance);
    assert_eq!(world.case().holder().cloned(), agency("dishub"));
    world.liaison("dishub", Command::AcceptCase);
    assert_eq!(world.case().state, State::InProgress);
    world.skip_days(1);
    world.liaison(
        "dishub",
        Command::Assign {
            executor: position("dishub.lalin"),
        },
    );
    world.by("dishub.lalin", Command::RecordProgress { text: Some(text()) });
    world.liaison("dishub", Command::ReleaseFirstResponse { text: text() });
    world.answer_by("dishub.sekretaris");
    assert_eq!(world.case().state, State::Answered);
    assert_eq!(world.case().holder(), Some(&Party::Reporter));
    world.run_to(MONDAY + Duration::days(30));
    assert_eq!(
        world.case().state,
        State::Closed {
            outcome: Outcome::Resolved
        }
    );
    assert_eq!(world.case().holder(), None);
    assert!(world.case().clocks.iter().all(|clock| clock.stopped_at.is_some()));
    assert!(world.case().clocks.iter().all(|clock| clock.breach().is_none()));
    let names: Vec<&str> = world.events.iter().map(|event| event.name()).collect();
    assert_eq!(
        names,
        [
            "filed",
            "verified",
            "disposed",
            "accepted",
            "assigned",
            "progress_recorded",
            "first_response_released",
            "answered",
            "closed_by_silence"
        ]
    );
}

#[test]
fn m1_a_report_opens_exactly_one_case() {
    let mut world = World::filed(complaint());
    let again = Command::File {
        case_id: case_id(2),
        report: report(2),
        privacy: tuntas_domain::Privacy::Open,
        classification: complaint(),
        filed_at: MONDAY,
    };
    assert_eq!(world.try_citizen(again), Err(Refusal::CaseAlreadyOpen));
    let mut empty = World::new();
    assert_eq!(empty.try_by("sekda", Command::Reopen), Err(Refusal::UnknownCase));
}

#[test]
fn m2_a_dispute_received_in_time_wins_over_silence() {
    let mut world = World::answered();
    let due_at = world.case().running_clock(ClockKind::ReporterSilence).unwrap().due_at;
    world.run_to(due_at + Duration::hours(5));
    assert_eq!(
        world.case().state,
        State::Closed {
            outcome: Outcome::Resolved
        }
    );
    let late = Command::Dispute {
        report: report(1),
        received_at: due_at + Duration::SECOND,
    };
    assert_eq!(world.try_citizen(late), Err(Refusal::DisputeWindowOver));
    world.citizen(Command::Dispute {
        report: report(1),
        received_at: due_at,
    });
    assert_eq!(world.case().state, State::Disputed);
    assert_eq!(world.case().holder().cloned(), agency("dishub"));
    assert_eq!(world.case().closed_at, None);
}

#[test]
fn m2_a_completion_received_in_time_wins_over_lapse() {
    let mut world = World::filed(complaint());
    world.verifier(Command::RequestCompletion { text: None });
    let due_at = world.case().running_clock(ClockKind::Completion).unwrap().due_at;
    world.run_to(due_at + Duration::hours(1));
    assert_eq!(
        world.case().state,
        State::Closed {
            outcome: Outcome::Lapsed
        }
    );
    world.citizen(Command::CompleteReport {
        report: report(1),
        received_at: due_at,
    });
    assert_eq!(world.case().state, State::AwaitingVerification);
    assert_eq!(world.case().counted_from, due_at);
    assert_eq!(world.case().holder(), Some(&Party::Manager));
}

#[test]
fn m2_a_late_completion_of_an_agencys_question_runs_the_old_clock_on() {
    let mut world = World::in_progress();
    world.skip_days(2);
    world.liaison("dishub", Command::AgencyCompletionRequest { text: None });
    let due_at = world.case().running_clock(ClockKind::Completion).unwrap().due_at;
    world.run_to(due_at);
    assert_eq!(
        world.case().state,
        State::Closed {
            outcome: Outcome::Lapsed
        }
    );
    world.skip_days(1);
    world.citizen(Command::CompleteReport {
        report: report(1),
        received_at: due_at,
    });
    assert_eq!(world.case().state, State::InProgress);
    let clock = world.case().running_clock(ClockKind::Resolution).unwrap();
    assert_eq!(clock.started_at(), MONDAY);
    assert_eq!(clock.basis.pauses.len(), 1);
    assert_eq!(clock.basis.pauses[0].to, Some(due_at));
}

#[test]
fn m3_one_completion_request_at_verification_and_one_per_agency() {
    let mut world = World::filed(complaint());
    world.verifier(Command::RequestCompletion { text: None });
    assert_eq!(world.case().holder(), Some(&Party::Reporter));
    let received_at = world.now;
    world.citizen(Command::CompleteReport {
        report: report(1),
        received_at,
    });
    assert_eq!(
        world.try_by("diskominfotik.verifikator", Command::RequestCompletion { text: None }),
        Err(Refusal::CompletionAlreadyRequested)
    );
    world.verifier(Command::AcceptVerification {
        classification: complaint(),
    });
    world.dispose("dishub", &[]);
    world.liaison("dishub", Command::AcceptCase);
    world.liaison("dishub", Command::AgencyCompletionRequest { text: None });
    assert_eq!(world.case().state, State::AwaitingCompletion);
    world.citizen(Command::CompleteReport {
        report: report(1),
        received_at,
    });
    assert_eq!(world.case().state, State::InProgress);
    assert_eq!(
        world.try_by("dishub.sekretaris", Command::AgencyCompletionRequest { text: None }),
        Err(Refusal::CompletionAlreadyRequested)
    );
    world.by("diskominfotik.kepala", Command::Transfer { to: opd("dinkes") });
    world.liaison("dinkes", Command::AcceptCase);
    world.liaison("dinkes", Command::AgencyCompletionRequest { text: None });
    assert_eq!(world.case().state, State::AwaitingCompletion);
}

#[test]
fn m4_second_return_goes_to_binding_decision() {
    let mut world = World::disposed();
    let returned = world.return_case();
    world.liaison("dishub", returned.clone());
    assert_eq!(world.case().state, State::AwaitingDisposition);
    assert_eq!(world.case().holder(), Some(&Party::Manager));
    assert!(world.case().running_clock(ClockKind::Redisposition).is_some());
    assert_eq!(
        world.try_by("diskominfotik.kepala", Command::Bind { lead: opd("dinkes") }),
        Err(Refusal::NothingToBind)
    );
    world.dispose("dinkes", &[]);
    world.liaison("dinkes", returned.clone());
    assert!(world.case().running_clock(ClockKind::BindingDecision).is_some());
    let dispose = Command::Dispose {
        lead: opd("disdik"),
        contributors: vec![],
    };
    assert_eq!(
        world.try_by("diskominfotik.verifikator", dispose),
        Err(Refusal::BindingDecisionRequired)
    );
    let bind = Command::Bind { lead: opd("dishub") };
    assert_eq!(
        world.try_by("diskominfotik.verifikator", bind.clone()),
        Err(Refusal::NotPermitted)
    );
    world.by("diskominfotik.kepala", bind);
    assert_eq!(world.case().state, State::InProgress);
    assert!(world.case().binding);
    assert_eq!(
        world.try_by(
            "dishub.sekretaris",
            Command::RequestTransfer {
                reason: ReturnReason::Other,
                text: None,
                suggested: None
            }
        ),
        Err(Refusal::ReturnsExhausted)
    );
    // Also after a transfer by the manager there is no way back.
    world.by("diskominfotik.kepala", Command::Transfer { to: opd("disdik") });
    assert_eq!(
        world.try_by("disdik.sekretaris", returned),
        Err(Refusal::ReturnsExhausted)
    );
}

#[test]
fn m4_returns_only_before_acceptance_and_a_request_for_transfer_counts_as_one() {
    let mut world = World::in_progress();
    let returned = world.return_case();
    assert!(matches!(
        world.try_by("dishub.sekretaris", returned.clone()),
        Err(Refusal::IllegalMove { .. })
    ));
    let ask = Command::RequestTransfer {
        reason: ReturnReason::NotOurTask,
        text: None,
        suggested: None,
    };
    world.liaison("dishub", ask.clone());
    assert_eq!(world.case().returns.len(), 1);
    assert_eq!(
        world.case().holder().cloned(),
        agency("dishub"),
        "the agency keeps the time"
    );
    assert_eq!(
        world.try_by("dishub.sekretaris", ask.clone()),
        Err(Refusal::TransferAlreadyRequested)
    );
    world.by("diskominfotik.kepala", Command::DeclineTransfer);
    world.liaison("dishub", ask);
    assert!(world.case().running_clock(ClockKind::BindingDecision).is_some());
    for command in [Command::DeclineTransfer, Command::Transfer { to: opd("dinkes") }] {
        assert_eq!(
            world.try_by("diskominfotik.kepala", command),
            Err(Refusal::BindingDecisionRequired)
        );
    }
    world.by("diskominfotik.kepala", Command::Bind { lead: opd("dinkes") });
    assert_eq!(world.case().state, State::InProgress);
    assert_eq!(world.case().holder().cloned(), agency("dinkes"));
}

#[test]
fn m5_the_lead_answers_when_contributions_are_in_or_says_why_without() {
    let mut world = World::verified();
    world.dispose("dishub", &["dinkes", "disdik"]);
    let case_due = world.case().running_clock(ClockKind::Resolution).unwrap().due_at;
    let part = world.case().running_clock(ClockKind::Contribution).unwrap();
    assert_eq!(world.calendar.working_time(part.due_at, case_due), Duration::days(2));
    world.liaison("dishub", Command::AcceptCase);
    let answer = world.answer();
    assert_eq!(
        world.try_by("dishub.sekretaris", answer.clone()),
        Err(Refusal::ContributionsOutstanding)
    );
    world.liaison("dinkes", Command::ContributionDone { text: Some(text()) });
    assert_eq!(
        world.try_by("dishub.sekretaris", answer),
        Err(Refusal::ContributionsOutstanding)
    );
    world.liaison(
        "dishub",
        Command::ReleaseAnswer {
            text: text(),
            outcome: ClaimedOutcome::Resolved,
            without_contributions: Some(text()),
        },
    );
    assert_eq!(world.case().state, State::Answered);
    assert!(world.case().contributions[0].done_at.is_some());
    assert!(world.case().contributions[1].ended_at.is_some());
}

/// Merges a case into another one, both halves.
fn merge(duplicate: &mut World, survivor: &mut World) {
    let facts = duplicate.case().cluster_facts();
    let into = Command::MergeInto {
        survivor: survivor.case().cluster_facts(),
    };
    survivor.verifier(Command::Absorb { duplicate: facts });
    duplicate.verifier(into);
}

fn second() -> World {
    World::filed_as(case_id(2), report(2), complaint())
}

#[test]
fn m6_a_cluster_takes_the_earliest_deadline_and_never_relaxes() {
    let mut older = second();
    let mut survivor = World::new();
    survivor.now = MONDAY + Duration::days(3);
    survivor.citizen(Command::File {
        case_id: case_id(1),
        report: report(1),
        privacy: tuntas_domain::Privacy::Anonymous,
        classification: complaint(),
        filed_at: MONDAY + Duration::days(3),
    });
    older.now = survivor.now;
    let earliest = older.case().running_clock(ClockKind::Resolution).unwrap().due_at;
    let own = survivor.case().running_clock(ClockKind::Resolution).unwrap().due_at;
    assert!(earliest < own);
    merge(&mut older, &mut survivor);
    assert_eq!(
        survivor.case().running_clock(ClockKind::Resolution).unwrap().due_at,
        earliest
    );
    assert_eq!(
        older.case().state,
        State::Closed {
            outcome: Outcome::Merged { into: case_id(1) }
        }
    );
    // Time before the merge stays with whoever held it.
    assert_eq!(older.case().age(older.now), Duration::days(3));
    assert_eq!(survivor.case().age(survivor.now), Duration::ZERO);
    // The other way round nothing moves.
    let mut younger = World::filed_as(case_id(3), report(3), complaint());
    younger.now += Duration::days(1);
    let mut old = second();
    old.now = younger.now;
    let before = old.case().running_clock(ClockKind::Resolution).unwrap().due_at;
    merge(&mut younger, &mut old);
    assert_eq!(old.case().running_clock(ClockKind::Resolution).unwrap().due_at, before);
}

#[test]
fn m6_each_receipt_resolves_to_one_surviving_case_and_unmerge_exists() {
    let mut survivor = World::filed(complaint());
    let mut duplicate = second();
    merge(&mut duplicate, &mut survivor);
    assert!(survivor.case().live_member(report(2)).is_some());
    assert!(duplicate.case().live_member(report(2)).is_none());
    let reports = survivor.case().live_members_from(case_id(2));
    assert_eq!(reports, [report(2)]);
    survivor.verifier(Command::SplitOff { case_id: case_id(2) });
    duplicate.verifier(Command::Unmerge { reports });
    assert!(survivor.case().live_member(report(2)).is_none());
    assert!(duplicate.case().live_member(report(2)).is_some());
    assert_eq!(duplicate.case().state, State::AwaitingDisposition);
    assert!(duplicate.case().running_clock(ClockKind::Reopen).is_some());
    assert_eq!(
        survivor.try_by("diskominfotik.verifikator", Command::SplitOff { case_id: case_id(2) }),
        Err(Refusal::NotMerged)
    );
}

#[test]
fn m6_one_dispute_per_answer_counts_once_from_any_reporter() {
    let mut survivor = World::answered();
    let mut duplicate = second();
    merge(&mut duplicate, &mut survivor);
    let first = survivor.dispute(1);
    survivor.citizen(first.clone());
    let other = survivor.dispute(2);
    survivor.citizen(other);
    assert_eq!(survivor.case().disputes.len(), 1);
    assert_eq!(survivor.try_citizen(first), Err(Refusal::AlreadyDisputed));
}

#[test]
fn m6_a_late_joiner_has_its_own_ten_days() {
    let mut survivor = World::answered();
    let everybodys = survivor
        .case()
        .running_clock(ClockKind::ReporterSilence)
        .unwrap()
        .due_at;
    survivor.run_to(MONDAY + Duration::days(8));
    let mut duplicate = second();
    duplicate.now = survivor.now;
    merge(&mut duplicate, &mut survivor);
    survivor.run_to(everybodys + Duration::hours(1));
    assert_eq!(
        survivor.case().state,
        State::Answered,
        "the joiner's window is still open"
    );
    let late = survivor.dispute(1);
    assert_eq!(survivor.try_citizen(late), Err(Refusal::DisputeWindowOver));
    let dispute = survivor.dispute(2);
    survivor.citizen(dispute);
    assert_eq!(survivor.case().state, State::Disputed);
}

#[test]
fn m6_a_withdrawal_closes_only_with_the_last_live_report() {
    let mut survivor = World::filed(complaint());
    let mut duplicate = second();
    merge(&mut duplicate, &mut survivor);
    let received_at = survivor.now;
    survivor.citizen(Command::Withdraw {
        report: report(1),
        received_at,
    });
    assert!(survivor.case().is_open());
    assert_eq!(
        survivor.try_citizen(Command::Withdraw {
            report: report(1),
            received_at
        }),
        Err(Refusal::AlreadyWithdrawn)
    );
    survivor.citizen(Command::Withdraw {
        report: report(2),
        received_at,
    });
    assert_eq!(
        survivor.case().state,
        State::Closed {
            outcome: Outcome::Withdrawn
        }
    );
}

#[test]
fn m6_supervisory_cases_merge_only_with_supervisory_ones() {
    let mut survivor = World::filed(supervisory("dinkes"));
    let duplicate = second();
    let command = Command::Absorb {
        duplicate: duplicate.case().cluster_facts(),
    };
    assert_eq!(
        survivor.try_by("diskominfotik.verifikator", command),
        Err(Refusal::SupervisoryMismatch)
    );
    let itself = Command::Absorb {
        duplicate: survivor.case().cluster_facts(),
    };
    assert_eq!(
        survivor.try_by("diskominfotik.verifikator", itself),
        Err(Refusal::SameCase)
    );
}

#[test]
fn m7_first_dispute_reworks_second_goes_to_the_director_third_to_the_ombudsman() {
    let mut world = World::answered();
    let result = world.case().latest_clock(ClockKind::Resolution).unwrap().result.clone();
    assert!(matches!(result, Some(ClockResult::Met { .. })));
    let dispute = world.dispute(1);
    world.citizen(dispute);
    assert_eq!(world.case().state, State::Disputed);
    let rework = world.case().running_clock(ClockKind::Rework).unwrap();
    assert_eq!(rework.party, Party::Agency(opd("dishub")));
    // Under the head: the liaison's release is not enough (M12).
    let answer = world.answer();
    assert_eq!(world.try_by("dishub.sekretaris", answer), Err(Refusal::HeadRequired));
    world.skip_days(1);
    world.answer_by("dishub.kepala");
    assert_eq!(
        world.case().latest_clock(ClockKind::Resolution).unwrap().result,
        result,
        "the result was fixed at the first answer"
    );

    let dispute = world.dispute(1);
    world.citizen(dispute);
    assert_eq!(world.case().holder(), Some(&Party::Director));
    assert!(world.case().running_clock(ClockKind::DirectorDecision).is_some());
    let answer = world.answer();
    assert!(matches!(
        world.try_by("dishub.kepala", answer),
        Err(Refusal::IllegalMove { .. })
    ));
    world.by(
        "sekda",
        Command::DecideDispute {
            upheld: true,
            text: Some(text()),
        },
    );
    assert_eq!(world.case().state, State::Disputed);
    assert_eq!(world.case().holder().cloned(), agency("dishub"));
    world.skip_days(1);
    world.answer_by("dishub.kepala");

    let third = world.dispute(1);
    let events = world.citizen(third.clone());
    assert_eq!(events[0].name(), "appeal_referred_to_ombudsman");
    assert_eq!(
        world.case().state,
        State::Closed {
            outcome: Outcome::Resolved
        }
    );
    assert!(
        world
            .case()
            .flags
            .iter()
            .any(|flag| flag.reason == FlagReason::AppealToOmbudsman)
    );
    assert_eq!(world.try_citizen(third), Err(Refusal::AppealToOmbudsman));
}

#[test]
fn m7_the_director_confirms_the_answer_and_the_case_closes() {
    let mut world = World::answered();
    let dispute = world.dispute(1);
    world.citizen(dispute);
    world.skip_days(1);
    world.answer_by("dishub.kepala");
    let dispute = world.dispute(1);
    world.citizen(dispute.clone());
    world.by(
        "sekda",
        Command::DecideDispute {
            upheld: false,
            text: None,
        },
    );
    assert_eq!(
        world.case().state,
        State::Closed {
            outcome: Outcome::Resolved
        }
    );
    assert_eq!(world.case().disputes[1].upheld, Some(false));
    assert_eq!(world.try_citizen(dispute), Err(Refusal::AppealToOmbudsman));
}

fn rejected() -> World {
    let mut world = World::filed(complaint());
    world.by(
        "diskominfotik.kepala",
        Command::Reject {
            reason: RejectReason::Abusive,
        },
    );
    world
}

fn granted(reports: Vec<tuntas_domain::ReportId>) -> Command {
    Command::DecideContest {
        granted: true,
        text: None,
        reports,
    }
}

#[test]
fn m8_a_rejection_is_contested_once_within_ten_working_days() {
    let mut world = rejected();
    let received_at = world.now;
    world.citizen(Command::Contest {
        report: report(1),
        received_at,
    });
    assert_eq!(
        world.case().running_clock(ClockKind::Contest).unwrap().party,
        Party::Director
    );
    world.by(
        "sekda",
        Command::DecideContest {
            granted: false,
            text: None,
            reports: vec![],
        },
    );
    assert_eq!(
        world.try_citizen(Command::Contest {
            report: report(1),
            received_at
        }),
        Err(Refusal::ContestAlreadyUsed)
    );
    let mut late = rejected();
    late.skip_days(15);
    let received_at = late.now;
    assert_eq!(
        late.try_citizen(Command::Contest {
            report: report(1),
            received_at
        }),
        Err(Refusal::ContestWindowOver)
    );
    let mut answered = World::answered();
    answered.run_to(MONDAY + Duration::days(30));
    let received_at = answered.now;
    assert_eq!(
        answered.try_citizen(Command::Contest {
            report: report(1),
            received_at
        }),
        Err(Refusal::NotContestable)
    );
}

#[test]
fn m8_a_granted_contest_reopens_and_a_merge_can_be_contested() {
    let mut world = rejected();
    let received_at = world.now;
    world.citizen(Command::Contest {
        report: report(1),
        received_at,
    });
    world.by("sekda", granted(vec![]));
    assert_eq!(world.case().state, State::AwaitingDisposition);
    assert_eq!(world.case().reopened, 1);

    let mut survivor = World::filed(complaint());
    let mut duplicate = second();
    merge(&mut duplicate, &mut survivor);
    duplicate.citizen(Command::Contest {
        report: report(2),
        received_at,
    });
    assert_eq!(duplicate.try_by("sekda", granted(vec![])), Err(Refusal::NotMerged));
    duplicate.by("sekda", granted(vec![report(2)]));
    assert!(duplicate.case().live_member(report(2)).is_some());
}

#[test]
fn m8_never_decided_by_the_one_who_decided_first() {
    // About the manager's unit: the director verifies and rejects, so the patron decides the contest.
    let mut world = World::filed(supervisory("diskominfotik"));
    world.by(
        "sekda",
        Command::Reject {
            reason: RejectReason::Repeated,
        },
    );
    let received_at = world.now;
    world.citizen(Command::Contest {
        report: report(1),
        received_at,
    });
    assert_eq!(
        world.case().running_clock(ClockKind::Contest).unwrap().party,
        Party::Patron
    );
    assert_eq!(world.try_by("sekda", granted(vec![])), Err(Refusal::DecidedFirst));
    world.by("gubernur", granted(vec![]));
}

#[test]
fn m9_reclassification_only_before_the_first_disposition_and_away_only_with_the_auditor() {
    let mut world = World::filed(supervisory("dinkes"));
    let away = Command::Reclassify {
        classification: complaint(),
    };
    assert_eq!(
        world.try_by("diskominfotik.verifikator", away.clone()),
        Err(Refusal::AuditorRequired)
    );
    assert_eq!(
        world.try_by(
            "diskominfotik.verifikator",
            Command::AcceptVerification {
                classification: complaint()
            }
        ),
        Err(Refusal::AuditorRequired)
    );
    let legal = world.case().running_clock(ClockKind::Resolution).unwrap().due_at;
    world.by("inspektorat.sekretaris", away);
    assert!(!world.case().supervisory);
    assert_eq!(world.case().flags[0].reason, FlagReason::AwayFromSupervisory);
    let now_ordinary = world.case().running_clock(ClockKind::Resolution).unwrap();
    assert!(now_ordinary.due_at < legal, "the limit follows the kind");
    assert_eq!(now_ordinary.started_at(), MONDAY);
    let aspiration = of_kind(ReportKind::Aspiration);
    world.verifier(Command::Reclassify {
        classification: aspiration.clone(),
    });
    assert_eq!(world.case().flags[1].reason, FlagReason::Reclassified);
    assert_eq!(
        world.try_by(
            "diskominfotik.verifikator",
            Command::Reclassify {
                classification: aspiration.clone()
            }
        ),
        Err(Refusal::NothingChanges)
    );
    world.verifier(Command::AcceptVerification {
        classification: aspiration,
    });
    world.dispose("dishub", &[]);
    assert_eq!(
        world.try_by(
            "diskominfotik.verifikator",
            Command::Reclassify {
                classification: complaint()
            }
        ),
        Err(Refusal::AlreadyDisposed)
    );
}

#[test]
fn m10_nobody_decides_on_their_own_unit() {
    let accept = |unit: &str| Command::AcceptVerification {
        classification: supervisory(unit),
    };
    for unit in ["diskominfotik", "inspektorat"] {
        let mut world = World::filed(supervisory(unit));
        assert_eq!(world.case().holder(), Some(&Party::Director), "{unit}");
        world.by("sekda", accept(unit));
    }
    let mut own = World::filed(supervisory("diskominfotik"));
    for id in ["diskominfotik.verifikator", "diskominfotik.kepala"] {
        assert_eq!(
            own.try_by(id, accept("diskominfotik")),
            Err(Refusal::NotPermitted),
            "{id}"
        );
    }
    let mut director = World::filed(supervisory("setda"));
    assert_eq!(director.case().holder(), Some(&Party::Patron));
    assert_eq!(director.case().flags[0].reason, FlagReason::AboutDirector);
    assert_eq!(director.try_by("sekda", accept("setda")), Err(Refusal::NotPermitted));
    director.by("gubernur", accept("setda"));
}

#[test]
fn m10_a_case_found_at_verification_to_be_about_the_own_unit_goes_up() {
    let mut world = World::filed(complaint());
    let classification = Classification {
        ..supervisory("diskominfotik")
    };
    let events = world.verifier(Command::AcceptVerification { classification });
    assert_eq!(events[0].name(), "handed_up");
    assert_eq!(world.case().state, State::AwaitingVerification);
    assert_eq!(world.case().holder(), Some(&Party::Director));
}

#[test]
fn m10_a_supervisory_case_is_not_disposed_to_the_unit_complained_about() {
    let mut world = World::filed(supervisory("dinkes"));
    world.verifier(Command::AcceptVerification {
        classification: supervisory("dinkes"),
    });
    for (lead, contributors) in [("dinkes", vec![]), ("inspektorat", vec![opd("dinkes")])] {
        assert_eq!(
            world.try_by(
                "diskominfotik.verifikator",
                Command::Dispose {
                    lead: opd(lead),
                    contributors
                }
            ),
            Err(Refusal::OwnUnit)
        );
    }
    world.dispose("inspektorat", &[]);
}

#[test]
fn m11_the_ombudsman_reopens_to_the_agency_or_to_disposition() {
    let mut world = World::answered();
    world.run_to(MONDAY + Duration::days(30));
    let closed = world.case().clocks.clone();
    world.by("ombudsman.riau", Command::Reopen);
    assert_eq!(world.case().state, State::InProgress);
    assert_eq!(world.case().holder().cloned(), agency("dishub"));
    assert!(world.case().running_clock(ClockKind::Reopen).is_some());
    assert_eq!(world.case().clocks[..closed.len()], closed, "old results stay");
    let answer = world.answer();
    assert_eq!(world.try_by("dishub.sekretaris", answer), Err(Refusal::HeadRequired));
    world.answer_by("dishub.kepala");

    let mut never_disposed = rejected();
    never_disposed.by("ombudsman.riau", Command::Reopen);
    assert_eq!(never_disposed.case().state, State::AwaitingDisposition);
    assert_eq!(never_disposed.case().holder(), Some(&Party::Manager));
    assert!(matches!(
        never_disposed.try_by("ombudsman.riau", Command::Reopen),
        Err(Refusal::IllegalMove { .. })
    ));
}

#[test]
fn m12_answers_to_supervisory_cases_need_the_head() {
    let mut world = World::filed(supervisory("dinkes"));
    world.verifier(Command::AcceptVerification {
        classification: supervisory("dinkes"),
    });
    world.dispose("inspektorat", &[]);
    world.liaison("inspektorat", Command::AcceptCase);
    let answer = world.answer();
    assert_eq!(
        world.try_by("inspektorat.sekretaris", answer),
        Err(Refusal::HeadRequired)
    );
    world.answer_by("inspektorat.inspektur");
}

#[test]
fn noted_is_for_aspirations_and_insufficient_needs_a_request() {
    let mut world = World::in_progress();
    let noted = Command::ReleaseAnswer {
        text: text(),
        outcome: ClaimedOutcome::Noted { taken_up: true },
        without_contributions: None,
    };
    assert_eq!(
        world.try_by("dishub.sekretaris", noted),
        Err(Refusal::OutcomeDoesNotFit)
    );
    let mut filed = World::filed(complaint());
    let insufficient = Command::Reject {
        reason: RejectReason::InsufficientAfterRequest,
    };
    assert_eq!(
        filed.try_by("diskominfotik.verifikator", insufficient),
        Err(Refusal::CompletionNotRequested)
    );
}

#[test]
fn referral_goes_to_other_authorities_and_disposition_to_the_provinces_agencies() {
    let mut world = World::verified();
    let refer = |code| Command::Refer { to: opd(code) };
    assert_eq!(
        world.try_by("diskominfotik.verifikator", refer("dishub")),
        Err(Refusal::UnknownAgency)
    );
    let dispose = Command::Dispose {
        lead: opd("pemko-pekanbaru"),
        contributors: vec![],
    };
    assert_eq!(
        world.try_by("diskominfotik.verifikator", dispose),
        Err(Refusal::UnknownAgency)
    );
    world.verifier(refer("pemko-pekanbaru"));
    assert_eq!(
        world.case().state,
        State::Closed {
            outcome: Outcome::Referred {
                to: opd("pemko-pekanbaru")
            }
        }
    );
}

#[test]
fn ratings_are_one_per_report_from_one_to_five() {
    let mut world = World::answered();
    let rate = |score| Command::Rate {
        report: report(1),
        score,
        received_at: MONDAY,
    };
    assert_eq!(world.try_citizen(rate(0)), Err(Refusal::InvalidScore));
    assert_eq!(world.try_citizen(rate(6)), Err(Refusal::InvalidScore));
    world.citizen(rate(2));
    assert_eq!(world.try_citizen(rate(5)), Err(Refusal::AlreadyRated));
    let mut unanswered = World::in_progress();
    assert_eq!(unanswered.try_citizen(rate(3)), Err(Refusal::NothingToRate));
}

#[test]
fn the_ombudsman_takes_over_after_sixty_days_and_hands_back() {
    let mut world = World::in_progress();
    assert_eq!(
        world.try_by("ombudsman.riau", Command::TakeOver),
        Err(Refusal::TakeOverTooEarly)
    );
    world.run_to(MONDAY + Duration::days(61));
    world.by("ombudsman.riau", Command::TakeOver);
    assert_eq!(world.case().holder(), Some(&Party::Ombudsman));
    let answer = world.answer();
    assert_eq!(world.try_by("dishub.sekretaris", answer), Err(Refusal::TakenOver));
    world.skip_days(3);
    world.by("ombudsman.riau", Command::HandBack);
    assert_eq!(world.case().holder().cloned(), agency("dishub"));
    assert_eq!(world.case().charged(&Party::Ombudsman, world.now), Duration::days(3));
    assert_eq!(
        world.try_by("ombudsman.riau", Command::HandBack),
        Err(Refusal::NotTakenOver)
    );
    world.answer_by("dishub.sekretaris");
}
