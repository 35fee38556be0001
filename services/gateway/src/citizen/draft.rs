//! A report before it is filed: what stands in the form, whatever the person has typed so far.

use tuntas_kit::{ids::random_bytes, problem::Problem};
use tuntas_proto::{
    case::v1::{Privacy, ReportKind},
    intake::v1::{FileReportRequest, Identity, Place},
};

use crate::web::upload::{Form, Uploaded};

/// The form's content.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "named as in the protocol's FileReportRequest")]
pub struct Draft {
    pub key: String,
    pub kind: String,
    pub title: String,
    pub body: String,
    pub category: String,
    pub region: String,
    pub agency: String,
    pub place: String,
    pub latitude: String,
    pub longitude: String,
    pub date: String,
    pub privacy: String,
    pub name: String,
    pub nik: String,
    pub phone: String,
    pub email: String,
    pub address: String,
    pub same_as: String,
    pub source_url: String,
    pub files: Vec<Uploaded>,
}

impl Draft {
    /// An empty form with its own key: the same form sent twice is one report.
    #[must_use]
    pub fn new() -> Self {
        Self {
            key: fresh_key(),
            kind: "complaint".to_owned(),
            privacy: "open".to_owned(),
            ..Self::default()
        }
    }

    /// What a form holds.
    #[must_use]
    pub fn of(form: &Form) -> Self {
        let text = |name: &str| form.get(name).to_owned();
        let key = match form.get("kunci") {
            "" => fresh_key(),
            key => key.to_owned(),
        };
        Self {
            key,
            kind: text("jenis"),
            title: text("judul"),
            body: text("isi"),
            category: text("kategori"),
            region: text("wilayah"),
            agency: text("opd"),
            place: text("tempat"),
            latitude: text("lintang"),
            longitude: text("bujur"),
            date: text("tanggal"),
            privacy: text("privasi"),
            name: text("nama"),
            nik: text("nik"),
            phone: text("telepon"),
            email: text("surel"),
            address: text("alamat"),
            same_as: text("serupa"),
            source_url: text("sumber"),
            files: form.files.clone(),
        }
    }

    /// What is missing before anybody needs to be asked: the code of the fault and the field.
    #[must_use]
    pub fn missing(&self) -> Option<(&'static str, &'static str)> {
        const BODY_CHARS_MIN: usize = 20;
        if self.title.is_empty() {
            return Some(("title_empty", "judul"));
        }
        if self.body.chars().count() < BODY_CHARS_MIN {
            return Some(("body_too_short", "isi"));
        }
        if self.region.is_empty() {
            return Some(("unknown_region", "wilayah"));
        }
        None
    }

    /// The request to intake.
    ///
    /// # Errors
    /// `coordinates_malformed`.
    pub fn request(&self, language: &str, channel: &str) -> Result<FileReportRequest, Problem> {
        let identity = Identity {
            name: self.name.clone(),
            nik: self.nik.clone(),
            phone: self.phone.clone(),
            email: self.email.clone(),
            address: self.address.clone(),
        };
        Ok(FileReportRequest {
            idempotency_key: self.key.clone(),
            kind: kind_of(&self.kind).into(),
            privacy: privacy_of(&self.privacy).into(),
            title: self.title.clone(),
            body: self.body.clone(),
            category_code: self.category.clone(),
            region_code: self.region.clone(),
            named_opd: self.agency.clone(),
            place: Some(Place {
                description: self.place.clone(),
                latitude: coordinate(&self.latitude)?,
                longitude: coordinate(&self.longitude)?,
            }),
            event_date: self.date.clone(),
            attachment_ids: self.files.iter().map(|file| file.id.clone()).collect(),
            identity: (identity != Identity::default()).then_some(identity),
            channel: channel.to_owned(),
            source_url: self.source_url.clone(),
            language: language.to_owned(),
            same_as_ticket: self.same_as.clone(),
        })
    }

    /// Everything but the files, as hidden fields carry it to the next step.
    #[must_use]
    pub fn fields(&self) -> Vec<(&'static str, &str)> {
        vec![
            ("kunci", &self.key),
            ("jenis", &self.kind),
            ("judul", &self.title),
            ("isi", &self.body),
            ("wilayah", &self.region),
            ("opd", &self.agency),
            ("tempat", &self.place),
            ("lintang", &self.latitude),
            ("bujur", &self.longitude),
            ("tanggal", &self.date),
            ("privasi", &self.privacy),
            ("nama", &self.name),
            ("nik", &self.nik),
            ("telepon", &self.phone),
            ("surel", &self.email),
            ("alamat", &self.address),
            ("sumber", &self.source_url),
        ]
    }
}

/// A key that nobody guesses: the receipt's code derives from it.
#[must_use]
pub fn fresh_key() -> String {
    hex::encode(random_bytes::<20>())
}

fn coordinate(text: &str) -> Result<Option<f64>, Problem> {
    if text.is_empty() {
        return Ok(None);
    }
    let number = text
        .replace(',', ".")
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite());
    number
        .map(Some)
        .ok_or_else(|| Problem::refusal("coordinates_malformed", "the coordinates cannot be read"))
}

fn kind_of(code: &str) -> ReportKind {
    match code {
        "complaint" => ReportKind::Complaint,
        "aspiration" => ReportKind::Aspiration,
        "information" => ReportKind::InformationRequest,
        _ => ReportKind::Unspecified,
    }
}

fn privacy_of(code: &str) -> Privacy {
    match code {
        "open" => Privacy::Open,
        "anonymous" => Privacy::Anonymous,
        "confidential" => Privacy::Confidential,
        _ => Privacy::Unspecified,
    }
}
