//! The same over a real connection: streams, assertions in the metadata, codes in the status.

use std::net::SocketAddr;

use sqlx::PgPool;
use tokio_stream::StreamExt as _;
use tonic::{
    Request,
    transport::{Channel, Server, server::TcpIncoming},
};
use tuntas_intake::grpc::{Citizens, Officers};
use tuntas_kit::{
    auth::{Kind, Signer, TrustEntry, TrustStore, generate_keypair},
    problem::code_of,
};
use tuntas_proto::intake::v1::{
    AttachmentHeader, FileReportRequest, GetWordsRequest, ReadAttachmentRequest, Receipt, TrackReportRequest,
    UploadAttachmentRequest, intake_client::IntakeClient, intake_server::IntakeServer, upload_attachment_request::Part,
    vault_client::VaultClient, vault_server::VaultServer,
};

use crate::support::{START, World, holder_of, key, receipt, request};

async fn serve(world: &World) -> Channel {
    let incoming = TcpIncoming::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = incoming.local_addr().unwrap();
    let server = Server::builder()
        .add_service(IntakeServer::new(Citizens(world.intake.clone())))
        .add_service(VaultServer::new(Officers(world.intake.clone())));
    tokio::spawn(server.serve_with_incoming(incoming));
    Channel::from_shared(format!("http://{address}"))
        .unwrap()
        .connect()
        .await
        .unwrap()
}

#[sqlx::test(migrations = false)]
async fn a_report_with_a_file_goes_in_and_comes_out(pool: PgPool) {
    let edge = generate_keypair().unwrap();
    let entry = TrustEntry {
        public_key: edge.public_key.clone(),
        may_assert: vec![Kind::Position],
        service: "edge".to_owned(),
        opds: Vec::new(),
    };
    let trust = TrustStore::from_entries([("edge".to_owned(), entry)]).unwrap();
    let world = World::with(pool, trust, &[]).await;
    let channel = serve(&world).await;
    let (mut citizens, mut vault) = (IntakeClient::new(channel.clone()), VaultClient::new(channel));

    let content = [b"%PDF-1.4\n".to_vec(), vec![b'x'; 200_000], b"\n%%EOF".to_vec()].concat();
    let header = Part::Header(AttachmentHeader {
        file_name: "surat.pdf".to_owned(),
    });
    let chunks = content.chunks(60_000).map(|chunk| Part::Chunk(chunk.to_vec()));
    let parts: Vec<_> = std::iter::once(header)
        .chain(chunks)
        .map(|part| UploadAttachmentRequest { part: Some(part) })
        .collect();
    let upload = citizens
        .upload_attachment(tokio_stream::iter(parts))
        .await
        .unwrap()
        .into_inner();
    let filing = FileReportRequest {
        attachment_ids: vec![upload.attachment_id.clone()],
        ..request(&key())
    };
    let filed = citizens.file_report(filing).await.unwrap().into_inner();
    let track = TrackReportRequest {
        receipt: Some(receipt(&filed)),
        ..TrackReportRequest::default()
    };
    assert_eq!(
        citizens.track_report(track).await.unwrap().into_inner().report_id,
        filed.report_id
    );

    let signer = Signer::from_pem("edge", &edge.private_key_pem).unwrap();
    let position = "diskominfotik.verifikator";
    let token = signer
        .position(
            &position.parse().unwrap(),
            &holder_of(position).parse().unwrap(),
            "sesi",
            START,
        )
        .unwrap();
    let mut read = Request::new(ReadAttachmentRequest {
        attachment_id: upload.attachment_id,
    });
    read.metadata_mut()
        .insert("authorization", format!("Bearer {token}").parse().unwrap());
    let mut stream = vault.read_attachment(read).await.unwrap().into_inner();
    let mut back = Vec::new();
    let mut types = Vec::new();
    while let Some(part) = stream.next().await {
        let part = part.unwrap();
        back.extend(part.chunk);
        types.push(part.media_type);
    }
    assert_eq!(back, content);
    assert_eq!(types[0], "application/pdf");
    assert!(types[1..].iter().all(String::is_empty));
    let nobody = vault
        .get_words(GetWordsRequest {
            report_id: filed.report_id,
        })
        .await
        .unwrap_err();
    assert_eq!(code_of(&nobody).as_deref(), Some("unauthenticated"));
}

