-- What the service knows of agencies, positions, terms, categories, regions, policy and calendar: the latest
-- event of each entry. Routing writes it as the owner, the others keep it as a replica from routing's events.
CREATE TABLE directory_entry (
    kind text   NOT NULL CHECK (kind IN ('agency', 'position', 'term', 'category', 'region', 'policy', 'holiday')),
    id   text   NOT NULL CHECK (id <> '' AND length(id) <= 128),
    -- Sequence in the aggregate "directory"; an older event never replaces a newer one. 0: learnt by asking.
    seq  bigint NOT NULL CHECK (seq >= 0),
    -- The event (tuntas.event.v1.Event) with sequence, time and payload alone.
    body bytea  NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE INDEX directory_entry_by_seq ON directory_entry (seq);
