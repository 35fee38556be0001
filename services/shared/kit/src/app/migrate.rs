//! Bringing a database up to date, and checking that it is.

use anyhow::{Context as _, bail};
use secrecy::ExposeSecret as _;
use sqlx::{
    AssertSqlSafe, Connection as _, PgConnection, PgPool,
    migrate::{Migrate as _, Migrator},
    postgres::PgConnectOptions,
};

use super::ServiceSpec;
use crate::config::{Common, ConfigError};

/// Outbox, inbox and idempotency: in every service's database, before its own tables.
pub static KIT_MIGRATOR: Migrator = sqlx::migrate!();

/// Applies kit's migrations, then the service's, as the owner of the database.
pub(super) async fn migrate(spec: ServiceSpec, common: &Common) -> anyhow::Result<()> {
    let owner: PgConnectOptions = common.database.owner_url()?.expose_secret().parse()?;
    let mut conn = PgConnection::connect_with(&owner)
        .await
        .context("cannot connect as the owner of the database")?;
    match common.database.url() {
        Ok(url) => {
            let runtime: PgConnectOptions = url.expose_secret().parse()?;
            if owner.get_username() != runtime.get_username() {
                grant(&mut conn, runtime.get_username()).await?;
            }
        }
        // Who migrates need not know the run-time role; its rights are then given elsewhere.
        Err(ConfigError::Missing(_)) => {}
        Err(error) => return Err(error.into()),
    }
    apply_migrations(&mut conn, spec.migrator).await?;
    conn.close().await?;
    Ok(())
}

/// Applies kit's migrations, then the service's `own`; for a service's tests, where it stands in for the
/// `migrate` subcommand.
///
/// # Errors
/// A migration failed, or was changed after it was applied.
pub async fn apply_migrations(conn: &mut PgConnection, own: &Migrator) -> anyhow::Result<()> {
    KIT_MIGRATOR.run(&mut *conn).await.context("kit's migrations")?;
    own.run(conn).await.context("the service's migrations")?;
    Ok(())
}

/// The run-time role may read and write what the owner will create; a migration takes back what a table
/// must not allow.
async fn grant(conn: &mut PgConnection, role: &str) -> anyhow::Result<()> {
    let role = format!("\"{}\"", role.replace('"', "\"\""));
    for statement in [
        format!("GRANT USAGE ON SCHEMA public TO {role}"),
        format!(
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public
             GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}"
        ),
        format!("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {role}"),
    ] {
        // The role's name is quoted above; these statements take no parameters.
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&mut *conn)
            .await
            .context("cannot grant the run-time role its rights")?;
    }
    Ok(())
}

/// Checks that every migration this program knows is applied; answers the service's latest.
pub(super) async fn check(spec: ServiceSpec, pool: &PgPool) -> anyhow::Result<i64> {
    let mut conn = pool.acquire().await?;
    for migrator in [&KIT_MIGRATOR, spec.migrator] {
        let applied = conn
            .list_applied_migrations(&migrator.table_name)
            .await
            .context("the database is not migrated: run the `migrate` subcommand")?;
        for migration in migrator.iter().filter(|m| m.migration_type.is_up_migration()) {
            let found = applied.iter().find(|a| a.version == migration.version);
            match found {
                None => bail!(
                    "migration {} ({}) is not applied: run the `migrate` subcommand",
                    migration.version,
                    migration.description
                ),
                Some(found) if found.checksum != migration.checksum => {
                    bail!("migration {} was changed after it was applied", migration.version)
                }
                Some(_) => {}
            }
        }
    }
    let latest = spec.migrator.iter().map(|m| m.version).max();
    Ok(latest.unwrap_or_default())
}
