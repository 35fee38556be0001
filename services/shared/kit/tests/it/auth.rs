//! Assertions: who signed, what may be asserted, and when.

use time::{Duration, OffsetDateTime, macros::datetime};
use tuntas_domain::{HolderId, PositionId};
use tuntas_kit::auth::{AssertionError, Kind, Signer, TrustEntry, TrustStore, generate_keypair};

const NOW: OffsetDateTime = datetime!(2026-10-01 03:00 UTC);

fn key(key_id: &str, service: &str, may_assert: &[Kind], opds: &[&str]) -> (Signer, (String, TrustEntry)) {
    let pair = generate_keypair().unwrap();
    let entry = TrustEntry {
        public_key: pair.public_key,
        may_assert: may_assert.to_vec(),
        service: service.to_owned(),
        opds: opds.iter().map(|opd| (*opd).to_owned()).collect(),
    };
    (
        Signer::from_pem(key_id, &pair.private_key_pem).unwrap(),
        (key_id.to_owned(), entry),
    )
}

fn position() -> (PositionId, HolderId) {
    (
        "dishub.sekretaris".parse().unwrap(),
        "h-dishub-sekretaris-1".parse().unwrap(),
    )
}

#[test]
fn a_position_is_asserted_for_five_minutes() {
    let (signer, entry) = key("desk-1", "desk", &[Kind::Position, Kind::Service], &["dishub"]);
    let trust = TrustStore::from_entries([entry]).unwrap();
    let (position, holder) = position();
    let token = signer.position(&position, &holder, "s1", NOW).unwrap();
    let assertion = trust.verify(&token, NOW + Duration::minutes(4)).unwrap();
    assert_eq!(assertion.position().unwrap(), position);
    assert_eq!(assertion.holder().unwrap(), holder);
    assert_eq!(assertion.session, "s1");
    assert_eq!(assertion.issued_at, NOW);
    assert!(assertion.covers(&"dishub".parse().unwrap()));
    assert!(!assertion.covers(&"dinkes".parse().unwrap()));
    assert_eq!(
        trust.verify(&token, NOW + Duration::minutes(6)).unwrap_err(),
        AssertionError::Expired
    );
    assert_eq!(
        trust.verify(&token, NOW - Duration::minutes(1)).unwrap_err(),
        AssertionError::NotYet
    );
}

#[test]
fn what_is_forged_is_refused() {
    let (signer, entry) = key("desk-1", "desk", &[Kind::Position], &["dishub"]);
    let (forger, _) = key("desk-1", "desk", &[Kind::Position], &["dishub"]);
    let (stranger, _) = key("desk-2", "desk", &[Kind::Position], &["dishub"]);
    let trust = TrustStore::from_entries([entry]).unwrap();
    let (position, holder) = position();
    let sign = |signer: &Signer| signer.position(&position, &holder, "s1", NOW).unwrap();
    assert!(trust.verify(&sign(&signer), NOW).is_ok());
    assert_eq!(
        trust.verify(&sign(&forger), NOW).unwrap_err(),
        AssertionError::BadSignature
    );
    assert_eq!(
        trust.verify(&sign(&stranger), NOW).unwrap_err(),
        AssertionError::UnknownKey
    );
    let token = sign(&signer);
    let (head, signature) = token.rsplit_once('.').unwrap();
    let (header, _) = head.split_once('.').unwrap();
    let other = signer
        .position(&"dishub.kepala".parse().unwrap(), &holder, "s1", NOW)
        .unwrap();
    let claims = other.split('.').nth(1).unwrap();
    let mixed = format!("{header}.{claims}.{signature}");
    assert_eq!(trust.verify(&mixed, NOW).unwrap_err(), AssertionError::BadSignature);
    assert_eq!(trust.verify("nonsense", NOW).unwrap_err(), AssertionError::Malformed);
    // {"alg":"none"}: no signature at all.
    let unsigned = format!("eyJhbGciOiJub25lIn0.{claims}.");
    assert_eq!(trust.verify(&unsigned, NOW).unwrap_err(), AssertionError::Malformed);
}

#[test]
fn a_key_asserts_only_what_it_may() {
    let (signer, entry) = key("intake-1", "intake", &[Kind::Service], &[]);
    let trust = TrustStore::from_entries([entry]).unwrap();
    let own = signer.service("intake", NOW).unwrap();
    let assertion = trust.verify(&own, NOW).unwrap();
    assert!(assertion.require_service(&["intake", "routing"]).is_ok());
    assert_eq!(assertion.require_service(&["routing"]).unwrap_err().code(), "forbidden");
    assert_eq!(assertion.position().unwrap_err().code(), "forbidden");
    let other = signer.service("routing", NOW).unwrap();
    assert_eq!(trust.verify(&other, NOW).unwrap_err(), AssertionError::NotAllowed);
    let (position, holder) = position();
    let officer = signer.position(&position, &holder, "s1", NOW).unwrap();
    assert_eq!(trust.verify(&officer, NOW).unwrap_err(), AssertionError::NotAllowed);
}

#[test]
fn a_call_without_an_assertion_is_unauthenticated() {
    let trust = TrustStore::default();
    let status = trust.assertion(&tonic::Request::new(()), NOW).unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unauthenticated);
    assert_eq!(tuntas_kit::problem::code_of(&status).unwrap(), "unauthenticated");
}

#[test]
fn a_public_key_may_be_pem() {
    let pair = generate_keypair().unwrap();
    let raw = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, &pair.public_key).unwrap();
    let spki = [
        &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00][..],
        &raw,
    ]
    .concat();
    let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, spki);
    let entry = TrustEntry {
        public_key: format!("-----BEGIN PUBLIC KEY-----\n{base64}\n-----END PUBLIC KEY-----\n"),
        may_assert: vec![Kind::Service],
        service: "intake".to_owned(),
        opds: Vec::new(),
    };
    let trust = TrustStore::from_entries([("k".to_owned(), entry)]).unwrap();
    let token = Signer::from_pem("k", &pair.private_key_pem)
        .unwrap()
        .service("intake", NOW)
        .unwrap();
    assert!(trust.verify(&token, NOW).is_ok());
}
