//! Bad input to every RPC: a clear status with a stable code, nothing stored, nothing logged of it.

use std::{collections::BTreeMap, fs, sync::Arc, time::Duration};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use prost_reflect::MethodDescriptor;
use tonic::{Code, Status, transport::Channel};
use tuntas_ctl::{
    commands::reconcile,
    error::{CtlError, Exit, code_of},
    platform::{Platform, Who},
    rpc,
};
use tuntas_proto::{
    case::v1::{
        Privacy, ReportKind,
        case_command::{Command, Dispose, Refer, TakeOver},
    },
    intake::v1::{FileReportRequest, Identity, Place, Receipt, TrackReportRequest},
};
use tuntas_tests::{
    instance::Instance,
    play::{Play, complaint, refused, who},
    raw,
    world::World,
};

/// Whatever bad input is stored or logged, it is found by this.
const MARK: &str = "TANDA-XQZ-8841";
const NOBODYS_ID: &str = "0193e2a0-0000-7000-8000-000000000000";
const MEBIBYTE: usize = 1 << 20;
/// Services that publish nothing, and so serve no outbox.
const SILENT: [&str; 2] = ["notification", "gateway"];

pub(crate) async fn play(world: &Arc<World>, instance: &Instance) -> anyhow::Result<()> {
    world.settle().await?;
    let before = reconcile::compare(&world.platform, false).await?.counts;
    let mut wrong = Vec::new();
    every_method(world, &mut wrong).await?;
    filings(world, &mut wrong).await?;
    illegal_moves(world, &mut wrong).await?;
    receipts(world, &mut wrong).await?;
    world.settle().await?;
    let after = reconcile::compare(&world.platform, false).await?.counts;
    // The two reports that the illegal moves and the wrong receipts were tried on are there.
    let filed = |counts: &BTreeMap<String, u64>| counts.get("reports").copied().unwrap_or_default();
    if filed(&after) != filed(&before) + 2 {
        wrong.push(format!("{} reports before, {} after", filed(&before), filed(&after)));
    }
    for (name, dump) in instance.dump_databases()? {
        if String::from_utf8_lossy(&dump).contains(MARK) {
            wrong.push(format!("bad input is stored by {name}"));
        }
    }
    for entry in fs::read_dir(instance.state().join("logs"))? {
        let path = entry?.path();
        if fs::read_to_string(&path).unwrap_or_default().contains(MARK) {
            wrong.push(format!("bad input is logged in {}", path.display()));
        }
    }
    ensure!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}

/// The channel of the service that serves a method.
fn channel_for(platform: &Platform, method: &MethodDescriptor) -> anyhow::Result<Vec<Channel>> {
    let package = method.parent_service().package_name().to_owned();
    let name = package.split('.').nth(1).context("no package")?.to_owned();
    let endpoints = platform.endpoints();
    let urls: Vec<String> = match name.as_str() {
        "desk" => vec![endpoints.desk_of("dishub")?.url.clone()],
        "ops" => endpoints.processes().map(|(_, url)| url.to_owned()).collect(),
        "outbox" => {
            let publishing = endpoints.processes().filter(|(name, _)| !SILENT.contains(name));
            publishing.map(|(_, url)| url.to_owned()).collect()
        }
        name => vec![endpoints.service(name)?.to_owned()],
    };
    urls.iter().map(|url| tuntas_kit::client::channel(url)).collect()
}

/// What is sent to a method, with a name for it.
fn variants(method: &MethodDescriptor) -> Vec<(String, Bytes)> {
    let mut variants = vec![
        ("an empty message".to_owned(), Bytes::new()),
        ("no message at all".to_owned(), Bytes::from_static(b"\xFF\xFF\xFF\xFF")),
    ];
    for (number, name) in raw::text_fields(&method.input()) {
        variants.push((
            format!("malformed UTF-8 in {name}"),
            raw::one_field(number, b"\xC3\x28\xFF"),
        ));
        variants.push((
            format!("5,000 characters in {name}"),
            raw::one_field(number, MARK.repeat(360).as_bytes()),
        ));
        variants.push((
            format!("a zero byte in {name}"),
            raw::one_field(number, format!("{MARK}\0{MARK}").as_bytes()),
        ));
        variants.push((
            format!("SQL in {name}"),
            raw::one_field(number, format!("{MARK}'; DROP TABLE report; --").as_bytes()),
        ));
        if matches!(name.as_str(), "body" | "text" | "case_id") {
            variants.push((
                format!("10 MiB in {name}"),
                raw::one_field(number, &vec![b'a'; 10 * MEBIBYTE]),
            ));
        }
    }
    variants
}

