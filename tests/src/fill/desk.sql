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

-- The last command on each, decided. Numbers that the agency does not reach.
INSERT INTO command (command_id, opd_code, case_id, kind, status, seq, issued_seq, issued_at, settled_at, position_id, holder_id, body)
SELECT copy.id, copy.opd_code, copy.id, last.kind, 'confirmed', 1, 1000000000000 + number, last.issued_at, last.issued_at,
    last.position_id, last.holder_id, last.body
FROM copy JOIN LATERAL (
    SELECT * FROM command WHERE command.opd_code = copy.opd_code AND command.case_id = copy.original_id
    ORDER BY issued_seq DESC LIMIT 1) AS last ON true;
