-- Days whose morning mails are planned: each day once, however many senders run and whatever dies in between.
CREATE TABLE digest_day (
    day        date        PRIMARY KEY,
    planned_at timestamptz NOT NULL
);
