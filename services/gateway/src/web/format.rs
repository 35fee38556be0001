//! Moments, deadlines, states and codes, in words of the reader's language.

use time::{Duration, OffsetDateTime, UtcOffset};
use tuntas_domain::calendar::wib;
use tuntas_proto::{
    Timestamp,
    case::v1::{Outcome, Party, Privacy, RejectReason, ReportKind, State, party},
    wire_time,
};

use crate::{directory::Directory, lang::Lang};

const MONTHS_ID: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "Mei", "Jun", "Jul", "Agu", "Sep", "Okt", "Nov", "Des",
];
const MONTHS_EN: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

fn local(at: Option<&Timestamp>) -> Option<OffsetDateTime> {
    let offset: UtcOffset = wib();
    at.and_then(wire_time::instant).map(|at| at.to_offset(offset))
}

fn date(lang: Lang, at: OffsetDateTime) -> String {
    format!("{} {} {}", at.day(), month(lang, at.month()), at.year())
}

/// Name of a month, short.
#[must_use]
pub fn month(lang: Lang, month: time::Month) -> &'static str {
    let place = usize::from(u8::from(month)) - 1;
    match lang {
        Lang::Id => MONTHS_ID[place],
        Lang::En => MONTHS_EN[place],
    }
}

/// `24 Nov 2026 14.05 WIB`; the end of a day is 24.00 of that day.
#[must_use]
pub fn at(lang: Lang, at: Option<&Timestamp>) -> String {
    let Some(at) = local(at) else { return "–".to_owned() };
    let separator = lang.t(".", ":");
    if at.time() == time::Time::MIDNIGHT {
        return format!("{} 24{separator}00 WIB", date(lang, at - Duration::SECOND));
    }
    format!("{} {:02}{separator}{:02} WIB", date(lang, at), at.hour(), at.minute())
}

/// `24 Nov 2026`
#[must_use]
pub fn day(lang: Lang, at: Option<&Timestamp>) -> String {
    local(at).map_or_else(|| "–".to_owned(), |at| date(lang, at))
}

/// Whether a deadline has passed.
#[must_use]
pub fn is_over(due: Option<&Timestamp>, now: OffsetDateTime) -> bool {
    due.and_then(wire_time::instant).is_some_and(|due| due <= now)
}

/// `sisa 2 hari`, `terlambat 3 hari`.
#[must_use]
pub fn left(lang: Lang, due: Option<&Timestamp>, now: OffsetDateTime) -> String {
    let Some(due) = due.and_then(wire_time::instant) else {
        return String::new();
    };
    if due <= now {
        return format!("{} {}", lang.t("terlambat", "late by"), length(lang, now - due));
    }
    let length = length(lang, due - now);
    match lang {
        Lang::Id => format!("sisa {length}"),
        Lang::En => format!("{length} left"),
    }
}

/// A length of time, in its largest unit.
#[must_use]
pub fn length(lang: Lang, length: Duration) -> String {
    let (days, hours, minutes) = (length.whole_days(), length.whole_hours(), length.whole_minutes().max(1));
    let plural = |n: i64, one: &'static str, many: &'static str| if n == 1 { one } else { many };
    match (days, hours) {
        (0, 0) => format!("{minutes} {}", lang.t("menit", plural(minutes, "minute", "minutes"))),
        (0, _) => format!("{hours} {}", lang.t("jam", plural(hours, "hour", "hours"))),
        _ => format!("{days} {}", lang.t("hari", plural(days, "day", "days"))),
    }
}

/// Seconds as a length of time.
#[must_use]
pub fn seconds(lang: Lang, seconds: u64) -> String {
    length(lang, Duration::seconds(i64::try_from(seconds).unwrap_or(i64::MAX)))
}

/// Name of a state.
#[must_use]
pub fn state(lang: Lang, value: i32) -> &'static str {
    let (id, en) = match State::try_from(value).unwrap_or_default() {
        State::Unspecified => ("Diterima", "Received"),
        State::AwaitingVerification => ("Menunggu verifikasi", "Awaiting verification"),
        State::AwaitingCompletion => (
            "Menunggu kelengkapan dari pelapor",
            "Awaiting completion by the reporter",
        ),
        State::AwaitingDisposition => ("Menunggu disposisi", "Awaiting disposition"),
        State::AwaitingAcceptance => ("Menunggu diterima OPD", "Awaiting acceptance by the agency"),
        State::InProgress => ("Dalam penanganan", "In progress"),
        State::Answered => ("Telah dijawab", "Answered"),
        State::Disputed => ("Disanggah", "Disputed"),
        State::Closed => ("Selesai", "Closed"),
    };
    lang.t(id, en)
}

