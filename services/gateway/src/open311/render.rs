//! One answer in two notations. GeoReport defines its XML; JSON follows from it (the Spark convention): lists lose the names
//! of their items, nothing is an attribute, ids are text.

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{Serialize, Serializer, ser::SerializeMap as _};

use crate::web::Web;

/// Notation of an answer, by the ending of the path that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `.json`
    Json,
    /// `.xml`
    Xml,
}

impl Format {
    /// Of a path; JSON when it says nothing.
    #[must_use]
    pub fn of(path: &str) -> Self {
        if path.ends_with(".xml") { Self::Xml } else { Self::Json }
    }

    /// A last part of a path without its ending; none when it has no known one.
    #[must_use]
    pub fn split(name: &str) -> Option<(&str, Self)> {
        let json = name.strip_suffix(".json").map(|stem| (stem, Self::Json));
        json.or_else(|| name.strip_suffix(".xml").map(|stem| (stem, Self::Xml)))
    }
}

impl FromRequestParts<Web> for Format {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _web: &Web) -> Result<Self, Self::Rejection> {
        Ok(Self::of(parts.uri.path()))
    }
}

/// A value in either notation.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// Nothing: `null`, an empty element.
    Null,
    /// A yes or no.
    Bool(bool),
    /// A number.
    Integer(u32),
    /// A number with a fraction; must be finite.
    Number(f64),
    /// Text.
    Text(String),
    /// A list, with the name of its items.
    List(&'static str, Vec<Self>),
    /// Named values, in their order.
    Object(Vec<(&'static str, Self)>),
}

impl Node {
    /// Text, or nothing when it is empty.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.is_empty() { Self::Null } else { Self::Text(text) }
    }

    /// Text, or nothing.
    #[must_use]
    pub fn maybe(text: Option<String>) -> Self {
        text.map_or(Self::Null, Self::text)
    }

    /// In JSON.
    #[must_use]
    pub fn json(&self) -> String {
        // A tree of texts and numbers has no way to fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// In XML, under a root of this name.
    #[must_use]
    pub fn xml(&self, root: &str) -> String {
        let mut xml = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n");
        self.write(root, &mut xml);
        xml.push('\n');
        xml
    }

    fn write(&self, name: &str, xml: &mut String) {
        let mut element = |inner: &dyn Fn(&mut String)| {
            xml.push_str(&format!("<{name}>"));
            inner(xml);
            xml.push_str(&format!("</{name}>"));
        };
        match self {
            Self::Null => xml.push_str(&format!("<{name}/>")),
            Self::Bool(value) => element(&|xml| xml.push_str(&value.to_string())),
            Self::Integer(value) => element(&|xml| xml.push_str(&value.to_string())),
            Self::Number(value) => element(&|xml| xml.push_str(&value.to_string())),
            Self::Text(text) => element(&|xml| escape(text, xml)),
            Self::List(item, values) => element(&|xml| values.iter().for_each(|value| value.write(item, xml))),
            Self::Object(fields) => element(&|xml| fields.iter().for_each(|(name, value)| value.write(name, xml))),
        }
    }

    /// As an answer.
    #[must_use]
    pub fn answer(&self, format: Format, root: &str, status: StatusCode) -> Response {
        let (kind, body) = match format {
            Format::Json => ("application/json; charset=utf-8", self.json()),
            Format::Xml => ("text/xml; charset=utf-8", self.xml(root)),
        };
        let headers = [
            (header::CONTENT_TYPE, kind),
            // Everything that is read here is public, and nothing here looks at a cookie.
            (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        ];
        (status, headers, body).into_response()
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_none(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => serializer.serialize_u32(*value),
            Self::Number(value) => serializer.serialize_f64(*value),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(_, values) => values.serialize(serializer),
            Self::Object(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (name, value) in fields {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

/// Text between tags. What XML 1.0 has no way to write is left out.
fn escape(text: &str, xml: &mut String) {
    for c in text.chars() {
        match c {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            // A parser would make a line feed of it.
            '\r' => xml.push_str("&#13;"),
            '\t' | '\n' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}' => xml.push(c),
            _ => {}
        }
    }
}
