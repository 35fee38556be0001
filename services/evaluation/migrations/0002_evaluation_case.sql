-- Cases against responsible officials (rule V3), and what was said and decided in them.
CREATE TABLE evaluation_case (
    evaluation_case_id uuid        PRIMARY KEY,
    position_id        text        NOT NULL,
    holder_id          text        NOT NULL,
    opd_code           text,
    -- Month in which it was opened, WIB, like 2026-11.
    month              text        NOT NULL CHECK (month ~ '^[0-9]{4}-[0-9]{2}$'),
    status             text        NOT NULL CHECK (status IN ('awaiting_reply', 'awaiting_decision', 'decided')),
    opened_at          timestamptz NOT NULL,
    -- When the reconciler must look at it next.
    next_due_at        timestamptz,
    -- The domain's state (tuntas_domain::evaluation_case::EvaluationCase).
    state              jsonb       NOT NULL,
    -- Where in the log its last ground is.
    log_position       bigint      NOT NULL CHECK (log_position >= 1),
    UNIQUE (position_id, holder_id, month),
    CHECK (status <> 'decided' OR next_due_at IS NULL)
);
CREATE INDEX evaluation_case_due ON evaluation_case (next_due_at) WHERE next_due_at IS NOT NULL;
CREATE INDEX evaluation_case_by_opd ON evaluation_case (opd_code);

-- Replies and reasons of decisions: officials' words, not citizens'. Events carry their salted commitment alone.
CREATE TABLE evaluation_text (
    text_id            uuid  PRIMARY KEY,
    evaluation_case_id uuid  NOT NULL REFERENCES evaluation_case,
    kind               text  NOT NULL CHECK (kind IN ('reply', 'decision')),
    salt               bytea NOT NULL CHECK (length(salt) = 32),
    words              text  NOT NULL CHECK (length(words) BETWEEN 1 AND 10000),
    UNIQUE (evaluation_case_id, kind)
);
