//! Files of a form.

use sqlx::PgPool;
use tuntas_kit::problem::{Kind, Problem};
use tuntas_proto::intake::v1::{
    FileReportRequest, UploadAttachmentRequest, UploadAttachmentResponse, upload_attachment_request::Part,
};

use crate::world::World;

const FILE_BYTES_MAX: usize = 10 << 20;

/// A report that is complete, on its last step.
pub(crate) fn report() -> Vec<(&'static str, &'static str)> {
    vec![
        ("kunci", "kunci-dari-uji"),
        ("langkah", "kirim"),
        ("jenis", "complaint"),
        ("judul", "Jalan berlubang"),
        ("isi", "Lubang besar di depan pasar sejak dua minggu."),
        ("kategori", "jalan"),
        ("wilayah", "14.71"),
        ("privasi", "open"),
    ]
}

/// Takes what intake takes: PDF up to ten MiB.
fn answer_like_intake(world: &World) {
    world.fake.on(
        "intake.v1.Intake/UploadAttachment",
        |call, _: UploadAttachmentRequest| {
            let content: Vec<u8> = call
                .messages::<UploadAttachmentRequest>()
                .into_iter()
                .filter_map(|message| match message.part {
                    Some(Part::Chunk(chunk)) => Some(chunk),
                    _ => None,
                })
                .flatten()
                .collect();
            if content.len() > FILE_BYTES_MAX {
                return Err(refused("attachment_too_large"));
            }
            if !content.starts_with(b"%PDF-") {
                return Err(refused("attachment_type"));
            }
            Ok(UploadAttachmentResponse {
                attachment_id: format!("lampiran-{}", content.len()),
                ..UploadAttachmentResponse::default()
            })
        },
    );
}

fn refused(code: &'static str) -> Problem {
    Problem::new(Kind {
        code,
        grpc: tonic::Code::InvalidArgument,
        http: 400,
        message: "not taken",
    })
}

fn pdf(bytes: usize) -> Vec<u8> {
    let mut content = vec![b'x'; bytes];
    content[..5].copy_from_slice(b"%PDF-");
    content
}

#[sqlx::test(migrations = false)]
async fn five_files_of_ten_mib_go_in_and_are_named_in_the_report(pool: PgPool) {
    let world = World::new(pool).await;
    answer_like_intake(&world);
    let content = pdf(FILE_BYTES_MAX);
    let files = [("a.pdf", &content[..]); 5];
    let answer = world.browser().post_files("/lapor", &report(), &files).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let filed: FileReportRequest = world.fake.calls("intake.v1.Intake/FileReport")[0].message(0);
    assert_eq!(filed.attachment_ids.len(), 5);
}

#[sqlx::test(migrations = false)]
async fn what_is_not_taken_loses_nothing_that_was_typed(pool: PgPool) {
    let world = World::new(pool).await;
    answer_like_intake(&world);
    let (small, large) = (pdf(100), pdf(FILE_BYTES_MAX + 1));
    let small = ("kecil.pdf", &small[..]);
    for (files, sentence) in [
        (vec![("besar.pdf", &large[..])], "10 MiB"),
        (vec![small; 6], "Lampiran terlalu banyak"),
        (vec![small, ("gambar.svg", b"<svg onload='alert(1)'/>")], "Jenis berkas"),
        (vec![small, ("kosong.pdf", b"")], "Jenis berkas"),
    ] {
        let answer = world.browser().post_files("/lapor", &report(), &files).await;
        assert_eq!(answer.status, 422, "{sentence}");
        let page = answer.text();
        assert!(page.contains(sentence), "{sentence}: {page}");
        assert!(
            page.contains("Lubang besar di depan pasar") && page.contains("kunci-dari-uji"),
            "{sentence}"
        );
        if files.len() > 1 {
            assert!(page.contains("lampiran-100|kecil.pdf"), "{sentence}");
        }
    }
    assert!(world.fake.calls("intake.v1.Intake/FileReport").is_empty());
}

#[sqlx::test(migrations = false)]
async fn files_of_earlier_tries_count_too(pool: PgPool) {
    let world = World::new(pool).await;
    answer_like_intake(&world);
    let earlier = [("lampiran", "id|nama.pdf"); 6];
    let fields = [report(), earlier.to_vec()].concat();
    let answer = world.browser().post_files("/lapor", &fields, &[]).await;
    assert_eq!(answer.status, 422);
    assert!(world.fake.calls("intake.v1.Intake/FileReport").is_empty());
}

#[sqlx::test(migrations = false)]
async fn a_form_beyond_all_limits_is_given_up(pool: PgPool) {
    let world = World::new(pool).await;
    answer_like_intake(&world);
    let content = pdf(FILE_BYTES_MAX);
    let answer = world
        .browser()
        .post_files("/lapor", &report(), &[("a.pdf", &content[..]); 6])
        .await;
    assert_eq!(answer.status, 413);
    assert!(answer.text().contains("Tidak berhasil"));
    // A form without files has far less room.
    let long = "x".repeat(300 << 10);
    let answer = world.browser().post("/masuk", &[("nama", "a"), ("sandi", &long)]).await;
    assert_eq!(answer.status, 413);
    let many: Vec<(&str, &str)> = vec![("a", "b"); 5_000];
    let answer = world.browser().post_files("/lapor", &many, &[]).await;
    assert_eq!(answer.status, 422);
    let field = "x".repeat(70 << 10);
    let answer = world.browser().post_files("/lapor", &[("isi", &field)], &[]).await;
    assert_eq!(answer.status, 400);
}
