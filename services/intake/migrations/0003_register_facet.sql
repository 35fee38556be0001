-- What the register is searched by, in a table of its own: a case that moves touches small indexes only, never those of the
-- words; and each filter finds its newest reports at once, however many there are.

-- When the case last moved (the latest event that was taken in).
ALTER TABLE case_state ADD COLUMN updated_at timestamptz;
UPDATE case_state SET updated_at = latest.at
FROM (SELECT case_id, max(at) AS at FROM case_event GROUP BY case_id) AS latest
WHERE latest.case_id = case_state.case_id;
-- A state always came with an event; should one have none, the filing of its oldest report stands for it.
UPDATE case_state SET updated_at = coalesce(
    (SELECT min(filed_at) FROM report WHERE report.case_id = case_state.case_id), 'epoch')
WHERE updated_at IS NULL;
ALTER TABLE case_state ALTER COLUMN updated_at SET NOT NULL;

-- One row for each report of the register, as its case stands.
CREATE TABLE register_facet (
    report_id     uuid        PRIMARY KEY REFERENCES register (report_id) ON DELETE CASCADE,
    ticket        text        NOT NULL UNIQUE,
    filed_at      timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    category_code text        NOT NULL,
    region_code   text        NOT NULL,
    lead_opd      text,
    state         text        NOT NULL,
    outcome       text        CHECK (outcome IS NULL OR state = 'closed')
);
INSERT INTO register_facet (report_id, ticket, filed_at, updated_at, category_code, region_code, lead_opd, state, outcome)
SELECT report.id, report.ticket, report.filed_at, coalesce(case_state.updated_at, report.filed_at),
    coalesce(case_state.category_code, report.category_code), coalesce(case_state.region_code, report.region_code),
    case_state.lead_opd, coalesce(case_state.state, 'awaiting_verification'), case_state.outcome
FROM register
JOIN report ON report.id = register.report_id
LEFT JOIN case_state ON case_state.case_id = report.case_id;
CREATE INDEX register_facet_newest ON register_facet (filed_at, report_id);
CREATE INDEX register_facet_moved ON register_facet (updated_at);
CREATE INDEX register_facet_by_category ON register_facet (category_code, filed_at, report_id);
CREATE INDEX register_facet_by_region ON register_facet (region_code, filed_at, report_id);
CREATE INDEX register_facet_by_agency ON register_facet (lead_opd, filed_at, report_id) WHERE lead_opd IS NOT NULL;
CREATE INDEX register_facet_by_state ON register_facet (state, filed_at, report_id);
CREATE INDEX register_facet_by_outcome ON register_facet (outcome, filed_at, report_id) WHERE outcome IS NOT NULL;
-- The reports that are still open, newest first: in the end the smaller part.
CREATE INDEX register_facet_open ON register_facet (filed_at, report_id) WHERE state <> 'closed';

-- What happened to public reports, in the order of time.
CREATE INDEX case_event_by_time ON case_event (at, event_id);