/// Methods that have nothing to refuse in an empty or odd request: they list, search, or tell a state.
fn may_succeed(method: &MethodDescriptor) -> bool {
    let name = method.name();
    ["List", "Search", "Suggest", "Get", "Follow", "Find"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
        || method.input().fields().len() == 0
}

async fn every_method(world: &World, wrong: &mut Vec<String>) -> anyhow::Result<()> {
    let officer = format!("Bearer {}", world.platform.position_token(who::MANAGER).await?);
    let callers = [
        ("nobody", None),
        ("a forged token", Some("Bearer abc.def.ghi")),
        ("the manager", Some(officer.as_str())),
    ];
    for method in raw::unary_methods()? {
        for channel in channel_for(&world.platform, &method)? {
            for (what, message) in variants(&method) {
                for (caller, authorization) in callers {
                    let sent = raw::send(channel.clone(), &method, message.clone(), authorization);
                    let answer = tokio::time::timeout(Duration::from_secs(20), sent).await;
                    if let Some(complaint) = judge(&method, answer) {
                        wrong.push(format!(
                            "{}.{} with {what} by {caller}: {complaint}",
                            method.parent_service().name(),
                            method.name()
                        ));
                    }
                }
            }
        }
    }
    Ok(())
}

/// What is wrong with an answer to bad input; nothing when it is a refusal with a stable code.
fn judge(method: &MethodDescriptor, answer: Result<Result<(), Status>, tokio::time::error::Elapsed>) -> Option<String> {
    match answer {
        Err(_) => Some("no answer in 20 s".to_owned()),
        Ok(Ok(())) if may_succeed(method) => None,
        Ok(Ok(())) => Some("accepted".to_owned()),
        Ok(Err(status)) => match status.code() {
            Code::Unknown | Code::Internal | Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => {
                Some(format!("{:?}: {}", status.code(), status.message()))
            }
            // The transport's own limit on the size of a message comes before any code of ours.
            Code::OutOfRange => None,
            _ if code_of(&status).is_none() => Some(format!(
                "{:?} without a stable code: {}",
                status.code(),
                status.message()
            )),
            _ => None,
        },
    }
}

/// What is wrong with a filing, and how to make it so.
type Spoiled = (&'static str, fn(&mut FileReportRequest));

const SPOILED: &[Spoiled] = &[
    ("no key", |r| r.idempotency_key.clear()),
    ("a short key", |r| r.idempotency_key = "1234".into()),
    ("no kind", |r| r.kind = ReportKind::Unspecified.into()),
    ("an unknown kind", |r| r.kind = 77),
    ("no privacy", |r| r.privacy = Privacy::Unspecified.into()),
    ("no title", |r| r.title.clear()),
    ("a title of 5,000 characters", |r| r.title = "x".repeat(5_000)),
    ("no words", |r| r.body.clear()),
    ("few words", |r| r.body = "pendek".into()),
    ("too many words", |r| r.body = "x".repeat(10_001)),
    ("an unknown category", |r| r.category_code = "tidak-ada".into()),
    ("a malformed category", |r| r.category_code = "../../etc".into()),
    ("an unknown region", |r| r.region_code = "99.99".into()),
    ("an unknown agency", |r| r.named_opd = "dinas-khayal".into()),
    ("half a coordinate", |r| r.place = at(Some(0.5), None)),
    ("a coordinate off the globe", |r| r.place = at(Some(91.0), Some(101.0))),
    ("a coordinate that is no number", |r| {
        r.place = at(Some(f64::NAN), Some(101.0))
    }),
    ("a malformed date", |r| r.event_date = "kemarin".into()),
    ("a date that does not exist", |r| r.event_date = "2026-02-30".into()),
    ("a date in the future", |r| r.event_date = "2099-01-01".into()),
    ("an attachment that is not there", |r| {
        r.attachment_ids = vec![NOBODYS_ID.into()]
    }),
    ("a malformed attachment", |r| r.attachment_ids = vec!["x".into()]),
    ("a malformed NIK", |r| identity_of(r).nik = "12".into()),
    ("a name of 5,000 characters", |r| {
        identity_of(r).name = "n".repeat(5_000)
    }),
    ("a malformed e-mail", |r| identity_of(r).email = "bukan surel".into()),
    ("an unknown channel", |r| r.channel = "merpati".into()),
    ("an unknown language", |r| r.language = "xx".into()),
    ("a malformed ticket", |r| r.same_as_ticket = "TTS-XXXX".into()),
];

fn at(latitude: Option<f64>, longitude: Option<f64>) -> Option<Place> {
    let description = "x".to_owned();
    Some(Place {
        description,
        latitude,
        longitude,
    })
}

fn identity_of(request: &mut FileReportRequest) -> &mut Identity {
    request.identity.get_or_insert_default()
}

/// Filings with one thing wrong each.
async fn filings(world: &World, wrong: &mut Vec<String>) -> anyhow::Result<()> {
    for (what, spoil) in SPOILED {
        let mut request = complaint("transportasi-darat");
        request.title = MARK.to_owned();
        request.body = format!("{MARK} laporan yang tidak boleh diterima sama sekali");
        spoil(&mut request);
        match rpc!(world.platform, Who::Citizen, intake().file_report(request)) {
            Ok(_) => wrong.push(format!("a filing with {what} was accepted")),
            Err(error) if error.code().is_none() || matches!(error.exit(), Exit::Failure | Exit::Unavailable) => {
                wrong.push(format!("a filing with {what}: {error}"));
            }
            Err(_) => {}
        }
    }
    Ok(())
}

async fn illegal_moves(world: &Arc<World>, wrong: &mut Vec<String>) -> anyhow::Result<()> {
    let play = Play(Arc::clone(world));
    let filed = play.file(complaint("transportasi-darat")).await?;
    let unknown = Command::Dispose(Dispose {
        lead_opd: "dinas-khayal".to_owned(),
        ..Dispose::default()
    });
    play.verify(&filed).await?;
    let refer = Command::Refer(Refer {
        authority_code: "negeri-khayal".to_owned(),
        explanation: None,
    });
    let tries: Vec<(&str, &str, &str, Command)> = vec![
        ("an unknown agency", who::VERIFIER, &filed.case_id, unknown.clone()),
        ("an unknown authority", who::VERIFIER, &filed.case_id, refer),
        ("an unknown case", who::VERIFIER, NOBODYS_ID, unknown.clone()),
        ("a malformed case", who::VERIFIER, "bukan-uuid", unknown),
        (
            "somebody else's role",
            who::OMBUDSMAN,
            &filed.case_id,
            Command::Dispose(Dispose {
                lead_opd: "dishub".to_owned(),
                ..Dispose::default()
            }),
        ),
        (
            "a take-over too early",
            who::OMBUDSMAN,
            &filed.case_id,
            Command::TakeOver(TakeOver {}),
        ),
    ];
    for (what, position, case_id, command) in tries {
        let seq = play.case(&filed.case_id).await?.seq;
        let result: Result<_, CtlError> = play.central(position, case_id, command).await;
        if let Err(error) = refused(result) {
            wrong.push(format!("{what}: {error:#}"));
        }
        if play.case(&filed.case_id).await?.seq != seq {
            wrong.push(format!("{what}: the case moved"));
        }
    }
    Ok(())
}

/// Wrong receipt codes look like unknown tickets, and guessing is slowed down.
async fn receipts(world: &Arc<World>, wrong: &mut Vec<String>) -> anyhow::Result<()> {
    let play = Play(Arc::clone(world));
    let filed = play.file(complaint("transportasi-darat")).await?;
    let mut codes: BTreeMap<String, u32> = BTreeMap::new();
    for attempt in 0..60 {
        let receipt = Receipt {
            ticket: filed.receipt.ticket.clone(),
            receipt_code: format!("0123456789ABCD{attempt:02}"),
        };
        let request = TrackReportRequest {
            receipt: Some(receipt),
            after_command_id: String::new(),
        };
        let result = rpc!(world.platform, Who::Citizen, intake().track_report(request));
        *codes.entry(refused(result)?).or_default() += 1;
    }
    if !codes.contains_key("unknown_ticket") || !codes.contains_key("rate_limited") {
        wrong.push(format!("60 guesses of a receipt code were answered {codes:?}"));
    }
    Ok(())
}
