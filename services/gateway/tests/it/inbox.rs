use tuntas_gateway::inbox::message::{Message, Reading};
use tuntas_proto::{case::v1::Privacy, intake::v1::FileReportRequest};

use crate::support::directory;

fn read(from: &str, text: &str) -> Result<Reading, String> {
    let message = Message {
        from: from.to_owned(),
        text: text.to_owned(),
    };
    message.read(&directory()).map_err(|problem| problem.code().to_owned())
}

fn report(text: &str) -> FileReportRequest {
    match read("+62 811-0000-001", text) {
        Ok(Reading::Report(report)) => *report,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_message_becomes_a_report_of_the_number_it_came_from() {
    let filed = report("LAPOR# Jalan berlubang di Pekanbaru. Sudah sebulan.");
    assert_eq!(filed.title, "Jalan berlubang di Pekanbaru");
    assert_eq!(filed.body, "Jalan berlubang di Pekanbaru. Sudah sebulan.");
    assert_eq!((filed.region_code.as_str(), filed.channel.as_str()), ("14.71", "sms"));
    assert_eq!(filed.privacy, i32::from(Privacy::Anonymous));
    assert_eq!(filed.identity.unwrap().phone, "+62 811-0000-001");
    assert_eq!(
        report("Laporan jalan rusak di Kampar").body,
        "Laporan jalan rusak di Kampar"
    );
}

#[test]
fn what_is_missing_is_asked_for() {
    for text in [
        "halo",
        "",
        "Jalan berlubang dalam sekali di depan pasar",
        "Antara Kampar dan Pekanbaru jalan rusak",
    ] {
        assert!(matches!(read("0811000001", text), Ok(Reading::Unclear(_))), "{text}");
    }
}

#[test]
fn what_no_person_can_mend_is_the_gateways_fault() {
    for from in ["", "12345", "abc", "+62811'--", "1234567890123456"] {
        assert_eq!(
            read(from, "Jalan berlubang di Pekanbaru").unwrap_err(),
            "invalid_argument",
            "{from}"
        );
    }
    assert!(read("0811000001", &"x".repeat(10_001)).is_err());
}

#[test]
fn a_lost_code_is_asked_for_by_its_word_and_the_ticket() {
    for text in ["KODE TTS-00000000-0", " kode  tts-00000000-0 "] {
        assert!(
            matches!(read("0811000001", text), Ok(Reading::Code(ticket)) if ticket == "TTS-00000000-0"),
            "{text}"
        );
    }
    // Words that only begin so are a report.
    assert_eq!(
        report("Kode pos di Pekanbaru salah ditulis kantor").body,
        "Kode pos di Pekanbaru salah ditulis kantor"
    );
}
