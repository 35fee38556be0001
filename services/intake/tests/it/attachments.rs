use std::io::Cursor;

use futures::stream;
use image::{ImageFormat, RgbImage};
use sqlx::PgPool;
use tuntas_intake::{collect_files::collect_files, upload_attachment::upload_attachment, vault};
use tuntas_proto::intake::v1::{
    AttachmentHeader, FileReportRequest, ReadAttachmentRequest, UploadAttachmentRequest,
    upload_attachment_request::Part,
};

use crate::support::{World, key, request};

fn jpeg(width: u32, height: u32) -> Vec<u8> {
    let picture = RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, 90]));
    let mut content = Vec::new();
    picture
        .write_to(&mut Cursor::new(&mut content), ImageFormat::Jpeg)
        .unwrap();
    content
}

/// A picture as a telephone writes it: EXIF with the camera's name, a GPS position, and "turn me by 90 degrees".
fn jpeg_of_a_telephone(width: u32, height: u32) -> Vec<u8> {
    let mut tiff = b"II*\0\x08\0\0\0".to_vec();
    let entry = |tag: u16, kind: u16, count: u32, value: [u8; 4]| {
        [
            &tag.to_le_bytes()[..],
            &kind.to_le_bytes(),
            &count.to_le_bytes(),
            &value,
        ]
        .concat()
    };
    let (strings_at, gps_at) = (50_u32, 70_u32);
    tiff.extend(3_u16.to_le_bytes());
    tiff.extend(entry(0x010f, 2, 16, strings_at.to_le_bytes()));
    tiff.extend(entry(0x0112, 3, 1, [6, 0, 0, 0]));
    tiff.extend(entry(0x8825, 4, 1, gps_at.to_le_bytes()));
    tiff.extend(0_u32.to_le_bytes());
    tiff.resize(strings_at as usize, 0);
    tiff.extend(b"KAMERA-KENARI-1\0");
    tiff.resize(gps_at as usize, 0);
    tiff.extend(2_u16.to_le_bytes());
    tiff.extend(entry(0x0001, 2, 2, *b"N\0\0\0"));
    tiff.extend(entry(0x001d, 2, 11, (gps_at + 40).to_le_bytes()));
    tiff.extend(0_u32.to_le_bytes());
    tiff.resize(gps_at as usize + 40, 0);
    tiff.extend(b"2026:11:24\0");
    let plain = jpeg(width, height);
    let length = u16::try_from(tiff.len() + 8).unwrap().to_be_bytes();
    [&plain[..2], b"\xff\xe1", &length, b"Exif\0\0", &tiff, &plain[2..]].concat()
}

fn contains(content: &[u8], needle: &[u8]) -> bool {
    content.windows(needle.len()).any(|window| window == needle)
}

async fn stored(world: &World, attachment_id: &str) -> Vec<u8> {
    world
        .file_as(FileReportRequest {
            attachment_ids: vec![attachment_id.to_owned()],
            ..request(&key())
        })
        .await;
    let verifier = world.officer("diskominfotik.verifikator").await;
    let read = ReadAttachmentRequest {
        attachment_id: attachment_id.to_owned(),
    };
    vault::read_attachment(&world.intake, &verifier, read)
        .await
        .unwrap()
        .bytes
        .to_vec()
}

#[sqlx::test(migrations = false)]
async fn a_photo_loses_what_the_camera_wrote_and_keeps_its_orientation(pool: PgPool) {
    let world = World::new(pool).await;
    let photo = jpeg_of_a_telephone(64, 32);
    assert!(contains(&photo, b"Exif") && contains(&photo, b"KENARI"));
    let upload = world.upload(&photo).await.unwrap();
    assert_eq!(upload.media_type, "image/jpeg");
    let kept = stored(&world, &upload.attachment_id).await;
    assert_eq!(upload.size_bytes, kept.len() as u64);
    for needle in [&b"Exif"[..], b"KENARI", b"2026:11:24", b"II*\0"] {
        assert!(!contains(&kept, needle));
    }
    let picture = image::load_from_memory(&kept).unwrap();
    assert_eq!((picture.width(), picture.height()), (32, 64));
}

