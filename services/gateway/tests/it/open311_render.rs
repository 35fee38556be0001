use time::macros::datetime;
use tuntas_gateway::open311::{
    discovery,
    render::{Format, Node},
    request, services, updates,
};
use tuntas_proto::{
    case::v1::{Outcome, ReportKind, State},
    intake::v1::{PublicReport, PublicUpdate},
    wire_time::timestamp,
};

use crate::support::{directory, golden};

fn report() -> PublicReport {
    PublicReport {
        ticket: "TTS-7K3M9QXZ-4".to_owned(),
        title: "Jalan <berlubang>".to_owned(),
        body: "Lubang \"dalam\" & berbahaya\nsejak Mei \u{7}🚧".to_owned(),
        kind: ReportKind::Complaint.into(),
        state: State::InProgress.into(),
        category_code: "jalan-provinsi".to_owned(),
        region_code: "14.71".to_owned(),
        lead_opd: "pupr-pkpp".to_owned(),
        filed_at: Some(timestamp(datetime!(2026-11-24 01:02:03.999 UTC))),
        updated_at: Some(timestamp(datetime!(2026-11-24 17:00 UTC))),
        answer_due_at: Some(timestamp(datetime!(2026-12-14 17:00 UTC))),
        latitude: Some(0.507),
        longitude: Some(101.448),
        listed: true,
        ..PublicReport::default()
    }
}

fn both(name: &str, root: &str, node: &Node) {
    golden(&format!("{name}.json"), &format!("{}\n", node.json()));
    golden(&format!("{name}.xml"), &node.xml(root));
}

#[test]
fn services_and_definitions_are_in_both_notations() {
    let directory = directory();
    let list = directory
        .categories
        .values()
        .map(|one| services::service(one, &directory));
    both("services", "services", &Node::List("service", list.collect()));
    let road = &directory.categories["jalan-provinsi"];
    both(
        "service_definition",
        "service_definition",
        &services::definition(road, &directory),
    );
    both(
        "discovery",
        "discovery",
        &discovery::node("https://tuntas.example", "Dinas"),
    );
}

#[test]
fn requests_are_in_both_notations() {
    let directory = directory();
    let closed = PublicReport {
        state: State::Closed.into(),
        outcome: Outcome::Resolved.into(),
        answer: "Sudah ditambal.".to_owned(),
        answer_due_at: None,
        latitude: None,
        longitude: None,
        ..report()
    };
    let nodes = [report(), closed].map(|report| request::node(&report, &directory, "Riau", false));
    both("requests", request::LIST, &Node::List(request::ITEM, nodes.to_vec()));
    let extended = request::node(&report(), &directory, "Riau", true);
    both(
        "request_extended",
        request::LIST,
        &Node::List(request::ITEM, vec![extended]),
    );
}

#[test]
fn a_report_that_is_not_public_has_no_words() {
    let unlisted = PublicReport {
        ticket: "TTS-7K3M9QXZ-4".to_owned(),
        category_code: "jalan-provinsi".to_owned(),
        filed_at: report().filed_at,
        updated_at: report().filed_at,
        ..PublicReport::default()
    };
    let node = request::node(&unlisted, &directory(), "Riau", true);
    both(
        "request_unlisted",
        request::LIST,
        &Node::List(request::ITEM, vec![node]),
    );
}

#[test]
fn updates_are_in_both_notations() {
    let update = |kind: &str, outcome: Outcome, text: &str| PublicUpdate {
        update_id: format!("{kind}.TTS-7K3M9QXZ-4"),
        ticket: "TTS-7K3M9QXZ-4".to_owned(),
        at: Some(timestamp(datetime!(2026-11-24 01:02:03 UTC))),
        r#type: kind.to_owned(),
        opd_code: "dishub".to_owned(),
        outcome: outcome.into(),
        text: text.to_owned(),
    };
    let list = [
        update("verified", Outcome::Unspecified, ""),
        update("disposed", Outcome::Unspecified, ""),
        update("answered", Outcome::Unspecified, "Sudah ditambal."),
        update("rated", Outcome::Unspecified, ""),
        update("closed_by_silence", Outcome::Resolved, ""),
        update("referred", Outcome::Referred, ""),
    ];
    let nodes = list.iter().map(|one| updates::node(one, &directory())).collect();
    both(
        "updates",
        "service_request_updates",
        &Node::List("request_update", nodes),
    );
}

#[test]
fn every_status_is_one_of_fixmystreets() {
    for state in (0..).map_while(|value| State::try_from(value).ok()) {
        for outcome in (0..).map_while(|value| Outcome::try_from(value).ok()) {
            let status = request::detailed_status(state.into(), outcome.into());
            assert!(updates::STATUSES.contains(&status), "{status}");
        }
    }
}

#[test]
fn the_notation_is_the_ending_of_the_path() {
    assert_eq!(Format::of("/open311/v2/services.xml"), Format::Xml);
    assert_eq!(Format::of("/open311/v2/services"), Format::Json);
    assert_eq!(Format::split("a.b.xml"), Some(("a.b", Format::Xml)));
    assert_eq!(Format::split("001"), None);
    assert_eq!(
        Node::List("x", Vec::new()).xml("xs"),
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<xs></xs>\n"
    );
}
