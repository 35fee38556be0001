use secrecy::SecretString;
use sqlx::PgPool;
use time::macros::datetime;
use tuntas_gateway::api_keys::{
    ApiKeys, OPEN311,
    store::{ApiKey, Filing},
};
use tuntas_kit::ids::new_id;
use tuntas_proto::intake::v1::Receipt;

fn keys(secret: &str) -> ApiKeys {
    let nowhere = PgPool::connect_lazy("postgres://nobody@127.0.0.1:1/none").unwrap();
    ApiKeys::new(nowhere, &SecretString::from(secret.repeat(8)))
}

fn key(per_minute: i32, burst: i32) -> ApiKey {
    ApiKey {
        api_key_id: new_id(),
        name: "kota".to_owned(),
        purpose: OPEN311.to_owned(),
        per_minute,
        burst,
        created_at: datetime!(2026-11-24 00:00 UTC),
        used_at: None,
        revoked_at: None,
    }
}

#[tokio::test]
async fn each_key_has_a_budget_of_its_own() {
    let keys = keys("rahasia");
    let (one, other) = (key(1, 2), key(1, 2));
    assert!(keys.take(&one).is_ok() && keys.take(&one).is_ok());
    assert_eq!(keys.take(&one).unwrap_err().code(), "rate_limited");
    assert!(keys.take(&other).is_ok());
    // A limit that was changed counts from then on.
    assert!(keys.take(&ApiKey { burst: 3, ..one }).is_ok());
}

#[tokio::test]
async fn keys_are_random_and_only_their_hash_is_kept() {
    let ((one, hash), (other, _)) = (ApiKeys::fresh_key(), ApiKeys::fresh_key());
    assert_ne!(one, other);
    assert!(one.starts_with("tts_") && one.len() == 47, "{one}");
    assert_eq!(hash.len(), 32);
    assert!(
        !one.as_bytes()
            .windows(8)
            .any(|part| hash.windows(8).any(|kept| kept == part))
    );
}

#[tokio::test]
async fn tokens_differ_by_integration_and_by_their_parts() {
    let keys = keys("rahasia");
    let (one, other) = (key(1, 1), key(1, 1));
    let hash = keys.token_hash(&one, &["token", "a"]);
    assert_eq!(hash, keys.token_hash(&one, &["token", "a"]));
    assert_ne!(hash, keys.token_hash(&other, &["token", "a"]));
    assert_ne!(hash, keys.token_hash(&one, &["toke", "na"]));
    // Intake wants 128 bits at least: the receipt's code derives from it.
    assert_eq!(keys.idempotency_key(&hash).len(), 64);
    assert_ne!(
        keys.signing_secret(one.api_key_id),
        keys.signing_secret(other.api_key_id)
    );
}

#[tokio::test]
async fn a_receipt_opens_under_the_same_secret_only() {
    let filing = Filing {
        ticket: "TTS-7K3M9QXZ-4".to_owned(),
        api_key_id: new_id(),
        token_hash: vec![0; 32],
        receipt_sealed: vec![7; 40],
        filed_at: datetime!(2026-11-24 00:00 UTC),
    };
    let receipt: Result<Receipt, _> = keys("rahasia").receipt(&filing);
    assert_eq!(receipt.unwrap_err().code(), "internal");
}
