//! An entry of the log in plain words.

use prost::Message as _;
use tuntas_proto::{
    Timestamp,
    case::v1::{CaseEvent, case_command::Command},
    event::v1::{
        CommandRefused, DirectoryChanged, EvaluationCaseChanged, Event, OmbudsmanActed, OmbudsmanRead, ReportFiled,
        directory_changed::Change, event::Payload,
    },
    oversight::v1::FeedEntry,
};

use crate::{directory::Directory, lang::Lang, web::format};

/// An entry, as a line of the feed.
#[derive(Debug, Clone, Default)]
pub struct Line {
    /// Position in the log.
    pub position: u64,
    /// When it happened.
    pub at: Option<Timestamp>,
    /// What happened.
    pub what: String,
    /// To whom, which deadline, why; empty when that says nothing.
    pub about: String,
    /// Who did it.
    pub who: String,
    /// The case, when it is about one that can be opened.
    pub case_id: String,
    /// Somebody was late.
    pub late: bool,
    /// Type of the event.
    pub kind: String,
    /// Hash of the leaf, in hexadecimal.
    pub leaf: String,
}

/// An entry in words. One that cannot be read says so: nothing of the log is left out.
#[must_use]
pub fn tell(lang: Lang, directory: &Directory, entry: &FeedEntry) -> Line {
    let mut line = Line {
        position: entry.position,
        leaf: hex::encode(&entry.leaf_hash),
        ..Line::default()
    };
    let Ok(event) = Event::decode(entry.event.as_slice()) else {
        lang.t("Entri tidak terbaca", "Unreadable entry")
            .clone_into(&mut line.what);
        return line;
    };
    line.at = event.occurred_at;
    line.kind.clone_from(&event.r#type);
    line.who = who(lang, directory, &event);
    line.case_id = case_of(&event);
    line.late = matches!(&event.payload, Some(Payload::CaseEvent(case)) if format::is_late(&case.r#type));
    let (what, mut about) = payload(lang, directory, &event);
    about.retain(|part| !part.is_empty());
    about.dedup();
    line.what = what;
    line.about = about.join(" · ");
    line
}

/// Case of an event; empty when it is about none.
#[must_use]
pub fn case_of(event: &Event) -> String {
    match &event.payload {
        Some(Payload::OmbudsmanActed(acted)) => acted.case_id.clone(),
        Some(Payload::OmbudsmanRead(read)) => read.case_id.clone(),
        Some(Payload::CommandRefused(refused)) => refused.case_id.clone(),
        Some(Payload::AnswerFoundNearCopy(found)) => found.case_id.clone(),
        Some(Payload::CaseCommandIssued(issued)) => {
            let command = issued.command.as_ref();
            command.map(|command| command.case_id.clone()).unwrap_or_default()
        }
        _ => event.aggregate_id.strip_prefix("case:").unwrap_or_default().to_owned(),
    }
}

fn who(lang: Lang, directory: &Directory, event: &Event) -> String {
    let actor = event.actor.clone().unwrap_or_default();
    if !actor.position_id.is_empty() {
        return directory.position(&actor.position_id).to_owned();
    }
    match actor.via.as_str() {
        "citizen" => lang.t("Pelapor", "Reporter").to_owned(),
        "system" | "" => lang.t("Sistem", "The platform").to_owned(),
        "ctl" => lang.t("Operator pusat data", "Data-centre operator").to_owned(),
        other => other.to_owned(),
    }
}

fn payload(lang: Lang, directory: &Directory, event: &Event) -> (String, Vec<String>) {
    let t = |id: &str, en: &str| lang.t(id, en).to_owned();
    match &event.payload {
        Some(Payload::ReportFiled(filed)) => (
            t("Laporan diterima", "Report received"),
            about_report(lang, directory, filed),
        ),
        Some(Payload::CitizenCommandReceived(received)) => {
            let command = received.command.as_ref().and_then(|command| command.command.as_ref());
            (citizen_act(lang, command), Vec::new())
        }
        Some(Payload::IdentityRevealed(_)) => (
            t(
                "Identitas pelapor dibuka petugas",
                "An officer looked at the reporter's identity",
            ),
            Vec::new(),
        ),
        Some(Payload::ReceiptRecovered(_)) => (
            t(
                "Pelapor mendapat kode rahasia baru",
                "The reporter got a new secret code",
            ),
            Vec::new(),
        ),
        Some(Payload::ReportErased(_)) => (t("Data pelapor dihapus", "The reporter's data was erased"), Vec::new()),
        Some(Payload::MessageSent(sent)) => {
            let by = if sent.from_reporter {
                t("Pelapor mengirim pesan", "The reporter sent a message")
            } else {
                t("Petugas mengirim pesan", "An officer sent a message")
            };
            (by, Vec::new())
        }
        Some(Payload::AnswerFoundNearCopy(found)) => (
            t("Jawaban mirip jawaban terdahulu", "An answer repeats an earlier one"),
            vec![
                directory.agency(&found.opd_code).to_owned(),
                format!("{} %", found.similarity),
            ],
        ),
        Some(Payload::CaseEvent(case)) => (format::event(lang, &case.r#type), about_case(lang, directory, case)),
        Some(Payload::CaseCommandIssued(issued)) => (
            t("OPD mengirim perintah", "An agency sent a command"),
            vec![directory.agency(&issued.opd_code).to_owned()],
        ),
        Some(Payload::CommandRefused(refused)) => (
            t("Perintah ditolak", "A command was refused"),
            about_refusal(lang, directory, refused),
        ),
        Some(Payload::DirectoryChanged(changed)) => about_directory(lang, directory, changed),
        Some(Payload::PolicyChanged(policy)) => (
            t("Kebijakan batas waktu ditambah", "A policy version was added"),
            vec![
                format!("{} {}", lang.t("versi", "version"), policy.version),
                format::at(lang, policy.effective_from.as_ref()),
            ],
        ),
        Some(Payload::CalendarChanged(day)) if day.removed => (
            t("Hari libur dihapus", "A holiday was removed"),
            vec![day.date.clone(), day.name.clone()],
        ),
        Some(Payload::CalendarChanged(day)) => (
            t("Hari libur ditambah", "A holiday was added"),
            vec![day.date.clone(), day.name.clone()],
        ),
        Some(Payload::OutageRecorded(outage)) => (
            t("Gangguan layanan dicatat", "An outage was recorded"),
            vec![format!(
                "{} – {}",
                format::at(lang, outage.from.as_ref()),
                format::at(lang, outage.to.as_ref())
            )],
        ),
        Some(Payload::OmbudsmanActed(acted)) => about_act(lang, directory, acted),
        Some(Payload::OmbudsmanRead(read)) => (
            t("Dibaca Ombudsman", "Read by the Ombudsman"),
            vec![what_was_read(lang, read)],
        ),
        Some(Payload::EvaluationCaseChanged(changed)) => about_evaluation(lang, directory, changed),
        None => (event.r#type.clone(), Vec::new()),
    }
}

fn about_report(lang: Lang, directory: &Directory, filed: &ReportFiled) -> Vec<String> {
    vec![
        format::kind(lang, filed.kind).to_owned(),
        directory.category(&filed.category_code, lang).to_owned(),
        directory.region(&filed.region_code).to_owned(),
        filed.channel.clone(),
    ]
}

fn citizen_act(lang: Lang, command: Option<&Command>) -> String {
    let (id, en) = match command {
        Some(Command::Complete(_)) => ("Pelapor melengkapi laporan", "The reporter completed the report"),
        Some(Command::Withdraw(_)) => ("Pelapor mencabut laporan", "The reporter withdrew the report"),
        Some(Command::Dispute(_)) => ("Pelapor menyanggah", "The reporter disputed the answer"),
        Some(Command::Rate(_)) => ("Pelapor memberi penilaian", "The reporter rated the handling"),
        Some(Command::Contest(_)) => ("Pelapor berkeberatan", "The reporter contested the decision"),
        _ => ("Pelapor mengirim perintah", "The reporter sent a command"),
    };
    lang.t(id, en).to_owned()
}

fn about_case(lang: Lang, directory: &Directory, event: &CaseEvent) -> Vec<String> {
    let case = event.case.clone().unwrap_or_default();
    let details = event.details.clone().unwrap_or_default();
    let mut about = vec![format::state(lang, case.state).to_owned()];
    let opd = if details.to_opd.is_empty() {
        &case.lead_opd
    } else {
        &details.to_opd
    };
    about.push(directory.agency(opd).to_owned());
    if !details.clock_kind.is_empty() {
        about.push(format::clock(lang, &details.clock_kind));
    }
    if !details.target_position_id.is_empty() {
        about.push(directory.position(&details.target_position_id).to_owned());
    }
    about.push(format::reason(lang, &details.reason_code));
    about.push(format::outcome(lang, details.outcome).to_owned());
    if details.ombudsman_flag {
        about.push(
            lang.t("masuk perhatian Ombudsman", "in the Ombudsman's alerts")
                .to_owned(),
        );
    }
    about
}

fn about_refusal(lang: Lang, directory: &Directory, refused: &CommandRefused) -> Vec<String> {
    let why = crate::web::fault::sentence(lang, &refused.code).unwrap_or(&refused.message);
    vec![directory.agency(&refused.opd_code).to_owned(), why.to_owned()]
}

fn about_directory(lang: Lang, directory: &Directory, changed: &DirectoryChanged) -> (String, Vec<String>) {
    let (id, en, about) = match &changed.change {
        Some(Change::Agency(agency)) => ("Data OPD berubah", "An agency changed", agency.official_name.clone()),
        Some(Change::Position(position)) => ("Data jabatan berubah", "A position changed", position.title.clone()),
        Some(Change::HolderTerm(term)) => {
            let title = directory.position(&term.position_id).to_owned();
            if term.acting {
                ("Pejabat pelaksana ditunjuk", "An acting holder was named", title)
            } else {
                ("Masa jabatan berubah", "A term in office changed", title)
            }
        }
        Some(Change::Category(category)) => (
            "Kategori berubah",
            "A category changed",
            lang.t(&category.name_id, &category.name_en).to_owned(),
        ),
        Some(Change::Region(region)) => ("Wilayah berubah", "A region changed", region.name.clone()),
        None => ("Direktori berubah", "The directory changed", String::new()),
    };
    (lang.t(id, en).to_owned(), vec![about])
}

fn about_act(lang: Lang, directory: &Directory, acted: &OmbudsmanActed) -> (String, Vec<String>) {
    let about = vec![
        directory.agency(&acted.addressed_opd).to_owned(),
        status(lang, &acted.status).to_owned(),
        judgement(lang, &acted.judgement).to_owned(),
    ];
    (format!("Ombudsman: {}", act(lang, &acted.kind)), about)
}

fn about_evaluation(lang: Lang, directory: &Directory, changed: &EvaluationCaseChanged) -> (String, Vec<String>) {
    let (id, en) = match changed.status.as_str() {
        "opened" => ("Kasus evaluasi dibuka", "An evaluation case was opened"),
        "replied" => ("Hak jawab digunakan", "A reply was given"),
        "decided" => ("Kasus evaluasi diputus", "An evaluation case was decided"),
        _ => ("Kasus evaluasi berubah", "An evaluation case changed"),
    };
    let about = vec![
        directory.position(&changed.position_id).to_owned(),
        changed.month.clone(),
        measure(lang, &changed.measure).to_owned(),
    ];
    (lang.t(id, en).to_owned(), about)
}

/// What the Ombudsman looked at.
#[must_use]
pub fn what_was_read(lang: Lang, read: &OmbudsmanRead) -> String {
    match read.what.as_str() {
        "feed" => format!(
            "{} {}",
            lang.t("umpan kejadian mulai posisi", "the feed from position"),
            read.from_position
        ),
        "case" => lang.t("riwayat kasus", "the history of a case").to_owned(),
        "words" => lang.t("isi laporan", "the words of a report").to_owned(),
        "export" => lang.t("ekspor", "an export").to_owned(),
        other => other.to_owned(),
    }
}

/// Name of an act.
#[must_use]
pub fn act(lang: Lang, kind: &str) -> &'static str {
    let (id, en) = match kind {
        "comment" => ("Komentar", "Comment"),
        "explanation_request" => ("Permintaan penjelasan", "Request for an explanation"),
        "explanation" => ("Penjelasan diberikan", "Explanation given"),
        "recommendation" => ("Rekomendasi", "Recommendation"),
        "implementation" => ("Pelaksanaan rekomendasi dilaporkan", "Implementation reported"),
        "judgement" => ("Penilaian akhir", "Judgement"),
        "reopen" => ("Dibuka kembali", "Reopened"),
        "take_over" => ("Diambil alih", "Taken over"),
        "hand_back" => ("Diserahkan kembali", "Handed back"),
        _ => ("Tindakan", "Act"),
    };
    lang.t(id, en)
}

/// Name of an act's status.
#[must_use]
pub fn status(lang: Lang, status: &str) -> &'static str {
    let (id, en) = match status {
        "open" => ("menunggu jawaban", "waits for the answer"),
        "answered" => ("sudah dijawab", "answered"),
        "overdue" => ("tidak dijawab pada waktunya", "not answered in time"),
        "done" => ("selesai", "done"),
        _ => ("", ""),
    };
    lang.t(id, en)
}

/// Name of a judgement.
#[must_use]
pub fn judgement(lang: Lang, code: &str) -> &'static str {
    let (id, en) = match code {
        "satisfied" => ("terpenuhi", "satisfied"),
        "partly_satisfied" => ("terpenuhi sebagian", "partly satisfied"),
        "not_satisfied" => ("tidak terpenuhi", "not satisfied"),
        "withdrawn" => ("ditarik kembali", "withdrawn"),
        _ => ("", ""),
    };
    lang.t(id, en)
}

/// Name of a measure of an evaluation case.
#[must_use]
pub fn measure(lang: Lang, code: &str) -> &'static str {
    let (id, en) = match code {
        "none" => ("tanpa tindakan", "no measure"),
        "guidance" => ("pembinaan", "guidance"),
        "written_warning" => ("teguran tertulis", "written warning"),
        "referral_art_54" => (
            "diteruskan menurut Pasal 54 UU 25/2009",
            "referred under art. 54 of Law 25/2009",
        ),
        _ => ("", ""),
    };
    lang.t(id, en)
}

/// Why a case is in the Ombudsman's alerts.
#[must_use]
pub fn flag(lang: Lang, reason: &str) -> String {
    let (id, en) = match reason {
        "about_director" => ("menyangkut Sekda", "about the director"),
        "reclassified" => ("klasifikasinya diubah", "reclassified"),
        "away_from_supervisory" => ("dikeluarkan dari pengawasan", "taken out of supervision"),
        "last_rung" => ("eskalasi sampai jenjang terakhir", "escalated to the last rung"),
        "appeal_to_ombudsman" => ("sanggahan diteruskan ke Ombudsman", "dispute passed to the Ombudsman"),
        other => return other.replace('_', " "),
    };
    lang.t(id, en).to_owned()
}
