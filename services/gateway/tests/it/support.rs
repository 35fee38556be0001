//! A small directory, and files with what an answer should be.

use std::path::PathBuf;

use tuntas_gateway::directory::Directory;
use tuntas_proto::event::v1::{Agency, Category, Region};

/// Two agencies, two categories, three regions.
pub fn directory() -> Directory {
    let agency = |code: &str, short: &str, official: &str| {
        let agency = Agency {
            code: code.to_owned(),
            short_name: short.to_owned(),
            official_name: official.to_owned(),
            active: true,
            ..Agency::default()
        };
        (code.to_owned(), agency)
    };
    let category = |code: &str, name: &str, opd: &str, examples: &[&str]| {
        let category = Category {
            code: code.to_owned(),
            name_id: name.to_owned(),
            name_en: code.to_owned(),
            default_opd: opd.to_owned(),
            competence: "provinsi".to_owned(),
            examples_id: examples.iter().map(|example| (*example).to_owned()).collect(),
        };
        (code.to_owned(), category)
    };
    let region = |code: &str, bps: &str, name: &str| {
        let region = Region {
            code: code.to_owned(),
            bps_code: bps.to_owned(),
            name: name.to_owned(),
            kind: "kabupaten".to_owned(),
        };
        (code.to_owned(), region)
    };
    Directory {
        agencies: [
            agency("dishub", "Dishub", "Dinas Perhubungan"),
            agency("pupr-pkpp", "PUPR-PKPP", "Dinas PUPR & PKPP"),
        ]
        .into(),
        categories: [
            category(
                "jalan-provinsi",
                "Jalan dan jembatan provinsi",
                "pupr-pkpp",
                &["jalan berlubang", "jembatan rusak"],
            ),
            category("lainnya", "Lainnya", "dishub", &[]),
        ]
        .into(),
        regions: [
            region("14.01", "1406", "Kampar"),
            region("14.02", "1402", "Indragiri Hulu"),
            region("14.71", "1471", "Pekanbaru"),
        ]
        .into(),
        ..Directory::default()
    }
}

/// Compares with the file of this name; with `TUNTAS_GOLDEN=write` the file is written instead.
pub fn golden(name: &str, actual: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it/golden")
        .join(name);
    if std::env::var("TUNTAS_GOLDEN").is_ok_and(|what| what == "write") {
        std::fs::write(&path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(expected, actual, "{name}");
}
