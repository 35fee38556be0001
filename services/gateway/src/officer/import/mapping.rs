//! Which column of a file is what, and a row of it as a report.

use serde::Deserialize;
use tuntas_proto::{
    case::v1::{Privacy, ReportKind},
    intake::v1::{FileReportRequest, Identity, Place},
};

use crate::directory::Directory;

const TITLE_CHARS_MAX: usize = 200;
const TITLE_CHARS_MADE: usize = 90;
const BODY_CHARS_MIN: usize = 20;
const BODY_CHARS_MAX: usize = 10_000;

/// What a column can be, with the words by which heads name it.
pub const FIELDS: [(&str, &[&str]); 10] = [
    (
        "nomor",
        &[
            "tracking id",
            "trackingid",
            "nomor laporan",
            "no laporan",
            "id laporan",
            "nomor",
            "no tiket",
            "ticket",
            "id",
        ],
    ),
    ("judul", &["judul laporan", "judul", "title", "subject", "perihal"]),
    (
        "isi",
        &[
            "isi laporan",
            "isi aduan",
            "isi",
            "laporan",
            "uraian",
            "deskripsi",
            "description",
            "body",
        ],
    ),
    (
        "kategori",
        &["kategori laporan", "kategori", "topik", "category", "klasifikasi"],
    ),
    (
        "wilayah",
        &[
            "kabupaten/kota",
            "kabupaten kota",
            "kabupaten",
            "wilayah",
            "kota",
            "region",
            "lokasi",
        ],
    ),
    (
        "tanggal",
        &[
            "tanggal kejadian",
            "tanggal laporan",
            "tanggal masuk",
            "tanggal",
            "date",
            "waktu",
        ],
    ),
    (
        "opd",
        &[
            "instansi terdisposisi",
            "instansi tujuan",
            "instansi",
            "opd",
            "skpd",
            "dinas",
        ],
    ),
    ("nama", &["nama pelapor", "nama", "pelapor", "name"]),
    ("surel", &["email", "e-mail", "surel", "email pelapor"]),
    (
        "telepon",
        &["telepon", "no hp", "no. hp", "nomor hp", "hp", "phone", "no telepon"],
    ),
];

/// What the person has chosen: the number of a column (from 0) for each field, and what stands in for missing ones.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "named as the columns that they choose; see FIELDS")]
pub struct Mapping {
    pub nomor: String,
    pub judul: String,
    pub isi: String,
    pub kategori: String,
    pub wilayah: String,
    pub tanggal: String,
    pub opd: String,
    pub nama: String,
    pub surel: String,
    pub telepon: String,
    /// Category of rows whose own is unknown; empty: they are errors.
    pub kategori_lain: String,
    /// Region of rows whose own is unknown; empty: they are errors.
    pub wilayah_lain: String,
    /// Who may know.
    pub privasi: String,
}

/// A row that cannot be filed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Field.
    pub field: &'static str,
    /// Stable code, as intake would give it.
    pub code: &'static str,
    /// What stood there.
    pub value: String,
}

impl Mapping {
    /// What the heads of a file suggest.
    #[must_use]
    pub fn guess(columns: &[String]) -> Self {
        let normal: Vec<String> = columns.iter().map(|column| normal(column)).collect();
        let mut taken = Vec::new();
        let mut find = |field: &str| {
            let names = FIELDS
                .iter()
                .find(|(name, _)| *name == field)
                .map_or(&[][..], |(_, names)| names);
            let exact = names
                .iter()
                .find_map(|name| (0..normal.len()).find(|place| normal[*place] == *name && !taken.contains(place)));
            exact.map_or_else(String::new, |place| {
                taken.push(place);
                place.to_string()
            })
        };
        Self {
            nomor: find("nomor"),
            judul: find("judul"),
            isi: find("isi"),
            kategori: find("kategori"),
            wilayah: find("wilayah"),
            tanggal: find("tanggal"),
            opd: find("opd"),
            nama: find("nama"),
            surel: find("surel"),
            telepon: find("telepon"),
            kategori_lain: String::new(),
            wilayah_lain: String::new(),
            privasi: "anonymous".to_owned(),
        }
    }

