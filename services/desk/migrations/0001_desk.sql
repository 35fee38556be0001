-- What a desk knows: the cases of its agencies, the commands it has issued, and its own templates and drafts.
-- Every row belongs to one agency (opd_code). Cases can be rebuilt from routing; commands, templates and
-- drafts are the desk's own.

-- The case as routing last told it. A case can be here twice: for the lead and for a contributor. A case that
-- left the agency stays as `gone`, so that an old event cannot bring it back.
CREATE TABLE desk_case (
    opd_code          text        NOT NULL CHECK (opd_code <> ''),
    case_id           uuid        NOT NULL,
    seq               bigint      NOT NULL CHECK (seq >= 1),
    part              text        NOT NULL CHECK (part IN ('lead', 'contributor', 'gone')),
    state             text        NOT NULL CHECK (state IN ('awaiting_verification', 'awaiting_completion',
                                      'awaiting_disposition', 'awaiting_acceptance', 'in_progress', 'answered',
                                      'disputed', 'closed')),
    next_due_at       timestamptz,
    -- What falls due first comes first; what never falls due comes last.
    due_order         timestamptz NOT NULL
                      GENERATED ALWAYS AS (coalesce(next_due_at, '9999-12-31 00:00:00+00'::timestamptz)) STORED,
    assigned_position text,
    -- tuntas.case.v1.Case
    body              bytea       NOT NULL,
    PRIMARY KEY (opd_code, case_id)
);
CREATE INDEX desk_case_by_due ON desk_case (opd_code, due_order, case_id) WHERE part <> 'gone';

-- Case events that came before their predecessor.
CREATE TABLE held_event (
    opd_code text        NOT NULL,
    case_id  uuid        NOT NULL,
    seq      bigint      NOT NULL CHECK (seq >= 2),
    -- tuntas.case.v1.Case as of this event.
    body     bytea       NOT NULL,
    -- Real time: how long a gap may stay open is not a matter of business time.
    held_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (opd_code, case_id, seq)
);
CREATE INDEX held_event_by_age ON held_event (held_at);

-- An agency this desk serves. `snapshot_wanted` says that routing is to be asked for everything once more:
-- the database is new, or a gap did not close.
CREATE TABLE desk_agency (
    opd_code        text        PRIMARY KEY CHECK (opd_code <> ''),
    -- Aggregate of the commands' events. It names this database: a desk set up anew, or an agency moved to a
    -- desk of its own, counts from 1 again and must not collide with the numbers given out before.
    aggregate_id    text        NOT NULL UNIQUE,
    last_seq        bigint      NOT NULL DEFAULT 0 CHECK (last_seq >= 0),
    snapshot_wanted boolean     NOT NULL DEFAULT true,
    snapshot_at     timestamptz
);

-- A command this desk has issued; `command_id` is the id of its event.
CREATE TABLE command (
    command_id  uuid        PRIMARY KEY,
    opd_code    text        NOT NULL REFERENCES desk_agency (opd_code),
    case_id     uuid        NOT NULL,
    kind        text        NOT NULL CHECK (kind <> ''),
    status      text        NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'confirmed', 'refused')),
    code        text,
    message     text,
    -- Sequence of the case after it.
    seq         bigint      CHECK (seq >= 1),
    issued_seq  bigint      NOT NULL CHECK (issued_seq >= 1),
    issued_at   timestamptz NOT NULL,
    settled_at  timestamptz,
    position_id text        NOT NULL,
    holder_id   text        NOT NULL,
    -- tuntas.case.v1.CaseCommand
    body        bytea       NOT NULL,
    UNIQUE (opd_code, issued_seq),
    CHECK ((status = 'pending') = (settled_at IS NULL)),
    CHECK ((status = 'confirmed') = (seq IS NOT NULL)),
    CHECK ((status = 'refused') = (code IS NOT NULL))
);
CREATE INDEX command_by_case ON command (opd_code, case_id, issued_seq);
CREATE INDEX command_pending ON command (opd_code) WHERE status = 'pending';

-- Words that an agency uses again and again.
CREATE TABLE template (
    template_id uuid PRIMARY KEY,
    opd_code    text NOT NULL CHECK (opd_code <> ''),
    name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    body        text NOT NULL CHECK (length(body) BETWEEN 1 AND 10000),
    UNIQUE (opd_code, name)
);

-- The agency's own, unreleased text of an answer: one per case, shared by those who work on it.
CREATE TABLE draft (
    opd_code text        NOT NULL,
    case_id  uuid        NOT NULL,
    body     text        NOT NULL CHECK (length(body) <= 10000),
    claimed  text        CHECK (claimed <> ''),
    saved_by text        NOT NULL,
    saved_at timestamptz NOT NULL,
    PRIMARY KEY (opd_code, case_id),
    FOREIGN KEY (opd_code, case_id) REFERENCES desk_case (opd_code, case_id)
);
