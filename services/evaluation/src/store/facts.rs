//! Writing facts. Each write can come again and changes nothing then.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::facts::{BreachFact, EscalationFact, Facts, Responsible, SignalFact};

/// What an event says of a case: the case as it stands, its clocks, the ledger, and what the event itself is for or against somebody.
/// One statement, for every case event comes through here.
///
/// Who is responsible for a step done in time is fixed when it is done, and an interval that has ended stays as it was then.
pub async fn put_event(conn: &mut PgConnection, event_id: Uuid, facts: &Facts, log_position: i64) -> sqlx::Result<()> {
    let Facts {
        case,
        clocks,
        charges,
        signals,
        ..
    } = facts;
    let signals = SignalColumns::of(signals);
    sqlx::query!(
        "WITH stands AS (
             INSERT INTO case_fact (case_id, seq, is_open, outcome, lead_opd, filed_at, closed_at, log_position)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (case_id) DO UPDATE SET seq = excluded.seq, is_open = excluded.is_open,
                 outcome = excluded.outcome, lead_opd = excluded.lead_opd, filed_at = excluded.filed_at,
                 closed_at = excluded.closed_at, log_position = excluded.log_position),
         runs AS (
             INSERT INTO clock_fact (case_id, instance, kind, opd_code, position_id, holder_id, result, due_at, stopped_at,
                                     counted_at)
             SELECT $1, * FROM unnest($9::integer[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[],
                                      $15::timestamptz[], $16::timestamptz[], $17::timestamptz[])
             ON CONFLICT (case_id, instance) DO UPDATE SET opd_code = excluded.opd_code,
                 position_id = excluded.position_id, holder_id = excluded.holder_id, result = excluded.result,
                 due_at = excluded.due_at, stopped_at = excluded.stopped_at, counted_at = excluded.counted_at
             WHERE clock_fact.result IN ('running', 'breached')),
         charges AS (
             INSERT INTO charge (case_id, number, party, opd_code, position_id, holder_id, from_at, to_at)
             SELECT $1, * FROM unnest($18::integer[], $19::text[], $20::text[], $21::text[], $22::text[],
                                      $23::timestamptz[], $24::timestamptz[])
             ON CONFLICT (case_id, number) DO UPDATE SET opd_code = excluded.opd_code,
                 position_id = excluded.position_id, holder_id = excluded.holder_id, to_at = excluded.to_at
             WHERE charge.to_at IS NULL)
         INSERT INTO signal (log_position, case_id, event_id, number, kind, opd_code, position_id, holder_id, at, value)
         SELECT $8, $1, $25, * FROM unnest($26::integer[], $27::text[], $28::text[], $29::text[], $30::text[],
                                           $31::timestamptz[], $32::integer[])
         ON CONFLICT DO NOTHING",
        case.case_id,
        case.seq,
        case.closed_at.is_none(),
        case.outcome,
        case.lead_opd,
        case.filed_at,
        case.closed_at,
        log_position,
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
        &charges.iter().map(|c| c.number).collect::<Vec<_>>(),
        &charges.iter().map(|c| c.party.clone()).collect::<Vec<_>>(),
        &charges.iter().map(|c| c.charged.opd.clone()).collect::<Vec<_>>() as &[Option<String>],
        &charges.iter().map(|c| c.charged.position.clone()).collect::<Vec<_>>() as &[Option<String>],
        &charges.iter().map(|c| c.charged.holder.clone()).collect::<Vec<_>>() as &[Option<String>],
        &charges.iter().map(|c| c.from_at).collect::<Vec<_>>(),
        &charges.iter().map(|c| c.to_at).collect::<Vec<_>>() as &[Option<_>],
        event_id,
        &signals.number,
        &signals.kind,
        &signals.opd as &[Option<String>],
        &signals.position as &[Option<String>],
        &signals.holder as &[Option<String>],
        &signals.at,
        &signals.value as &[Option<i32>],
    )
    .execute(&mut *conn)
    .await?;
    let corrected: Vec<i32> = clocks.iter().filter(|c| c.corrected).map(|c| c.instance).collect();
    if !corrected.is_empty() {
        sqlx::query!(
            "UPDATE breach SET corrected = true WHERE case_id = $1 AND instance = ANY($2) AND NOT corrected",
            case.case_id,
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

/// What an event is for or against somebody.
pub async fn put_signals(
    conn: &mut PgConnection,
    case_id: Uuid,
    event_id: Uuid,
    signals: &[SignalFact],
    log_position: i64,
) -> sqlx::Result<()> {
    let signals = SignalColumns::of(signals);
    sqlx::query!(
        "INSERT INTO signal (log_position, case_id, event_id, number, kind, opd_code, position_id, holder_id, at, value)
         SELECT $1, $2, $3, * FROM unnest($4::integer[], $5::text[], $6::text[], $7::text[], $8::text[],
                                          $9::timestamptz[], $10::integer[])
         ON CONFLICT DO NOTHING",
        log_position,
        case_id,
        event_id,
        &signals.number,
        &signals.kind,
        &signals.opd as &[Option<String>],
        &signals.position as &[Option<String>],
        &signals.holder as &[Option<String>],
        &signals.at,
        &signals.value as &[Option<i32>],
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Signals of one event, numbered from 0.
#[derive(Default)]
struct SignalColumns {
    number: Vec<i32>,
    kind: Vec<String>,
    opd: Vec<Option<String>>,
    position: Vec<Option<String>>,
    holder: Vec<Option<String>>,
    at: Vec<OffsetDateTime>,
    value: Vec<Option<i32>>,
}

impl SignalColumns {
    fn of(signals: &[SignalFact]) -> Self {
        let mut columns = Self::default();
        for (number, signal) in (0..).zip(signals) {
            columns.number.push(number);
            columns.kind.push(signal.kind.to_owned());
            columns.opd.push(signal.responsible.opd.clone());
            columns.position.push(signal.responsible.position.clone());
            columns.holder.push(signal.responsible.holder.clone());
            columns.at.push(signal.at);
            columns.value.push(signal.value);
        }
        columns
    }
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