    /// The column of a field; empty when none was chosen.
    #[must_use]
    pub fn column(&self, field: &str) -> &str {
        match field {
            "nomor" => &self.nomor,
            "judul" => &self.judul,
            "isi" => &self.isi,
            "kategori" => &self.kategori,
            "wilayah" => &self.wilayah,
            "tanggal" => &self.tanggal,
            "opd" => &self.opd,
            "nama" => &self.nama,
            "surel" => &self.surel,
            "telepon" => &self.telepon,
            _ => "",
        }
    }

    fn value<'a>(&self, field: &str, row: &'a [String]) -> &'a str {
        let place: Option<usize> = self.column(field).parse().ok();
        place.and_then(|place| row.get(place)).map_or("", |text| text.trim())
    }

    /// Number of a row at its source.
    #[must_use]
    pub fn source_id<'a>(&self, row: &'a [String]) -> &'a str {
        self.value("nomor", row)
    }

    /// A row as a report under a key.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn report(
        &self,
        row: &[String],
        source: &str,
        key: String,
        directory: &Directory,
    ) -> Result<FileReportRequest, Vec<Trouble>> {
        let mut troubles = Vec::new();
        let mut wrong = |field: &'static str, code: &'static str, value: &str| {
            troubles.push(Trouble {
                field,
                code,
                value: value.chars().take(60).collect(),
            });
        };
        let id = self.source_id(row);
        if id.is_empty() {
            wrong("nomor", "source_id_missing", "");
        }
        let words = self.value("isi", row);
        if words.chars().count() < BODY_CHARS_MIN {
            wrong("isi", "body_too_short", words);
        }
        let date = self.value("tanggal", row);
        let body = format!(
            "{words}\n\n({source} {id}{}{date})",
            if date.is_empty() { "" } else { ", " }
        );
        if body.chars().count() > BODY_CHARS_MAX {
            wrong("isi", "body_too_long", words);
        }
        let title = match self.value("judul", row) {
            "" => made_title(words),
            title => title.to_owned(),
        };
        if title.chars().count() > TITLE_CHARS_MAX {
            wrong("judul", "title_too_long", &title);
        }
        let category = category(directory, self.value("kategori", row), &self.kategori_lain);
        if category.is_empty() {
            wrong("kategori", "unknown_category", self.value("kategori", row));
        }
        let region = region(directory, self.value("wilayah", row), &self.wilayah_lain);
        if region.is_empty() {
            wrong("wilayah", "unknown_region", self.value("wilayah", row));
        }
        let identity = Identity {
            name: self.value("nama", row).to_owned(),
            phone: self.value("telepon", row).to_owned(),
            email: self.value("surel", row).to_owned(),
            ..Identity::default()
        };
        if !identity.email.is_empty() && !identity.email.contains('@') {
            wrong("surel", "email_malformed", &identity.email);
        }
        if !troubles.is_empty() {
            return Err(troubles);
        }
        Ok(FileReportRequest {
            idempotency_key: key,
            kind: ReportKind::Complaint.into(),
            privacy: privacy(&self.privasi).into(),
            title,
            body,
            category_code: category,
            region_code: region,
            named_opd: agency(directory, self.value("opd", row)),
            place: Some(Place::default()),
            event_date: String::new(),
            identity: (identity != Identity::default()).then_some(identity),
            channel: "assisted".to_owned(),
            language: "id".to_owned(),
            ..FileReportRequest::default()
        })
    }
}

fn privacy(code: &str) -> Privacy {
    match code {
        "open" => Privacy::Open,
        "confidential" => Privacy::Confidential,
        _ => Privacy::Anonymous,
    }
}

/// The first sentence, or as much of it as fits.
fn made_title(words: &str) -> String {
    let line = words.lines().next().unwrap_or_default();
    let sentence = line.split_inclusive(['.', '!', '?']).next().unwrap_or_default();
    let sentence = sentence.trim().trim_end_matches('.');
    if sentence.chars().count() <= TITLE_CHARS_MADE {
        return sentence.to_owned();
    }
    let cut: String = sentence.chars().take(TITLE_CHARS_MADE).collect();
    let whole_words = cut.rsplit_once(' ').map_or(cut.as_str(), |(words, _)| words);
    format!("{whole_words}…")
}

