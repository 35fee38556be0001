-- Cases :first to :last of the reports that intake.sql makes: copies of the cases that are there. One in fifty is open, spread
-- over 500 agencies, and nothing falls due. Closed copies have no body: nobody reads it, and the table would be all body. A hundred
-- originals are enough, and each copy is compared with all of them.

CREATE TEMPORARY TABLE copy AS
WITH original AS (
    SELECT row_number() OVER (ORDER BY case_id) - 1 AS place, count(*) OVER () AS originals, case_id, state = 'closed' AS closed
    FROM (SELECT case_id, state FROM kase WHERE case_id < 'e0000000-0000-0000-0000-000000000000' ORDER BY case_id LIMIT 100) AS first
)
SELECT number, original.case_id AS original_id, ('e' || lpad(to_hex(number), 31, '0'))::uuid AS id,
    ('f' || lpad(to_hex(number), 31, '0'))::uuid AS report_id, number % 50 = 0 AS is_open,
    'opd-' || number / 50 % 500 AS opd,
    (SELECT min(filed_at) FROM kase WHERE case_id < 'e0000000-0000-0000-0000-000000000000') - number * interval '150 s' AS filed_at
FROM generate_series(:first::bigint, :last::bigint) AS number
JOIN original ON original.place = number % original.originals;

INSERT INTO kase
SELECT (jsonb_populate_record(original, jsonb_build_object('case_id', copy.id, 'filed_at', copy.filed_at, 'next_due_at', NULL,
    'merged_into', NULL) || CASE WHEN is_open
    THEN jsonb_build_object('state', 'in_progress', 'outcome', NULL, 'closed_at', NULL, 'holder', 'agency:' || opd,
        'deadline_at', now() + number % 1000 * interval '1 hour', 'body', jsonb_set(original.body, '{id}', to_jsonb(copy.id)))
    ELSE jsonb_build_object('state', 'closed', 'outcome', 'resolved', 'closed_at', copy.filed_at + interval '9 days', 'holder', NULL,
        'executor', NULL, 'deadline_at', '9999-12-31T00:00:00Z', 'body', '{}'::jsonb) END)).*
FROM copy JOIN kase AS original ON original.case_id = copy.original_id;

INSERT INTO kase_agency (case_id, opd_code, lead, open) SELECT id, opd, true, true FROM copy WHERE is_open;

INSERT INTO case_report (report_id, case_id, original_case_id) SELECT report_id, id, id FROM copy;
