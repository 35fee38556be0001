//! What the page of a case offers, most likely first, by the same table that decides (`authorization::may`).
//!
//! The domain decides again: this only spares people forms that would be refused.

use tuntas_domain::{CommandKind, Official, Role, may};
use tuntas_proto::{
    case::v1::{Case, State},
    convert,
};

use CommandKind as C;

use crate::{accounts::User, lang::Lang};

/// Acts of a case by name, most likely first: the first one stands open on the page, the rest is folded.
#[must_use]
pub fn of(user: &User, case: &Case) -> Vec<&'static str> {
    let Some(officer) = &user.officer else {
        return Vec::new();
    };
    let official = Official {
        position: officer.position.clone(),
        holder: officer.holder.clone(),
        roles: user.roles.clone(),
        opd: user.opd.parse().ok(),
        acting: false,
    };
    let mut offers = offered(&official, case);
    let answerable = case.state() == State::InProgress || (case.state() == State::Disputed && !case.awaiting_director);
    // A liaison prepares what the head has to release (rule M12).
    if answerable && user.roles.contains(&Role::Liaison) && case.lead_opd == user.opd && !offers.contains(&"jawab") {
        offers.insert(0, "draf");
    }
    offers
}

/// What an official may do with a case now.
#[must_use]
pub fn offered(official: &Official, case: &Case) -> Vec<&'static str> {
    let relation = convert::relation(official, case);
    let permitted = |kind: CommandKind| official.roles.iter().any(|role| may(*role, kind, &relation));
    candidates(case)
        .into_iter()
        .filter(|(_, kind)| permitted(*kind))
        .map(|(act, _)| act)
        .collect()
}

/// What the state allows to somebody.
fn candidates(case: &Case) -> Vec<(&'static str, CommandKind)> {
    match case.state() {
        State::AwaitingVerification => vec![
            ("verifikasi", C::AcceptVerification),
            ("minta", C::RequestCompletion),
            ("gabung", C::MergeInto),
            ("rujuk", C::Refer),
            ("tolak", C::Reject),
        ],
        State::AwaitingDisposition => in_disposition(case),
        State::AwaitingAcceptance => {
            let mut acts = vec![("terima", C::AcceptCase), ("kontribusi", C::ContributionDone)];
            if case.returnable {
                acts.push(("kembalikan", C::ReturnCase));
            }
            acts.extend([
                ("tarik", C::Recall),
                ("alihkan", C::Transfer),
                ("libatkan", C::AddContributor),
            ]);
            acts
        }
        State::InProgress => at_work(case),
        State::AwaitingCompletion => vec![("kontribusi", C::ContributionDone)],
        State::Disputed if case.awaiting_director => vec![("putus-sanggah", C::DecideDispute)],
        State::Disputed => vec![
            ("jawab", C::ReleaseAnswer),
            ("catat", C::RecordProgress),
            ("tugaskan", C::Assign),
        ],
        State::Closed if case.contest == "open" => vec![("putus-keberatan", C::DecideContest)],
        State::Closed | State::Answered | State::Unspecified => Vec::new(),
    }
}

fn in_disposition(case: &Case) -> Vec<(&'static str, CommandKind)> {
    let mut acts = vec![("disposisi", C::Dispose)];
    if case.returns > 0 {
        acts.push(("tetapkan", C::Bind));
    }
    acts.extend([
        ("gabung", C::MergeInto),
        ("rujuk", C::Refer),
        ("klasifikasi", C::Reclassify),
    ]);
    if case.members.iter().filter(|member| member.moved_to.is_empty()).count() > 1 {
        acts.push(("pisahkan", C::Unmerge));
    }
    acts
}

fn at_work(case: &Case) -> Vec<(&'static str, CommandKind)> {
    let mut acts = Vec::new();
    if case.transfer_requested {
        acts.extend([
            ("alihkan", C::Transfer),
            ("tolak-alih", C::DeclineTransfer),
            ("tetapkan", C::Bind),
        ]);
    }
    let unassigned = case.assigned_position_id.is_empty();
    if unassigned {
        acts.push(("tugaskan", C::Assign));
    }
    acts.extend([
        ("jawab", C::ReleaseAnswer),
        ("kontribusi", C::ContributionDone),
        ("catat", C::RecordProgress),
    ]);
    if case.first_response_at.is_none() {
        acts.push(("tanggapan", C::ReleaseFirstResponse));
    }
    if !unassigned {
        acts.push(("tugaskan", C::Assign));
    }
    if !case.transfer_requested {
        acts.push(("minta-lengkap", C::AgencyCompletionRequest));
        if case.returnable {
            acts.push(("minta-alih", C::RequestTransfer));
        }
        acts.push(("alihkan", C::Transfer));
    }
    if !case.contributions.is_empty() && case.lead_done_at.is_none() {
        acts.push(("bagian-selesai", C::DeclareLeadDone));
    }
    acts.extend([("libatkan", C::AddContributor), ("klasifikasi", C::Reclassify)]);
    acts
}

