//! A canary: an identity and words that nobody else has, filed, handled, mailed about - and then looked for everywhere.

use std::{fs, path::Path, sync::Arc};

use anyhow::{Context as _, ensure};
use tuntas_ctl::{
    platform::{Who, fresh_key},
    rpc,
};
use tuntas_proto::{
    case::v1::{Outcome, Privacy},
    intake::v1::{FileReportRequest, Identity, RevealIdentityRequest, SendMessageRequest},
};
use tuntas_tests::{
    collector::Collector,
    instance::Instance,
    play::{Filed, Play, complaint, liaison, refused, who},
    world::World,
};

const NAME: &str = "Kenari Zebuana Quxwarti";
const NIK: &str = "9977553311880042";
const PHONE: &str = "+628000077665544";
const EMAIL: &str = "kenari.quxwarti@contoh.invalid";
const ADDRESS: &str = "Lorong Kenari Xylofon 731";
/// Of a confidential report: not even its words may be anywhere in the clear.
const WORDS: &str = "burung-kenari-xylofon-zq9137 bernyanyi di depan kantor setiap pagi sejak bulan lalu";
const ANSWER: &str = "jawaban-kenari-xylofon-zq4411 sangkar telah dipindahkan";

/// Files the canary before anything else happens, so that it goes through everything.
pub(crate) async fn file(world: &Arc<World>) -> anyhow::Result<Filed> {
    let play = Play(Arc::clone(world));
    let request = FileReportRequest {
        privacy: Privacy::Confidential.into(),
        title: "Kenari xylofon zq9137".to_owned(),
        body: WORDS.to_owned(),
        identity: Some(Identity {
            name: NAME.to_owned(),
            nik: NIK.to_owned(),
            phone: PHONE.to_owned(),
            email: EMAIL.to_owned(),
            address: ADDRESS.to_owned(),
        }),
        ..complaint("transportasi-darat")
    };
    let filed = play.file(request).await?;
    play.verify(&filed).await?;
    play.dispose(&filed, "dishub", &[]).await?;
    play.accept(&filed, "dishub").await?;
    let platform = &world.platform;
    let request = SendMessageRequest {
        idempotency_key: fresh_key(),
        receipt: Some(filed.receipt.clone()),
        text: format!("Pesan: {WORDS}"),
    };
    rpc!(platform, Who::Citizen, intake().send_message(request))?;
    let request = RevealIdentityRequest {
        idempotency_key: fresh_key(),
        report_id: filed.report_id.clone(),
        reason: "Perlu menghubungi pelapor untuk peninjauan lapangan.".to_owned(),
    };
    let refusal = rpc!(
        platform,
        Who::Position(who::MANAGER),
        vault().reveal_identity(request.clone())
    );
    ensure!(
        refused(refusal)? == "identity_hidden",
        "who asks for confidentiality stays unknown to officers"
    );
    let request = RevealIdentityRequest {
        idempotency_key: fresh_key(),
        ..request
    };
    let revealed = rpc!(
        platform,
        Who::Position(who::OMBUDSMAN),
        vault().reveal_identity(request)
    )?;
    ensure!(
        revealed.identity.is_some_and(|identity| identity.nik == NIK),
        "the Ombudsman sees the identity, with a reason"
    );
    let tracked = play.track(&filed).await?;
    ensure!(!tracked.identity_accesses.is_empty(), "the reporter sees who looked");
    play.answer(&liaison("dishub"), &filed, "dishub", Outcome::Resolved, ANSWER)
        .await?;
    Ok(filed)
}

/// Looks for the canary in every database, log, trace, queue file and attachment.
pub(crate) async fn look(
    world: &Arc<World>,
    instance: &Instance,
    collector: &Collector,
    filed: &Filed,
) -> anyhow::Result<()> {
    let play = Play(Arc::clone(world));
    let tracked = play.track(filed).await?;
    ensure!(tracked.body == WORDS, "the reporter still reads the own words");
    let secret_code = filed.receipt.receipt_code.clone();
    let needles = [
        NAME,
        NIK,
        PHONE,
        EMAIL,
        ADDRESS,
        "xylofon",
        "Quxwarti",
        secret_code.as_str(),
    ];
    let mut found = Vec::new();
    for (name, dump) in instance.dump_databases()? {
        ensure!(dump.len() > 1_000, "the dump of {name} is empty");
        found.extend(needles_in(&needles, &dump).map(|needle| format!("{needle} in the database of {name}")));
    }
    for folder in ["logs", "run", "env", "data", "up.log"] {
        search(&instance.state().join(folder), &needles, &mut found)?;
    }
    let traces = collector.text();
    ensure!(traces.contains("FileReport"), "no traces were collected");
    found.extend(needles_in(&needles, traces.as_bytes()).map(|needle| format!("{needle} in a trace")));
    for folder in broker_folders(instance)? {
        search(&folder, &needles, &mut found)?;
    }
    // Proof that looking finds something: the mail sink is where the address may be.
    let mut mails = Vec::new();
    search(&instance.state().join("mail"), &[EMAIL], &mut mails)?;
    ensure!(
        !mails.is_empty(),
        "no mail reached the canary: notification did not ask for the contact, or nobody sends"
    );
    ensure!(found.is_empty(), "{found:#?}");
    Ok(())
}

fn needles_in<'a>(needles: &'a [&'a str], hay: &'a [u8]) -> impl Iterator<Item = &'a str> {
    needles
        .iter()
        .copied()
        .filter(|needle| contains(hay, needle.as_bytes()))
}

fn contains(hay: &[u8], needle: &[u8]) -> bool {
    let Some(first) = needle.first() else { return false };
    let mut rest = hay;
    while let Some(at) = rest.iter().position(|byte| byte == first) {
        rest = rest.get(at..).unwrap_or_default();
        if rest.starts_with(needle) {
            return true;
        }
        rest = rest.get(1..).unwrap_or_default();
    }
    false
}

fn search(path: &Path, needles: &[&str], found: &mut Vec<String>) -> anyhow::Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path).with_context(|| path.display().to_string())? {
            search(&entry?.path(), needles, found)?;
        }
        return Ok(());
    }
    if !path.is_file() {
        return Ok(());
    }
    // A queue's segment may be gone by the time it is read: then it holds nothing any more.
    let Ok(content) = fs::read(path) else { return Ok(()) };
    found.extend(needles_in(needles, &content).map(|needle| format!("{needle} in {}", path.display())));
    Ok(())
}

/// Where the private broker keeps its queues.
fn broker_folders(instance: &Instance) -> anyhow::Result<Vec<std::path::PathBuf>> {
    let settings = fs::read_to_string(instance.state().join("secrets/servers"))?;
    let data_dir = settings
        .lines()
        .find_map(|line| line.strip_prefix("data_dir="))
        .context("no data_dir")?;
    Ok(vec![Path::new(data_dir).join("rabbitmq")])
}
