-- What the oversight log says, kept as facts from which every figure is computed. All of it can be thrown away and
-- computed again from the log.

-- How far the log was read, with its chain hash there: moved in the transaction that writes the facts.
CREATE TABLE log_cursor (
    only_row   boolean NOT NULL PRIMARY KEY DEFAULT true CHECK (only_row),
    position   bigint  NOT NULL CHECK (position >= 0),
    chain_hash bytea   NOT NULL CHECK (length(chain_hash) = 32)
);
INSERT INTO log_cursor (position, chain_hash) VALUES (0, decode(repeat('00', 32), 'hex'));

-- Entries that could not be read: counted and shown, because a log cannot be changed and must not stop all measures.
CREATE TABLE unreadable_entry (
    log_position bigint PRIMARY KEY,
    why          text   NOT NULL
);

-- A case as it stands.
CREATE TABLE case_fact (
    case_id      uuid        PRIMARY KEY,
    seq          bigint      NOT NULL CHECK (seq >= 1),
    is_open      boolean     NOT NULL,
    outcome      text        NOT NULL,
    lead_opd     text,
    filed_at     timestamptz NOT NULL,
    closed_at    timestamptz,
    log_position bigint      NOT NULL CHECK (log_position >= 1),
    CHECK (is_open = (closed_at IS NULL))
);
CREATE INDEX case_fact_by_closing ON case_fact (closed_at);

-- A clock of a case and how it ended.
CREATE TABLE clock_fact (
    case_id          uuid        NOT NULL REFERENCES case_fact,
    instance         integer     NOT NULL CHECK (instance >= 0),
    kind             text        NOT NULL,
    -- Who is responsible for the step; of a breach, who is charged (rule V1).
    opd_code         text,
    position_id      text,
    holder_id        text,
    result           text        NOT NULL CHECK (result IN ('running', 'met', 'breached', 'expired', 'void')),
    due_at           timestamptz NOT NULL,
    stopped_at       timestamptz,
    -- The first of stop or due, once that is decided (rule V2).
    counted_at       timestamptz,
    PRIMARY KEY (case_id, instance),
    CHECK ((counted_at IS NOT NULL) = (result IN ('met', 'breached')))
);
CREATE INDEX clock_fact_by_time ON clock_fact (counted_at) WHERE counted_at IS NOT NULL;

-- A breach, also one that was mended later (rule K7).
CREATE TABLE breach (
    case_id      uuid        NOT NULL,
    instance     integer     NOT NULL,
    kind         text        NOT NULL,
    opd_code     text,
    position_id  text,
    holder_id    text,
    role         text        NOT NULL,
    breached_at  timestamptz NOT NULL,
    stopped_at   timestamptz,
    corrected    boolean     NOT NULL DEFAULT false,
    -- Where in the log it is said first.
    log_position bigint      NOT NULL CHECK (log_position >= 1),
    PRIMARY KEY (case_id, instance),
    FOREIGN KEY (case_id, instance) REFERENCES clock_fact
);
CREATE INDEX breach_by_time ON breach (breached_at);

-- A rung that fired, charged to whom the breach is charged.
CREATE TABLE escalation (
    case_id            uuid        NOT NULL,
    instance           integer     NOT NULL,
    rung               integer     NOT NULL CHECK (rung >= 0),
    role               text        NOT NULL,
    after_working_days integer     NOT NULL CHECK (after_working_days >= 0),
    fired_at           timestamptz NOT NULL,
    opd_code           text,
    position_id        text,
    holder_id          text,
    log_position       bigint      NOT NULL CHECK (log_position >= 1),
    PRIMARY KEY (case_id, instance, rung),
    FOREIGN KEY (case_id, instance) REFERENCES breach
);
CREATE INDEX escalation_by_time ON escalation (fired_at);

-- A stretch of time charged to a party (rule K4).
CREATE TABLE charge (
    case_id     uuid        NOT NULL REFERENCES case_fact,
    number      integer     NOT NULL CHECK (number >= 0),
    party       text        NOT NULL,
    opd_code    text,
    position_id text,
    holder_id   text,
    from_at     timestamptz NOT NULL,
    to_at       timestamptz,
    PRIMARY KEY (case_id, number),
    CHECK (to_at IS NULL OR to_at >= from_at)
);

-- What an event is for or against somebody beyond time: a case received, answered, returned, bounced back, an answer
-- disputed, a dispute upheld, a rating.
CREATE TABLE signal (
    log_position bigint      NOT NULL CHECK (log_position >= 1),
    number       integer     NOT NULL CHECK (number >= 0),
    kind         text        NOT NULL CHECK (kind IN ('received', 'answered', 'returned', 'bounced', 'disputed',
                                                      'dispute_upheld', 'rated')),
    case_id      uuid        NOT NULL REFERENCES case_fact,
    opd_code     text,
    position_id  text,
    holder_id    text,
    at           timestamptz NOT NULL,
    -- Stars, of a rating.
    value        integer     CHECK (value BETWEEN 1 AND 5),
    PRIMARY KEY (log_position, number),
    CHECK ((value IS NOT NULL) = (kind = 'rated'))
);
CREATE INDEX signal_by_time ON signal (at);
