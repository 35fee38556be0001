-- Why the Ombudsman closed a request; the judgement itself is in `request`.
ALTER TABLE act
    ADD COLUMN judgement_text_id    uuid,
    ADD COLUMN judgement_commitment bytea CHECK (length(judgement_commitment) = 32),
    ADD CHECK ((judgement_text_id IS NULL) = (judgement_commitment IS NULL)),
    ADD CHECK (judgement_text_id IS NULL OR status = 'done');
