//! Words come from intake for each look, with the officer's own assertion, and are missed without harm.

use sqlx::PgPool;

use crate::support::{LIAISON, World, case, case_event, new_case_id, report_of};

#[sqlx::test(migrations = false)]
async fn words_are_shown_from_intake_and_kept_nowhere(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let id = new_case_id();
    let title = "Lampu jalan padam di simpang contoh";
    world.foreign.set(|known| {
        known.titles.insert(report_of(&id), title.to_owned());
    });
    world
        .consume("dishub", &case_event("disposed", case(&id, 3)))
        .await
        .unwrap();
    let shown = world.get(LIAISON, &id).await.unwrap();
    assert_eq!(shown.words_unavailable, "");
    assert_eq!(shown.reports[0].title, title);
    let actor = world.foreign.get(|known| known.actor.clone()).unwrap();
    assert!(actor.starts_with("Bearer "));
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM desk_case WHERE position($1::bytea IN body) > 0")
        .bind(title.as_bytes())
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(kept, 0);
}

#[sqlx::test(migrations = false)]
async fn with_intake_away_the_rest_is_shown_and_says_so(pool: PgPool) {
    let world = World::new(pool).await;
    let id = new_case_id();
    world
        .consume("dishub", &case_event("disposed", case(&id, 3)))
        .await
        .unwrap();
    world.foreign.set(|known| known.down = true);
    let shown = world.get(LIAISON, &id).await.unwrap();
    assert_eq!(shown.words_unavailable, "unavailable");
    assert!(shown.reports.is_empty());
    assert_eq!(shown.case.unwrap().case.unwrap().case_id, id);
    assert_eq!(world.listed(LIAISON).await, [id]);
}