/// Name of an act, as its form and what became of it are headed.
#[must_use]
pub fn name(lang: Lang, act: &str) -> &'static str {
    let (id, en) = match act {
        "verifikasi" => ("Verifikasi", "Verify"),
        "minta" | "minta-lengkap" => ("Minta kelengkapan dari pelapor", "Ask the reporter to complete"),
        "gabung" => ("Gabung dengan kasus serupa", "Merge with a similar case"),
        "rujuk" => ("Rujuk ke instansi lain", "Refer to another authority"),
        "tolak" => ("Tolak laporan", "Reject the report"),
        "disposisi" => ("Disposisi ke OPD", "Dispose to an agency"),
        "tetapkan" => ("Tetapkan mengikat", "Assign bindingly"),
        "klasifikasi" => ("Ubah klasifikasi", "Reclassify"),
        "pisahkan" => ("Pisahkan satu laporan", "Take one report out"),
        "terima" => ("Terima penanganan", "Accept the case"),
        "kembalikan" => ("Kembalikan: bukan milik OPD kami", "Return: not our agency's"),
        "tarik" => ("Tarik kembali disposisi", "Recall the disposition"),
        "alihkan" => ("Alihkan ke OPD lain", "Transfer to another agency"),
        "tolak-alih" => ("Tolak permintaan pengalihan", "Decline the transfer"),
        "libatkan" => ("Libatkan OPD lain", "Involve another agency"),
        "tugaskan" => ("Tugaskan pelaksana", "Assign an executor"),
        "jawab" => ("Jawab laporan", "Answer the report"),
        "draf" | "simpan-draf" => ("Siapkan draf jawaban", "Prepare a draft answer"),
        "kontribusi" => ("Kontribusi OPD Anda selesai", "Your agency's contribution is done"),
        "catat" => ("Catat perkembangan", "Note progress"),
        "tanggapan" => ("Tanggapan awal", "First response"),
        "minta-alih" => ("Minta dialihkan", "Ask for a transfer"),
        "bagian-selesai" => ("Bagian OPD kami selesai", "Our own part is done"),
        "putus-sanggah" => ("Putuskan sanggahan", "Decide the dispute"),
        "putus-keberatan" => ("Putuskan keberatan", "Decide the contest"),
        "penjelasan" => ("Minta penjelasan", "Ask for an explanation"),
        "rekomendasi" => ("Beri rekomendasi", "Recommend"),
        "komentar" => ("Beri komentar", "Comment"),
        "buka-kembali" => ("Buka kembali kasus", "Reopen the case"),
        "ambil-alih" => ("Ambil alih kasus", "Take the case over"),
        "serahkan-kembali" => ("Serahkan kembali kasus", "Hand the case back"),
        "jawab-ombudsman" => ("Jawab Ombudsman", "Answer the Ombudsman"),
        "tutup-tindakan" => ("Tutup tindakan", "Close the act"),
        "pesan" => ("Tulis pesan kepada pelapor", "Write to the reporter"),
        _ => ("Tindakan", "Act"),
    };
    lang.t(id, en)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use super::*;

    fn official(role: Role, opd: &str) -> Official {
        Official {
            position: format!("{opd}.jabatan").parse().unwrap(),
            holder: "h-satu".parse().unwrap(),
            roles: [role].into(),
            opd: Some(opd.parse().unwrap()),
            acting: false,
        }
    }

    fn case(state: State) -> Case {
        Case {
            state: state.into(),
            lead_opd: "dishub".to_owned(),
            returnable: true,
            ..Case::default()
        }
    }

    #[test]
    fn the_most_likely_act_comes_first() {
        let verifier = official(Role::Verifier, "diskominfotik");
        assert_eq!(offered(&verifier, &case(State::AwaitingVerification))[0], "verifikasi");
        assert_eq!(offered(&verifier, &case(State::AwaitingDisposition))[0], "disposisi");
        let liaison = official(Role::Liaison, "dishub");
        assert_eq!(
            offered(&liaison, &case(State::AwaitingAcceptance)),
            ["terima", "kembalikan"]
        );
        assert_eq!(offered(&liaison, &case(State::InProgress))[0], "tugaskan");
        let assigned = Case {
            assigned_position_id: "dishub.kabid".to_owned(),
            ..case(State::InProgress)
        };
        assert_eq!(offered(&liaison, &assigned)[0], "jawab");
    }

    #[test]
    fn nothing_is_offered_to_who_may_not() {
        let other = official(Role::Liaison, "dinkes");
        assert!(offered(&other, &case(State::InProgress)).is_empty());
        let auditor = official(Role::Auditor, "inspektorat");
        assert!(offered(&auditor, &case(State::AwaitingVerification)).is_empty());
        let director = official(Role::Director, "setda");
        assert!(
            offered(&director, &case(State::Disputed)).is_empty(),
            "the first dispute goes to the head"
        );
        let waiting = Case {
            awaiting_director: true,
            ..case(State::Disputed)
        };
        assert_eq!(offered(&director, &waiting), ["putus-sanggah"]);
    }

    #[test]
    fn a_case_that_needs_the_head_is_not_answered_by_the_liaison() {
        let disputed = Case {
            head_required: true,
            ..case(State::Disputed)
        };
        assert!(!offered(&official(Role::Liaison, "dishub"), &disputed).contains(&"jawab"));
        assert_eq!(
            offered(&official(Role::AccountableHead, "dishub"), &disputed)[0],
            "jawab"
        );
    }
}
