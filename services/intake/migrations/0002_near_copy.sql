-- Answers that were released, to find later ones of the same agency that repeat them.

-- Keyed hashes of an answer's runs of words (tuntas_domain::near_copy), under a key of their own: they cannot be compared
-- with those of reports. A row needs its report's key and goes with it, so nothing is left of an erased report.
CREATE TABLE answer_gram (
    text_id     uuid        PRIMARY KEY REFERENCES text (id),
    report_id   uuid        NOT NULL REFERENCES report_key (report_id) ON DELETE CASCADE,
    -- Agency that released it.
    opd_code    text        NOT NULL CHECK (opd_code <> ''),
    released_at timestamptz NOT NULL,
    grams       integer[]   NOT NULL
);
CREATE INDEX answer_gram_by_agency ON answer_gram (opd_code, released_at DESC, text_id);
CREATE INDEX answer_gram_by_report ON answer_gram (report_id);
