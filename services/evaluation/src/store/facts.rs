//! Writing facts. Each write can come again and changes nothing then.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::facts::{BreachFact, CaseFact, ChargeFact, ClockFact, EscalationFact, Responsible, SignalFact};

/// The case as it stands.
pub async fn put_case(conn: &mut PgConnection, case: &CaseFact, log_position: i64) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO case_fact (case_id, seq, is_open, outcome, lead_opd, filed_at, closed_at, log_position)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (case_id) DO UPDATE SET seq = excluded.seq, is_open = excluded.is_open,
             outcome = excluded.outcome, lead_opd = excluded.lead_opd, filed_at = excluded.filed_at,
             closed_at = excluded.closed_at, log_position = excluded.log_position",
        case.case_id,
        case.seq,
        case.closed_at.is_none(),
        case.outcome,
        case.lead_opd,
        case.filed_at,
        case.closed_at,
        log_position,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The clocks. Who is responsible for a step done in time is fixed when it is done.
pub async fn put_clocks(conn: &mut PgConnection, case_id: Uuid, clocks: &[ClockFact]) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO clock_fact (case_id, instance, kind, opd_code, position_id, holder_id, result, due_at, stopped_at,
                                 counted_at)
         SELECT $1, * FROM unnest($2::integer[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                                  $8::timestamptz[], $9::timestamptz[], $10::timestamptz[])
         ON CONFLICT (case_id, instance) DO UPDATE SET opd_code = excluded.opd_code,
             position_id = excluded.position_id, holder_id = excluded.holder_id, result = excluded.result,
             due_at = excluded.due_at, stopped_at = excluded.stopped_at, counted_at = excluded.counted_at
         WHERE clock_fact.result IN ('running', 'breached')",
        case_id,
        &clocks.iter().map(|c| c.instance).collect::<Vec<_>>(),
        &clocks.iter().map(|c| c.kind.clone()).collect::<Vec<_>>(),
        &clocks.iter().map(|c| c.responsible.opd.clone()).collect::<Vec<_>>() as &[Option<String>],
        &clocks
            .iter()
            .map(|c| c.responsible.position.clone())
            .collect::<Vec<_>>() as &[Option<String>],
        &clocks.iter().map(|c| c.responsible.holder.clone()).collect::<Vec<_>>() as &[Option<String>],
        &clocks.iter().map(|c| c.result.to_owned()).collect::<Vec<_>>(),
        &clocks.iter().map(|c| c.due_at).collect::<Vec<_>>(),
        &clocks.iter().map(|c| c.stopped_at).collect::<Vec<_>>() as &[Option<_>],
        &clocks.iter().map(|c| c.counted_at).collect::<Vec<_>>() as &[Option<_>],
    )
    .execute(&mut *conn)
    .await?;
    let corrected: Vec<i32> = clocks.iter().filter(|c| c.corrected).map(|c| c.instance).collect();
    if !corrected.is_empty() {
        sqlx::query!(
            "UPDATE breach SET corrected = true WHERE case_id = $1 AND instance = ANY($2) AND NOT corrected",
            case_id,
            &corrected
        )
        .execute(conn)
        .await?;
    }
    Ok(())
}

/// A breach; where the log says it first stays.
pub async fn put_breach(
    conn: &mut PgConnection,
    case_id: Uuid,
    breach: &BreachFact,
    log_position: i64,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO breach (case_id, instance, kind, opd_code, position_id, holder_id, role, breached_at, stopped_at,
                             log_position)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (case_id, instance) DO UPDATE SET stopped_at = excluded.stopped_at
         WHERE breach.stopped_at IS NULL",
        case_id,
        breach.instance,
        breach.kind,
        breach.charged.opd,
        breach.charged.position,
        breach.charged.holder,
        breach.role,
        breach.breached_at,
        breach.stopped_at,
        log_position,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A rung that fired. True when it was not known.
pub async fn put_escalation(
    conn: &mut PgConnection,
    case_id: Uuid,
    escalation: &EscalationFact,
    log_position: i64,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO escalation (case_id, instance, rung, role, after_working_days, fired_at, opd_code, position_id,
                                 holder_id, log_position)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT DO NOTHING",
        case_id,
        escalation.instance,
        escalation.rung,
        escalation.role,
        escalation.after_working_days,
        escalation.fired_at,
        escalation.charged.opd,
        escalation.charged.position,
        escalation.charged.holder,
        log_position,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// The ledger. An interval that has ended stays as it was then.
pub async fn put_charges(conn: &mut PgConnection, case_id: Uuid, charges: &[ChargeFact]) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO charge (case_id, number, party, opd_code, position_id, holder_id, from_at, to_at)
         SELECT $1, * FROM unnest($2::integer[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[],
                                  $8::timestamptz[])
         ON CONFLICT (case_id, number) DO UPDATE SET opd_code = excluded.opd_code,
             position_id = excluded.position_id, holder_id = excluded.holder_id, to_at = excluded.to_at
         WHERE charge.to_at IS NULL",
        case_id,
        &charges.iter().map(|c| c.number).collect::<Vec<_>>(),
        &charges.iter().map(|c| c.party.clone()).collect::<Vec<_>>(),
        &charges.iter().map(|c| c.charged.opd.clone()).collect::<Vec<_>>() as &[Option<String>],
        &charges.iter().map(|c| c.charged.position.clone()).collect::<Vec<_>>() as &[Option<String>],
        &charges.iter().map(|c| c.charged.holder.clone()).collect::<Vec<_>>() as &[Option<String>],
        &charges.iter().map(|c| c.from_at).collect::<Vec<_>>(),
        &charges.iter().map(|c| c.to_at).collect::<Vec<_>>() as &[Option<_>],
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What a case event is for or against somebody.
pub async fn put_signals(
    conn: &mut PgConnection,
    case_id: Uuid,
    event_id: Uuid,
    signals: &[SignalFact],
    log_position: i64,
) -> sqlx::Result<()> {
    for (number, signal) in (0_i32..).zip(signals) {
        sqlx::query!(
            "INSERT INTO signal (log_position, number, kind, case_id, opd_code, position_id, holder_id, at, value,
                                 event_id)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
            log_position,
            number,
            signal.kind,
            case_id,
            signal.responsible.opd,
            signal.responsible.position,
            signal.responsible.holder,
            signal.at,
            signal.value,
            event_id,
        )
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// For whom the answer counts that a case event released, and when.
pub async fn answered(
    conn: &mut PgConnection,
    case_id: Uuid,
    event_id: Uuid,
) -> sqlx::Result<Option<(Responsible, OffsetDateTime)>> {
    let row = sqlx::query!(
        "SELECT opd_code, position_id, holder_id, at FROM signal
         WHERE event_id = $1 AND kind = 'answered' AND case_id = $2",
        event_id,
        case_id,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| {
        let responsible = Responsible {
            opd: row.opd_code,
            position: row.position_id,
            holder: row.holder_id,
        };
        (responsible, row.at)
    }))
}
