-- Cases and what routing alone knows. The directory's own tables come from kit and are written here as well.
-- All instants are business time, passed in; nothing here reads the server's clock.

-- One row per case. `body` is the whole case as the domain serialises it; the other columns repeat what is
-- searched, ordered or checked, and are written together with it.
CREATE TABLE kase (
    case_id         uuid        PRIMARY KEY,
    -- Number of the latest event, without a hole (rule: aggregate_seq).
    seq             bigint      NOT NULL CHECK (seq >= 1),
    state           text        NOT NULL CHECK (state IN (
        'awaiting_verification', 'awaiting_completion', 'awaiting_disposition', 'awaiting_acceptance',
        'in_progress', 'answered', 'disputed', 'closed')),
    outcome         text        CHECK (outcome IN (
        'resolved', 'clarified', 'informed', 'noted', 'rejected', 'referred', 'merged', 'withdrawn', 'lapsed')),
    kind            text        NOT NULL CHECK (kind IN ('complaint', 'aspiration', 'information_request')),
    supervisory     boolean     NOT NULL,
    category_code   text        CHECK (category_code <> ''),
    region_code     text        CHECK (region_code <> ''),
    lead_opd        text        CHECK (lead_opd <> ''),
    complained_opd  text        CHECK (complained_opd <> ''),
    -- Agency the reporter named; a hint for the disposition, nothing more.
    named_opd       text        CHECK (named_opd <> ''),
    -- Party that is charged now ('manager', 'agency:<opd>', 'reporter', ...); none once closed.
    holder          text        CHECK (holder <> ''),
    -- Position that works on it.
    executor        text        CHECK (executor <> ''),
    policy_version  integer     NOT NULL CHECK (policy_version >= 1),
    filed_at        timestamptz NOT NULL,
    closed_at       timestamptz,
    -- When the reconciler has to look at it next: a breach, a rung, a silence, a lapse.
    next_due_at     timestamptz,
    -- What an officer sees as the deadline: the earliest due time of a running clock, also one already missed;
    -- the year 9999 when none runs.
    deadline_at     timestamptz NOT NULL,
    -- Why the reconciler gave up on it; it waits for an operator and holds up nobody else.
    stuck_reason    text,
    merged_into     uuid        REFERENCES kase (case_id),
    body            jsonb       NOT NULL,
    CHECK ((state = 'closed') = (closed_at IS NOT NULL)),
    CHECK (state <> 'closed' OR outcome IS NOT NULL),
    CHECK (merged_into IS NULL OR outcome = 'merged'),
    CHECK (merged_into IS DISTINCT FROM case_id)
);
-- Rule E3: what is due is found through this index, oldest first.
CREATE INDEX kase_due ON kase (next_due_at, case_id) WHERE next_due_at IS NOT NULL AND stuck_reason IS NULL;
CREATE INDEX kase_stuck ON kase (case_id) WHERE stuck_reason IS NOT NULL;
CREATE INDEX kase_inbox ON kase (deadline_at, case_id) WHERE state <> 'closed';
CREATE INDEX kase_earlier ON kase (category_code, region_code, filed_at DESC)
    WHERE lead_opd IS NOT NULL OR outcome = 'referred';

-- Agencies that have a part in a case now; those that lost it are told once and forgotten here.
CREATE TABLE kase_agency (
    case_id  uuid    NOT NULL REFERENCES kase (case_id),
    opd_code text    NOT NULL CHECK (opd_code <> ''),
    lead     boolean NOT NULL,
    -- It still has something to do: it leads, or its contribution is outstanding.
    open     boolean NOT NULL,
    CHECK (open OR NOT lead),
    PRIMARY KEY (case_id, opd_code)
);
CREATE UNIQUE INDEX kase_agency_one_lead ON kase_agency (case_id) WHERE lead;
CREATE INDEX kase_agency_by_opd ON kase_agency (opd_code, case_id);

-- What happened to a case. Append-only.
CREATE TABLE case_event (
    case_id      uuid        NOT NULL REFERENCES kase (case_id) DEFERRABLE INITIALLY DEFERRED,
    seq          bigint      NOT NULL CHECK (seq >= 1),
    event_id     uuid        NOT NULL UNIQUE,
    type         text        NOT NULL CHECK (type <> ''),
    at           timestamptz NOT NULL,
    position_id  text        NOT NULL,
    holder_id    text        NOT NULL,
    via          text        NOT NULL CHECK (via <> ''),
    command_id   uuid        NOT NULL,
    -- When the command was issued at a desk, if that was before routing decided it (rule K7).
    issued_at    timestamptz,
    -- Event that caused it: a desk's or a citizen's command, or the filing.
    causation_id uuid,
    -- The domain's event, from which the case can be rebuilt.
    event        jsonb       NOT NULL,
    -- The details as they were published (tuntas.case.v1.CaseEvent.Details).
    details      bytea       NOT NULL,
    PRIMARY KEY (case_id, seq)
);
CREATE INDEX case_event_by_command ON case_event (command_id);
CREATE INDEX case_event_by_issue ON case_event (issued_at) WHERE issued_at IS NOT NULL;

-- Each receipt resolves to exactly one surviving case (rule M1).
CREATE TABLE case_report (
    report_id        uuid PRIMARY KEY,
    case_id          uuid NOT NULL REFERENCES kase (case_id) DEFERRABLE INITIALLY DEFERRED,
    -- Case that its filing opened.
    original_case_id uuid NOT NULL UNIQUE REFERENCES kase (case_id) DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX case_report_by_case ON case_report (case_id);

-- Names and addresses of holders, for mails. In no event and in no other database.
CREATE TABLE holder_contact (
    holder_id text PRIMARY KEY CHECK (holder_id <> ''),
    name      text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    email     text NOT NULL CHECK (length(email) <= 254)
);

-- Every change of the aggregate `directory`, in order: agencies, positions, terms, categories, regions, policy,
-- calendar and outages. `body` is the change as published, so that the directory of any moment can be told.
CREATE TABLE directory_change (
    seq      bigint      PRIMARY KEY CHECK (seq >= 1),
    event_id uuid        NOT NULL UNIQUE,
    at       timestamptz NOT NULL,
    kind     text        NOT NULL CHECK (kind IN (
        'agency', 'position', 'term', 'category', 'region', 'policy', 'holiday', 'outage')),
    key      text        NOT NULL CHECK (key <> ''),
    body     bytea       NOT NULL
);
CREATE INDEX directory_change_latest ON directory_change (kind, key, seq DESC);

-- Windows in which routing could take no commands (rule K7).
CREATE TABLE outage (
    outage_id   uuid        PRIMARY KEY,
    from_at     timestamptz NOT NULL,
    to_at       timestamptz NOT NULL,
    cause       text        NOT NULL CHECK (length(cause) BETWEEN 1 AND 200),
    recorded_at timestamptz NOT NULL,
    CHECK (from_at < to_at),
    CHECK (to_at <= recorded_at)
);
CREATE INDEX outage_by_time ON outage (from_at, to_at);
