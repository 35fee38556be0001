//! Nobody changes the log: not by a statement, not by emptying it, and the run-time role has not even the right.

use sqlx::{AssertSqlSafe, PgPool};

use crate::support::{consume, events, log, migrate, sequence};

const CHANGES: [&str; 3] = ["UPDATE entry SET body = ''", "DELETE FROM entry", "TRUNCATE entry"];

#[sqlx::test(migrations = false)]
async fn entries_cannot_be_changed_even_by_their_owner(pool: PgPool) {
    migrate(&pool).await;
    consume(&pool, &events("case:a", 3)).await.unwrap();
    sequence(&pool).await;
    let before = log(&pool).await;
    for change in CHANGES {
        let refused = sqlx::query(change).execute(&pool).await.unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{change}: {refused}");
    }
    // A session that replays a replica's changes runs no ordinary triggers, but runs these.
    let mut conn = pool.acquire().await.unwrap();
    sqlx::query("SET session_replication_role = replica")
        .execute(&mut *conn)
        .await
        .unwrap();
    assert!(sqlx::query("DELETE FROM entry").execute(&mut *conn).await.is_err());
    sqlx::query("RESET session_replication_role")
        .execute(&mut *conn)
        .await
        .unwrap();
    assert_eq!(log(&pool).await, before);
}

#[sqlx::test(migrations = false)]
async fn the_run_time_role_has_no_right_to_change_entries(pool: PgPool) {
    // As `oversight migrate` does: default privileges first, migrations after. A role belongs to the whole server.
    let role = format!("oversight_{}", tuntas_kit::ids::new_id().simple());
    let prepare = format!(
        "CREATE ROLE {role}; GRANT USAGE ON SCHEMA public TO {role};
         ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role};
         ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {role};"
    );
    sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&pool).await.unwrap();
    migrate(&pool).await;
    let mut conn = pool.acquire().await.unwrap();
    sqlx::query(AssertSqlSafe(format!("SET ROLE {role}")))
        .execute(&mut *conn)
        .await
        .unwrap();
    for change in CHANGES {
        let refused = sqlx::query(change).execute(&mut *conn).await.unwrap_err();
        let code = refused
            .as_database_error()
            .and_then(|e| e.code().map(|code| code.into_owned()));
        assert_eq!(code.as_deref(), Some("42501"), "{change}");
        assert!(refused.to_string().contains("permission denied"), "{change}: {refused}");
    }
    // It can do its work.
    consume(&pool, &events("case:a", 1)).await.unwrap();
    tuntas_oversight::sequencer::batch(&mut conn, 8).await.unwrap();
    sqlx::query("RESET ROLE").execute(&mut *conn).await.unwrap();
    drop(conn);
    assert_eq!(log(&pool).await.len(), 1);
    let tidy = format!("DROP OWNED BY {role}; DROP ROLE {role};");
    sqlx::raw_sql(AssertSqlSafe(tidy)).execute(&pool).await.unwrap();
}
