-- Who is to be told what, whether it arrived, and what recipients have asked for.
-- No column of this database holds a name, an address or a citizen's words: addresses are asked for at the
-- moment of sending and forgotten after it.

-- Agencies of a case as its latest event had them: whose webhooks are called, and who may read the deliveries.
CREATE TABLE case_agency (
    case_id     uuid   PRIMARY KEY,
    seq         bigint NOT NULL CHECK (seq >= 1),
    opds        text[] NOT NULL,
    -- The unit complained about in a supervisory case: it learns nothing of it (rule M10).
    hidden_from text
);

CREATE TABLE webhook (
    webhook_id  uuid        PRIMARY KEY,
    opd_code    text        NOT NULL CHECK (opd_code <> ''),
    url         text        NOT NULL CHECK (length(url) BETWEEN 8 AND 2000),
    event_types text[]      NOT NULL DEFAULT '{}',
    -- Key of Standard Webhooks, "whsec_...". Shown to the agency once; read only to sign.
    secret      text        NOT NULL CHECK (secret LIKE 'whsec\_%'),
    created_by  text        NOT NULL,
    created_at  timestamptz NOT NULL,
    -- A webhook that was deleted stays for the deliveries that name it.
    deleted_at  timestamptz
);
CREATE INDEX webhook_by_agency ON webhook (opd_code) WHERE deleted_at IS NULL;

-- What a position wants to be told. The row of a template goes before the row of '*'.
CREATE TABLE preference (
    position_id text NOT NULL CHECK (position_id <> ''),
    template    text NOT NULL CHECK (template <> ''),
    channel     text NOT NULL CHECK (channel IN ('email', 'none')),
    PRIMARY KEY (position_id, template)
);

-- One message to one recipient because of one event. The unique key makes planning repeatable.
CREATE TABLE delivery (
    delivery_id    uuid        PRIMARY KEY,
    event_id       uuid        NOT NULL,
    case_id        uuid,
    report_id      uuid,
    recipient_kind text        NOT NULL CHECK (recipient_kind IN ('reporter', 'position', 'webhook')),
    -- Report, position or webhook; never an address.
    recipient_id   text        NOT NULL CHECK (recipient_id <> ''),
    channel        text        NOT NULL CHECK (channel IN ('email', 'webhook')),
    template       text        NOT NULL CHECK (template <> ''),
    -- What the template needs (dates, codes), or the body of the webhook: always the same bytes.
    facts          text        NOT NULL,
    status         text        NOT NULL DEFAULT 'planned'
                   CHECK (status IN ('planned', 'sending', 'sent', 'skipped', 'given_up')),
    -- Why it was skipped, given up, or not sent at the last try: a code, never what a server said.
    reason         text        CHECK (reason ~ '^[a-z0-9_]+$'),
    tries          integer     NOT NULL DEFAULT 0 CHECK (tries >= 0),
    -- Business time, for people.
    planned_at     timestamptz NOT NULL,
    settled_at     timestamptz,
    -- Real time, for the sender: when to try next, until when a sender has it, when the first try was.
    next_try_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    first_try_at   timestamptz,
    lease_until    timestamptz,
    lease_id       uuid,
    UNIQUE (event_id, recipient_kind, recipient_id, channel, template),
    CHECK ((channel = 'webhook') = (recipient_kind = 'webhook')),
    CHECK ((status = 'sending') = (lease_id IS NOT NULL)),
    CHECK ((lease_id IS NULL) = (lease_until IS NULL)),
    CHECK ((status IN ('sent', 'skipped', 'given_up')) = (settled_at IS NOT NULL)),
    CHECK (status NOT IN ('skipped', 'given_up') OR reason IS NOT NULL)
);
CREATE INDEX delivery_due ON delivery (next_try_at) WHERE status = 'planned';
CREATE INDEX delivery_leased ON delivery (lease_until) WHERE status = 'sending';
CREATE INDEX delivery_by_case ON delivery (case_id) WHERE case_id IS NOT NULL;
CREATE INDEX delivery_by_report ON delivery (report_id) WHERE report_id IS NOT NULL;
