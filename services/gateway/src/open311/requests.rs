//! Requests: the register, as a list and one by one.

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use tuntas_kit::problem::{NOT_FOUND, Problem};
use tuntas_proto::{
    common::v1::PageRequest,
    intake::v1::{GetPublicReportRequest, PublicReport, SearchRegisterRequest},
};

use super::{
    admitted,
    filter::Filter,
    params::Params,
    render::{Format, Node},
    request::{self, ITEM, LIST},
    trouble::{Trouble, or_trouble},
};
use crate::{
    platform::answer,
    web::{Web, peer::Peer},
};

/// Reports that intake gives at once.
const PART_MAX: u32 = 200;

/// The list.
pub async fn list(State(web): State<Web>, format: Format, peer: Peer, params: Params) -> Response {
    let answer = async {
        admitted(&web, peer, &params).await?;
        let filter = Filter::of(&params, web.clock.now())?;
        let directory = web.directory.get().await?;
        let reports = find(&web, &filter).await?;
        let requests = reports
            .iter()
            .map(|report| request::node(report, &directory, &web.edge.province, filter.extensions));
        Ok(Node::List(ITEM, requests.collect()).answer(format, LIST, StatusCode::OK))
    };
    or_trouble(format, answer.await)
}

/// One request; GeoReport answers with a list of it.
pub async fn show(
    State(web): State<Web>,
    format: Format,
    peer: Peer,
    params: Params,
    Path(name): Path<String>,
) -> Response {
    let answer = async {
        admitted(&web, peer, &params).await?;
        let extensions = Filter::of(&params, web.clock.now())?.extensions;
        let id = Format::split(&name).map_or(name.as_str(), |(id, _)| id);
        let report = get(&web, id).await?;
        let directory = web.directory.get().await?;
        let node = request::node(&report, &directory, &web.edge.province, extensions);
        Ok(Node::List(ITEM, vec![node]).answer(format, LIST, StatusCode::OK))
    };
    or_trouble(format, answer.await)
}

/// A report as its ticket tells of it, listed or not.
///
/// # Errors
/// There is none, or intake is away.
pub async fn get(web: &Web, id: &str) -> Result<PublicReport, Trouble> {
    let request = GetPublicReportRequest {
        ticket: id.to_owned(),
        also_unlisted: true,
    };
    let found = answer(web.platform.intake().get_public_report(request)).await;
    found.map_err(|problem: Problem| {
        if problem.kind() == NOT_FOUND {
            Trouble::missing("service_request_id was not found")
        } else {
            problem.into()
        }
    })
}

async fn find(web: &Web, filter: &Filter) -> Result<Vec<PublicReport>, Trouble> {
    if filter.is_empty {
        return Ok(Vec::new());
    }
    if !filter.search.tickets.is_empty() {
        return find_named(web, filter).await;
    }
    let (mut reports, mut cursor, mut left) = (Vec::new(), String::new(), filter.rows_max);
    while left > 0 {
        let request = SearchRegisterRequest {
            page: Some(PageRequest {
                size: left.min(PART_MAX),
                cursor: cursor.clone(),
            }),
            // The cursor stands behind what was skipped.
            skip: if cursor.is_empty() { filter.search.skip } else { 0 },
            ..filter.search.clone()
        };
        let found = answer(web.platform.intake().search_register(request)).await?;
        left = left.saturating_sub(u32::try_from(found.reports.len()).unwrap_or(u32::MAX));
        reports.extend(found.reports);
        cursor = found.next_cursor;
        if cursor.is_empty() {
            break;
        }
    }
    Ok(reports)
}

/// Reports by their ids: each part of the list fits one answer of intake.
async fn find_named(web: &Web, filter: &Filter) -> Result<Vec<PublicReport>, Trouble> {
    let mut reports = Vec::new();
    for tickets in filter.search.tickets.chunks(PART_MAX as usize) {
        let request = SearchRegisterRequest {
            tickets: tickets.to_vec(),
            page: Some(PageRequest {
                size: PART_MAX,
                cursor: String::new(),
            }),
            ..filter.search.clone()
        };
        let found = answer(web.platform.intake().search_register(request)).await?;
        reports.extend(found.reports);
    }
    Ok(reports)
}
