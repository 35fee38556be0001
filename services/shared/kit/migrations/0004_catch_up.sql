-- How far a consumer has compared its inbox with the outbox of a source; what it had missed up to there, it has.
CREATE TABLE catch_up (
    consumer   text        NOT NULL,
    source     text        NOT NULL,
    seq        bigint      NOT NULL CHECK (seq >= 0),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (consumer, source)
);
