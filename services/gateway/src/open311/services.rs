//! Services: the categories of the directory, each with the attributes that a report of it needs.

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use tuntas_proto::event::v1::Category;

use super::{
    admitted,
    params::Params,
    render::{Format, Node},
    trouble::{Trouble, or_trouble},
};
use crate::{
    directory::Directory,
    web::{Web, peer::Peer},
};

/// Attribute with the regency or city.
pub const REGION: &str = "wilayah";
/// Attribute that says who may know the reporter's name.
pub const PRIVACY: &str = "privasi";
/// Attribute with the kind of report.
pub const KIND: &str = "jenis";
/// Attribute with the day of what happened.
pub const DATE: &str = "tanggal";
/// Values of [`PRIVACY`]. A report that nobody but the officers may read is not for a third party to carry.
pub const PRIVACIES: [(&str, &str); 2] = [
    (
        "anonymous",
        "Nama hanya untuk pejabat yang berwenang, dengan alasan tercatat",
    ),
    ("open", "Nama boleh diketahui OPD yang menangani"),
];
/// Values of [`KIND`].
pub const KINDS: [(&str, &str); 3] = [
    ("complaint", "Pengaduan"),
    ("aspiration", "Aspirasi"),
    ("information", "Permintaan informasi"),
];

/// All services.
pub async fn list(State(web): State<Web>, format: Format, peer: Peer, params: Params) -> Response {
    let answer = async {
        admitted(&web, peer, &params).await?;
        let directory = web.directory.get().await?;
        let services = directory
            .categories
            .values()
            .map(|category| service(category, &directory));
        Ok(Node::List("service", services.collect()).answer(format, "services", StatusCode::OK))
    };
    or_trouble(format, answer.await)
}

/// One service with its attributes.
pub async fn show(
    State(web): State<Web>,
    format: Format,
    peer: Peer,
    params: Params,
    Path(name): Path<String>,
) -> Response {
    let answer = async {
        admitted(&web, peer, &params).await?;
        let directory = web.directory.get().await?;
        let code = Format::split(&name).map(|(code, _)| code);
        let category = code.and_then(|code| directory.categories.get(code));
        let category = category.ok_or_else(|| Trouble::missing("service_code was not found"))?;
        Ok(definition(category, &directory).answer(format, "service_definition", StatusCode::OK))
    };
    or_trouble(format, answer.await)
}

/// A service in the list.
#[must_use]
pub fn service(category: &Category, directory: &Directory) -> Node {
    let examples = category.examples_id.join("; ");
    let description = if examples.is_empty() {
        category.name_id.clone()
    } else {
        format!("{}: {examples}", category.name_id)
    };
    Node::Object(vec![
        ("service_code", Node::text(category.code.as_str())),
        ("service_name", Node::text(category.name_id.as_str())),
        ("description", Node::Text(description)),
        ("metadata", Node::Bool(true)),
        ("type", Node::text("realtime")),
        ("keywords", Node::Text(category.examples_id.join(", "))),
        (
            "group",
            Node::Text(directory.short_name(&category.default_opd).to_owned()),
        ),
    ])
}

/// A service with its attributes.
#[must_use]
pub fn definition(category: &Category, directory: &Directory) -> Node {
    let regions = directory.regions.values();
    let regions: Vec<_> = regions
        .map(|region| (region.code.as_str(), region.name.as_str()))
        .collect();
    let attributes = vec![
        attribute(
            1,
            REGION,
            "singlevaluelist",
            true,
            "Kabupaten atau kota tempat kejadian",
            &regions,
        ),
        attribute(2, KIND, "singlevaluelist", false, "Jenis laporan", &KINDS),
        attribute(
            3,
            PRIVACY,
            "singlevaluelist",
            false,
            "Siapa yang boleh tahu nama pelapor",
            &PRIVACIES,
        ),
        attribute(4, DATE, "datetime", false, "Tanggal kejadian", &[]),
    ];
    Node::Object(vec![
        ("service_code", Node::text(category.code.as_str())),
        ("attributes", Node::List("attribute", attributes)),
    ])
}

fn attribute(
    order: u32,
    code: &str,
    datatype: &str,
    required: bool,
    description: &str,
    values: &[(&str, &str)],
) -> Node {
    let value = |(key, name): &(&str, &str)| Node::Object(vec![("key", Node::text(*key)), ("name", Node::text(*name))]);
    let mut fields = vec![
        ("variable", Node::Bool(true)),
        ("code", Node::text(code)),
        ("datatype", Node::text(datatype)),
        ("required", Node::Bool(required)),
        ("datatype_description", Node::Null),
        ("order", Node::Integer(order)),
        ("description", Node::text(description)),
    ];
    if !values.is_empty() {
        fields.push(("values", Node::List("value", values.iter().map(value).collect())));
    }
    Node::Object(fields)
}
