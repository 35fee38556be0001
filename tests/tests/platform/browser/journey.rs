//! One report from filing to the Ombudsman, on pages only.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, ensure};
use tuntas_ctl::platform::fresh_key;
use tuntas_tests::{browser::Browser, instance::wait_for};

use super::{
    Stage,
    people::{form, open_case, send},
};

/// A number that nobody has: the public must not read it.
const TELEPHONE: &str = "081200000000";
const MASKED: &str = "08**********";
const AGENCY: &str = "dishub";

/// Whether the browsers run scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scripts {
    /// As most do.
    On,
    /// As some do, and as it is when a script did not arrive.
    Off,
}

/// What a receipt says.
pub(crate) struct Kept {
    pub(crate) ticket: String,
    pub(crate) code: String,
}

/// A citizen at one browser, officers at another.
pub(crate) async fn play(stage: &mut Stage<'_>, scripts: Scripts) -> anyhow::Result<()> {
    let on = scripts == Scripts::On;
    let citizen = stage.driver.browser(stage.portal.url(), on).await?;
    let office = stage.driver.browser(stage.portal.url(), on).await?;
    let played = acts(stage, &citizen, &office, scripts).await;
    let mut complaints = citizen.complaints().await?;
    complaints.extend(office.complaints().await?);
    citizen.close().await?;
    office.close().await?;
    played?;
    ensure!(complaints.is_empty(), "the browser complains: {complaints:#?}");
    Ok(())
}

async fn acts(stage: &mut Stage<'_>, citizen: &Browser, office: &Browser, scripts: Scripts) -> anyhow::Result<()> {
    let photo = photo()?;
    fill_report(citizen, &format!("Halte rusak {}", &fresh_key()[..8]), Some(&photo)).await?;
    ensure!(
        citizen.has("main .alert").await?,
        "nobody is warned of a telephone number"
    );
    if scripts == Scripts::On {
        stage.looker.look(citizen, "citizen", "lapor-periksa").await?;
    }
    send(citizen, "lapor").await?;
    let kept = receipt(citizen).await?;
    if scripts == Scripts::On {
        stage.looker.look(citizen, "citizen", "lapor-tanda-terima").await?;
    }
    follow(citizen, &kept).await.context("following with ticket and code")?;
    verify_and_dispose(stage, office, &kept.ticket)
        .await
        .context("verifier")?;
    agency(stage, office, &kept.ticket).await.context("agency")?;
    answer(stage, office, &kept.ticket, "Atap halte sudah diganti pada hari Senin.")
        .await
        .context("answer")?;
    public_sees(citizen, &kept.ticket).await.context("public")?;
    let own = format!("/lacak/{}", kept.ticket);
    citizen.open_until(&own, &form("sanggah")).await?;
    if scripts == Scripts::On {
        stage.looker.look(citizen, "citizen", "lacak-dijawab").await?;
    }
    // The first dispute is the agency's to mend, the second the director's to decide (rule M7).
    dispute(citizen, "Haltenya masih rusak, atapnya bocor.").await?;
    answer(stage, office, &kept.ticket, "Atapnya sudah diperiksa dan dirapatkan.")
        .await
        .context("answer to a dispute")?;
    citizen.open_until(&own, &form("sanggah")).await?;
    dispute(citizen, "Tetap bocor setiap hujan.").await?;
    decide(stage, office, &kept.ticket).await.context("director")?;
    citizen.open_until(&own, &form("nilai")).await?;
    citizen
        .click(&format!("{} input[name=bintang][value='4']", form("nilai")))
        .await?;
    send(citizen, "nilai").await?;
    let rated = format!("body:not(:has({}))", form("nilai"));
    citizen.open_until(&own, &rated).await.context("rating")?;
    stage.people.act_as(office, "ombudsman").await?;
    open_case(office, "/petugas", &kept.ticket, ".timeline li")
        .await
        .context("Ombudsman")?;
    ensure!(
        office.words().await?.contains("Halte rusak"),
        "the Ombudsman reads the report"
    );
    Ok(())
}

/// Fills the form and stops where it is looked at once more.
pub(crate) async fn fill_report(citizen: &Browser, title: &str, photo: Option<&PathBuf>) -> anyhow::Result<()> {
    citizen.open("/lapor").await?;
    citizen.fill("[name=judul]", title).await?;
    let body = format!(
        "Atap halte di Jalan Contoh Raya, Desa Rekaan, roboh sejak dua minggu. Hubungi saya di {TELEPHONE}. Mohon diperbaiki."
    );
    citizen.fill("[name=isi]", &body).await?;
    citizen.choose("select[name=kategori]", "transportasi-darat").await?;
    citizen.choose("select[name=wilayah]", "14.71").await?;
    citizen.fill("[name=tempat]", "Jalan Contoh Raya").await?;
    if let Some(photo) = photo {
        citizen.attach("[name=berkas]", photo).await?;
    }
    citizen.fill("[name=nama]", "Warga Contoh").await?;
    citizen.fill("[name=surel]", "warga@contoh.invalid").await?;
    citizen.follow("[name=langkah][value=periksa]").await?;
    citizen.one("[name=langkah][value=kirim]").await.map(drop)
}

/// Reads the receipt that is shown.
pub(crate) async fn receipt(citizen: &Browser) -> anyhow::Result<Kept> {
    Ok(Kept {
        ticket: citizen.text("#tiket").await?,
        code: citizen.text("#kode").await?,
    })
}

