-- What the Ombudsman said and asked, and what was answered (rule K9). The words are sealed in intake; here are
-- references.
CREATE TABLE act (
    act_id            uuid        PRIMARY KEY,
    -- Latest sequence said of it in aggregate "oversight:<act id>".
    seq               bigint      NOT NULL CHECK (seq >= 1),
    kind              text        NOT NULL CHECK (kind IN ('comment', 'explanation_request', 'recommendation')),
    status            text        NOT NULL CHECK (status IN ('open', 'answered', 'overdue', 'done')),
    case_id           uuid        NOT NULL,
    -- None: the province as a whole; the director answers.
    addressed_opd     text,
    text_id           uuid        NOT NULL,
    commitment        bytea       NOT NULL CHECK (length(commitment) = 32),
    acted_at          timestamptz NOT NULL,
    due_at            timestamptz,
    -- When the reconciler must look at it next.
    next_due_at       timestamptz,
    answer_text_id    uuid,
    answer_commitment bytea       CHECK (length(answer_commitment) = 32),
    -- The domain's state of a request (tuntas_domain::oversight_act::OversightAct); a comment has none.
    request           jsonb,
    CHECK ((kind = 'comment') = (request IS NULL)),
    CHECK ((kind = 'comment') = (due_at IS NULL)),
    CHECK (kind <> 'comment' OR status = 'done'),
    CHECK ((answer_text_id IS NULL) = (answer_commitment IS NULL)),
    CHECK (next_due_at IS NULL OR status = 'open')
);
CREATE INDEX act_by_case ON act (case_id, acted_at);
CREATE INDEX act_due ON act (next_due_at) WHERE next_due_at IS NOT NULL;
CREATE INDEX act_open ON act (acted_at) WHERE status IN ('open', 'overdue');