fn normal(text: &str) -> String {
    text.to_lowercase()
        .replace(['_', '-'], " ")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

fn category(directory: &Directory, value: &str, otherwise: &str) -> String {
    let wanted = normal(value);
    let found = directory
        .categories
        .values()
        .find(|one| one.code == value || normal(&one.name_id) == wanted || normal(&one.name_en) == wanted);
    found.map_or_else(|| otherwise.to_owned(), |found| found.code.clone())
}

fn region(directory: &Directory, value: &str, otherwise: &str) -> String {
    let place = |text: &str| {
        let text = normal(text);
        let kinds = ["kabupaten ", "kab. ", "kab ", "kota "];
        let bare = kinds.iter().find_map(|kind| text.strip_prefix(kind));
        bare.unwrap_or(&text).to_owned()
    };
    let wanted = place(value);
    let found = directory
        .regions
        .values()
        .find(|one| one.code == value || place(&one.name) == wanted);
    found.map_or_else(|| otherwise.to_owned(), |found| found.code.clone())
}

/// An agency that is named; one that is unknown is nobody's mistake to mend here, and is left out.
fn agency(directory: &Directory, value: &str) -> String {
    let wanted = normal(value);
    let found = directory
        .own_agencies()
        .find(|one| one.code == value || normal(&one.official_name) == wanted || normal(&one.short_name) == wanted);
    found.map_or_else(String::new, |found| found.code.clone())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use tuntas_proto::event::v1::{Agency, Category, Region};

    use super::*;

    fn directory() -> Directory {
        let mut directory = Directory::default();
        directory.categories.insert(
            "jalan".to_owned(),
            Category {
                code: "jalan".to_owned(),
                name_id: "Jalan dan jembatan".to_owned(),
                ..Category::default()
            },
        );
        directory.regions.insert(
            "1471".to_owned(),
            Region {
                code: "1471".to_owned(),
                name: "Pekanbaru".to_owned(),
                ..Region::default()
            },
        );
        directory.agencies.insert(
            "dishub".to_owned(),
            Agency {
                code: "dishub".to_owned(),
                official_name: "Dinas Perhubungan".to_owned(),
                active: true,
                ..Agency::default()
            },
        );
        directory
    }

    fn columns(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn heads_are_recognised() {
        let heads = columns(&[
            "Tracking_ID",
            "Tanggal Laporan",
            "Judul",
            "Isi Laporan",
            "Instansi Terdisposisi",
            "Status",
        ]);
        let mapping = Mapping::guess(&heads);
        let found = [
            &mapping.nomor,
            &mapping.tanggal,
            &mapping.judul,
            &mapping.isi,
            &mapping.opd,
            &mapping.nama,
        ];
        assert_eq!(found, ["0", "1", "2", "3", "4", ""]);
    }

    #[test]
    fn a_row_becomes_a_report_that_names_where_it_came_from() {
        let heads = columns(&["id", "isi", "kategori", "wilayah", "opd", "tanggal"]);
        let mapping = Mapping::guess(&heads);
        let row = columns(&[
            "9001",
            "Jalan berlubang di depan pasar. Sudah lama.",
            "JALAN DAN JEMBATAN",
            "Kota Pekanbaru",
            "dinas perhubungan",
            "2023-05-01",
        ]);
        let report = mapping.report(&row, "LAPOR", "k".to_owned(), &directory()).unwrap();
        assert_eq!(report.title, "Jalan berlubang di depan pasar");
        assert!(report.body.ends_with("(LAPOR 9001, 2023-05-01)"));
        let codes = [&report.category_code, &report.region_code, &report.named_opd];
        assert_eq!(codes, ["jalan", "1471", "dishub"]);
    }

    #[test]
    fn all_that_is_wrong_with_a_row_is_told() {
        let mapping = Mapping::guess(&columns(&["id", "isi", "kategori", "wilayah", "email"]));
        let row = columns(&["", "pendek", "lain", "Jambi", "bukan-surel"]);
        let troubles = mapping.report(&row, "LAPOR", "k".to_owned(), &directory()).unwrap_err();
        let fields: Vec<&str> = troubles.iter().map(|trouble| trouble.field).collect();
        assert_eq!(fields, ["nomor", "isi", "kategori", "wilayah", "surel"]);
        let stand_in = Mapping {
            kategori_lain: "jalan".to_owned(),
            wilayah_lain: "1471".to_owned(),
            ..mapping
        };
        let row = columns(&["1", "Cukup panjang untuk sebuah laporan.", "lain", "Jambi", ""]);
        assert!(stand_in.report(&row, "LAPOR", "k".to_owned(), &directory()).is_ok());
    }
}
