//! Why something is refused, in plain words. Most codes are the domain's (`Refusal::code`), some are intake's.

use crate::lang::Lang;

/// What a refusal's code means to people; none for a code that people do not meet.
#[must_use]
pub fn sentence(lang: Lang, code: &str) -> Option<&'static str> {
    let (id, en) = of_office(code)
        .or_else(|| of_reporter(code))
        .or_else(|| of_form(code))
        .or_else(|| of_sending(code))
        .or_else(|| of_administration(code))?;
    Some(lang.t(id, en))
}

/// What anybody meets who sends a form with files.
fn of_sending(code: &str) -> Option<(&'static str, &'static str)> {
    Some(match code {
        "too_many_attachments" => ("Lampiran terlalu banyak.", "There are too many files."),
        "unknown_attachment" => (
            "Sebuah lampiran sudah kedaluwarsa; unggah lagi.",
            "A file has expired; upload it again.",
        ),
        "attachment_too_large" => ("Berkas lebih besar dari 10 MiB.", "The file is larger than 10 MiB."),
        "attachment_type" | "attachment_unreadable" | "unknown_media_type" => (
            "Jenis berkas ini tidak diterima. Kirim foto (JPEG, PNG, WebP) atau PDF.",
            "This kind of file is not taken. Send a photo (JPEG, PNG, WebP) or a PDF.",
        ),
        "form_too_large" => (
            "Isian beserta berkasnya terlalu besar. Kirim paling banyak 5 berkas, masing-masing paling besar 10 MiB.",
            "The form with its files is too large. Send at most 5 files of at most 10 MiB each.",
        ),
        "form_malformed" | "invalid_argument" => (
            "Isian tidak dapat dibaca. Kembali, muat ulang halamannya, lalu coba lagi.",
            "The form cannot be read. Go back, reload the page, then try again.",
        ),
        "method_not_allowed" => (
            "Halaman ini tidak dapat dipakai dengan cara ini.",
            "This page cannot be used in this way.",
        ),
        _ => return None,
    })
}

/// What officers meet.
fn of_office(code: &str) -> Option<(&'static str, &'static str)> {
    Some(match code {
        "returns_exhausted" => (
            "Kasus ini tidak dapat dikembalikan lagi: penetapannya mengikat.",
            "This case cannot be returned any more: its assignment is binding.",
        ),
        "binding_decision_required" => (
            "Kasus ini sudah terlalu sering dikembalikan: tetapkan mengikat.",
            "This case was returned too often: assign it bindingly.",
        ),
        "nothing_to_bind" => (
            "Belum dapat ditetapkan mengikat: pengembaliannya belum sebanyak itu.",
            "It cannot be assigned bindingly yet: it was not returned that often.",
        ),
        "decided_first" => (
            "Yang memutus pertama tidak memutus keberatan atas putusannya.",
            "Who decided first does not decide the contest.",
        ),
        "no_contest" => ("Tidak ada keberatan yang menunggu.", "No contest waits."),
        "completion_already_requested" => (
            "OPD Anda sudah pernah meminta kelengkapan pada kasus ini.",
            "Your agency has asked for completion on this case before.",
        ),
        "report_not_in_case" => (
            "Laporan itu bukan bagian kasus ini.",
            "That report is not in this case.",
        ),
        "supervisory_mismatch" => (
            "Laporan pengawasan dan laporan biasa tidak digabung.",
            "Supervisory and ordinary reports are not merged.",
        ),
        "same_case" => ("Itu kasus yang sama.", "That is the same case."),
        "other_case_closed" => ("Kasus yang satunya sudah selesai.", "The other case is closed."),
        "already_merged" | "not_merged" | "already_disposed" => (
            "Keadaan kasus sudah berubah. Muat ulang halamannya.",
            "The case has moved on. Reload the page.",
        ),
        "auditor_required" => (
            "Melepas tanda pengawasan memerlukan Inspektorat.",
            "Taking the supervisory mark off needs the Inspectorate.",
        ),
        "taken_over" => (
            "Kasus ini sedang diambil alih Ombudsman.",
            "The Ombudsman has taken this case over.",
        ),
        "not_taken_over" => ("Kasus ini tidak diambil alih.", "This case is not taken over."),
        "take_over_too_early" => ("Belum waktunya diambil alih.", "It is too early to take it over."),
        "contributions_outstanding" => (
            "OPD pendukung belum selesai.",
            "Contributing agencies are not done yet.",
        ),
        "no_open_contribution" => (
            "OPD Anda tidak punya kontribusi yang terbuka.",
            "Your agency has no open contribution.",
        ),
        "already_takes_part" => ("OPD ini sudah terlibat.", "This agency takes part already."),
        "unknown_position" => (
            "Jabatan ini tidak dikenal atau dari OPD lain.",
            "This position is unknown or another agency's.",
        ),
        "outcome_does_not_fit" => (
            "Hasil ini tidak cocok dengan jenis laporannya.",
            "This outcome does not fit the kind of report.",
        ),
        "transfer_already_requested" => (
            "Pengalihan sudah diminta dan menunggu keputusan.",
            "A transfer was asked for and waits for the decision.",
        ),
        "no_transfer_requested" => ("Tidak ada pengalihan yang diminta.", "No transfer was asked for."),
        "already_done" => ("Ini sudah dilakukan.", "This is done already."),
        "nothing_changes" => ("Tidak ada yang berubah.", "Nothing changes."),
        _ => return None,
    })
}

