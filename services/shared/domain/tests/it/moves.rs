//! Moves of a case, by rule (M1–M5, M9, M10).

use time::Duration;
use tuntas_domain::case::{ClaimedOutcome, Command, Outcome, RejectReason, ReturnReason, State};
use tuntas_domain::{ClockKind, Party, Refusal};

use crate::world::{MONDAY, World, case_id, complaint, opd, position, report, text};

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
