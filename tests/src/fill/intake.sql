-- Reports :first to :last: copies of the public reports that are there, with words of their own, spread over the years before
-- them. Answers are the originals': a copy of a case names the same text.

CREATE OR REPLACE FUNCTION pg_temp.ticket(number bigint) RETURNS text LANGUAGE sql AS $$
    SELECT 'TTS-' || string_agg(substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (number >> (5 * place) & 31)::integer + 1, 1), ''
            ORDER BY place DESC)
        || '-' || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ*~$=U', (number % 37)::integer + 1, 1)
    FROM generate_series(0, 7) AS place
$$;
-- Multiples of an odd number, modulo 2^40, meet no number twice: tickets that look as random as real ones.
CREATE TEMPORARY TABLE copy AS
WITH original AS (
    SELECT row_number() OVER (ORDER BY id) - 1 AS place, count(*) OVER () AS originals, id, case_id
    FROM (SELECT report.id, report.case_id FROM register JOIN report ON report.id = register.report_id
          WHERE report.id < 'e0000000-0000-0000-0000-000000000000' AND report.case_id IS NOT NULL ORDER BY report.id LIMIT 100) AS first
)
SELECT number, original.id AS original_id, original.case_id AS original_case_id,
    ('f' || lpad(to_hex(number), 31, '0'))::uuid AS id, ('e' || lpad(to_hex(number), 31, '0'))::uuid AS case_id,
    pg_temp.ticket(number * 977530461277 % 1099511627776) AS ticket,
    (SELECT min(filed_at) FROM report WHERE id < 'e0000000-0000-0000-0000-000000000000') - number * interval '150 s' AS filed_at
FROM generate_series(:first::bigint, :last::bigint) AS number
JOIN original ON original.place = number % original.originals;

INSERT INTO case_state
SELECT (jsonb_populate_record(original, jsonb_build_object('case_id', copy.case_id))).*
FROM copy JOIN case_state AS original ON original.case_id = copy.original_case_id;

INSERT INTO report
SELECT (jsonb_populate_record(original, jsonb_build_object('id', copy.id, 'case_id', copy.case_id, 'ticket', copy.ticket,
    'filed_at', copy.filed_at, 'same_as', NULL,
    'filing_key', sha256(int8send(copy.number)), 'sealed_identity', NULL))).*
FROM copy JOIN report AS original ON original.id = copy.original_id;

INSERT INTO report_key SELECT (jsonb_populate_record(original, jsonb_build_object('report_id', copy.id))).*
FROM copy JOIN report_key AS original ON original.report_id = copy.original_id;

-- As many hashes as the original has, most of them of its own: reports do not use the same words.
INSERT INTO report_gram
SELECT copy.id, copy.filed_at, array(
    SELECT hashint8(copy.number * 1009 % 100000 * 64 + place) FROM generate_series(1, cardinality(original.grams)) AS place)
FROM copy JOIN report_gram AS original ON original.report_id = copy.original_id;

INSERT INTO register (report_id, title, body, words, listed_at)
SELECT copy.id, register.title || ' ' || copy.number, register.body,
    register.words || ' desa' || copy.number % 1900 || ' rt' || copy.number % 40, copy.filed_at
FROM copy JOIN register ON register.report_id = copy.original_id;

INSERT INTO register_facet
SELECT (jsonb_populate_record(original, jsonb_build_object('report_id', copy.id, 'ticket', copy.ticket,
    'filed_at', copy.filed_at))).*
FROM copy JOIN register_facet AS original ON original.report_id = copy.original_id;