/// What reporters meet.
fn of_reporter(code: &str) -> Option<(&'static str, &'static str)> {
    Some(match code {
        "appeal_to_ombudsman" => (
            "Sanggahan selanjutnya dapat disampaikan kepada Ombudsman.",
            "A further dispute goes to the Ombudsman.",
        ),
        "contest_already_used" => (
            "Keberatan hanya dapat diajukan satu kali.",
            "A decision can be contested once.",
        ),
        "not_contestable" => (
            "Keputusan ini tidak dapat digugat.",
            "This decision cannot be contested.",
        ),
        "contest_window_over" => ("Waktu berkeberatan sudah lewat.", "The time to contest is over."),
        "dispute_window_over" => ("Waktu menyanggah sudah lewat.", "The time to dispute is over."),
        "completion_window_over" => ("Waktu melengkapi sudah lewat.", "The time to complete is over."),
        "already_withdrawn" => ("Laporan ini sudah dicabut.", "This report was withdrawn already."),
        "already_rated" => ("Penanganan ini sudah dinilai.", "The handling was rated already."),
        "nothing_to_rate" => ("Belum ada yang dapat dinilai.", "There is nothing to rate yet."),
        "already_disputed" => (
            "Jawaban ini sudah Anda sanggah.",
            "You have disputed this answer already.",
        ),
        "answer_superseded" => (
            "Jawaban itu sudah diganti yang baru; baca dahulu yang terbaru.",
            "That answer was replaced; read the newest first.",
        ),
        "completion_not_requested" => ("Kelengkapan tidak sedang diminta.", "No completion is asked for."),
        _ => return None,
    })
}

/// What intake refuses of a form.
fn of_form(code: &str) -> Option<(&'static str, &'static str)> {
    Some(match code {
        "source_url_malformed" => (
            "Tautan sumber tidak dapat dibaca; mulai dengan https://.",
            "The link to the source cannot be read; start with https://.",
        ),
        "reason_length" => (
            "Alasan perlu 10 sampai 500 karakter.",
            "The reason needs 10 to 500 characters.",
        ),
        "identity_hidden" => (
            "Pelapor memilih tidak dikenal, atau tidak meninggalkan identitas.",
            "The reporter chose to stay unknown, or left no identity.",
        ),
        "idempotency_key_reused" => (
            "Formulir ini sudah pernah dikirim dengan isi lain. Muat ulang halamannya.",
            "This form was sent before with other content. Reload the page.",
        ),
        _ => return None,
    })
}

/// What is met in evaluation and administration.
fn of_administration(code: &str) -> Option<(&'static str, &'static str)> {
    Some(match code {
        "own_case" => (
            "Tidak seorang pun memutus tentang dirinya sendiri.",
            "Nobody decides about themselves.",
        ),
        "reply_time_runs" => (
            "Waktu hak jawab masih berjalan; putusan menunggu sampai berakhir.",
            "The time to reply still runs; the decision waits until it is over.",
        ),
        "account_exists" => (
            "Nama pengguna atau orang ini sudah mempunyai akun.",
            "This user name or person has an account already.",
        ),
        "own_account" => (
            "Ini akun Anda sendiri: mintalah operator lain.",
            "This is your own account: ask another operator.",
        ),
        "person_missing" => (
            "Pilih orang yang sudah ada atau isi nama orang baru.",
            "Choose a person on record, or give the name of a new one.",
        ),
        "policy_malformed" => ("JSON-nya tidak dapat dibaca.", "The JSON cannot be read."),
        "idempotency_key_reused" => (
            "Formulir ini sudah pernah dikirim dengan isi lain. Muat ulang halamannya.",
            "This form was sent before with other content. Reload the page.",
        ),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_in_words_and_the_unknown_is_left_to_others() {
        assert!(
            sentence(Lang::Id, "head_required").is_none(),
            "the page of faults has it"
        );
        assert_eq!(sentence(Lang::En, "nothing_changes"), Some("Nothing changes."));
        assert!(sentence(Lang::Id, "dispute_window_over").is_some());
    }
}
