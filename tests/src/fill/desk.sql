-- Cases :first to :last of one agency: copies of those that are there. One in fifty is the agency's still.

CREATE TEMPORARY TABLE copy AS
WITH original AS (
    SELECT row_number() OVER (ORDER BY case_id) - 1 AS place, count(*) OVER () AS originals, opd_code, case_id
    FROM (SELECT opd_code, case_id FROM desk_case WHERE case_id < 'e0000000-0000-0000-0000-000000000000' AND part <> 'gone'
          ORDER BY case_id LIMIT 100) AS first
)
SELECT number, original.opd_code, original.case_id AS original_id, ('e' || lpad(to_hex(number), 31, '0'))::uuid AS id
FROM generate_series(:first::bigint, :last::bigint) AS number
JOIN original ON original.place = number % original.originals;

INSERT INTO desk_case (opd_code, case_id, seq, part, state, next_due_at, assigned_position, body)
SELECT original.opd_code, copy.id, original.seq, CASE WHEN number % 50 = 0 THEN original.part ELSE 'gone' END, original.state,
    now() + number % 1000 * interval '1 hour', original.assigned_position, original.body
FROM copy JOIN desk_case AS original ON original.opd_code = copy.opd_code AND original.case_id = copy.original_id;
