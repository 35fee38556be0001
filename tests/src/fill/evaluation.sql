-- The measures of cases :first to :last of those that routing.sql makes: copies of the cases that are there, each with its clocks, its
-- ledger and its signals, in the past and closed. A hundred originals are enough.

CREATE TEMPORARY TABLE copy AS
WITH original AS (
    SELECT row_number() OVER (ORDER BY case_id) - 1 AS place, count(*) OVER () AS originals, case_id
    FROM (SELECT case_id FROM case_fact WHERE case_id < 'e0000000-0000-0000-0000-000000000000' ORDER BY case_id LIMIT 100) AS first
)
SELECT number, original.case_id AS original_id, ('e' || lpad(to_hex(number), 31, '0'))::uuid AS id, number * interval '150 s' AS ago
FROM generate_series(:first::bigint, :last::bigint) AS number
JOIN original ON original.place = number % original.originals;

INSERT INTO case_fact (case_id, seq, is_open, outcome, lead_opd, filed_at, closed_at, log_position)
SELECT id, seq, false, 'resolved', lead_opd, filed_at - ago, filed_at - ago + interval '9 days', log_position
FROM copy JOIN case_fact AS original ON original.case_id = copy.original_id;

INSERT INTO clock_fact (case_id, instance, kind, opd_code, position_id, holder_id, result, due_at, stopped_at, counted_at)
SELECT id, instance, kind, opd_code, position_id, holder_id, 'met', due_at - ago, due_at - ago, due_at - ago
FROM copy JOIN clock_fact AS original ON original.case_id = copy.original_id;

INSERT INTO charge (case_id, number, party, opd_code, position_id, holder_id, from_at, to_at)
SELECT id, original.number, party, opd_code, position_id, holder_id, from_at - ago, coalesce(to_at, from_at) - ago
FROM copy JOIN charge AS original ON original.case_id = copy.original_id;

-- Positions of entries that nobody has: far behind the log's.
INSERT INTO signal (log_position, number, kind, case_id, opd_code, position_id, holder_id, at, value, event_id)
SELECT log_position + copy.number * 1000000, original.number, kind, id, opd_code, position_id, holder_id, at - ago, value,
    gen_random_uuid()
FROM copy JOIN signal AS original ON original.case_id = copy.original_id;