/// Name of an outcome; empty when there is none.
#[must_use]
pub fn outcome(lang: Lang, value: i32) -> &'static str {
    let (id, en) = match Outcome::try_from(value).unwrap_or_default() {
        Outcome::Unspecified => ("", ""),
        Outcome::Resolved => ("ditindaklanjuti", "acted on"),
        Outcome::Clarified => ("diklarifikasi", "clarified"),
        Outcome::Informed => ("informasi diberikan", "information given"),
        Outcome::NotedTakenUp => ("aspirasi diterima", "wish taken up"),
        Outcome::NotedNotTakenUp => ("aspirasi dicatat", "wish noted"),
        Outcome::Rejected => ("ditolak", "rejected"),
        Outcome::Referred => ("diteruskan ke instansi lain", "referred to another authority"),
        Outcome::Merged => ("digabung", "merged"),
        Outcome::Withdrawn => ("dicabut pelapor", "withdrawn by the reporter"),
        Outcome::Lapsed => ("tidak dilengkapi", "not completed"),
    };
    lang.t(id, en)
}

/// Name of a kind of report.
#[must_use]
pub fn kind(lang: Lang, value: i32) -> &'static str {
    let (id, en) = match ReportKind::try_from(value).unwrap_or_default() {
        ReportKind::Unspecified => ("", ""),
        ReportKind::Complaint => ("Pengaduan", "Complaint"),
        ReportKind::Aspiration => ("Aspirasi", "Wish"),
        ReportKind::InformationRequest => ("Permintaan informasi", "Request for information"),
    };
    lang.t(id, en)
}

/// Name of a privacy.
#[must_use]
pub fn privacy(lang: Lang, value: i32) -> &'static str {
    let (id, en) = match Privacy::try_from(value).unwrap_or_default() {
        Privacy::Unspecified => ("", ""),
        Privacy::Open => ("Terbuka", "Open"),
        Privacy::Anonymous => ("Anonim", "Anonymous"),
        Privacy::Confidential => ("Rahasia", "Confidential"),
    };
    lang.t(id, en)
}

/// Name of a reason for rejection.
#[must_use]
pub fn reject_reason(lang: Lang, value: i32) -> &'static str {
    let (id, en) = match RejectReason::try_from(value).unwrap_or_default() {
        RejectReason::Unspecified => ("", ""),
        RejectReason::NotPublicService => ("bukan soal pelayanan publik", "not about a public service"),
        RejectReason::BeforeCourt => ("sedang di pengadilan", "before a court"),
        RejectReason::Insufficient => ("keterangan tidak memadai", "insufficient information"),
        RejectReason::Abusive => ("kata-kata tidak pantas", "abusive words"),
        RejectReason::Repeated => ("sudah pernah dilaporkan", "reported before"),
    };
    lang.t(id, en)
}

/// Who has a case now, in words.
#[must_use]
pub fn party(lang: Lang, value: Option<&Party>, directory: &Directory) -> String {
    let Some(value) = value else { return String::new() };
    let (id, en) = match party::Kind::try_from(value.kind).unwrap_or_default() {
        party::Kind::Unspecified => ("", ""),
        party::Kind::Agency => return directory.agency(&value.opd_code).to_owned(),
        party::Kind::Manager => ("Diskominfotik (pengelola)", "Diskominfotik (manager)"),
        party::Kind::Reporter => ("pelapor", "the reporter"),
        party::Kind::Director => ("Sekretaris Daerah (pengarah)", "Regional Secretary (director)"),
        party::Kind::Ombudsman => ("Ombudsman", "the Ombudsman"),
        party::Kind::Patron => ("Gubernur (pembina)", "Governor (patron)"),
    };
    lang.t(id, en).to_owned()
}

/// Whether an event of a case says that somebody was late.
#[must_use]
pub fn is_late(name: &str) -> bool {
    matches!(name, "breached" | "escalated")
}