#[sqlx::test(migrations = false)]
async fn a_refusal_carries_its_code_and_a_giant_is_not_read(pool: PgPool) {
    let world = World::new(pool).await;
    let mut citizens = IntakeClient::new(serve(&world).await);
    let bad = FileReportRequest {
        title: String::new(),
        ..request(&key())
    };
    let status = citizens.file_report(bad).await.unwrap_err();
    assert_eq!(
        (status.code(), code_of(&status).as_deref()),
        (tonic::Code::InvalidArgument, Some("title_empty"))
    );
    let giant = FileReportRequest {
        body: "x".repeat(10 * 1024 * 1024),
        ..request(&key())
    };
    assert!(citizens.file_report(giant).await.is_err());
    for n in 0..12 {
        let wrong = Receipt {
            ticket: "TTS-00000000-0".to_owned(),
            receipt_code: "0".repeat(16),
        };
        let track = TrackReportRequest {
            receipt: Some(wrong),
            ..TrackReportRequest::default()
        };
        let status = citizens.track_report(track).await.unwrap_err();
        // Ten wrong codes from one address, and one that is told.
        let expected = if n < 11 { "unknown_ticket" } else { "rate_limited" };
        assert_eq!(code_of(&status).as_deref(), Some(expected), "try {n}");
    }
    assert_eq!(world.count("report").await, 0);
}

/// What a wrong code is answered with, on behalf of whom, as the edge or somebody else says it.
async fn wrong_code(citizens: &mut IntakeClient<Channel>, token: Option<&str>, told: Option<&str>) -> String {
    let mut track = Request::new(TrackReportRequest {
        receipt: Some(Receipt {
            ticket: "TTS-00000000-0".to_owned(),
            receipt_code: "0".repeat(16),
        }),
        ..TrackReportRequest::default()
    });
    if let Some(token) = token {
        let value = format!("Bearer {token}").parse().unwrap();
        track.metadata_mut().insert("authorization", value);
    }
    if let Some(told) = told {
        track.metadata_mut().insert("x-tuntas-peer", told.parse().unwrap());
    }
    code_of(&citizens.track_report(track).await.unwrap_err()).unwrap()
}

#[sqlx::test(migrations = false)]
async fn wrong_codes_count_against_the_address_that_the_edge_tells_and_nobody_else_may_tell_one(pool: PgPool) {
    let (edge, desk) = (generate_keypair().unwrap(), generate_keypair().unwrap());
    let entry = |public_key: &str, service: &str| TrustEntry {
        public_key: public_key.to_owned(),
        may_assert: vec![Kind::Service, Kind::Position],
        service: service.to_owned(),
        opds: vec!["*".to_owned()],
    };
    let trust = TrustStore::from_entries([
        ("edge".to_owned(), entry(&edge.public_key, "gateway")),
        ("desk".to_owned(), entry(&desk.public_key, "desk")),
    ])
    .unwrap();
    let settings = [
        ("TUNTAS__RECEIPT__WRONG_PER_TICKET_BURST", "100"),
        ("TUNTAS__RECEIPT__WRONG_PER_PEER_BURST", "3"),
        ("TUNTAS__RECEIPT__WRONG_PER_PEER_PER_MINUTE", "1"),
    ];
    let world = World::with(pool, trust, &settings).await;
    let mut citizens = IntakeClient::new(serve(&world).await);
    let signer = Signer::from_pem("edge", &edge.private_key_pem).unwrap();
    let gateway = signer.service("gateway", START).unwrap();
    let desk = Signer::from_pem("desk", &desk.private_key_pem).unwrap();
    let desk = desk.service("desk", START).unwrap();
    let old = signer.service("gateway", START - time::Duration::minutes(10)).unwrap();
    let position = "diskominfotik.verifikator";
    let holder = holder_of(position).parse().unwrap();
    let officer = signer
        .position(&position.parse().unwrap(), &holder, "sesi", START)
        .unwrap();

    // Behind the edge one citizen's wrong codes are not another's.
    let mut codes = Vec::new();
    for _ in 0..5 {
        codes.push(wrong_code(&mut citizens, Some(&gateway), Some("192.0.2.1")).await);
    }
    assert_eq!(codes.last().map(String::as_str), Some("rate_limited"), "{codes:?}");
    let other = wrong_code(&mut citizens, Some(&gateway), Some("192.0.2.2")).await;
    assert_eq!(other, "unknown_ticket");

    // Who is not the edge counts by its connection, whatever it says.
    let mut codes = Vec::new();
    for (n, token) in [None, Some(&desk), Some(&old), Some(&officer), Some(&desk)]
        .into_iter()
        .enumerate()
    {
        let told = format!("198.51.100.{n}");
        codes.push(wrong_code(&mut citizens, token.map(String::as_str), Some(&told)).await);
    }
    assert_eq!(codes.last().map(String::as_str), Some("rate_limited"), "{codes:?}");
    // So does the edge when it tells nothing, or nothing that is an address.
    for told in [None, Some("bukan alamat")] {
        assert_eq!(wrong_code(&mut citizens, Some(&gateway), told).await, "rate_limited");
    }
}
