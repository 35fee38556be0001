//! Who reads the log, and that the Ombudsman's reads are in it.

use sqlx::PgPool;
use time::{OffsetDateTime, macros::datetime};
use tokio_stream::StreamExt as _;
use tonic::{Code, Request};
use tuntas_proto::{
    event::v1::{AnswerFoundNearCopy, Event, OmbudsmanRead, event::Payload},
    oversight::v1::{self as wire, feed_server::Feed as _},
};

use crate::{
    bench::{Bench, case_id},
    support::{consume, event, sequence},
};

const NOW: OffsetDateTime = datetime!(2025-11-03 09:00:00 +7);
const UNTIL_HEAD: wire::FollowRequest = wire::FollowRequest {
    from_position: 2,
    until_head: true,
};

impl Bench {
    async fn reads(&self) -> Vec<(String, OmbudsmanRead)> {
        let told = self.told().await;
        told.into_iter()
            .filter_map(|(key, event)| match event.payload {
                Some(Payload::OmbudsmanRead(read)) => {
                    assert_eq!(event.actor.unwrap().position_id, "ombudsman.riau");
                    assert_eq!(event.aggregate_seq, 1);
                    Some((key, read))
                }
                _ => None,
            })
            .collect()
    }
}

#[sqlx::test(migrations = false)]
async fn those_who_see_all_cases_read_the_log(pool: PgPool) {
    let bench = Bench::new(pool, NOW).await;
    for position in ["ombudsman.riau", "inspektorat.inspektur", "sekda", "gubernur"] {
        let stream = bench
            .feed
            .follow(bench.by(position, UNTIL_HEAD))
            .await
            .unwrap()
            .into_inner();
        let positions: Vec<u64> = stream.map(|entry| entry.unwrap().position).collect().await;
        assert_eq!(positions, [2, 3, 4], "{position}");
    }
    assert!(
        bench
            .feed
            .follow(bench.by_service("evaluation", UNTIL_HEAD))
            .await
            .is_ok()
    );
    for position in ["dishub.kepala", "dishub.sekretaris", "dinkes.kepala", "pusat-data"] {
        let refused = bench.feed.follow(bench.by(position, UNTIL_HEAD)).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{position}");
        let refused = bench
            .feed
            .get_head(bench.by(position, wire::GetHeadRequest {}))
            .await
            .unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{position}");
    }
    let refused = bench
        .feed
        .follow(bench.by_service("desk", UNTIL_HEAD))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let nobody = bench.feed.follow(Request::new(UNTIL_HEAD)).await.unwrap_err();
    assert_eq!(nobody.code(), Code::Unauthenticated);
}

#[sqlx::test(migrations = false)]
async fn the_ombudsmans_reads_are_facts(pool: PgPool) {
    let bench = Bench::new(pool, NOW).await;
    let list = wire::ListCaseEntriesRequest { case_id: case_id() };
    bench.feed.follow(bench.by("sekda", UNTIL_HEAD)).await.unwrap();
    bench
        .feed
        .list_case_entries(bench.by("sekda", list.clone()))
        .await
        .unwrap();
    assert_eq!(bench.reads().await.len(), 0, "others' reads are not");
    bench.feed.follow(bench.by("ombudsman.riau", UNTIL_HEAD)).await.unwrap();
    bench
        .feed
        .list_case_entries(bench.by("ombudsman.riau", list))
        .await
        .unwrap();
    bench
        .feed
        .get_head(bench.by("ombudsman.riau", wire::GetHeadRequest {}))
        .await
        .unwrap();
    let read = |what: &str, case_id: String, from_position| {
        (
            format!("oversight.read.{what}"),
            OmbudsmanRead {
                case_id,
                what: what.to_owned(),
                from_position,
            },
        )
    };
    assert_eq!(
        bench.reads().await,
        [read("feed", String::new(), 2), read("case", case_id(), 0)]
    );
}

#[sqlx::test(migrations = false)]
async fn a_cases_entries_come_with_what_caused_them(pool: PgPool) {
    let bench = Bench::new(pool, NOW).await;
    let list = |case_id: &str| wire::ListCaseEntriesRequest {
        case_id: case_id.to_owned(),
    };
    let answer = bench
        .feed
        .list_case_entries(bench.by("sekda", list(&case_id())))
        .await
        .unwrap()
        .into_inner();
    let positions: Vec<u64> = answer.entries.iter().map(|entry| entry.position).collect();
    assert_eq!(positions, [1, 3, 4], "the filing, and both events; not the other case");
    // What intake found of its answer is about the case too.
    let near_copy = Payload::AnswerFoundNearCopy(AnswerFoundNearCopy {
        case_id: case_id(),
        ..AnswerFoundNearCopy::default()
    });
    let found = Event {
        payload: Some(near_copy),
        ..event("report:r", 2, None)
    };
    consume(&bench.pool, &[found]).await.unwrap();
    sequence(&bench.pool).await;
    let answer = bench
        .feed
        .list_case_entries(bench.by("sekda", list(&case_id())))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(answer.entries.last().unwrap().position, 5);
    let unknown = "00000000-0000-0000-0000-000000000009";
    let none = bench
        .feed
        .list_case_entries(bench.by("sekda", list(unknown)))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(none.entries.len(), 0);
    let malformed = bench
        .feed
        .list_case_entries(bench.by("sekda", list("1")))
        .await
        .unwrap_err();
    assert_eq!(malformed.code(), Code::InvalidArgument);
    let head = bench
        .feed
        .get_head(bench.by("sekda", wire::GetHeadRequest {}))
        .await
        .unwrap()
        .into_inner();
    assert_eq!((head.size, head.held_back, head.chain_hash.len()), (5, 0, 32));
    bench.stop.cancel();
}
