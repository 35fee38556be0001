-- Where public reports are, as far as a verifier published it: thousandths of a degree, about 110 m. A table of its own, because
-- most reports have no place, and a map asks for the newest that have one.
CREATE TABLE register_point (
    report_id    uuid        PRIMARY KEY REFERENCES register (report_id) ON DELETE CASCADE,
    filed_at     timestamptz NOT NULL,
    latitude_e3  integer     NOT NULL CHECK (latitude_e3 BETWEEN -90000 AND 90000),
    longitude_e3 integer     NOT NULL CHECK (longitude_e3 BETWEEN -180000 AND 180000)
);
CREATE INDEX register_point_newest ON register_point (filed_at, report_id);