/// What happened, from the type of a case event.
#[must_use]
pub fn event(lang: Lang, name: &str) -> String {
    let (id, en) = match name {
        "filed" => ("Laporan diterima", "Report received"),
        "verified" => ("Laporan diverifikasi", "Report verified"),
        "handed_up" => ("Diserahkan ke tingkat di atasnya", "Handed up to the level above"),
        "completion_requested" => ("Pelapor diminta melengkapi", "Reporter asked to complete"),
        "completed" => ("Pelapor melengkapi laporan", "Reporter completed the report"),
        "rejected" => ("Laporan ditolak", "Report rejected"),
        "referred" => ("Diteruskan ke instansi lain", "Referred to another authority"),
        "merged_into" => ("Digabung dengan laporan serupa", "Merged with a similar report"),
        "absorbed" => ("Laporan serupa digabungkan", "A similar report joined"),
        "unmerged" | "split_off" => ("Dipisahkan lagi", "Separated again"),
        "reclassified" => ("Klasifikasi diubah", "Reclassified"),
        "disposed" => ("Didisposisikan ke OPD", "Disposed to an agency"),
        "bound" => ("Ditetapkan mengikat untuk OPD", "Bindingly assigned to an agency"),
        "accepted" => ("Diterima OPD", "Accepted by the agency"),
        "returned" => ("Dikembalikan OPD", "Returned by the agency"),
        "transferred" => ("Dialihkan ke OPD lain", "Transferred to another agency"),
        "transfer_requested" => ("OPD meminta pengalihan", "The agency asked for a transfer"),
        "transfer_declined" => ("Pengalihan tidak disetujui", "Transfer declined"),
        "recalled" => ("Ditarik kembali", "Recalled"),
        "assigned" => ("Ditugaskan kepada pelaksana", "Assigned to an officer"),
        "progress_recorded" => ("Perkembangan dicatat", "Progress noted"),
        "first_response_released" => ("Tanggapan awal disampaikan", "First response given"),
        "contributor_added" => ("OPD lain dilibatkan", "Another agency was involved"),
        "contribution_done" => ("Kontribusi OPD selesai", "An agency's contribution is done"),
        "lead_declared_done" => ("Bagian OPD utama selesai", "The lead's own part is done"),
        "answered" => ("Jawaban disampaikan", "Answer given"),
        "disputed" => ("Pelapor menyanggah jawaban", "Reporter disputed the answer"),
        "dispute_joined" => ("Pelapor lain ikut menyanggah", "Another reporter joined the dispute"),
        "dispute_decided" => ("Sanggahan diputus", "Dispute decided"),
        "appeal_referred_to_ombudsman" => ("Sanggahan diteruskan ke Ombudsman", "Dispute passed to the Ombudsman"),
        "rated" => ("Pelapor memberi penilaian", "Reporter rated the handling"),
        "contested" => ("Pelapor berkeberatan", "Reporter contested the decision"),
        "contest_decided" => ("Keberatan diputus", "Contest decided"),
        "closed_by_silence" => ("Selesai: tidak ada sanggahan", "Closed: no dispute"),
        "window_ended" => ("Waktu pelapor berakhir", "The reporter's time ended"),
        "withdrawn" => ("Dicabut pelapor", "Withdrawn by the reporter"),
        "lapsed" => ("Gugur karena tidak dilengkapi", "Lapsed: not completed"),
        "breached" => ("Batas waktu terlewati", "A deadline was missed"),
        "escalated" => ("Dinaikkan ke atasan", "Escalated to a superior"),
        "reopened" => ("Dibuka kembali oleh Ombudsman", "Reopened by the Ombudsman"),
        "taken_over" => ("Diambil alih Ombudsman", "Taken over by the Ombudsman"),
        "handed_back" => ("Diserahkan kembali oleh Ombudsman", "Handed back by the Ombudsman"),
        "deadline_moved" => (
            "Batas waktu bergeser karena hari libur",
            "A deadline moved for a holiday",
        ),
        "breach_corrected" => ("Catatan keterlambatan dikoreksi", "A breach was corrected"),
        other => return other.replace('_', " "),
    };
    lang.t(id, en).to_owned()
}

/// Name of a clock.
#[must_use]
pub fn clock(lang: Lang, kind: &str) -> String {
    let (id, en) = match kind {
        "verification" => ("Verifikasi", "Verification"),
        "redisposition" => ("Disposisi ulang", "Redisposition"),
        "binding_decision" => ("Penetapan mengikat", "Binding decision"),
        "completion" => ("Kelengkapan dari pelapor", "Completion by the reporter"),
        "acceptance" => ("Penerimaan OPD", "Acceptance"),
        "first_response" => ("Tanggapan awal", "First response"),
        "resolution" => ("Penyelesaian", "Resolution"),
        "contribution" => ("Kontribusi", "Contribution"),
        "reporter_silence" => ("Waktu sanggah pelapor", "Reporter's time to dispute"),
        "rework" => ("Pengerjaan ulang", "Rework"),
        "director_decision" => ("Putusan Sekda", "Director's decision"),
        "contest" => ("Putusan keberatan", "Decision on the contest"),
        "reopen" => ("Penanganan setelah dibuka kembali", "Handling after reopening"),
        "legal_notice" => ("Pemberitahuan (UU 25/2009)", "Notice (Law 25/2009)"),
        "legal_decision" => ("Putusan (UU 25/2009)", "Decision (Law 25/2009)"),
        other => return other.replace('_', " "),
    };
    lang.t(id, en).to_owned()
}