#[sqlx::test(migrations = false)]
async fn a_file_that_is_two_things_at_once_becomes_one(pool: PgPool) {
    let world = World::new(pool).await;
    let tail = b"PK\x03\x04<html><script>alert('kenari')</script>";
    let upload = world.upload(&[jpeg(20, 20), tail.to_vec()].concat()).await.unwrap();
    assert!(!contains(&stored(&world, &upload.attachment_id).await, b"kenari"));
    // A comment inside of the picture goes too.
    let plain = jpeg(20, 20);
    let comment = b"<?php kenari ?>";
    let length = u16::try_from(comment.len() + 2).unwrap().to_be_bytes();
    let commented = [&plain[..2], b"\xff\xfe", &length, comment, &plain[2..]].concat();
    let upload = world.upload(&commented).await.unwrap();
    assert!(!contains(&stored(&world, &upload.attachment_id).await, b"kenari"));
    let pdf_and_archive = b"%PDF-1.4\nisi\n%%EOF\nPK\x03\x04kenari";
    assert_eq!(
        world.upload(pdf_and_archive).await.unwrap_err().code(),
        "unsupported_media_type"
    );
}

#[sqlx::test(migrations = false)]
async fn files_that_are_not_taken_are_refused_by_their_code(pool: PgPool) {
    let world = World::new(pool).await;
    let half = jpeg(64, 64);
    for (content, code) in [
        (b"".to_vec(), "attachment_empty"),
        (
            b"<svg xmlns='http://www.w3.org/2000/svg' onload='x'/>".to_vec(),
            "unsupported_media_type",
        ),
        (b"MZ\x90\0program".to_vec(), "unsupported_media_type"),
        (half[..half.len() / 3].to_vec(), "attachment_unreadable"),
        (b"\x89PNG\r\n\x1a\nbukan gambar".to_vec(), "attachment_unreadable"),
        (
            [b"%PDF-1.4".to_vec(), vec![b'x'; 10 * 1024 * 1024]].concat(),
            "attachment_too_large",
        ),
    ] {
        assert_eq!(world.upload(&content).await.unwrap_err().code(), code);
    }
    assert_eq!(world.count("attachment").await, 0);
}

#[sqlx::test(migrations = false)]
async fn a_stream_has_one_header_and_bounded_chunks(pool: PgPool) {
    let world = World::new(pool).await;
    let header = || {
        Part::Header(AttachmentHeader {
            file_name: "../../etc/passwd".to_owned(),
        })
    };
    let send = async |parts: Vec<Option<Part>>| {
        let parts = parts.into_iter().map(|part| Ok(UploadAttachmentRequest { part }));
        upload_attachment(&world.intake, stream::iter(parts))
            .await
            .unwrap_err()
            .code()
            .to_owned()
    };
    assert_eq!(send(vec![]).await, "header_expected");
    assert_eq!(send(vec![None]).await, "header_expected");
    assert_eq!(send(vec![Some(Part::Chunk(vec![1]))]).await, "header_expected");
    assert_eq!(send(vec![Some(header()), Some(header())]).await, "header_expected");
    assert_eq!(send(vec![Some(header())]).await, "attachment_empty");
    let large = Part::Chunk(vec![0; 64 * 1024 + 1]);
    assert_eq!(send(vec![Some(header()), Some(large)]).await, "chunk_too_large");
}

