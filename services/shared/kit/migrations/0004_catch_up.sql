-- How far a consumer has compared its inbox with the outbox of a source; what it had missed up to there, it has.
CREATE TABLE catch_up (
    consumer   text        NOT NULL,
    source     text        NOT NULL,
    seq        bigint      NOT NULL CHECK (seq >= 0),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (consumer, source)
);

-- A row whose event is in the dead letters. Without it, a row that only counts failed tries says nothing about where its event is:
-- it may have been fetched, failed once, and been forgotten with its process.
ALTER TABLE inbox ADD COLUMN dead boolean NOT NULL DEFAULT false;
