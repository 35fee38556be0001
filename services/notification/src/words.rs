//! Codes in words, in both languages. A code that is missing here is shown as it is: a message with a plain code
//! is better than none.

use crate::{facts, template::Language};

/// The words of a code such as `outcome.resolved`.
#[must_use]
pub fn of(code: &str, language: Language) -> String {
    if let Some(month) = code.strip_prefix("month.") {
        return facts::month(month, language);
    }
    let Some((_, indonesian, english)) = WORDS.iter().find(|(known, _, _)| *known == code) else {
        return code.rsplit('.').next().unwrap_or(code).replace('_', " ");
    };
    match language {
        Language::Indonesian => (*indonesian).to_owned(),
        Language::English => (*english).to_owned(),
    }
}

/// Code, Indonesian, English.
const WORDS: &[(&str, &str, &str)] = &[
    ("due.soon", "secepatnya", "as soon as possible"),
    ("nobody.agency", "instansi yang berwenang", "the agency in charge"),
    ("nobody.position", "Bapak/Ibu pejabat", "officer"),
    (
        "outcome.resolved",
        "laporan benar dan sudah ditindaklanjuti",
        "the report was right and has been acted on",
    ),
    (
        "outcome.clarified",
        "klarifikasi atas fakta yang sebenarnya",
        "a clarification of the facts",
    ),
    (
        "outcome.informed",
        "informasi yang Anda minta",
        "the information that you asked for",
    ),
    (
        "outcome.noted_taken_up",
        "aspirasi Anda ditindaklanjuti",
        "your suggestion is taken up",
    ),
    (
        "outcome.noted_not_taken_up",
        "aspirasi Anda dicatat, tetapi belum dapat ditindaklanjuti",
        "your suggestion was noted but is not taken up",
    ),
    (
        "outcome.rejected",
        "laporan tidak dapat diproses",
        "the report could not be handled",
    ),
    (
        "outcome.referred",
        "laporan diteruskan ke instansi lain",
        "the report was referred to another authority",
    ),
    (
        "outcome.merged",
        "laporan digabung dengan laporan serupa",
        "the report was joined with a similar one",
    ),
    (
        "outcome.withdrawn",
        "laporan dicabut oleh pelapor",
        "the report was withdrawn by the reporter",
    ),
    (
        "outcome.lapsed",
        "laporan tidak dilengkapi",
        "the report was not completed",
    ),
    (
        "reject.not_public_service",
        "isinya tidak menyangkut pelayanan publik",
        "it is not about a public service",
    ),
    (
        "reject.before_court",
        "perkaranya sedang ditangani pengadilan",
        "the matter is before a court",
    ),
    (
        "reject.insufficient",
        "keterangannya belum cukup meskipun sudah diminta melengkapi",
        "the information is not sufficient although we asked for more",
    ),
    (
        "reject.abusive",
        "isinya memuat kata-kata yang merendahkan orang lain",
        "it holds words that degrade other people",
    ),
    (
        "reject.repeated",
        "hal yang sama sudah pernah dijawab dan tidak ada keterangan baru",
        "the same matter was answered before and there is nothing new",
    ),
    (
        "dispute.upheld",
        "diterima, laporan ditangani kembali",
        "accepted; the report is worked on again",
    ),
    (
        "dispute.dismissed",
        "tidak diterima, tanggapan tetap berlaku",
        "not accepted; the answer stands",
    ),
    (
        "contest.granted",
        "diterima, laporan dibuka kembali",
        "accepted; the report is opened again",
    ),
    (
        "contest.dismissed",
        "tidak diterima, keputusan semula tetap berlaku",
        "not accepted; the decision stands",
    ),
    ("clock.verification", "verifikasi", "verification"),
    ("clock.redisposition", "disposisi ulang", "sending the case on again"),
    ("clock.binding_decision", "keputusan mengikat", "the binding decision"),
    ("clock.completion", "kelengkapan laporan", "completion"),
    ("clock.acceptance", "penerimaan disposisi", "acceptance"),
    ("clock.first_response", "tanggapan awal", "the first response"),
    ("clock.resolution", "penyelesaian", "resolution"),
    ("clock.contribution", "kontribusi instansi", "the contribution"),
    ("clock.rework", "perbaikan setelah sanggahan", "rework after a dispute"),
    (
        "clock.director_decision",
        "keputusan pengarah",
        "the director's decision",
    ),
    ("clock.contest", "keputusan atas keberatan", "the decision on a contest"),
    (
        "clock.reopen",
        "penanganan setelah dibuka kembali",
        "the work after reopening",
    ),
    (
        "clock.legal_notice",
        "pemberitahuan kelengkapan (UU 25/2009)",
        "the legal notice (UU 25/2009)",
    ),
    (
        "clock.legal_decision",
        "keputusan (UU 25/2009 pasal 50)",
        "the legal decision (UU 25/2009 art. 50)",
    ),
    ("request.comment", "catatan", "comment"),
    (
        "request.explanation_request",
        "permintaan penjelasan",
        "request for explanation",
    ),
    ("request.recommendation", "rekomendasi", "recommendation"),
    ("measure.none", "tanpa tindakan", "no measure"),
    ("measure.guidance", "pembinaan", "guidance"),
    ("measure.written_warning", "teguran tertulis", "written warning"),
    (
        "measure.referral_art_54",
        "diteruskan menurut UU 25/2009 pasal 54",
        "referral under UU 25/2009 art. 54",
    ),
];

#[cfg(test)]
mod tests {
    use tuntas_domain::ClockKind;

    use super::*;

    #[test]
    fn every_clock_that_can_be_breached_has_a_name() {
        for kind in ClockKind::ALL {
            let code = format!("clock.{}", kind.code());
            assert!(
                kind.is_reporters() || WORDS.iter().any(|(known, _, _)| *known == code),
                "{code} has no words"
            );
        }
    }

    #[test]
    fn an_unknown_code_is_shown_plainly() {
        assert_eq!(of("clock.something_new", Language::Indonesian), "something new");
    }
}
