use tuntas_gateway::open311::{
    file::{report, title_of},
    params::{Input, Params},
    updates::words,
};
use tuntas_proto::{
    case::v1::{Privacy, ReportKind},
    intake::v1::FileReportRequest,
};

use crate::support::directory;

const LEAST: &str =
    "service_code=jalan-provinsi&description=Lubang+dalam+di+depan+pasar.+Sudah+lama.&address_string=Pasar";

fn read(query: &str) -> Result<FileReportRequest, (u16, String)> {
    let input = Input {
        params: Params::parse(query.as_bytes()).unwrap(),
        files: Vec::new(),
    };
    report(&input, &directory()).map_err(|trouble| (trouble.status.as_u16(), trouble.description))
}

fn with(more: &str) -> Result<FileReportRequest, (u16, String)> {
    read(&format!("{LEAST}&attribute[wilayah]=14.71&{more}"))
}

#[test]
fn the_arguments_become_a_report() {
    let filed = with(
        "lat=0.5&long=101.4&first_name=Siti&last_name=Contoh&email=siti@contoh.invalid&phone=0811&attribute[privasi]=open\
         &attribute[jenis]=aspiration&attribute[tanggal]=2026-11-20&media_url=https://a.example/1.jpg&media_url=https://a.example/2.jpg",
    )
    .unwrap();
    assert_eq!(filed.title, "Lubang dalam di depan pasar");
    assert!(filed.body.starts_with("Lubang dalam di depan pasar. Sudah lama."));
    assert!(filed.body.contains("https://a.example/1.jpg") && filed.body.ends_with("https://a.example/2.jpg"));
    assert_eq!(
        (filed.category_code.as_str(), filed.region_code.as_str()),
        ("jalan-provinsi", "14.71")
    );
    assert_eq!(
        (filed.kind, filed.privacy),
        (ReportKind::Aspiration.into(), Privacy::Open.into())
    );
    assert_eq!(
        (filed.channel.as_str(), filed.event_date.as_str()),
        ("open311", "2026-11-20")
    );
    let place = filed.place.unwrap();
    assert_eq!(
        (place.latitude, place.longitude, place.description.as_str()),
        (Some(0.5), Some(101.4), "Pasar")
    );
    let identity = filed.identity.unwrap();
    assert_eq!(
        (identity.name.as_str(), identity.phone.as_str()),
        ("Siti Contoh", "0811")
    );
}

#[test]
fn who_chooses_nothing_is_anonymous_and_complains() {
    let filed = with("").unwrap();
    assert_eq!(
        (filed.kind, filed.privacy),
        (ReportKind::Complaint.into(), Privacy::Anonymous.into())
    );
    assert!(filed.identity.is_none());
}

#[test]
fn the_region_is_said_by_code_name_or_address() {
    let region = |more: &str| read(&format!("{LEAST}{more}")).map(|filed| filed.region_code);
    assert_eq!(region("&attribute[wilayah]=pekanbaru"), Ok("14.71".to_owned()));
    assert_eq!(region("&attribute[wilayah]=1406"), Ok("14.01".to_owned()));
    assert_eq!(region("&address_id=14.02"), Ok("14.02".to_owned()));
    assert!(region("&attribute[wilayah]=Jakarta").is_err());
    // Nothing says which, and a guess would send it astray.
    assert_eq!(region("").unwrap_err().0, 400);
    let by_address = |address: &str| {
        let query = LEAST.replace("address_string=Pasar", &format!("address_string={address}"));
        read(&query).map(|filed| filed.region_code)
    };
    assert_eq!(by_address("Jl.+Lintas,+INDRAGIRI+HULU"), Ok("14.02".to_owned()));
    assert!(by_address("antara+Kampar+dan+Pekanbaru").is_err());
    assert!(by_address("Kamparan").is_err());
}

#[test]
fn what_is_missing_or_wrong_is_said() {
    let status = |query: &str| read(query).unwrap_err().0;
    assert_eq!(status("description=x"), 400);
    assert_eq!(status("service_code=tidak-ada&description=x"), 404);
    assert_eq!(status("service_code=lainnya&address_string=Kampar"), 400);
    assert_eq!(
        status("service_code=lainnya&description=pendek&address_string=Kampar"),
        400
    );
    assert_eq!(
        status("service_code=lainnya&description=Lubang+dalam+di+depan+pasar&attribute[wilayah]=14.71"),
        400
    );
    for more in [
        "lat=0.5",
        "lat=91&long=1",
        "lat=NaN&long=1",
        "lat=x&long=1",
        "media_url=file:///etc/passwd",
        "media_url=https://a.example/a+b",
        "attribute[privasi]=confidential",
        "attribute[jenis]=x",
        "attribute[tanggal]=kemarin",
    ] {
        assert_eq!(with(more).unwrap_err().0, 400, "{more}");
    }
    let short = read("service_code=jalan-provinsi&description=Lubang&address_string=Kampar").unwrap();
    assert_eq!(short.body, "Jalan dan jembatan provinsi: Lubang");
}

#[test]
fn a_title_ends_with_a_sentence_or_a_word() {
    assert_eq!(title_of("Jalan rusak. Tolong."), "Jalan rusak");
    assert_eq!(title_of("Kapan diperbaiki?\nSudah lama."), "Kapan diperbaiki?");
    let long = title_of(&"panjang ".repeat(30));
    assert!(long.chars().count() <= 81 && long.ends_with("panjang…"), "{long}");
    assert_eq!(title_of(&"é".repeat(200)).chars().count(), 81);
}

#[test]
fn an_update_needs_words_and_a_known_status() {
    let words =
        |query: &str| words(&Params::parse(query.as_bytes()).unwrap()).map_err(|trouble| trouble.status.as_u16());
    assert_eq!(
        words("description=Terima+kasih&status=fixed"),
        Ok("[FIXED] Terima kasih".to_owned())
    );
    assert_eq!(
        words("description=Masih+rusak&status=OPEN"),
        Ok("Masih rusak".to_owned())
    );
    assert_eq!(words("status=FIXED"), Err(400));
    assert_eq!(words("description=x&status=HILANG"), Err(400));
    assert_eq!(words("description=x&updated_datetime=kemarin"), Err(400));
}
