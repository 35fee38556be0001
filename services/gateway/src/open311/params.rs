//! Arguments of a request: from its address, and from its body whether that is a form or has files.

use super::trouble::Trouble;
use crate::web::{
    Web,
    upload::{self, Uploaded},
};
use axum::{
    extract::{FromRequest as _, FromRequestParts, Multipart, Request},
    http::{header, request::Parts},
};

const FIELDS_MAX: usize = 200;
const FIELD_BYTES_MAX: usize = 64 << 10;
const BODY_BYTES_MAX: usize = 256 << 10;
/// Names under which clients send files.
const FILES: [&str; 4] = ["media", "file", "photo", "image"];

/// Named values, several of a name, in their order. One without content is as one that was not sent.
#[derive(Debug, Default, Clone)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Of a query or the body of a form.
    ///
    /// # Errors
    /// It is not one.
    pub fn parse(encoded: &[u8]) -> Result<Self, Trouble> {
        let pairs: Vec<(String, String)> =
            serde_urlencoded::from_bytes(encoded).map_err(|_| Trouble::bad("the arguments cannot be read"))?;
        let mut params = Self::default();
        for (name, value) in pairs {
            params.push(name, value)?;
        }
        Ok(params)
    }

    fn push(&mut self, name: String, value: String) -> Result<(), Trouble> {
        if self.0.len() >= FIELDS_MAX {
            return Err(Trouble::bad("there are more than 200 arguments"));
        }
        if value.chars().any(|c| c == '\0') {
            return Err(Trouble::bad("an argument has a NUL character"));
        }
        let value = value.trim();
        if !value.is_empty() {
            self.0.push((name, value.to_owned()));
        }
        Ok(())
    }

    /// The first value of a name.
    #[must_use]
    pub fn get<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).next()
    }

    /// The first value of a name; empty when there is none.
    #[must_use]
    pub fn text<'a>(&'a self, name: &'a str) -> &'a str {
        self.get(name).unwrap_or_default()
    }

    /// All values of a name, also when it is written as that of a list.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = move |own: &str| own == name || own.strip_suffix("[]").is_some_and(|own| own == name);
        self.0
            .iter()
            .filter(move |(own, _)| named(own))
            .map(|(_, value)| value.as_str())
    }

    /// All values of a name, each a list with commas between.
    pub fn list<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.all(name)
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .filter(|value| !value.is_empty())
    }

    /// An attribute of the service: `attribute[CODE]`.
    #[must_use]
    pub fn attribute(&self, code: &str) -> Option<&str> {
        let (one, several) = (format!("attribute[{code}]"), format!("attribute[{code}][]"));
        self.0
            .iter()
            .find(|(name, _)| *name == one || *name == several)
            .map(|(_, value)| value.as_str())
    }
}

impl FromRequestParts<Web> for Params {
    type Rejection = axum::response::Response;

    async fn from_request_parts(parts: &mut Parts, _web: &Web) -> Result<Self, Self::Rejection> {
        let query = parts.uri.query().unwrap_or_default();
        Self::parse(query.as_bytes()).map_err(|trouble| trouble.answer(super::render::Format::of(parts.uri.path())))
    }
}

/// A request that writes.
#[derive(Debug, Default)]
pub struct Input {
    /// Arguments of the body, and after them those of the address.
    pub params: Params,
    /// Files that intake has now.
    pub files: Vec<Uploaded>,
}

/// Reads a request that writes.
///
/// # Errors
/// The body is neither kind of form, is too large, or a file was not taken.
pub async fn read(web: &Web, request: Request) -> Result<Input, Trouble> {
    let query = Params::parse(request.uri().query().unwrap_or_default().as_bytes())?;
    let kind = request.headers().get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let mut input = match kind.as_str() {
        "multipart/form-data" => {
            let multipart = Multipart::from_request(request, web)
                .await
                .map_err(|_| Trouble::bad("the form cannot be read"))?;
            read_multipart(web, multipart).await?
        }
        // A client that sends everything in the address says nothing of a body.
        "application/x-www-form-urlencoded" | "" => {
            let body = axum::body::to_bytes(request.into_body(), BODY_BYTES_MAX)
                .await
                .map_err(|_| Trouble::bad("the body has more than 256 KiB"))?;
            Input {
                params: Params::parse(&body)?,
                files: Vec::new(),
            }
        }
        _ => {
            let kinds = "the body must be application/x-www-form-urlencoded or multipart/form-data";
            return Err(Trouble::bad(kinds));
        }
    };
    for (name, value) in query.0 {
        input.params.push(name, value)?;
    }
    Ok(input)
}

async fn read_multipart(web: &Web, mut multipart: Multipart) -> Result<Input, Trouble> {
    let unreadable = |_| Trouble::bad("the form cannot be read, or it is too large");
    let mut input = Input::default();
    while let Some(mut field) = multipart.next_field().await.map_err(unreadable)? {
        let name = field.name().unwrap_or_default().to_owned();
        if let Some(file_name) = field.file_name().map(str::to_owned) {
            let plain = name.strip_suffix("[]").unwrap_or(&name);
            if file_name.is_empty() {
                continue;
            }
            if !FILES.iter().any(|known| plain.starts_with(known)) {
                return Err(Trouble::bad("a file must be in a field named media"));
            }
            if input.files.len() >= web.filing.attachments_max {
                return Err(Trouble::bad("there are too many files"));
            }
            let id = upload::send(web, &file_name, field).await.map_err(Trouble::from)?;
            input.files.push(Uploaded { id, name: file_name });
            continue;
        }
        let mut text = Vec::new();
        while let Some(chunk) = field.chunk().await.map_err(unreadable)? {
            text.extend_from_slice(&chunk);
            if text.len() > FIELD_BYTES_MAX {
                return Err(Trouble::bad("a field has more than 64 KiB"));
            }
        }
        let text = String::from_utf8(text).map_err(|_| Trouble::bad("a field is not UTF-8"))?;
        input.params.push(name, text)?;
    }
    Ok(input)
}
