//! Assertions, as they come in the metadata of a call.

use sqlx::PgPool;
use tonic::Request;
use tuntas_intake::caller::{Caller, caller};
use tuntas_kit::{
    auth::{Kind, Signer, TrustEntry, TrustStore, generate_keypair},
    problem::Problem,
};

use crate::support::{START, World, holder_of};

struct Keys {
    edge: Signer,
    desk: Signer,
    trust: TrustStore,
}

fn keys() -> Keys {
    let (edge, desk) = (generate_keypair().unwrap(), generate_keypair().unwrap());
    let entry = |public_key: &str, kind, service: &str| TrustEntry {
        public_key: public_key.to_owned(),
        may_assert: vec![kind],
        service: service.to_owned(),
        opds: vec!["*".to_owned()],
    };
    let trust = TrustStore::from_entries([
        ("edge".to_owned(), entry(&edge.public_key, Kind::Position, "edge")),
        ("desk".to_owned(), entry(&desk.public_key, Kind::Service, "desk")),
    ])
    .unwrap();
    Keys {
        edge: Signer::from_pem("edge", &edge.private_key_pem).unwrap(),
        desk: Signer::from_pem("desk", &desk.private_key_pem).unwrap(),
        trust,
    }
}

impl Keys {
    fn officer(&self, position: &str, holder: &str, at: time::OffsetDateTime) -> String {
        self.edge
            .position(&position.parse().unwrap(), &holder.parse().unwrap(), "sesi", at)
            .unwrap()
    }
}

async fn call(world: &World, authorization: Option<&str>, actor: Option<&str>) -> Result<Caller, Problem> {
    let mut request = Request::new(());
    if let Some(token) = authorization {
        request
            .metadata_mut()
            .insert("authorization", format!("Bearer {token}").parse().unwrap());
    }
    if let Some(token) = actor {
        request.metadata_mut().insert("x-tuntas-actor", token.parse().unwrap());
    }
    caller(&world.intake, &request).await
}

#[sqlx::test(migrations = false)]
async fn an_officer_calls_directly_or_through_a_service(pool: PgPool) {
    let keys = keys();
    let world = World::with(pool, keys.trust.clone(), &[]).await;
    let officer = keys.officer("dishub.sekretaris", &holder_of("dishub.sekretaris"), START);
    let service = keys.desk.service("desk", START).unwrap();
    for found in [
        call(&world, Some(&officer), None).await.unwrap(),
        call(&world, Some(&service), Some(&officer)).await.unwrap(),
        call(&world, Some(&service), Some(&format!("Bearer {officer}")))
            .await
            .unwrap(),
    ] {
        assert_eq!(found.officer().unwrap().position.as_str(), "dishub.sekretaris");
    }
    assert!(matches!(call(&world, Some(&service), None).await.unwrap(), Caller::Service(name) if name == "desk"));
}

#[sqlx::test(migrations = false)]
async fn who_cannot_prove_it_is_nobody(pool: PgPool) {
    let keys = keys();
    let world = World::with(pool, keys.trust.clone(), &[]).await;
    let holder = holder_of("dishub.sekretaris");
    let officer = keys.officer("dishub.sekretaris", &holder, START);
    let service = keys.desk.service("desk", START).unwrap();
    let code = async |authorization: Option<&str>, actor: Option<&str>| {
        call(&world, authorization, actor).await.unwrap_err().code().to_owned()
    };
    assert_eq!(code(None, None).await, "unauthenticated");
    assert_eq!(code(None, Some(&officer)).await, "unauthenticated");
    assert_eq!(code(Some("bukan token"), None).await, "unauthenticated");
    assert_eq!(code(Some(&service), Some("bukan token")).await, "unauthenticated");
    let old = keys.officer("dishub.sekretaris", &holder, START - time::Duration::minutes(10));
    assert_eq!(code(Some(&old), None).await, "assertion_expired");
    // Not the holder, not a position, and a service that asserts what it may not.
    assert_eq!(
        code(Some(&keys.officer("dishub.sekretaris", "h-lain-1", START)), None).await,
        "forbidden"
    );
    assert_eq!(
        code(Some(&keys.officer("dishub.hantu", &holder, START)), None).await,
        "forbidden"
    );
    assert_eq!(
        code(Some(&keys.desk.service("notification", START).unwrap()), None).await,
        "forbidden"
    );
    let posing = keys
        .desk
        .position(&"sekda".parse().unwrap(), &"h-sekda-1".parse().unwrap(), "x", START)
        .unwrap();
    assert_eq!(code(Some(&posing), None).await, "forbidden");
}
