-- Reports, sealed words and identity, texts, attachments, citizens' commands, and what is known of the cases.
--
-- Nothing that a person wrote lies here in clear, except the redacted texts of the public register, which a
-- verifier made to be read by everybody. Business time comes from the application; no default here reads a clock.

CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- A case as its latest event left it. `body` is the serialized tuntas.case.v1.Case; the columns are what
-- statements here ask for. `seq` only grows.
CREATE TABLE case_state (
    case_id          uuid    PRIMARY KEY,
    seq              bigint  NOT NULL CHECK (seq >= 1),
    state            text    NOT NULL CHECK (state IN ('awaiting_verification', 'awaiting_completion',
        'awaiting_disposition', 'awaiting_acceptance', 'in_progress', 'answered', 'disputed', 'closed')),
    outcome          text    CHECK (outcome IN ('resolved', 'clarified', 'informed', 'noted_taken_up',
        'noted_not_taken_up', 'rejected', 'referred', 'merged', 'withdrawn', 'lapsed')),
    supervisory      boolean NOT NULL,
    complained_opd   text,
    lead_opd         text,
    contributor_opds text[]  NOT NULL,
    category_code    text    NOT NULL,
    region_code      text    NOT NULL,
    merged_into      uuid,
    body             bytea   NOT NULL,
    CHECK (state <> 'closed' OR outcome IS NOT NULL)
);

CREATE TABLE report (
    id                  uuid        PRIMARY KEY,
    ticket              text        NOT NULL UNIQUE
        CHECK (ticket ~ '^TTS-[0-9A-HJKMNP-TV-Z]{8}-[0-9A-HJKMNP-TV-Z*~$=U]$'),
    -- Keyed hash of the client's idempotency key: the key itself would give the receipt code to who has the secret.
    filing_key          bytea       NOT NULL UNIQUE CHECK (length(filing_key) = 32),
    -- Keyed hash of the whole request, so that a stored hash confirms no guess of a name or a number.
    filing_hash         bytea       NOT NULL CHECK (length(filing_hash) = 32),
    receipt_mac         bytea       NOT NULL CHECK (length(receipt_mac) = 32),
    kind                text        NOT NULL CHECK (kind IN ('complaint', 'aspiration', 'information_request')),
    privacy             text        NOT NULL CHECK (privacy IN ('open', 'anonymous', 'confidential')),
    category_code       text        NOT NULL,
    region_code         text        NOT NULL,
    named_opd           text,
    event_date          date,
    filed_at            timestamptz NOT NULL,
    verification_due_at timestamptz NOT NULL,
    channel             text        NOT NULL
        CHECK (channel IN ('web', 'open311', 'grpc', 'email', 'sms', 'assisted')),
    language            text        NOT NULL CHECK (language IN ('id', 'en')),
    same_as             uuid        REFERENCES report (id),
    -- Title, body, place and source link; name, NIK, phone, e-mail and address. Sealed under the report's key.
    sealed_words        bytea       NOT NULL,
    sealed_identity     bytea,
    words_commitment    bytea       NOT NULL CHECK (length(words_commitment) = 32),
    -- The case it is in now; no foreign key to wait for, because the case comes with an event.
    case_id             uuid        REFERENCES case_state (case_id),
    -- Latest sequence of the aggregate `report:<id>`.
    seq                 bigint      NOT NULL CHECK (seq >= 1),
    erased_at           timestamptz
);
CREATE INDEX report_by_case ON report (case_id);
CREATE INDEX report_by_filed_at ON report (filed_at, id);

-- The key of a report, wrapped under the master key `key_id`. Erasure deletes the row.
CREATE TABLE report_key (
    report_id   uuid  PRIMARY KEY REFERENCES report (id),
    wrapped_key bytea NOT NULL,
    key_id      text  NOT NULL CHECK (key_id ~ '^[0-9a-f]{16}$')
);

-- Every case a report has been in, for its timeline after a merge.
CREATE TABLE report_case (
    report_id uuid NOT NULL REFERENCES report (id),
    case_id   uuid NOT NULL REFERENCES case_state (case_id),
    PRIMARY KEY (report_id, case_id)
);
CREATE INDEX report_case_by_case ON report_case (case_id);

-- What a reporter's timeline needs of a case event.
CREATE TABLE case_event (
    case_id     uuid        NOT NULL,
    seq         bigint      NOT NULL CHECK (seq >= 1),
    event_id    uuid        NOT NULL UNIQUE,
    type        text        NOT NULL CHECK (type <> ''),
    at          timestamptz NOT NULL,
    opd_code    text,
    due_at      timestamptz,
    reason_code text,
    -- Set when the event is about one report of a cluster.
    report_id   uuid,
    PRIMARY KEY (case_id, seq)
);

