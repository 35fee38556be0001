-- An inbox is read in the order of its deadlines for whoever holds the cases, so that a page costs as much with ten
-- open cases elsewhere as with a million.
CREATE INDEX kase_by_holder ON kase (holder, deadline_at, case_id) WHERE state <> 'closed';
CREATE INDEX kase_by_executor ON kase (executor, deadline_at, case_id) WHERE state <> 'closed' AND executor IS NOT NULL;
CREATE INDEX kase_supervisory ON kase (deadline_at, case_id) WHERE state <> 'closed' AND supervisory;
CREATE INDEX kase_flagged ON kase (deadline_at, case_id) WHERE state <> 'closed' AND body -> 'flags' <> '[]'::jsonb;
CREATE INDEX kase_agency_open ON kase_agency (opd_code, case_id) WHERE open;