/// What a text of a case is, from its kind in intake.
#[must_use]
pub fn text_kind(lang: Lang, kind: &str) -> String {
    let (id, en) = match kind {
        "answer" => ("Jawaban", "Answer"),
        "first_response" => ("Tanggapan awal", "First response"),
        "completion_request" => ("Permintaan kelengkapan", "Question to the reporter"),
        "completion" => ("Kelengkapan", "Completion"),
        "dispute" => ("Sanggahan", "Dispute"),
        "contest" => ("Keberatan", "Contest"),
        "message" => ("Pesan", "Message"),
        "explanation" => ("Penjelasan", "Explanation"),
        "redaction" => ("Teks untuk publik", "Text for the public"),
        "note" => ("Catatan", "Note"),
        "reason" => ("Alasan", "Reason"),
        "instruction" => ("Petunjuk", "Instruction"),
        "recommendation" => ("Rekomendasi", "Recommendation"),
        other => return other.replace('_', " "),
    };
    lang.t(id, en).to_owned()
}

/// Name of a role.
#[must_use]
pub fn role(lang: Lang, code: &str) -> String {
    let (id, en) = match code {
        "patron" => ("pembina", "patron"),
        "director" => ("pengarah", "director"),
        "accountable_head" => ("penanggung jawab", "accountable head"),
        "manager" => ("pejabat pengelola", "manager"),
        "verifier" => ("verifikator", "verifier"),
        "liaison" => ("pejabat penghubung", "liaison"),
        "executor" => ("pelaksana", "executor"),
        "auditor" => ("pengawas internal", "auditor"),
        "ombudsman" => return "Ombudsman".to_owned(),
        "operator" => return "operator".to_owned(),
        other => return other.replace('_', " "),
    };
    lang.t(id, en).to_owned()
}

/// Why something was returned, rejected or flagged, from the code in an event; empty when there is none.
#[must_use]
pub fn reason(lang: Lang, code: &str) -> String {
    let (id, en) = match code {
        "" => ("", ""),
        "not_our_task" => ("bukan tugas OPD ini", "not this agency's task"),
        "other_authority" => ("kewenangan instansi lain", "another authority's"),
        "other_region" => ("wilayah lain", "another region's"),
        "duplicate" => ("sudah ada laporan serupa", "a duplicate"),
        "other" => ("lainnya", "other"),
        "not_public_service" => return reject_reason(lang, RejectReason::NotPublicService.into()).to_owned(),
        "before_court" => return reject_reason(lang, RejectReason::BeforeCourt.into()).to_owned(),
        "insufficient" => return reject_reason(lang, RejectReason::Insufficient.into()).to_owned(),
        "abusive" => return reject_reason(lang, RejectReason::Abusive.into()).to_owned(),
        "repeated" => return reject_reason(lang, RejectReason::Repeated.into()).to_owned(),
        other => return other.replace('_', " "),
    };
    lang.t(id, en).to_owned()
}

/// What an agency's command asks for, from its name at the desk.
#[must_use]
pub fn desk_command(lang: Lang, kind: &str) -> String {
    let (id, en) = match kind {
        "accept" => ("Penerimaan", "Acceptance"),
        "return" => ("Pengembalian", "Return"),
        "request_transfer" => ("Permintaan pengalihan", "Request for a transfer"),
        "assign" => ("Penugasan", "Assignment"),
        "record_progress" => ("Catatan perkembangan", "Note of progress"),
        "release_first_response" => ("Tanggapan awal", "First response"),
        "agency_request_completion" => ("Permintaan kelengkapan", "Question to the reporter"),
        "contribution_done" => ("Kontribusi", "Contribution"),
        "declare_lead_done" => ("Bagian OPD utama", "The lead's part"),
        "release_answer" => ("Jawaban", "Answer"),
        other => return other.replace('_', " "),
    };
    lang.t(id, en).to_owned()
}