CREATE TABLE text (
    id               uuid        PRIMARY KEY,
    report_id        uuid        NOT NULL REFERENCES report (id),
    kind             text        NOT NULL CHECK (kind IN ('answer', 'first_response', 'completion_request',
        'completion', 'dispute', 'contest', 'message', 'explanation', 'redaction', 'note', 'reason',
        'instruction', 'recommendation')),
    -- Salt and body, sealed under the report's key.
    sealed           bytea       NOT NULL,
    commitment       bytea       NOT NULL CHECK (length(commitment) = 32),
    from_reporter    boolean     NOT NULL,
    author_position  text,
    author_opd       text,
    written_at       timestamptz NOT NULL,
    -- Who may read it: those who wrote it and the officers of the case, the reporters too, or everybody.
    audience         text        NOT NULL CHECK (audience IN ('officers', 'reporter', 'public')),
    released_at      timestamptz,
    released_case_id uuid,
    CHECK (from_reporter = (author_position IS NULL)),
    CHECK ((audience = 'officers') = (released_at IS NULL))
);
CREATE INDEX text_by_report ON text (report_id, written_at, id);
CREATE INDEX text_by_released_case ON text (released_case_id, released_at) WHERE released_case_id IS NOT NULL;

-- A file, sealed under a key of its own. The key is sealed under the master key until the file is filed, then
-- under the report's key, so that erasing the report erases it.
CREATE TABLE attachment (
    id          uuid        PRIMARY KEY,
    media_type  text        NOT NULL
        CHECK (media_type IN ('image/jpeg', 'image/png', 'image/webp', 'application/pdf')),
    size_bytes  bigint      NOT NULL CHECK (size_bytes BETWEEN 1 AND 33554432),
    sha256      bytea       NOT NULL CHECK (length(sha256) = 32),
    sealed_key  bytea       NOT NULL,
    uploaded_at timestamptz NOT NULL,
    report_id   uuid        REFERENCES report (id),
    text_id     uuid        REFERENCES text (id),
    place       integer     NOT NULL DEFAULT 0 CHECK (place >= 0),
    CHECK (text_id IS NULL OR report_id IS NOT NULL)
);
CREATE INDEX attachment_unfiled ON attachment (uploaded_at) WHERE report_id IS NULL;
CREATE INDEX attachment_by_report ON attachment (report_id, place) WHERE report_id IS NOT NULL;
CREATE INDEX attachment_by_text ON attachment (text_id, place) WHERE text_id IS NOT NULL;

-- Files whose rows are gone and that are still to be deleted from the store.
CREATE TABLE doomed_file (
    id        uuid        PRIMARY KEY,
    doomed_at timestamptz NOT NULL
);

CREATE TABLE citizen_command (
    id          uuid        PRIMARY KEY,
    report_id   uuid        NOT NULL REFERENCES report (id),
    kind        text        NOT NULL CHECK (kind IN ('complete', 'withdraw', 'dispute', 'rate', 'contest')),
    received_at timestamptz NOT NULL,
    status      text        NOT NULL CHECK (status IN ('pending', 'accepted', 'refused')),
    code        text,
    -- Sequence of its event in the aggregate `report:<report_id>`.
    seq         bigint      NOT NULL CHECK (seq >= 2),
    CHECK ((status = 'refused') = (code IS NOT NULL)),
    UNIQUE (report_id, seq)
);
CREATE INDEX citizen_command_by_report ON citizen_command (report_id, received_at);

CREATE TABLE identity_access (
    id             uuid        PRIMARY KEY,
    report_id      uuid        NOT NULL REFERENCES report (id),
    at             timestamptz NOT NULL,
    position_id    text        NOT NULL,
    holder_id      text        NOT NULL,
    reason_text_id uuid        NOT NULL REFERENCES text (id)
);
CREATE INDEX identity_access_by_report ON identity_access (report_id, at);

-- The public register: the verifier's redaction. `words` is the same text in normal form, without the words that
-- carry no meaning (the dictionary `indonesian` has no stop words of its own). Deleted on erasure.
CREATE TABLE register (
    report_id uuid        PRIMARY KEY REFERENCES report (id),
    title     text        NOT NULL,
    body      text        NOT NULL,
    words     text        NOT NULL,
    vector    tsvector    NOT NULL GENERATED ALWAYS AS (to_tsvector('indonesian', words)) STORED,
    listed_at timestamptz NOT NULL
);
CREATE INDEX register_by_vector ON register USING gin (vector);
CREATE INDEX register_by_trigram ON register USING gin (words gin_trgm_ops);

-- Keyed hashes of the word stems of a report, to find earlier ones like it. Deleted on erasure.
CREATE TABLE report_gram (
    report_id uuid        PRIMARY KEY REFERENCES report (id),
    filed_at  timestamptz NOT NULL,
    grams     integer[]   NOT NULL
);
CREATE INDEX report_gram_by_gram ON report_gram USING gin (grams);