#[sqlx::test(migrations = false)]
async fn orphans_are_collected_after_a_day_and_nothing_else(pool: PgPool) {
    let world = World::new(pool).await;
    let orphan = world.upload(&jpeg(8, 8)).await.unwrap();
    let filed = world.upload(&jpeg(8, 8)).await.unwrap();
    world
        .file_as(FileReportRequest {
            attachment_ids: vec![filed.attachment_id.clone()],
            ..request(&key())
        })
        .await;
    world.advance(time::Duration::hours(12));
    let young = world.upload(&jpeg(8, 8)).await.unwrap();
    world.advance(time::Duration::hours(11));
    assert_eq!(collect_files(&world.intake).await.unwrap().orphans, 0);
    world.advance(time::Duration::hours(2));
    let first = collect_files(&world.intake).await.unwrap();
    let second = collect_files(&world.intake).await.unwrap();
    assert_eq!((first.orphans, first.files, second.orphans, second.files), (1, 1, 0, 0));
    let kept = async |id: &str| world.intake.files.get(id.parse().unwrap()).await.is_ok();
    assert!(!kept(&orphan.attachment_id).await);
    assert!(kept(&filed.attachment_id).await);
    assert!(kept(&young.attachment_id).await);
    let late = FileReportRequest {
        attachment_ids: vec![orphan.attachment_id],
        ..request(&key())
    };
    let problem = tuntas_intake::file_report::file_report(&world.intake, late)
        .await
        .unwrap_err();
    assert_eq!(problem.code(), "unknown_attachment");
}

#[sqlx::test(migrations = false)]
async fn a_changed_file_in_the_store_is_noticed(pool: PgPool) {
    let world = World::new(pool).await;
    let upload = world.upload(&jpeg(8, 8)).await.unwrap();
    world
        .file_as(FileReportRequest {
            attachment_ids: vec![upload.attachment_id.clone()],
            ..request(&key())
        })
        .await;
    let name = upload.attachment_id.replace('-', "");
    let path = world.files.join(&name[..2]).join(&name);
    let mut sealed = std::fs::read(&path).unwrap();
    *sealed.last_mut().unwrap() ^= 1;
    std::fs::write(&path, sealed).unwrap();
    let verifier = world.officer("diskominfotik.verifikator").await;
    let read = ReadAttachmentRequest {
        attachment_id: upload.attachment_id,
    };
    assert_eq!(
        vault::read_attachment(&world.intake, &verifier, read)
            .await
            .err()
            .unwrap()
            .code(),
        "internal"
    );
}

#[sqlx::test(migrations = false)]
async fn a_configured_scanner_is_asked_and_obeyed(pool: PgPool) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    // A scanner that finds every file with the word in it.
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut seen = Vec::new();
            let mut buffer = [0_u8; 4096];
            while !seen.ends_with(&[0, 0, 0, 0]) {
                let n = stream.read(&mut buffer).await.unwrap();
                seen.extend_from_slice(&buffer[..n]);
            }
            let answer: &[u8] = if contains(&seen, b"kenari") {
                b"stream: Contoh FOUND\0"
            } else {
                b"stream: OK\0"
            };
            stream.write_all(answer).await.unwrap();
        }
    });
    let settings = [("TUNTAS__ATTACHMENTS__CLAMD", address.as_str())];
    let world = World::with(pool, tuntas_kit::auth::TrustStore::default(), &settings).await;
    assert!(world.upload(b"%PDF-1.4\nbersih\n%%EOF").await.is_ok());
    assert_eq!(
        world.upload(b"%PDF-1.4\nkenari\n%%EOF").await.unwrap_err().code(),
        "attachment_refused"
    );
    let settings = [("TUNTAS__ATTACHMENTS__CLAMD", "127.0.0.1:1")];
    let config = tuntas_kit::config::load_from::<tuntas_intake::config::IntakeConfig>(
        tuntas_intake::config::DEFAULT_TOML,
        None,
        [
            ("TUNTAS__VAULT__MASTER_KEY".to_owned(), "ab".repeat(32)),
            ("TUNTAS__RECEIPT__SECRET".to_owned(), "s3cret-".repeat(8)),
            (
                "TUNTAS__ATTACHMENTS__DIR".to_owned(),
                world.files.to_str().unwrap().to_owned(),
            ),
            (settings[0].0.to_owned(), settings[0].1.to_owned()),
        ],
    )
    .unwrap();
    let (pool, clock, trust) = (
        world.pool.clone(),
        world.intake.clock.clone(),
        world.intake.trust.clone(),
    );
    let away = tuntas_intake::intake::Intake::new(config.service, pool, clock, trust).unwrap();
    let outcome = upload_attachment(&away, crate::support::parts(b"%PDF-1.4\nx\n%%EOF")).await;
    assert_eq!(outcome.unwrap_err().code(), "unavailable");
}
