-- The log: every event of the platform at a fixed, contiguous position.

-- Events that have arrived and have no position yet. A row leaves when it gets one. Its order of arrival decides,
-- except that no event goes before its predecessor in the aggregate or before the event that caused it.
CREATE TABLE arrival (
    arrival_no    bigint      GENERATED ALWAYS AS IDENTITY UNIQUE,
    event_id      uuid        PRIMARY KEY,
    event_type    text        NOT NULL CHECK (event_type <> ''),
    aggregate_id  text        NOT NULL CHECK (aggregate_id <> ''),
    aggregate_seq bigint      NOT NULL CHECK (aggregate_seq >= 1),
    causation_id  uuid,
    case_id       uuid,
    body          bytea       NOT NULL,
    -- Real time: how long an event waits is the operator's business, not the province's.
    arrived_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- True once the sequencer has looked at it and found its predecessor or its cause missing.
    held          boolean     NOT NULL DEFAULT false,
    CONSTRAINT arrival_aggregate_key UNIQUE (aggregate_id, aggregate_seq)
);
CREATE INDEX arrival_candidates ON arrival (arrival_no) WHERE NOT held;
CREATE INDEX arrival_held ON arrival (arrived_at) WHERE held;
CREATE INDEX arrival_by_cause ON arrival (causation_id) WHERE causation_id IS NOT NULL;

-- The log itself. Append-only: see the trigger below.
CREATE TABLE entry (
    position      bigint NOT NULL PRIMARY KEY CHECK (position >= 1),
    event_id      uuid   NOT NULL UNIQUE,
    event_type    text   NOT NULL,
    aggregate_id  text   NOT NULL,
    aggregate_seq bigint NOT NULL CHECK (aggregate_seq >= 1),
    causation_id  uuid,
    case_id       uuid,
    -- Exactly what was published: the leaf.
    body          bytea  NOT NULL,
    -- SHA-256 of 0x00 and the body (RFC 6962 section 2.1).
    leaf_hash     bytea  NOT NULL CHECK (length(leaf_hash) = 32),
    -- SHA-256 of the chain hash before (32 zero bytes before the first) and the leaf hash.
    chain_hash    bytea  NOT NULL CHECK (length(chain_hash) = 32),
    CONSTRAINT entry_aggregate_key UNIQUE (aggregate_id, aggregate_seq)
);
CREATE INDEX entry_by_case ON entry (case_id, position) WHERE case_id IS NOT NULL;

-- Size of the log and its chain hash: the sequencer's cursor, moved in the transaction that appends.
CREATE TABLE log_head (
    only_row   boolean NOT NULL PRIMARY KEY DEFAULT true CHECK (only_row),
    size       bigint  NOT NULL CHECK (size >= 0),
    chain_hash bytea   NOT NULL CHECK (length(chain_hash) = 32)
);
INSERT INTO log_head (size, chain_hash) VALUES (0, decode(repeat('00', 32), 'hex'));

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the log is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER entry_is_append_only BEFORE UPDATE OR DELETE ON entry
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER entry_is_not_emptied BEFORE TRUNCATE ON entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
-- Also in a session that applies a replica's changes or has switched ordinary triggers off.
ALTER TABLE entry ENABLE ALWAYS TRIGGER entry_is_append_only;
ALTER TABLE entry ENABLE ALWAYS TRIGGER entry_is_not_emptied;

-- The run-time role was given reading and writing of all tables by default privileges; of this one it may only read
-- and insert.
DO $$
DECLARE
    grantee_name text;
BEGIN
    REVOKE UPDATE, DELETE, TRUNCATE ON entry FROM PUBLIC;
    FOR grantee_name IN
        SELECT DISTINCT grantee::text FROM information_schema.role_table_grants
        WHERE table_schema = current_schema AND table_name = 'entry'
          AND grantee <> 'PUBLIC' AND grantee <> current_user
    LOOP
        EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE, TRIGGER, REFERENCES ON entry FROM %I', grantee_name);
    END LOOP;
END
$$;
