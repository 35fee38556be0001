-- Tables that every service's database has: what it has to tell (outbox), what it has heard (inbox),
-- what it has answered (idempotency). Wall-clock columns here are for operators, never business time.

-- One row per destination of an event. `seq` is taken under a transaction-level advisory lock as the last
-- step of the writing transaction, so commit order is `seq` order and a plain cursor loses nothing.
CREATE TABLE outbox (
    seq           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id      uuid        NOT NULL,
    exchange      text        NOT NULL CHECK (exchange LIKE 'tuntas.%'),
    routing_key   text        NOT NULL CHECK (routing_key <> '' AND length(routing_key) <= 255),
    event_type    text        NOT NULL CHECK (event_type <> ''),
    source        text        NOT NULL CHECK (source <> ''),
    aggregate_id  text        NOT NULL,
    aggregate_seq bigint      NOT NULL CHECK (aggregate_seq >= 0),
    occurred_at   timestamptz NOT NULL,
    traceparent   text,
    body          bytea       NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (event_id, exchange, routing_key)
);

-- How far the relay has published: everything up to `seq` is confirmed by the broker and was not returned.
CREATE TABLE outbox_cursor (
    name       text        PRIMARY KEY,
    seq        bigint      NOT NULL CHECK (seq >= 0),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO outbox_cursor (name, seq) VALUES ('relay', 0);

-- One row per consumer and event. `handled_at` is set in the transaction that holds the handler's effects;
-- a row without it only counts failed tries.
CREATE TABLE inbox (
    consumer    text        NOT NULL,
    event_id    uuid        NOT NULL,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    handled_at  timestamptz,
    tries       integer     NOT NULL DEFAULT 0 CHECK (tries >= 0),
    last_error  text,
    PRIMARY KEY (consumer, event_id)
);
CREATE INDEX inbox_by_age ON inbox (received_at);

-- The answer given to a write, by the caller's idempotency key. A key seen again with the same request
-- gets the same answer; with another request it is refused.
CREATE TABLE idempotency (
    scope        text        NOT NULL,
    key          text        NOT NULL CHECK (length(key) BETWEEN 1 AND 128),
    request_hash bytea       NOT NULL CHECK (length(request_hash) = 32),
    response     bytea       NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (scope, key)
);
CREATE INDEX idempotency_by_age ON idempotency (created_at);
