-- Lost receipt codes. Every request leaves a row, whatever it names, so that the time it takes tells nobody whether ticket and
-- contact belong together; that is found out afterwards, and the row deleted.
CREATE TABLE receipt_recovery (
    -- Also the id of the event when they do.
    recovery_id uuid        PRIMARY KEY,
    ticket      text        NOT NULL,
    -- Keyed hash of the contact in its normal form.
    contact_mac bytea       NOT NULL CHECK (length(contact_mac) = 32),
    asked_at    timestamptz NOT NULL
);

ALTER TABLE report
    -- Keyed hash of the latest recovered code, which is as good as the first.
    ADD COLUMN recovered_mac bytea CHECK (length(recovered_mac) = 32),
    ADD COLUMN recovered_at  timestamptz,
    ADD CHECK ((recovered_mac IS NULL) = (recovered_at IS NULL));