/// Closes the report in this browser and opens it again with what the receipt says.
async fn follow(citizen: &Browser, kept: &Kept) -> anyhow::Result<()> {
    citizen.web().delete_all_cookies().await?;
    let own = format!("/lacak/{}", kept.ticket);
    citizen.open(&own).await?;
    ensure!(
        citizen.has("form[action='/lacak']").await?,
        "a ticket alone opens a report"
    );
    citizen.fill("form[action='/lacak'] [name=tiket]", &kept.ticket).await?;
    citizen.fill("form[action='/lacak'] [name=kode]", &kept.code).await?;
    send(citizen, "lacak").await?;
    ensure!(citizen.path().await? == own, "the code does not open the report");
    Ok(())
}

async fn verify_and_dispose(stage: &mut Stage<'_>, office: &Browser, ticket: &str) -> anyhow::Result<()> {
    stage.people.act_as(office, "verifier").await?;
    let verify = form("verifikasi");
    open_case(office, "/petugas", ticket, &verify).await?;
    ensure!(
        office.has("main img[src*='/petugas/lampiran/']").await?,
        "the verifier sees no photo"
    );
    let words = office
        .one(&format!("{verify} [name=publik]"))
        .await?
        .prop("value")
        .await?
        .unwrap_or_default();
    ensure!(
        words.contains(TELEPHONE),
        "the verifier starts from other words: {words}"
    );
    office
        .fill(&format!("{verify} [name=publik]"), &words.replace(TELEPHONE, MASKED))
        .await?;
    send(office, "verifikasi").await?;
    let dispose = form("disposisi");
    open_case(office, "/petugas", ticket, &dispose).await?;
    office.choose(&format!("{dispose} [name=tujuan]"), AGENCY).await?;
    send(office, "disposisi").await
}

async fn agency(stage: &mut Stage<'_>, office: &Browser, ticket: &str) -> anyhow::Result<()> {
    let inbox = "/petugas/opd";
    let directory = stage.portal.platform.directory().await?;
    let executor = directory
        .first_with("executor", Some(AGENCY))
        .context("no executor")?
        .to_owned();
    stage.people.act_as(office, "liaison").await?;
    open_case(office, inbox, ticket, &form("terima")).await?;
    send(office, "terima").await?;
    open_case(office, inbox, ticket, &form("tugaskan")).await?;
    office
        .choose(&format!("{} [name=jabatan]", form("tugaskan")), &executor)
        .await?;
    send(office, "tugaskan").await?;
    stage.people.act_as(office, "executor").await?;
    open_case(office, inbox, ticket, &form("catat"))
        .await
        .context("executor")?;
    office
        .fill(
            &format!("{} [name=teks]", form("catat")),
            "Petugas sudah melihat halte.",
        )
        .await?;
    send(office, "catat").await
}

/// The head answers.
async fn answer(stage: &mut Stage<'_>, office: &Browser, ticket: &str, words: &str) -> anyhow::Result<()> {
    stage.people.act_as(office, "accountable-head").await?;
    let answer = form("jawab");
    open_case(office, "/petugas/opd", ticket, &answer).await?;
    office.choose(&format!("{answer} [name=hasil]"), "resolved").await?;
    office.fill(&format!("{answer} [name=teks]"), words).await?;
    send(office, "jawab").await
}

/// The reporter disputes, on the page that is open.
async fn dispute(citizen: &Browser, words: &str) -> anyhow::Result<()> {
    citizen.fill(&format!("{} [name=teks]", form("sanggah")), words).await?;
    send(citizen, "sanggah").await
}

/// The register has the redacted words with the answer.
async fn public_sees(citizen: &Browser, ticket: &str) -> anyhow::Result<()> {
    let public = format!("/laporan/{ticket}");
    let answered = |words: &str| words.contains("Atap halte sudah diganti");
    let started = std::time::Instant::now();
    loop {
        citizen.open(&public).await?;
        let words = citizen.words().await?;
        ensure!(!words.contains(TELEPHONE), "the public reads the telephone number");
        if answered(&words) {
            ensure!(words.contains(MASKED), "the redacted words are not there: {words}");
            return Ok(());
        }
        ensure!(
            started.elapsed() < Duration::from_secs(30),
            "no answer on {public}: {words}"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn decide(stage: &mut Stage<'_>, office: &Browser, ticket: &str) -> anyhow::Result<()> {
    stage.people.act_as(office, "director").await?;
    let dispute = form("putus-sanggah");
    open_case(office, "/petugas", ticket, &dispute).await?;
    office
        .click(&format!("{dispute} input[name=putusan][value=tidak]"))
        .await?;
    office
        .fill(
            &format!("{dispute} [name=teks]"),
            "Foto dari hari Senin menunjukkan atap baru.",
        )
        .await?;
    send(office, "putus-sanggah").await
}

/// A photo as a telephone takes it, of nothing.
fn photo() -> anyhow::Result<PathBuf> {
    const WIDTH: u32 = 640;
    const HEIGHT: u32 = 480;
    let file = std::env::temp_dir().join(format!("tuntas-photo.{}.jpg", std::process::id()));
    let picture = image::RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        let shade = |of: u32, all: u32| u8::try_from(of * 255 / all).unwrap_or(u8::MAX);
        image::Rgb([shade(x, WIDTH), shade(y, HEIGHT), 120])
    });
    picture.save(&file)?;
    wait_for(Duration::from_secs(1), "the photo to be written", || Ok(file.exists()))?;
    Ok(file)
}
